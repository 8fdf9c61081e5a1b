import { Signal } from '@lumino/signaling';
import * as Y from 'yjs';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposal, Json } from '../../src/api/types';
import { ProposalModel } from '../../src/models/proposal';
import { Drafts, type Line } from '../drafts';

type Answer = { status?: number; body: unknown };

/** Make a model over a server whose calls the test answers; `calls` has the calls that were made. */
function shown(more: Partial<IProposal> = {}, line: Partial<Line> = {}) {
  const proposal = {
    ...{ id: 'p', run: 'r', kind: 'text', status: 'open', value: 'Dear Ann', revision: 1, fingerprint: 'f' },
    ...{ title: 'Letter', changes: '', text: '', decision: null, ...more }
  } as unknown as IProposal;
  const server = {
    proposal,
    calls: [] as [string, Json][],
    answers: {} as { [call: string]: () => Promise<Answer> }
  };
  const client = new Client(async (path, init) => {
    const call = `${init.method} ${path.replace('proposals/p', 'p')}`;
    server.calls.push([call, init.body === undefined ? null : (JSON.parse(String(init.body)) as Json)]);
    const usual: { [call: string]: unknown } = {
      'GET p': server.proposal,
      'GET runs/r': { run: { id: 'r', status: 'waiting' } },
      'POST p/check': { ok: true, value: null, changes: '-a\n+b' },
      'POST p/decision': {
        proposal: { ...server.proposal, status: 'decided' },
        run: { id: 'r', status: 'ready' }
      }
    };
    const { status = 200, body } = (await server.answers[call]?.()) ?? { body: usual[call] };
    return { ok: status === 200, status, json: async () => body } as Response;
  });
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const drafts = new Drafts(line);
  const model = new ProposalModel({ client, feed, drafts }, proposal);
  const made = (call: string): Json[] => server.calls.filter(([one]) => one === call).map(([, body]) => body);
  const tell = (what: 'proposals' | 'drafts' = 'proposals'): void =>
    changed.emit({ proposals: [], runs: [], drafts: [], [what]: ['p'] });
  /** Edit the document as another person. */
  const theirs = (work: (doc: Y.Doc) => void): void => {
    const doc = drafts.docs.get('p')!;
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
    work(copy);
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy), 'server');
  };
  return { model, server, made, tell, theirs, drafts, line: drafts.lines.get('p')! };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) {
    await Promise.resolve();
  }
}

