import { Signal } from '@lumino/signaling';
import * as Y from 'yjs';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposal, Json } from '../../src/api/types';
import { ProposalModel } from '../../src/models/proposal';
import { Drafts, type Line } from '../drafts';

type Answer = { status?: number; body: unknown };

/** Make a model over a server whose calls the test answers; `calls` has the calls that were made. */
function openModel(more: Partial<IProposal> = {}, line: Partial<Line> = {}) {
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
  const bodiesOf = (call: string): Json[] =>
    server.calls.filter(([one]) => one === call).map(([, body]) => body);
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
  return { model, server, bodiesOf, tell, theirs, drafts, line: drafts.lines.get('p')! };
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
  const { model, bodiesOf } = openModel();
  model.edit('Dear A');
  model.edit('Dear Bo');
  expect([model.value, model.hasEdits]).toEqual(['Dear Bo', true]);
  await pass(500);
  expect(bodiesOf('POST p/check')).toEqual([{ value: 'Dear Bo' }]);
  expect([model.saveStatus, model.fields]).toEqual(['saved', {}]);
});

test('what others type is there, and checked', async () => {
  const { model, theirs, bodiesOf } = openModel();
  theirs(doc => doc.getText('source').insert(8, '!'));
  await pass(500);
  expect([model.value, bodiesOf('POST p/check')]).toEqual(['Dear Ann!', [{ value: 'Dear Ann!' }]]);
});

test('until the draft is there the record says what it is, and nothing is decided', async () => {
  const { model, bodiesOf, line } = openModel({ draft: 'Dear Bo' }, { isSynced: false });
  expect([model.value, model.hasEdits, model.saveStatus]).toEqual(['Dear Bo', true, 'loading']);
  model.edit('Dear Cy');
  expect(model.value).toBe('Dear Bo');
  expect(await model.decide('approve', {})).toBe(false);
  expect(bodiesOf('POST p/decision')).toEqual([]);
  line.setState({ isSynced: true });
  expect(model.saveStatus).toBe('saved');
});

test('without a connection what is typed is kept, and nothing is decided', async () => {
  const { model, bodiesOf, line } = openModel();
  line.setState({ isSynced: false, isSaved: false });
  model.edit('Dear Bo');
  expect([model.value, model.saveStatus]).toEqual(['Dear Bo', 'offline']);
  expect(await model.decide('edit', {})).toBe(false);
  expect(bodiesOf('POST p/decision')).toEqual([]);
});

test('a decision waits for the text that is on its way, and brings what was shown', async () => {
  const { model, bodiesOf, line, theirs } = openModel();
  model.edit('Dear Bo');
  line.setState({ isSaved: false });
  const decided = model.decide('edit', { reason: 'name' });
  theirs(doc => doc.getText('source').insert(0, 'My '));
  await settle();
  expect(bodiesOf('POST p/decision')).toEqual([]);
  line.setState({ isSaved: true });
  expect(await decided).toBe(true);
  expect(bodiesOf('POST p/decision')).toEqual([
    { action: 'edit', value: 'Dear Bo', reason: 'name', drafted: true, revision: 1, fingerprint: 'f' }
  ]);
});

test('a decision that lost its connection is none', async () => {
  const { model, bodiesOf, line } = openModel();
  line.setState({ isSaved: false });
  const decided = model.decide('reject', {});
  line.setState({ isSynced: false });
  expect(await decided).toBe(false);
  expect([bodiesOf('POST p/decision'), model.isDeciding, model.saveStatus]).toEqual([[], false, 'offline']);
});

test('a draft that is another one than was shown is a surprise, and decided again', async () => {
  const { model, server } = openModel();
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
  const { model, server, tell, line } = openModel();
  model.edit('Dear Bo');
  line.setState({ isSaved: false });
  server.proposal = { ...server.proposal, status: 'decided', revision: 2 };
  tell();
  await settle();
  expect([model.conflict?.shown.status, model.conflict?.now.status]).toEqual(['open', 'decided']);
  expect(model.conflict?.draft).toEqual({ shown: 'Dear Bo', now: 'Dear Ann' });
  expect([model.draft, model.saveStatus]).toEqual([null, 'saved']);
});

