import { Signal } from '@lumino/signaling';
import { Client } from '../src/api/client';
import type { Feed } from '../src/api/feed';
import type { ISummary } from '../src/api/types';
import { InboxModel } from '../src/inbox/model';

/** A server that answers with what waits, by pages of two. */
function server(waiting: Partial<ISummary>[]): { model: InboxModel; bodies: unknown[]; tell: () => void } {
  const bodies: unknown[] = [];
  const client = new Client(async (path, init) => {
    const answer = (body: unknown, status = 200): Response =>
      ({ ok: status === 200, status, json: async () => body }) as Response;
    if (init.method === 'POST') {
      bodies.push(JSON.parse(String(init.body)));
      return answer({ error: 'AlreadyDecided', message: 'ann was first' }, 409);
    }
    const from = Number(new URLSearchParams(path.split('?')[1]).get('cursor') ?? 0);
    const next = from + 2 < waiting.length ? String(from + 2) : null;
    return answer({ proposals: waiting.slice(from, from + 2), next });
  });
  const feed = {} as Feed;
  const changed = new Signal<Feed, { proposals: string[]; runs: string[] } | null>(feed);
  Object.assign(feed, { changed });
  return { model: new InboxModel(client, feed), bodies, tell: () => changed.emit(null) };
}

const letters = ['a', 'b', 'c'].map(id => ({
  id,
  title: `Letter x-${id}`,
  agent: 'letters',
  notebook: '/n.ipynb',
  summary: 'Dear',
  revision: 1,
  fingerprint: `f-${id}`
}));

async function read(model: InboxModel, total: number): Promise<void> {
  while (model.total !== total) {
    await new Promise(resolve => model.changed.connect(() => resolve(null)));
  }
}

test('everything that waits is read, page by page, and again when the feed says so', async () => {
  const waiting = [...letters];
  const { model, tell } = server(waiting);
  await read(model, 3);
  waiting.pop();
  tell();
  await read(model, 2);
  expect(model.shown.map(p => p.id)).toEqual(['a', 'b']);
});

test('all words of a search must match', async () => {
  const { model } = server(letters);
  await read(model, 3);
  model.search = 'dear LETTER x-b';
  expect(model.shown.map(p => p.id)).toEqual(['b']);
  expect(model.total).toBe(3);
});

test('a decision names what was shown; refused, nothing is taken away', async () => {
  const { model, bodies } = server(letters);
  await read(model, 3);
  model.toggle('a');
  model.toggle('c');
  expect(await model.decide(model.selection, 'reject', 'no')).toBe(false);
  expect(bodies).toEqual([
    {
      action: 'reject',
      reason: 'no',
      proposals: [
        { id: 'a', revision: 1, fingerprint: 'f-a' },
        { id: 'c', revision: 1, fingerprint: 'f-c' }
      ]
    }
  ]);
  expect(model.problem).toBe('ann was first');
  expect(model.total).toBe(3);
});