async function pass(milliseconds: number): Promise<void> {
  jest.advanceTimersByTime(milliseconds);
  await settle();
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test('what is typed is in the draft, and checked once the person pauses', async () => {
  const { model, made } = shown();
  model.edit('Dear A');
  model.edit('Dear Bo');
  expect([model.value, model.edited]).toEqual(['Dear Bo', true]);
  await pass(500);
  expect(made('POST p/check')).toEqual([{ value: 'Dear Bo' }]);
  expect([model.saved, model.changes]).toEqual(['saved', '-a\n+b']);
});

test('what others type is there, and checked', async () => {
  const { model, theirs, made } = shown();
  theirs(doc => doc.getText('source').insert(8, '!'));
  await pass(500);
  expect([model.value, model.changes, made('POST p/check')]).toEqual([
    'Dear Ann!',
    '-a\n+b',
    [{ value: 'Dear Ann!' }]
  ]);
});

test('until the draft is there the record says what it is, and nothing is decided', async () => {
  const { model, made, line } = shown({ draft: 'Dear Bo' }, { synced: false });
  expect([model.value, model.edited, model.saved]).toEqual(['Dear Bo', true, 'loading']);
  model.edit('Dear Cy');
  expect(model.value).toBe('Dear Bo');
  expect(await model.decide('approve', {})).toBe(false);
  expect(made('POST p/decision')).toEqual([]);
  line.set({ synced: true });
  expect(model.saved).toBe('saved');
});

test('without a connection what is typed is kept, and nothing is decided', async () => {
  const { model, made, line } = shown();
  line.set({ synced: false, saved: false });
  model.edit('Dear Bo');
  expect([model.value, model.saved]).toEqual(['Dear Bo', 'offline']);
  expect(await model.decide('edit', {})).toBe(false);
  expect(made('POST p/decision')).toEqual([]);
});

test('a decision waits for the text that is on its way, and brings what was shown', async () => {
  const { model, made, line, theirs } = shown();
  model.edit('Dear Bo');
  line.set({ saved: false });
  const decided = model.decide('edit', { reason: 'name' });
  theirs(doc => doc.getText('source').insert(0, 'My '));
  await settle();
  expect(made('POST p/decision')).toEqual([]);
  line.set({ saved: true });
  expect(await decided).toBe(true);
  expect(made('POST p/decision')).toEqual([
    { action: 'edit', value: 'Dear Bo', reason: 'name', drafted: true, revision: 1, fingerprint: 'f' }
  ]);
});

test('a decision that lost its connection is none', async () => {
  const { model, made, line } = shown();
  line.set({ saved: false });
  const decided = model.decide('reject', {});
  line.set({ synced: false });
  expect(await decided).toBe(false);
  expect([made('POST p/decision'), model.deciding, model.saved]).toEqual([[], false, 'offline']);
});

test('a draft that is another one than was shown is a surprise, and decided again', async () => {
  const { model, server } = shown();
  model.edit('Dear Bo');
  const draft = { shown: 'Dear Bo', now: 'My Dear Bo' };
  server.answers['POST p/decision'] = async () => ({
    status: 409,
    body: { error: 'StaleDraft', message: 'the draft has changed', difference: { draft } }
  });
  expect(await model.decide('edit', {})).toBe(false);
  expect([model.conflict?.draft, model.problem]).toEqual([draft, 'the draft has changed']);
  delete server.answers['POST p/decision'];
  expect(await model.decide('edit', {})).toBe(true);
  expect(model.conflict).toBeNull();
});

test('somebody decides while this person types: both texts are there', async () => {
  const { model, server, tell, line } = shown();
  model.edit('Dear Bo');
  line.set({ saved: false });
  server.proposal = { ...server.proposal, status: 'decided', revision: 2 };
  tell();
  await settle();
  expect([model.conflict?.shown.status, model.conflict?.now.status]).toEqual(['open', 'decided']);
  expect(model.conflict?.draft).toEqual({ shown: 'Dear Bo', now: 'Dear Ann' });
  expect([model.draft, model.saved]).toEqual([null, 'saved']);
});

test('somebody decides what all have written: nobody is surprised', async () => {
  const { model, server, line } = shown();
  model.edit('Dear Bo');
  server.proposal = { ...server.proposal, status: 'decided', revision: 2 };
  line.set({ closed: 'ann approved it', synced: false });
  await settle();
  expect([model.proposal.status, model.conflict, line.disposed]).toEqual(['decided', null, true]);
});

test('a draft that is closed for another reason says so', async () => {
  const { model, line } = shown();
  line.set({ closed: 'you may not write it any more', synced: false });
  await settle();
  expect(model.saved).toBe('you may not write it any more');
  expect(await model.decide('approve', {})).toBe(false);
});

test('the second reviewer is told', async () => {
  const { model, server } = shown();
  server.answers['POST p/decision'] = async () => ({
    status: 409,
    body: { error: 'AlreadyDecided', message: 'ann approved it' }
  });
  expect(await model.decide('approve', {})).toBe(false);
  expect(model.problem).toBe('ann approved it');
  expect(model.conflict).not.toBeNull();
});

test('an edit that does not fit says so at its fields', async () => {
  const { model, server } = shown({ kind: 'json', value: { amount: 1 } });
  server.answers['POST p/check'] = async () => ({
    status: 422,
    body: { error: 'InvalidEdit', message: 'no', fields: { amount: 'must be a number' } }
  });
  model.edit({ amount: 'x' });
  await pass(500);
  expect(model.fields).toEqual({ amount: 'must be a number' });
});

test('taking the agent’s version again writes it, and can be undone', () => {
  const { model } = shown();
  model.edit('Dear Bo');
  model.startOver();
  expect([model.value, model.edited, model.canUndo]).toEqual(['Dear Ann', false, true]);
});

test('a draft that is no JSON yet cannot be decided with, before and after it is there', () => {
  const draft = '{"amount": ';
  const { model, drafts, line } = shown({ kind: 'json', value: { amount: 1 }, draft }, { synced: false });
  expect([model.value, model.unfinished === '']).toEqual([draft, false]);
  const doc = drafts.docs.get('p')!;
  doc.transact(() => doc.getMap('typed').set('unfinished', draft), 'server');
  line.set({ synced: true });
  expect([model.value, model.unfinished === '']).toEqual([draft, false]);
  model.cannotEdit('{"amount": 2', 'no end');
  expect([model.value, model.unfinished]).toEqual(['{"amount": 2', 'no end']);
  model.edit({ amount: 2 });
  expect([model.value, model.unfinished]).toEqual([{ amount: 2 }, '']);
});

test('what somebody else types and is no value yet leaves the form, and blocks', () => {
  const { model, theirs } = shown({ kind: 'json', value: { amount: 1 } });
  theirs(doc => doc.getMap('typed').set('unfinished', '{"amount": '));
  expect([model.value, model.unfinished === '']).toEqual([{ amount: 1 }, false]);
  model.undo();
  expect([model.canUndo, model.unfinished === '']).toEqual([false, false]);
  model.startOver();
  expect(model.unfinished).toBe('');
});

test('what is no value here stays so when somebody else edits', () => {
  const { model, theirs } = shown({ kind: 'json', value: { amount: 1, tags: [1] } });
  model.cannotEdit('{"amount": 1, "tags": [1,}', 'tags: no end');
  theirs(doc => doc.getMap('typed').delete('unfinished'));
  expect(model.unfinished).toBe('tags: no end');
});

test('an edit that was made from an older value leaves what others changed', () => {
  const base = { amount: 1, name: 'Ann' };
  const { model, theirs } = shown({ kind: 'json', value: base });
  const seen = model.value;
  theirs(doc => (doc.getMap('value').get('v') as Y.Map<string>).set('name', '"Bo"'));
  model.edit({ amount: 2, name: 'Ann' }, seen);
  expect(model.value).toEqual({ amount: 2, name: 'Bo' });
});

test('undo and redo', () => {
  const { model } = shown({ kind: 'json', value: { amount: 1 } });
  expect([model.canUndo, model.canRedo]).toEqual([false, false]);
  model.edit({ amount: 2 });
  model.undo();
  expect([model.value, model.canUndo, model.canRedo]).toEqual([{ amount: 1 }, false, true]);
  model.redo();
  expect(model.value).toEqual({ amount: 2 });
});

/** Make a server answer `call` only when the returned function is called; earlier calls wait for it. */
function slow(server: ReturnType<typeof shown>['server'], call: string): (body: unknown) => Promise<void> {
  const waiting: ((answer: Answer) => void)[] = [];
  server.answers[call] = () => new Promise(resolve => waiting.push(resolve));
  return async body => {
    waiting.shift()?.({ body });
    await settle();
  };
}

test('what is typed while the last text is checked is checked then', async () => {
  const { model, server, made } = shown();
  const answer = slow(server, 'POST p/check');
  model.edit('Dear Bo');
  await pass(500);
  model.edit('Dear Bob');
  await pass(500);
  expect(made('POST p/check')).toEqual([{ value: 'Dear Bo' }]);
  await answer({ changes: 'of Bo' });
  expect([model.changes, made('POST p/check')]).toEqual(['', [{ value: 'Dear Bo' }, { value: 'Dear Bob' }]]);
  await answer({ changes: 'of Bob' });
  expect(model.changes).toBe('of Bob');
});

test('a decision does not wait for a check', async () => {
  const { model, server } = shown();
  slow(server, 'POST p/check');
  model.edit('Dear Bo');
  await pass(500);
  expect(await model.decide('edit', {})).toBe(true);
});

test('a reading that began before the decision does not open the proposal again', async () => {
  const { model, server, tell } = shown();
  const answer = slow(server, 'GET p');
  tell();
  await settle();
  expect(await model.decide('approve', {})).toBe(true);
  await answer(server.proposal);
  expect([model.proposal.status, model.run?.status, model.draft]).toEqual(['decided', 'ready', null]);
});

test('changes that are heard while the proposal is read become one more reading', async () => {
  const { server, tell, made } = shown();
  const answer = slow(server, 'GET p');
  tell();
  tell();
  tell();
  await settle();
  expect(made('GET p')).toHaveLength(1);
  await answer(server.proposal);
  expect(made('GET p')).toHaveLength(2);
  await answer(server.proposal);
  expect(made('GET p')).toHaveLength(2);
});

test('the feed’s word of a draft is not looked into: the room tells', async () => {
  const { tell, made } = shown();
  tell('drafts');
  await settle();
  expect(made('GET p')).toEqual([]);
});

test('a proposal that is closed has no draft', () => {
  const { model, drafts } = shown({ status: 'decided' });
  expect([model.draft, drafts.docs.size, model.saved]).toEqual([null, 0, 'saved']);
});