test('somebody decides what all have written: nobody is surprised', async () => {
  const { model, server, line } = openModel();
  model.edit('Dear Bo');
  server.proposal = { ...server.proposal, status: 'decided', revision: 2 };
  line.setState({ closeReason: 'ann approved it', isSynced: false });
  await settle();
  expect([model.proposal.status, model.conflict, line.disposed]).toEqual(['decided', null, true]);
});

test.each([
  ['reject', undefined, true],
  ['respond', 'later', true],
  ['approve', 'Dear Ann', true],
  ['edit', 'Dear Cy', true],
  ['edit', 'Dear Bo', false]
] as const)('somebody else decides: %s with %s', async (action, value, isUnused) => {
  const { model, server, line } = openModel();
  model.edit('Dear Bo');
  const decision = { action, value, reviewer: 'cy' } as unknown as IProposal['decision'];
  server.proposal = { ...server.proposal, status: 'decided', revision: 2, decision };
  line.setState({ closeReason: 'cy decided it', isSynced: false });
  await settle();
  const draft = { shown: 'Dear Bo', now: value ?? 'Dear Ann' };
  expect(model.conflict?.draft).toEqual(isUnused ? draft : undefined);
});

test('a draft that is closed for another reason says so', async () => {
  const { model, line } = openModel();
  line.setState({ closeReason: 'you may not write it any more', isSynced: false });
  await settle();
  expect(model.saveStatus).toBe('you may not write it any more');
  expect(await model.decide('approve', {})).toBe(false);
});

test('the second reviewer is told', async () => {
  const { model, server } = openModel();
  server.answers['POST p/decision'] = async () => ({
    status: 409,
    body: { error: 'AlreadyDecided', message: 'ann approved it' }
  });
  expect(await model.decide('approve', {})).toBe(false);
  expect(model.problem).toBe('ann approved it');
  expect(model.conflict).not.toBeNull();
});

test.each([
  ['reject', null, true],
  ['edit', 'Dear Bo', false]
] as const)(
  'whose approval comes too late keeps the edits that were not used: %s',
  async (action, value, isUnused) => {
    const { model, server } = openModel();
    model.edit('Dear Bo');
    const decision = { action, value, reviewer: 'cy' } as unknown as IProposal['decision'];
    server.answers['POST p/decision'] = async () => {
      server.proposal = { ...server.proposal, status: 'decided', revision: 2, decision };
      return { status: 409, body: { error: 'AlreadyDecided', message: 'cy decided it' } };
    };
    expect(await model.decide('edit', {})).toBe(false);
    expect(model.conflict?.draft).toEqual(isUnused ? { shown: 'Dear Bo', now: 'Dear Ann' } : undefined);
  }
);

test('a decision that does not fit says so at its fields, and nowhere else', async () => {
  const { model, server } = openModel({});
  server.answers['POST p/decision'] = async () => ({
    status: 422,
    body: {
      error: 'InvalidEdit',
      message: 'amount: must be a number',
      fields: { amount: 'must be a number' }
    }
  });
  expect(await model.decide('approve', {})).toBe(false);
  expect([model.fields, model.problem]).toEqual([{ amount: 'must be a number' }, '']);
});

test('an edit that does not fit says so at its fields', async () => {
  const { model, server } = openModel({ kind: 'json', value: { amount: 1 } });
  server.answers['POST p/check'] = async () => ({
    status: 422,
    body: { error: 'InvalidEdit', message: 'no', fields: { amount: 'must be a number' } }
  });
  model.edit({ amount: 'x' });
  await pass(500);
  expect(model.fields).toEqual({ amount: 'must be a number' });
});

test('taking the agent’s version again writes it, and can be undone', () => {
  const { model } = openModel();
  model.edit('Dear Bo');
  model.startOver();
  expect([model.value, model.hasEdits, model.canUndo]).toEqual(['Dear Ann', false, true]);
});

