import { Signal } from '@lumino/signaling';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposal, IProposalSummary } from '../../src/api/types';
import { InboxModel, MAX_BULK } from '../../src/inbox/stores/inbox-model';

interface IServer {
  model: InboxModel;
  waiting: Partial<IProposal & IProposalSummary>[];
  /** Bodies of the POST requests. */
  bodies: unknown[];
  /** Paths of the GET requests, without their queries. */
  read: string[];
  /** If true, the server answers 503 to all requests except POST. */
  down: boolean;
  /** Lists are answered after this promise, with the proposals that waited at the time of the request. */
  gate: Promise<void>;
  /** The error for the next decision, or null for success. */
  refusal: { status: number; error: string; message: string; proposal?: { id: string } } | null;
  /** Send a change over the feed, and wait until all reads are done. */
  tell: (changed: FeedChange) => Promise<void>;
}

/** Let all pending promises settle. */
const rest = (): Promise<void> => new Promise(resolve => setTimeout(resolve));

/**
 * Make a server that lists the waiting proposals in pages of two. Proposals that are not in the list count as
 * decided.
 */
async function server(waiting: Partial<IProposal & IProposalSummary>[], size = 2): Promise<IServer> {
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const answer = (body: unknown, status = 200): Response =>
    ({ ok: status === 200, status, json: async () => body }) as Response;
  const client = new Client(async (path, init) => {
    if (init.method === 'POST') {
      made.bodies.push(JSON.parse(String(init.body)));
      const { refusal } = made;
      made.refusal = null;
      return refusal ? answer(refusal, refusal.status) : answer({ proposals: [] });
    }
    const [place, query] = path.split('?');
    made.read.push(place);
    if (made.down) {
      return answer({ error: 'StoreBusy', message: 'busy' }, 503);
    }
    const id = place.split('/')[1];
    if (id) {
      const found = made.waiting.find(p => p.id === id);
      return answer(found ?? { ...letters[0], id, status: 'decided' });
    }
    const { waiting } = made;
    await made.gate;
    const from = Number(new URLSearchParams(query).get('cursor') ?? 0);
    const next = from + size < waiting.length ? String(from + size) : null;
    return answer({ proposals: waiting.slice(from, from + size), next });
  });
  const made: IServer = {
    model: null as unknown as InboxModel,
    waiting: [...waiting],
    bodies: [],
    read: [],
    down: false,
    gate: Promise.resolve(),
    refusal: null,
    tell: async message => {
      changed.emit(message);
      await rest();
    }
  };
  made.model = new InboxModel(client, feed);
  await rest();
  made.read = [];
  servers.push(made);
  return made;
}

const servers: IServer[] = [];

afterEach(() => servers.splice(0).forEach(one => one.model.dispose()));

function letter(
  id: string,
  over: Partial<IProposal & IProposalSummary> = {}
): Partial<IProposal & IProposalSummary> {
  return {
    id,
    title: `Letter x-${id}`,
    kind: 'text',
    status: 'open',
    agent: 'letters',
    notebook: '/n.ipynb',
    path: 'n.ipynb',
    run: `run-${id}`,
    summary: 'Dear',
    assignee: null,
    revision: 1,
    fingerprint: `f-${id}`,
    has_draft: false,
    edits: 0,
    text: 'Dear',
    ...over
  };
}

const letters = ['a', 'b', 'c'].map(id => letter(id));

const ids = (model: InboxModel): string[] => model.shown.map(p => p.id);

test('everything that waits is read, page by page, and again when the feed says so', async () => {
  const s = await server(letters);
  expect(ids(s.model)).toEqual(['a', 'b', 'c']);
  s.waiting.pop();
  await s.tell(null);
  expect(ids(s.model)).toEqual(['a', 'b']);
});

test('all words of a search must match', async () => {
  const { model } = await server(letters);
  model.search = 'dear LETTER x-b';
  expect(ids(model)).toEqual(['b']);
  expect(model.total).toBe(3);
});

