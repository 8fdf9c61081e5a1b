import { Signal } from '@lumino/signaling';
import { Client } from '../src/api/client';
import type { Changed, Feed } from '../src/api/feed';
import type { IProposal, Json } from '../src/api/types';
import { ProposalModel } from '../src/model/proposal';

type Answer = { status?: number; body: unknown };

/** A model over a server that answers calls by hand; `calls` are those that were made. */
function shown(more: Partial<IProposal> = {}) {
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
      'POST p/check': { ok: true, value: null, changes: '-a\n+b' }
    };
    const { status = 200, body } = (await server.answers[call]?.()) ?? {
      body: usual[call] ?? { saved: true }
    };
    return { ok: status === 200, status, json: async () => body } as Response;
  });
  const feed = {} as Feed;
  const changed = new Signal<Feed, Changed>(feed);
  Object.assign(feed, { changed });
  const model = new ProposalModel(client, feed, proposal);
  const saved = (): Json[] => server.calls.filter(([call]) => call === 'PUT p/draft').map(([, body]) => body);
  const tell = (what: 'proposals' | 'drafts' = 'proposals'): void =>
    changed.emit({ proposals: [], runs: [], drafts: [], [what]: ['p'] });
  return { model, server, saved, tell };
}

const refused = async (): Promise<Answer> => ({
  status: 503,
  body: { error: 'StoreBusy', message: 'the store is busy' }
});

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

test('what is typed is saved once the person pauses, and checked', async () => {
  const { model, saved } = shown();
  model.edit('Dear A');
  model.edit('Dear Bo');
  await pass(500);
  expect(saved()).toEqual([{ value: 'Dear Bo' }]);
  expect([model.saved, model.changes, model.edited]).toEqual(['saved', '-a\n+b', true]);
});

test('text that could not be saved stays in the editor, and is tried again', async () => {
  const { model, server, saved, tell } = shown();
  server.answers['PUT p/draft'] = refused;
  model.edit('Dear Bo');
  await pass(500);
  expect(model.saved).toBe('the store is busy');
  tell();
  await settle();
  expect(model.value).toBe('Dear Bo');
  delete server.answers['PUT p/draft'];
  await pass(3000);
  expect(saved()).toHaveLength(2);
  expect(model.saved).toBe('saved');
});

test('a change that is heard while the text is on its way does not take it away', async () => {
  const { model, server, tell } = shown();
  let arrive: (answer: Answer) => void = () => undefined;
  server.answers['PUT p/draft'] = () => new Promise(resolve => (arrive = resolve));
  model.edit('Dear Bo');
  await pass(500);
  tell();
  await settle();
  expect(model.value).toBe('Dear Bo');
  model.edit('Dear Bob');
  tell();
  await settle();
  expect(model.value).toBe('Dear Bob');
  arrive({ body: { saved: true } });
  await settle();
  arrive({ body: { saved: true } });
  await settle();
  expect(model.saved).toBe('saved');
});

test('a decision waits for the text that is on its way, and brings the newest', async () => {
  const { model, server } = shown();
  let arrive: (answer: Answer) => void = () => undefined;
  server.answers['PUT p/draft'] = () => new Promise(resolve => (arrive = resolve));
  server.answers['POST p/decision'] = async () => ({
    body: { proposal: { ...server.proposal, status: 'decided' }, run: { id: 'r', status: 'ready' } }
  });
  model.edit('Dear Bo');
  await pass(500);
  const decided = model.decide('edit', { reason: 'name' });
  await settle();
  expect(server.calls.map(([call]) => call)).not.toContain('POST p/decision');
  arrive({ body: { saved: true } });
  expect(await decided).toBe(true);
  expect(server.calls.find(([call]) => call === 'POST p/decision')?.[1]).toEqual({
    action: 'edit',
    value: 'Dear Bo',
    reason: 'name',
    revision: 1,
    fingerprint: 'f'
  });
});

test('what another window typed is shown and checked, unless something is typed here', async () => {
  const { model, server, tell } = shown();
  server.proposal = { ...server.proposal, draft: 'Dear Cy' };
  tell('drafts');
  await settle();
  expect([model.value, model.changes]).toEqual(['Dear Cy', '-a\n+b']);
});

test('somebody decides while this person types: both versions are there', async () => {
  const { model, server, tell } = shown();
  model.edit('Dear Bo');
  server.proposal = { ...server.proposal, status: 'decided', revision: 2 };
  tell();
  await settle();
  expect([model.surprise?.shown.status, model.surprise?.now.status]).toEqual(['open', 'decided']);
});