test('a draft that is no JSON yet cannot be decided with, before and after it is there', () => {
  const draft = '{"amount": ';
  const { model, drafts, line } = openModel(
    { kind: 'json', value: { amount: 1 }, draft },
    { isSynced: false }
  );
  expect([model.value, model.invalidReason === '']).toEqual([draft, false]);
  const doc = drafts.docs.get('p')!;
  doc.transact(() => doc.getMap('typed').set('unfinished', draft), 'server');
  line.setState({ isSynced: true });
  expect([model.value, model.invalidReason === '']).toEqual([draft, false]);
  model.cannotEdit('{"amount": 2', 'no end');
  expect([model.value, model.invalidReason]).toEqual(['{"amount": 2', 'no end']);
  model.edit({ amount: 2 });
  expect([model.value, model.invalidReason]).toEqual([{ amount: 2 }, '']);
});

test('what somebody else types and is no value yet leaves the form, and blocks', () => {
  const { model, theirs } = openModel({ kind: 'json', value: { amount: 1 } });
  theirs(doc => doc.getMap('typed').set('unfinished', '{"amount": '));
  expect([model.value, model.invalidReason === '']).toEqual([{ amount: 1 }, false]);
  model.undo();
  expect([model.canUndo, model.invalidReason === '']).toEqual([false, false]);
  model.startOver();
  expect(model.invalidReason).toBe('');
});

test('what is no value here stays so when somebody else edits', () => {
  const { model, theirs } = openModel({ kind: 'json', value: { amount: 1, tags: [1] } });
  model.cannotEdit('{"amount": 1, "tags": [1,}', 'tags: no end');
  theirs(doc => doc.getMap('typed').delete('unfinished'));
  expect(model.invalidReason).toBe('tags: no end');
});

test('an edit that was made from an older value leaves what others changed', () => {
  const base = { amount: 1, name: 'Ann' };
  const { model, theirs } = openModel({ kind: 'json', value: base });
  const seen = model.value;
  theirs(doc => (doc.getMap('value').get('v') as Y.Map<string>).set('name', '"Bo"'));
  model.edit({ amount: 2, name: 'Ann' }, seen);
  expect(model.value).toEqual({ amount: 2, name: 'Bo' });
});

test('undo and redo', () => {
  const { model } = openModel({ kind: 'json', value: { amount: 1 } });
  expect([model.canUndo, model.canRedo]).toEqual([false, false]);
  model.edit({ amount: 2 });
  model.undo();
  expect([model.value, model.canUndo, model.canRedo]).toEqual([{ amount: 1 }, false, true]);
  model.redo();
  expect(model.value).toEqual({ amount: 2 });
});

/** Make a server answer `call` only when the returned function is called; earlier calls wait for it. */
function slow(
  server: ReturnType<typeof openModel>['server'],
  call: string
): (body: unknown) => Promise<void> {
  const waiting: ((answer: Answer) => void)[] = [];
  server.answers[call] = () => new Promise(resolve => waiting.push(resolve));
  return async body => {
    waiting.shift()?.({ body });
    await settle();
  };
}

test('what is typed while the last text is checked is checked then', async () => {
  const { model, server, bodiesOf } = openModel();
  const answer = slow(server, 'POST p/check');
  model.edit('Dear Bo');
  await pass(500);
  model.edit('Dear Bob');
  await pass(500);
  expect(bodiesOf('POST p/check')).toEqual([{ value: 'Dear Bo' }]);
  await answer({ changes: 'of Bo' });
  expect(bodiesOf('POST p/check')).toEqual([{ value: 'Dear Bo' }, { value: 'Dear Bob' }]);
});

test('a decision does not wait for a check', async () => {
  const { model, server } = openModel();
  slow(server, 'POST p/check');
  model.edit('Dear Bo');
  await pass(500);
  expect(await model.decide('edit', {})).toBe(true);
});