describe('what was asked is what is decided', () => {
  test('in one call, with what was shown; what the server refuses is left out, and the rest is tried again', async () => {
    const s = await server(letters);
    s.model.toggle('a');
    s.model.toggle('c');
    s.refusal = { status: 409, error: 'AlreadyDecided', message: 'ann was first', proposal: { id: 'c' } };
    s.model.askConfirmation('reject');
    expect(await s.model.confirm('no')).toBe(true);
    const shown = { action: 'reject', reason: 'no' };
    expect(s.bodies).toEqual([
      {
        ...{ action: shown.action, reason: shown.reason },
        proposals: ['a', 'c'].map(id => ({ id, revision: 1, fingerprint: `f-${id}` }))
      },
      {
        ...{ action: shown.action, reason: shown.reason },
        proposals: [{ id: 'a', revision: 1, fingerprint: 'f-a' }]
      }
    ]);
    expect(s.model.result).toMatchObject({ decided: ['a'], leftOut: [{ why: 'decided' }], problem: '' });
    expect(s.model.batch).toBeNull();
  });

  test('if the server does not say which one has changed, that is read', async () => {
    const s = await server(letters);
    s.model.toggle('a');
    s.model.toggle('b');
    s.refusal = { status: 409, error: 'AlreadyDecided', message: 'ann was first' };
    s.waiting.shift();
    s.model.askConfirmation('approve');
    expect(await s.model.confirm('')).toBe(true);
    expect(s.model.result).toMatchObject({ decided: ['b'], leftOut: [{ proposal: { id: 'a' } }] });
  });

  test('although something else is selected meanwhile', async () => {
    const s = await server(letters);
    s.model.askConfirmation('approve');
    s.model.toggle('c');
    await s.model.confirm('fine');
    expect(s.bodies).toMatchObject([{ reason: 'fine', proposals: [{ id: 'a' }] }]);
    expect(ids(s.model)).toEqual(['b', 'c']);
    expect(s.model.isSelected('c')).toBe(true);
  });

  test('it can be tried again when the server was only busy', async () => {
    const s = await server(letters);
    s.refusal = { status: 503, error: 'StoreBusy', message: 'busy' };
    s.model.askConfirmation('approve');
    expect(await s.model.confirm('')).toBe(false);
    expect(s.model.batch).not.toBeNull();
    expect(s.model.problem).toBe('busy');
    expect(await s.model.confirm('')).toBe(true);
    expect(s.model.batch).toBeNull();
  });

  test('a row in doubt is never part of it', async () => {
    const s = await server([letter('a'), letter('b', { doubt: { call: 'pay()' } as never })]);
    s.model.selectAll(true);
    s.model.toggle('b');
    s.model.selectBetween('a', 'b');
    s.model.askConfirmation('approve');
    expect(s.model.batch!.rows.map(row => row.proposal.id)).toEqual(['a']);
  });
});