test('the second reviewer is told', async () => {
  const { model, server } = shown();
  server.answers['POST p/decision'] = async () => ({
    status: 409,
    body: { error: 'AlreadyDecided', message: 'ann approved it' }
  });
  expect(await model.decide('approve', {})).toBe(false);
  expect(model.problem).toBe('ann approved it');
  expect(model.surprise).not.toBeNull();
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

test('taking the agent’s version again forgets the draft', async () => {
  const { model, server } = shown({ draft: 'Dear Bo' });
  expect(model.edited).toBe(true);
  model.startOver();
  await pass(500);
  expect(server.calls.map(([call]) => call)).toContain('DELETE p/draft');
  expect([model.value, model.edited]).toEqual(['Dear Ann', false]);
});

test('a draft that is no JSON yet cannot be decided with', () => {
  const { model } = shown({ kind: 'json', value: { amount: 1 }, draft: '{"amount": ' });
  expect(model.unfinished).not.toBe('');
});

/** A server that answers `call` when it is told to; what has been asked so far waits. */
function slow(server: ReturnType<typeof shown>['server'], call: string): (body: unknown) => Promise<void> {
  const waiting: ((answer: Answer) => void)[] = [];
  server.answers[call] = () => new Promise(resolve => waiting.push(resolve));
  return async body => {
    waiting.shift()?.({ body });
    await settle();
  };
}

test('what is typed while the last text is checked is saved meanwhile, and checked then', async () => {
  const { model, server, saved } = shown();
  const answer = slow(server, 'POST p/check');
  const checked = (): Json[] =>
    server.calls.filter(([call]) => call === 'POST p/check').map(([, body]) => body);
  model.edit('Dear Bo');
  await pass(500);
  model.edit('Dear Bob');
  await pass(500);
  expect([saved(), model.saved]).toEqual([[{ value: 'Dear Bo' }, { value: 'Dear Bob' }], 'saved']);
  expect(checked()).toEqual([{ value: 'Dear Bo' }]);
  await answer({ changes: 'of Bo' });
  expect([model.changes, checked()]).toEqual(['', [{ value: 'Dear Bo' }, { value: 'Dear Bob' }]]);
  await answer({ changes: 'of Bob' });
  expect(model.changes).toBe('of Bob');
});

test('a decision does not wait for a check', async () => {
  const { model, server } = shown();
  slow(server, 'POST p/check');
  server.answers['POST p/decision'] = async () => ({
    body: { proposal: { ...server.proposal, status: 'decided' }, run: { id: 'r', status: 'ready' } }
  });
  model.edit('Dear Bo');
  await pass(500);
  expect(await model.decide('edit', {})).toBe(true);
});

test('a reading that began before the newest text was typed does not take it away', async () => {
  const { model, server, tell } = shown();
  const answer = slow(server, 'GET p');
  tell();
  model.edit('Dear Bo');
  await pass(500);
  expect(model.saved).toBe('saved');
  await answer(server.proposal);
  expect(model.value).toBe('Dear Bo');
});

test('a reading that began before the decision does not open the proposal again', async () => {
  const { model, server, tell } = shown();
  const answer = slow(server, 'GET p');
  server.answers['POST p/decision'] = async () => ({
    body: { proposal: { ...server.proposal, status: 'decided' }, run: { id: 'r', status: 'ready' } }
  });
  tell();
  await settle();
  expect(await model.decide('approve', {})).toBe(true);
  await answer(server.proposal);
  expect([model.proposal.status, model.run?.status]).toEqual(['decided', 'ready']);
});

test('changes that are heard while the proposal is read become one more reading', async () => {
  const { server, tell } = shown();
  const answer = slow(server, 'GET p');
  const read = (): number => server.calls.filter(([call]) => call === 'GET p').length;
  tell();
  tell();
  tell();
  await settle();
  expect(read()).toBe(1);
  await answer(server.proposal);
  expect(read()).toBe(2);
  await answer(server.proposal);
  expect(read()).toBe(2);
});

test('the feed’s word of a draft that is saved here is not looked into; any other is', async () => {
  const { model, server, tell } = shown();
  const answer = slow(server, 'PUT p/draft');
  const read = (): number => server.calls.filter(([call]) => call === 'GET p').length;
  model.edit('Dear Bo');
  await pass(500);
  tell('drafts');
  await settle();
  expect(read()).toBe(0);
  tell('drafts');
  await settle();
  expect(read()).toBe(1);
  await answer({ saved: true });
  tell('drafts');
  await settle();
  expect(read()).toBe(2);
});