test('a reading that began before the decision does not open the proposal again', async () => {
  const { model, server, tell } = openModel();
  const answer = slow(server, 'GET p');
  tell();
  await settle();
  expect(await model.decide('approve', {})).toBe(true);
  await answer(server.proposal);
  expect([model.proposal.status, model.run?.status, model.draft]).toEqual(['decided', 'ready', null]);
});

test('a reading that began before a vote does not take the vote away again', async () => {
  const { model, server, tell } = openModel({ votes: [] });
  const before = server.proposal;
  const voted = { ...before, votes: [{ reviewer: 'ann' }] } as unknown as IProposal;
  const answer = slow(server, 'GET p');
  tell();
  await settle();
  server.answers['POST p/decision'] = async () => ({
    body: { proposal: voted, run: { id: 'r', status: 'waiting' } }
  });
  expect(await model.decide('approve', {})).toBe(true);
  await answer(before);
  expect(model.proposal.votes).toHaveLength(1);
  await answer(voted);
  expect(model.proposal.votes).toHaveLength(1);
});

test('an older revision does not take the place of a newer one', async () => {
  const { model, server, tell } = openModel({ revision: 2 });
  const answer = slow(server, 'GET p');
  tell();
  await settle();
  await answer({ ...server.proposal, revision: 1, value: 'Dear Cy' });
  expect([model.proposal.revision, model.proposal.value]).toEqual([2, 'Dear Ann']);
  await answer({ ...server.proposal, revision: 3 });
  expect(model.proposal.revision).toBe(3);
});

test('a vote of somebody else that is heard while an own one is sent is read after it', async () => {
  const { model, server, tell, bodiesOf } = openModel({ votes: [] });
  const decided = slow(server, 'POST p/decision');
  const done = model.decide('approve', {});
  await settle();
  tell();
  expect(bodiesOf('GET p')).toHaveLength(0);
  server.proposal = { ...server.proposal, votes: [{}, {}] } as unknown as IProposal;
  await decided({ proposal: { ...server.proposal, votes: [{}] }, run: { id: 'r', status: 'waiting' } });
  expect(await done).toBe(true);
  await settle();
  expect(model.proposal.votes).toHaveLength(2);
});

test('an older reading of the run does not take the place of a newer one', async () => {
  const { model, server } = openModel();
  const answer = slow(server, 'GET runs/r');
  void model.refresh();
  await settle();
  expect(await model.decide('approve', {})).toBe(true);
  await answer({ run: { id: 'r', status: 'waiting' } });
  expect(model.run?.status).toBe('ready');
});

test('changes that are heard while the proposal is read become one more reading', async () => {
  const { server, tell, bodiesOf } = openModel();
  const answer = slow(server, 'GET p');
  tell();
  tell();
  tell();
  await settle();
  expect(bodiesOf('GET p')).toHaveLength(1);
  await answer(server.proposal);
  expect(bodiesOf('GET p')).toHaveLength(2);
  await answer(server.proposal);
  expect(bodiesOf('GET p')).toHaveLength(2);
});

test('the feed’s word of a draft is not looked into: the room tells', async () => {
  const { tell, bodiesOf } = openModel();
  tell('drafts');
  await settle();
  expect(bodiesOf('GET p')).toEqual([]);
});

test('a proposal that is closed has no draft', () => {
  const { model, drafts } = openModel({ status: 'decided' });
  expect([model.draft, drafts.docs.size, model.saveStatus]).toEqual([null, 0, 'saved']);
});

test('an approval that is taken back too late says so, also once it is the decision', async () => {
  const { model, server } = openModel({ settles_at: '2026-01-05T09:00:30Z' });
  const error = { error: 'TooLate', message: '“Letter” is decided; it can no longer be taken back' };
  server.answers['POST p/undo'] = async () => {
    server.proposal = { ...server.proposal, status: 'decided', settles_at: null };
    return { status: 409, body: error };
  };
  expect(await model.takeBack()).toBe(false);
  expect(model.problem).toBe(error.message);
  expect(model.conflict).toEqual({ shown: model.proposal, now: model.proposal });
});