describe('the feed', () => {
  test('a decision elsewhere takes its row away, and only that is read', async () => {
    const s = await server(letters);
    s.waiting.splice(1, 1);
    await s.tell({ proposals: ['b'], runs: ['run-b'], drafts: [] });
    expect(ids(s.model)).toEqual(['a', 'c']);
    expect(s.read).toEqual(['proposals/b']);
  });

  test('a comment takes nothing away, whether the server answers or not', async () => {
    const s = await server(letters);
    let seen: string[][] = [];
    s.model.changed.connect(model => seen.push(ids(model)));
    await s.tell({ proposals: ['b'], runs: ['run-b'], drafts: [] });
    expect(seen).toEqual([]);
    s.down = true;
    await s.tell({ proposals: ['b'], runs: ['run-b'], drafts: [] });
    expect(seen.every(shown => shown.length === 3)).toBe(true);
    expect(s.model.problem).toBe('busy');
    seen = [];
    s.down = false;
    await s.model.refresh();
    expect(s.model.problem).toBe('');
  });

  test('an assignment changes its row alone', async () => {
    const s = await server(letters);
    const [a] = s.model.shown;
    s.waiting[1] = letter('b', { assignee: 'ann', revision: 2 });
    await s.tell({ proposals: ['b'], runs: ['run-b'], drafts: [] });
    expect(s.model.shown[1]).toMatchObject({ assignee: 'ann', revision: 2 });
    expect(s.model.shown[0]).toBe(a);
  });

  test('nothing moves for a draft', async () => {
    const s = await server(letters);
    const { view } = s.model;
    let emitted = 0;
    s.model.changed.connect(() => (emitted += 1));
    await s.tell({ proposals: [], runs: [], drafts: ['b'] });
    expect(s.read).toEqual([]);
    expect(emitted).toBe(0);
    expect(s.model.view).toBe(view);
  });

  test('new ones are read with all the others', async () => {
    const s = await server(letters);
    s.waiting.push(letter('d'));
    await s.tell({ proposals: ['d'], runs: ['run-d'], drafts: [] });
    expect(ids(s.model)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('of many everything is read once', async () => {
    const many = Array.from({ length: 30 }, (_, i) => letter(`p${i}`));
    const s = await server(many, 500);
    s.waiting = s.waiting.slice(20);
    await s.tell({ proposals: many.map(p => p.id!), runs: [], drafts: [] });
    expect(s.model.total).toBe(10);
    expect(s.read).toEqual(['proposals']);
  });

  test('a list that was read before a decision does not bring back what was decided', async () => {
    const s = await server(letters, 500);
    let go = (): void => undefined;
    s.gate = new Promise(resolve => (go = resolve));
    await s.tell(null);
    s.model.askConfirmation('approve');
    await s.model.confirm('');
    s.waiting = s.waiting.slice(1);
    const seen: string[][] = [];
    s.model.changed.connect(model => seen.push(ids(model)));
    go();
    await rest();
    expect(seen.length).toBe(2);
    expect(seen.flat()).not.toContain('a');
  });

  test('a run that is cancelled takes its proposals along, though none is named', async () => {
    const s = await server([letter('a', { run: 'r' }), letter('b', { run: 'r' }), letter('c')], 500);
    s.waiting = s.waiting.slice(2);
    await s.tell({ proposals: [], runs: ['r'], drafts: [] });
    expect(ids(s.model)).toEqual(['c']);
    s.read = [];
    await s.tell({ proposals: [], runs: ['other'], drafts: [] });
    expect(s.read).toEqual([]);
  });

  test('what was refused is said until the next action of the person', async () => {
    const s = await server(letters);
    s.refusal = { status: 503, error: 'StoreBusy', message: 'busy' };
    s.model.askConfirmation('approve');
    await s.model.confirm('');
    await s.tell({ proposals: ['b'], runs: ['run-b'], drafts: [] });
    await s.tell(null);
    expect(s.model.problem).toBe('busy');
    s.model.move(1);
    expect(s.model.problem).toBe('');
  });
});

describe('the current row', () => {
  test('stays the same when rows before it go', async () => {
    const s = await server(letters);
    s.model.move(1);
    s.waiting.shift();
    await s.tell(null);
    expect(s.model.current).toBe('b');
  });

  test('is the one at its place when it goes, with others before it too', async () => {
    const s = await server([...letters, letter('d')]);
    s.model.goTo('b');
    s.waiting.splice(0, 2);
    await s.tell(null);
    expect(s.model.current).toBe('c');
    s.model.goTo('d');
    s.waiting.pop();
    await s.tell(null);
    expect(s.model.current).toBe('c');
    s.waiting = [];
    await s.tell(null);
    expect(s.model.current).toBeNull();
  });
});

test('what is selected and cannot be seen is not decided', async () => {
  const { model } = await server(letters);
  model.toggle('a');
  model.toggle('b');
  model.search = 'x-b';
  model.askConfirmation('approve');
  expect(model.batch).toMatchObject({ rows: [{ proposal: { id: 'b' } }], hidden: 1 });
  model.search = 'x-c';
  model.askConfirmation('approve');
  expect(model.batch).toMatchObject({ rows: [{ proposal: { id: 'c' } }], hidden: 2 });
});

describe('filters and groups', () => {
  const mixed = [
    letter('a', { agent: 'one', notebook: '/m', path: 'm' }),
    letter('b', { agent: 'two', assignee: 'ann' }),
    letter('c', { agent: 'one', kind: 'json', assignee: 'bo' }),
    letter('d', { agent: 'one', assignee: 'ann' })
  ];

  test('each filter counts what the others leave', async () => {
    const { model } = await server(mixed);
    model.filter('agent', 'one');
    expect(ids(model)).toEqual(['a', 'c', 'd']);
    model.filter('assignee', 'ann');
    expect(ids(model)).toEqual(['d']);
    const { options, without } = model.view;
    const counts = (facet: keyof typeof options): unknown =>
      Object.fromEntries(options[facet].map(one => [one.value, one.count]));
    expect(counts('agent')).toEqual({ one: 1, two: 1 });
    expect(counts('assignee')).toEqual({ '': 1, ann: 1, bo: 1 });
    expect(counts('notebook')).toEqual({ '/m': 0, '/n.ipynb': 1 });
    expect(without).toMatchObject({ agent: 2, assignee: 3, notebook: 1, kind: 1 });
    model.filter('assignee', '');
    expect(ids(model)).toEqual(['a']);
  });

  test('groups have headers with counts that moving skips, and collapse', async () => {
    const { model } = await server(mixed);
    model.grouping = 'agent';
    const lines = (): string[] =>
      model.view.lines.map(line => line.proposal?.id ?? `${line.group!.label} ${line.group!.count}`);
    expect(lines()).toEqual(['one 3', 'a', 'c', 'd', 'two 1', 'b']);
    model.goTo('d');
    model.move(1);
    expect(model.current).toBe('b');
    model.move(-1);
    model.collapse();
    expect(lines()).toEqual(['one 3', 'two 1', 'b']);
    expect(model.current).toBe('b');
    model.expand();
    expect(lines()).toEqual(['one 3', 'a', 'c', 'd', 'two 1', 'b']);
    expect(model.current).toBe('a');
    model.collapseAll(true);
    expect(lines()).toEqual(['one 3', 'two 1']);
    expect(model.current).toBeNull();
    expect(model.targets).toEqual([]);
  });
});

test('with 5,000 a key press arranges nothing anew, and a search is quick', async () => {
  const many = Array.from({ length: 5000 }, (_, i) => letter(`p${i}`, { agent: `agent-${i % 7}` }));
  const { model } = await server(many, MAX_BULK);
  expect(model.total).toBe(5000);
  const { view } = model;
  model.move(1);
  model.toggle('p1');
  model.open(model.currentProposal!);
  expect(model.view).toBe(view);
  model.search = 'dear'; // creates the cached texts for the search
  const begin = performance.now();
  model.search = 'x-p499';
  expect(model.shown.length).toBe(11);
  expect(performance.now() - begin).toBeLessThan(500);
});

describe('a proposal that is opened by its id', () => {
  test('is shown whatever the view and the filters are', async () => {
    const { model } = await server(letters);
    model.showView('decided');
    model.openById(letters[1].id);
    expect([model.showsWaiting, model.opened?.id, model.current]).toEqual([
      true,
      letters[1].id,
      letters[1].id
    ]);
    model.search = 'nothing like this';
    model.openById(letters[0].id);
    expect([model.search, model.opened?.id, model.current]).toEqual(['', letters[0].id, letters[0].id]);
  });

  test('is opened when the list has it, if it was asked a moment ago', async () => {
    const { model, tell, waiting } = await server(letters);
    const fresh = { ...letters[0], id: 'fresh' };
    model.openById('fresh');
    expect(model.opened).toBeNull();
    waiting.push(fresh);
    await tell({ proposals: ['fresh'], runs: [], drafts: [] });
    expect([model.opened?.id, model.current]).toEqual(['fresh', 'fresh']);
  });

  test('is not opened any more if the person has gone to a row meanwhile', async () => {
    const { model, tell, waiting } = await server(letters);
    model.openById('fresh');
    model.move(1);
    waiting.push({ ...letters[0], id: 'fresh' });
    await tell({ proposals: ['fresh'], runs: [], drafts: [] });
    expect(model.opened).toBeNull();
  });

  test('side by side with the list, one that was left out of a batch stays until the next move', async () => {
    const { model } = await server(letters);
    model.wide = true;
    const gone = { ...letters[0], id: 'gone' } as IProposalSummary;
    model.show(gone);
    expect(model.opened?.id).toBe('gone');
    model.move(1);
    expect(model.opened?.id).toBe(model.current);
  });
});

test('the table of a group is left when its last row is decided', async () => {
  const { model, tell, ...made } = await server(letters);
  model.grouping = 'agent';
  const [group] = model.view.groups;
  model.showTable(group.key);
  made.waiting.length = 0;
  await tell(null);
  expect(model.table).toBeNull();
});
