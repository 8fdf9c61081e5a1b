import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import axe from 'axe-core';
import { useContext, useRef, useState } from 'react';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposal, IProposalSummary, IStatus } from '../../src/api/types';
import { InboxModel } from '../../src/inbox/stores/inbox-model';
import { DecisionSurroundings } from '../../src/components/decide/decision-surroundings';
import { useCardCommands } from '../../src/components/use-card-commands';
import { InboxPanel } from '../../src/inbox/inbox-panel';
import type { IHost } from '../../src/components/host';
import { CommandTargets } from '../../src/components/review-commands';
import { startCommands } from '../../src/page/page-commands';
import type { PageHost } from '../../src/page/page-host';
import { pressKey, slowClock } from '../keys';
import { KeyGuard } from '../../src/components/keys/key-guard';
import { giveElementsSize } from '../element-sizes';
import { watchSight } from '../sight';

beforeEach(() => giveElementsSize());

function letter(id: string, over: Partial<IProposalSummary> = {}): IProposalSummary {
  return {
    id,
    title: `Letter to ${id}`,
    kind: 'text',
    status: 'open',
    agent: 'letters',
    notebook: '/n.ipynb',
    path: 'n.ipynb',
    run: `run-${id}`,
    summary: 'Dear',
    deadline: null,
    assignee: null,
    reasons: [],
    revision: 1,
    fingerprint: `f-${id}`,
    created_at: new Date().toISOString(),
    edits: 0,
    ...over
  } as IProposalSummary;
}

const open: (() => void)[] = [];

afterEach(() => {
  open.splice(0).forEach(close => close());
  jest.useRealTimers();
});

async function show(waiting: IProposalSummary[], over: Partial<IHost> = {}, renderCard = card) {
  const s = {
    waiting,
    bodies: [] as { proposals: { id: string; revision: number }[]; reason?: string; action: string }[],
    /** Ids of the proposals that were read in full. */
    read: [] as string[],
    /** Full proposals, as far as they differ from `waiting`. */
    full: {} as { [id: string]: Partial<IProposal> },
    counts: { passed: 0, runs: 0, decided_by_me: 0 },
    timelines: [] as string[],
    cells: [] as string[],
    refused: false,
    /** Answers to decisions wait for this promise. */
    gate: Promise.resolve()
  };
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const answer = (body: unknown, status = 200): Response =>
    ({ ok: status === 200, status, json: async () => body }) as Response;
  const client = new Client(async (path, init) => {
    if (init.method === 'POST') {
      s.bodies.push(JSON.parse(String(init.body)));
      await s.gate;
      return s.refused
        ? answer({ error: 'StoreBusy', message: 'ann was \u202efirst' }, 503)
        : answer({ proposals: [], proposal: { status: 'decided' }, run: {} });
    }
    if (path.startsWith('proposals/counts')) {
      return answer(s.counts);
    }
    const [, id] = /^proposals\/([^/?]+)$/.exec(path) ?? [];
    if (id) {
      s.read.push(id);
      const found = s.waiting.find(p => p.id === id) ?? letter(id, { status: 'superseded' });
      return answer({ ...found, value: 'Dear', text: 'Dear', allow: [], ...s.full[id] });
    }
    return answer({ proposals: [...s.waiting], next: null });
  });
  const model = new InboxModel(client, feed);
  const host = {
    client,
    feed,
    trans: nullTranslator.load('hitl_nb'),
    status: null,
    readOnly: null,
    openTimeline: (run: string) => s.timelines.push(run),
    commandTargets: new CommandTargets(),
    ...over
  } as unknown as IHost;
  const { unmount } = render(
    <InboxPanel model={model} host={host} renderCard={renderCard} onOpenCell={p => s.cells.push(p.id)} />
  );
  const stop = startCommands(host as PageHost, new KeyGuard(slowClock()));
  open.push(() => {
    stop();
    unmount();
    model.dispose();
  });
  await act(async () => undefined);
  const list = screen.getByRole('listbox', { name: 'Proposals that wait' });
  list.focus();
  return {
    s,
    host,
    model,
    list,
    press: (...keys: string[]) => keys.forEach(key => pressKey(list, key)),
    tell: (message: FeedChange) =>
      act(async () => {
        changed.emit(message);
        await new Promise(resolve => setTimeout(resolve));
      }),
    submit: () =>
      act(async () => {
        fireEvent.click(
          within(screen.getByRole('dialog')).getByRole('button', { name: /^(Approve|Reject) \d/ })
        );
        await new Promise(resolve => setTimeout(resolve));
      })
  };
}

const card = (id: string): JSX.Element => <p>card of {id}</p>;

const abc = (): IProposalSummary[] => ['a', 'b', 'c'].map(id => letter(id));

const option = (name: string): HTMLElement => screen.getByRole('option', { name: new RegExp(name) });

const rowOf = (name: string): HTMLElement => option(name).parentElement!;

const isCurrent = (name: string): boolean => rowOf(name).classList.contains('jp-mod-current');

test('what is confirmed is what was shown when the key asked for it; what went meanwhile is left out and named', async () => {
  const { press, s, tell, submit, list } = await show(abc());
  press('x', 'j', 'x', 'a');
  const dialog = screen.getByRole('dialog', { name: 'Approve 2 proposals' });
  s.waiting = [letter('b'), letter('c')];
  await tell(null);
  within(dialog).getByText('Letter to a');
  within(dialog).getByText('no longer waits');
  within(dialog).getByText('1 as proposed, 1 left out');
  await submit();
  expect(s.bodies).toMatchObject([{ action: 'approve', drafted: true, proposals: [{ id: 'b' }] }]);
  expect(document.activeElement).toBe(list);
  screen.getByText('1 approved, 1 no longer waits');
  fireEvent.click(screen.getByRole('button', { name: 'Show' }));
  within(screen.getByRole('list', { name: 'Left out' })).getByRole('button', { name: 'Letter to a' });
});

test('who decided what was left out is said', async () => {
  const { press, s, tell, submit } = await show(abc());
  press('x', 'j', 'x', 'a');
  const decision = { by: 'person', action: 'reject', reviewer: 'bo', reviewer_name: 'Bo', known: 'login' };
  s.full = { a: { status: 'decided', decision: decision as never } };
  s.waiting = [letter('b'), letter('c')];
  await tell(null);
  await submit();
  screen.getByText('1 approved, 1 was decided by Bo meanwhile');
});

test('a proposal that changes while it is confirmed is marked and left out', async () => {
  const { press, s, tell, submit } = await show(abc());
  press('x', 'j', 'x', 'a');
  s.waiting = [letter('a', { revision: 2, fingerprint: 'new' }), letter('b'), letter('c')];
  await tell(null);
  screen.getByText('changed since it was shown here');
  await submit();
  expect(s.bodies).toMatchObject([{ proposals: [{ id: 'b', revision: 1, fingerprint: 'f-b' }] }]);
  screen.getByText('1 approved, 1 was changed meanwhile');
});

test('a draft that is edited while it is confirmed is marked and left out', async () => {
  const { press, s, tell, submit } = await show(abc());
  press('x', 'j', 'x', 'a');
  const dialog = screen.getByRole('dialog');
  await tell({ proposals: [], runs: [], drafts: ['a'] }); // the draft has no edits
  within(dialog).getByText('2 as proposed');
  s.full = { a: { draft: 'Dearest', edits: 1 } as Partial<IProposal> };
  await tell({ proposals: [], runs: [], drafts: ['a', 'c'] });
  within(dialog).getByText('changed since it was shown here');
  within(dialog).getByText('1 as proposed, 1 left out');
  expect(s.read).toEqual(['a', 'a']);
  await submit();
  expect(s.bodies).toMatchObject([{ proposals: [{ id: 'b' }] }]);
  screen.getByText('1 approved, 1 was changed meanwhile');
});

describe('nothing is decided together that was not on screen', () => {
  let sight: ReturnType<typeof watchSight>;
  beforeEach(() => {
    sight = watchSight();
  });
  afterEach(() => sight.stop());

  const titleCell = (box: HTMLElement, name: string): HTMLElement =>
    within(box).getByRole('rowheader', { name });
  const look = (...cells: Element[]): void => act(() => sight.show(...cells));

  test('the dialog decides only after its last row was in sight, and says so', async () => {
    const { press, s, submit, model } = await show(abc());
    act(() => model.selectAll(true));
    press('a');
    const dialog = screen.getByRole('dialog', { name: 'Approve 3 proposals' });
    const cells = ['a', 'b', 'c'].map(id => titleCell(dialog, `Letter to ${id}`));
    look(...cells.slice(0, 2));
    within(dialog).getByText('Read to the last row first: 1 was not on screen yet');
    expect(within(dialog).getByRole('button', { name: 'Approve 3' }).getAttribute('aria-disabled')).toBe(
      'true'
    );
    const scrolled = (cells[2].parentElement!.scrollIntoView = jest.fn());
    await submit();
    fireEvent.keyDown(within(dialog).getByRole('textbox'), { key: 'Enter' });
    expect(scrolled).toHaveBeenCalled();
    expect(s.bodies).toEqual([]);
    look(cells[2]);
    within(dialog).getByText('3 as proposed');
    await submit();
    expect(s.bodies).toMatchObject([
      { action: 'approve', proposals: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }
    ]);
  });

  test('a key decides no more of a table of alike ones than its buttons do', async () => {
    giveElementsSize(1000);
    const { press, model } = await show(['a', 'b', 'c'].map(id => letter(id, { alike: 'letters' })));
    act(() => model.showTable(model.view.groups[0].key));
    const table = await screen.findByRole('region', { name: '3 proposals that are alike' });
    const cells = within(table)
      .getAllByRole('row')
      .slice(1)
      .map(row => row.firstElementChild!);
    look(...cells.slice(1));
    const refused = '1 selected row was not on screen yet';
    for (const key of ['a', 'r']) {
      act(() => press(key));
      expect(screen.queryByRole('dialog')).toBeNull();
      expect(screen.getByRole('alert').textContent).toBe(
        `${refused}: nothing was decided. Look at them first.`
      );
    }
    look(cells[0]);
    act(() => press('a'));
    screen.getByRole('dialog', { name: 'Approve 3 proposals' });
  });
});

test('edited drafts: the dialog names whose edits they are, and approves them or leaves them out', async () => {
  const edited = {
    edits: 1,
    edited_by: ['Bo'],
    draft_changes: [{ path: '', label: '', before: 'Dear', after: 'Dearest' }]
  };
  const { press, s, submit } = await show([letter('a'), letter('b', edited), letter('c', edited)]);
  s.full = {
    b: { draft: 'Dearest', allow: ['approve', 'edit'], ...edited },
    c: { draft: 'Dearest', allow: ['approve', 'edit'], ...edited }
  };
  press('x', 'j', 'x', 'j', 'x', 'a');
  const dialog = screen.getByRole('dialog', { name: 'Approve 3 proposals' });
  await act(async () => undefined);
  expect(s.read.sort()).toEqual(['b', 'c']);
  expect(within(dialog).getAllByText('edited by Bo').length).toBe(2);
  const choice = within(dialog).getByRole('group', { name: '“Letter to b” has edits' });
  const withEdits = within(choice).getByRole<HTMLInputElement>('radio', { name: 'Approve with Bo’s edits' });
  expect(withEdits.checked).toBe(true);
  within(dialog).getByText('1 as proposed, 2 with edits');
  fireEvent.click(within(dialog).getByRole('radio', { name: 'Leave “Letter to c” out' }));
  await submit();
  expect(s.bodies).toMatchObject([
    { action: 'approve', drafted: true, proposals: [{ id: 'a' }] },
    { action: 'edit', drafted: true, value: 'Dearest', revision: 1 }
  ]);
  screen.getByText('2 approved, 1 with edits, 1 was left out');
});

test('a value that a vote has changed is shown before it is approved, and the edits are those that were read', async () => {
  const votes = [{ reviewer: 'bo', action: 'edit', counts: true }] as IProposalSummary['votes'];
  const stale = [{ path: '', label: '', before: 'Dear', after: 'Dearest' }];
  const { press, s } = await show([
    letter('a', { votes }),
    letter('b', { edits: 1, draft_changes: stale, edited_by: ['Bo'] })
  ]);
  s.full = {
    a: { candidate: 'My dear' },
    b: {
      draft: 'Darling',
      allow: ['approve', 'edit'],
      draft_changes: [{ path: '', label: '', before: 'Dear', after: 'Darling' }]
    } as Partial<IProposal>
  };
  press('x', 'j', 'x', 'a');
  const dialog = screen.getByRole('dialog', { name: 'Approve 2 proposals' });
  await within(dialog).findByText('2 with edits', { exact: false });
  within(dialog).getByText('changed by a vote');
  expect([...dialog.querySelectorAll('ins')].map(one => one.textContent)).toEqual([
    'added: My dear',
    'added: Darling'
  ]);
});

test('a server that is only busy: the decision can be tried again', async () => {
  const { press, s, submit } = await show(abc());
  press('a');
  s.refused = true;
  await submit();
  expect(screen.getByRole('alert').textContent).toBe('ann was ⟨U+202E⟩first');
  s.refused = false;
  await submit();
  expect(screen.queryByRole('dialog')).toBeNull();
  press('j');
  expect(screen.queryByRole('alert')).toBeNull();
});

test.each([
  [{ readOnly: 'The versions differ.' }, 'The versions differ.'],
  [{ status: { may: { decide: false }, decide_refused: 'Not with a token.' } }, 'Not with a token.'],
  [{ status: { may: { decide: false }, decide_refused: null } }, 'You may not decide on this server.']
])('where nothing can be decided, keys say why: %j', async (over, why) => {
  const status =
    'status' in over ? ({ user: { username: 'me' }, ...over.status } as unknown as IStatus) : null;
  const { press, s } = await show(abc(), { readOnly: null, ...over, status });
  for (const key of ['a', 'r']) {
    press(key);
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.getByRole('alert').textContent).toBe(why);
    press('j');
  }
  expect(s.bodies).toEqual([]);
});

test('what is confirmed after the server became read-only is not decided, and can be later', async () => {
  const { press, s, host, submit } = await show(abc());
  press('a');
  Object.assign(host, { readOnly: 'The versions differ.' });
  await submit();
  expect(s.bodies).toEqual([]);
  expect(screen.getByRole('alert').textContent).toBe('The versions differ.');
  Object.assign(host, { readOnly: null });
  await submit();
  expect(s.bodies.length).toBe(1);
});

test('the buttons above an open card are about that card, and lead through the list', async () => {
  const { press, s, list } = await show(abc());
  press('j', 'Enter');
  screen.getByText('card of b');
  expect(screen.queryByRole('listbox')).toBeNull();
  screen.getByText('2 of 3');
  fireEvent.click(screen.getByRole('button', { name: 'Timeline' }));
  fireEvent.click(screen.getByRole('button', { name: 'Go to the cell' }));
  expect(s.timelines).toEqual(['run-b']);
  expect(s.cells).toEqual(['b']);
  fireEvent.click(screen.getByRole('button', { name: 'Next' }));
  await screen.findByText('card of c');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Next' }).disabled).toBe(true);
  fireEvent.click(screen.getByRole('button', { name: 'Back' }));
  expect(document.activeElement).toBe(list);
});

test('more than 500 are not decided, and it is said', async () => {
  const { press, s } = await show(Array.from({ length: 501 }, (_, i) => letter(`p${i}`)));
  fireEvent.click(screen.getByRole('button', { name: 'More of the list' }));
  fireEvent.click(screen.getByRole('menuitem', { name: 'Select all shown' }));
  press('a');
  expect(screen.getByRole('alert').textContent).toMatch(/At most 500 .* 501 are selected/);
  expect(screen.queryByRole('dialog')).toBeNull();
  press('x', 'a');
  screen.getByRole('dialog', { name: 'Approve 500 proposals' });
  expect(s.bodies).toEqual([]);
});

test('selected rows that the search hides are left as they are, and it is said', async () => {
  const { press, s, submit } = await show([letter('a'), letter('b', { summary: 'Sincerely' }), letter('c')]);
  press('x', 'j', 'x');
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'sincerely' } });
  press('a');
  screen.getByText(/1 selected proposal cannot be seen/);
  await submit();
  expect(s.bodies).toMatchObject([{ proposals: [{ id: 'b' }] }]);
});

test('while a decision is under way no other one is begun', async () => {
  const { press, s, submit } = await show(abc());
  let go = (): void => undefined;
  s.gate = new Promise(resolve => (go = resolve));
  press('a');
  await submit();
  screen.getByText('Deciding …');
  press('r');
  expect(screen.getByRole('alert').textContent).toBe('A decision is still under way.');
  await act(async () => go());
  expect(s.bodies.length).toBe(1);
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('a rejection asks for a reason, and offers those of the notebook’s author', async () => {
  const { press, s, submit } = await show([
    letter('a', { reasons: ['too dear', 'rude'] }),
    letter('b', { reasons: ['rude', 'late \u200b'] })
  ]);
  press('x', 'j', 'x', 'a');
  expect(screen.queryByRole('button', { name: 'rude' })).toBeNull();
  press('Escape', 'r');
  expect(document.activeElement).toBe(screen.getByLabelText('Why? The agent continues with what you write.'));
  const offered = within(screen.getByRole('group', { name: 'Reasons to choose from' })).getAllByRole(
    'button'
  );
  expect(offered.map(one => one.textContent)).toEqual(['too dear', 'rude', 'late ⟨U+200B⟩']);
  fireEvent.click(offered[1]);
  await submit();
  expect(s.bodies).toMatchObject([{ action: 'reject', reason: 'rude' }]);
});

test('a held Enter confirms nothing, a new one does', async () => {
  const { press, s } = await show(abc());
  press('x', 'r');
  const field = screen.getByLabelText('Why? The agent continues with what you write.');
  pressKey(field, 'Enter', { repeat: true });
  fireEvent.keyUp(field, { key: 'Enter' });
  pressKey(field, 'b');
  pressKey(field, 'Enter', { repeat: true });
  await act(async () => undefined);
  expect(s.bodies).toEqual([]);
  pressKey(field, 'Enter');
  await act(async () => undefined);
  expect(s.bodies).toMatchObject([{ action: 'reject' }]);
});

test('a row’s check box selects it and opens nothing', async () => {
  const { model, list } = await show(abc());
  const box = rowOf('Letter to b').querySelector<HTMLInputElement>('input[type="checkbox"]')!;
  fireEvent.click(box);
  expect(box.checked).toBe(true);
  expect(option('Letter to b').getAttribute('aria-selected')).toBe('true');
  expect(model.opened).toBeNull();
  expect(document.activeElement).toBe(list);
  fireEvent.click(option('Letter to b'));
  screen.getByText('card of b');
});

test('a row tells the time left, or its age, and whose it is; the time goes on', async () => {
  jest.useFakeTimers({ now: Date.parse('2026-01-31T10:00:00Z') });
  await show([
    letter('a', {
      created_at: '2026-01-31T09:57:30Z',
      deadline: '2026-01-31T10:04:30Z',
      assignee: 'b\u202eo'
    }),
    letter('b', { deadline: '2026-01-31T09:00:00Z' }),
    letter('c', { created_at: '2026-01-31T09:57:30Z' })
  ]);
  expect(option('Letter to a').textContent).toBe('Letter to a4 min leftDear · n.ipynb · for b⟨U+202E⟩o');
  expect(option('Letter to b').textContent).toBe('Letter to b1 h lateDear · n.ipynb');
  expect(option('Letter to c').textContent).toBe('Letter to c2 minDear · n.ipynb');
  act(() => jest.advanceTimersByTime(120_000));
  expect(option('Letter to a').textContent).toContain('2 min left');
  expect(option('Letter to b').textContent).toContain('1 h 2 min late');
  expect(screen.getAllByRole('option').map(one => one.id)).toEqual([
    'hitl-row-b',
    'hitl-row-a',
    'hitl-row-c'
  ]);
});

test('a row has signs: edited and by whom, comments, in doubt; its changes are in the line', async () => {
  const { model } = await show([
    letter('a', {
      summary: 'Globex · 310.00 · net 30',
      ...{ edits: 1, edited_by: ['Bo Li'], open_comments: { comments: 1, suggestions: 1 } },
      draft_changes: [{ path: 'amount', label: 'amount', before: '310.00', after: '301.00' }]
    }),
    letter('b', { doubt: { call: 'pay()' } as never })
  ]);
  const row = within(option('Letter to a'));
  expect(option('Letter to a').textContent).toContain('Globex · 310.00 → 301.00 · net 30');
  row.getByRole('img', { name: 'Edited' });
  row.getByRole('img', { name: '2 comments' });
  expect(row.getByRole('img', { name: 'Bo Li has edited this' }).textContent).toBe('BL');
  within(option('Letter to b')).getByRole('img', { name: 'In doubt' });
  expect(rowOf('Letter to b').querySelector('input')!.disabled).toBe(true);
  act(() => model.selectAll(true));
  expect(model.selection.map(p => p.id)).toEqual(['a']);
});

test('filters are lists with counts, and chips that remove them; mine are those assigned to this person', async () => {
  const status = { may: { decide: true }, user: { username: 'ann' } } as unknown as IStatus;
  await show([letter('a'), letter('b', { assignee: 'ann' }), letter('c', { assignee: 'bo', agent: 'x' })], {
    status
  });
  fireEvent.click(screen.getByRole('button', { name: 'Filter' }));
  const assignee = screen.getByRole('combobox', { name: 'Assignee' });
  const texts = (select: HTMLElement): (string | null)[] =>
    within(select)
      .getAllByRole('option')
      .map(one => one.textContent);
  expect(texts(assignee)).toEqual(['All assignees (3)', 'Mine (1)', 'Nobody’s (1)', 'bo (1)']);
  fireEvent.change(assignee, { target: { value: '1' } });
  const rows = (): (string | null)[] => screen.getAllByRole('option', { name: /Letter/ }).map(one => one.id);
  expect(rows()).toEqual(['hitl-row-b']);
  expect(texts(screen.getByRole('combobox', { name: 'Agent' }))).toEqual([
    'All agents (1)',
    'letters (1)',
    'x (0)'
  ]);
  expect(screen.getAllByRole('status')[0].textContent).toBe('1 of 3');
  fireEvent.click(screen.getByRole('button', { name: 'Done' }));
  fireEvent.click(screen.getByRole('button', { name: 'Remove the filter ann' }));
  expect(rows().length).toBe(3);
});

test('groups: headers with counts, skipped by j and k, collapsed by a click or by ←, all at once by a button', async () => {
  const { press, model } = await show([letter('a', { agent: 'one' }), letter('b', { agent: 'two' })]);
  act(() => void (model.grouping = 'agent'));
  within(screen.getByRole('group', { name: 'one, 1 proposal' })).getByRole('option', { name: /Letter to a/ });
  press('j');
  expect(isCurrent('Letter to b')).toBe(true);
  fireEvent.click(screen.getByText('one'));
  expect(screen.queryByRole('option', { name: /Letter to a/ })).toBeNull();
  screen.getByRole('group', { name: 'one, 1 hidden' });
  press('ArrowRight');
  expect(isCurrent('Letter to a')).toBe(true);
  press('ArrowLeft');
  expect(isCurrent('Letter to b')).toBe(true);
  const chooseInMenu = (name: string): void => {
    fireEvent.click(screen.getByRole('button', { name: 'More of the list' }));
    fireEvent.click(screen.getByRole('menuitem', { name }));
  };
  chooseInMenu('Collapse all groups');
  expect(screen.queryByRole('option', { name: /Letter/ })).toBeNull();
  chooseInMenu('Expand all groups');
  expect(screen.getAllByRole('option', { name: /Letter/ }).length).toBe(2);
});

test('e opens the card and goes into its editor, as soon as that is there', async () => {
  let ready = (): void => undefined;
  function LateCard(): JSX.Element {
    const [there, setThere] = useState(false);
    ready = () => setThere(true);
    return there ? (
      <div className="jp-hitl-value">
        <textarea aria-label="value" />
      </div>
    ) : (
      <button>other</button>
    );
  }
  giveElementsSize(1000);
  const { press, list } = await show(abc(), {}, id => <LateCard key={id} />);
  await act(async () => ready());
  expect(document.activeElement).toBe(list);
  press('e');
  const editor = screen.getByLabelText('value');
  expect(document.activeElement).toBe(editor);
  fireEvent.keyDown(editor, { key: 'Escape' });
  expect(document.activeElement).toBe(list);
  press('j', 'e');
  await waitFor(() => screen.getByRole('button', { name: 'other' }));
  expect(document.activeElement).toBe(list);
  await act(async () => ready());
  expect(document.activeElement).toBe(screen.getByLabelText('value'));
});

test('a row is selected by the room around its check box too, which does not open it', async () => {
  const { model } = await show(abc());
  fireEvent.click(rowOf('Letter to b').querySelector('label')!);
  expect(model.selection.map(p => p.id)).toEqual(['b']);
  expect(model.opened).toBeNull();
});

describe('keys of the card act in the list', () => {
  const ran: string[] = [];
  beforeEach(() => void ran.splice(0));
  const commandTargets = new CommandTargets();
  const verbs = ['approve-with-reason', 'answer-proposal', 'toggle-changes', 'comment-proposal'];
  verbs.push('undo-approval', 'copy-link');

  function KeyCard({ id }: { id: string }): JSX.Element {
    const node = useRef<HTMLElement>(null);
    const run = (verb: string) => ({ isEnabled: () => true, execute: () => void ran.push(`${verb} ${id}`) });
    useCardCommands(
      { commandTargets } as IHost,
      id,
      node,
      Object.fromEntries(verbs.map(verb => [`hitl-nb:${verb}`, run(verb)]))
    );
    return <article ref={node} className="jp-hitl-card" data-proposal={id} tabIndex={-1} />;
  }
  const renderKeyCard = (id: string): JSX.Element => <KeyCard key={id} id={id} />;

  test('on the card of the current row beside it', async () => {
    giveElementsSize(1000);
    const { list, press } = await show(abc(), { commandTargets }, renderKeyCard);
    press('j');
    await waitFor(() => expect(document.querySelector('[data-proposal=b]')).not.toBeNull());
    pressKey(list, 'A', { shiftKey: true });
    press('m', 'd', 'c', 'u', 'y');
    expect(ran).toEqual(verbs.map(verb => `${verb} b`));
  });

  test('in a narrow panel they open the card first', async () => {
    giveElementsSize(400);
    const { press } = await show(abc(), { commandTargets }, renderKeyCard);
    press('j', 'm');
    await waitFor(() => expect(ran).toEqual(['answer-proposal b']));
  });

  test('and not on a card elsewhere, nor on the current row while a card elsewhere has the focus', async () => {
    giveElementsSize(1000);
    const { press, model } = await show(abc(), { commandTargets });
    render(<KeyCard id="a" />);
    press('m');
    expect([model.current, ran]).toEqual(['a', []]);
    const decided = render(<article className="jp-hitl-decided" data-proposal="x" tabIndex={-1} />).container;
    decided.querySelector<HTMLElement>('article')!.focus();
    expect(commandTargets.find('hitl-nb:answer-proposal', {})?.isEnabled({})).toBe(false);
  });
});

describe('an opened card has the focus', () => {
  const readOnly = (id: string): JSX.Element => (
    <article key={id} className="jp-hitl-card" data-proposal={id} tabIndex={-1} />
  );
  const findFocused = (): string | undefined => (document.activeElement as HTMLElement).dataset.proposal;

  test('by Enter, if it has no field', async () => {
    giveElementsSize(1000);
    const { press, list } = await show(abc(), {}, readOnly);
    expect(document.activeElement).toBe(list);
    press('Enter');
    expect(findFocused()).toBe('a');
  });

  test('in a narrow panel by a click too, since the list is hidden', async () => {
    giveElementsSize(400);
    const { list } = await show(abc(), {}, readOnly);
    fireEvent.click(option('Letter to b'));
    await waitFor(() => expect(findFocused()).toBe('b'));
    fireEvent.click(screen.getByRole('button', { name: 'Back' }));
    expect(document.activeElement).toBe(list);
  });
});

test('an old request for the editor moves no focus when the card is shown again', async () => {
  giveElementsSize(1000);
  const { press, list, model } = await show(abc(), {}, id => (
    <div key={id} className="jp-hitl-value">
      <textarea aria-label="value" />
    </div>
  ));
  press('Enter');
  expect(document.activeElement).toBe(screen.getByLabelText('value'));
  act(() => model.showView('decided'));
  act(() => model.showView('all'));
  list.focus();
  await screen.findByLabelText('value');
  expect(document.activeElement).toBe(list);
});

test('Escape closes the keys, or a confirmation, then the card', async () => {
  const { press } = await show(abc());
  press('?');
  screen.getByRole('dialog');
  press('Escape');
  expect(screen.queryByRole('dialog')).toBeNull();
  press('Enter', 'r', 'Escape');
  expect(screen.queryByRole('dialog')).toBeNull();
  screen.getByText('card of a');
  press('Escape');
  expect(screen.queryByText('card of a')).toBeNull();
});

test('Escape goes from a field of the open card to the card, and from there to the list', async () => {
  const { press, list } = await show(abc(), {}, id => (
    <article className="jp-hitl-card" data-proposal={id} tabIndex={-1}>
      <input aria-label="amount" />
    </article>
  ));
  press('Enter');
  const field = screen.getByLabelText('amount');
  field.focus();
  pressKey(field, 'Escape');
  const article = field.parentElement!;
  expect(document.activeElement).toBe(article);
  pressKey(article, 'Escape');
  expect(document.activeElement).toBe(list);
  expect(screen.queryByLabelText('amount')).toBeNull();
});

test('of 5,000 rows only those in sight are drawn, and a key draws no card anew', async () => {
  const drawn: string[] = [];
  function CountingCard({ id }: { id: string }): JSX.Element {
    drawn.push(id);
    return <p>card of {id}</p>;
  }
  const draw = (id: string): JSX.Element => <CountingCard id={id} />;
  const { press } = await show(
    Array.from({ length: 5000 }, (_, i) => letter(`p${i}`)),
    {},
    draw
  );
  expect(screen.getAllByRole('option', { name: /Letter/ }).length).toBeLessThan(50);
  press('Enter', 'j', 'j', 'x');
  expect(drawn).toEqual(['p0']);
});

test('before anything is known, it is not said that nothing waits', async () => {
  await show([]);
  await screen.findByText('Nothing waits for a decision.');
  const client = new Client(() => new Promise(() => undefined));
  const feed = { changed: new Signal({}) } as unknown as Feed;
  const never = new InboxModel(client, feed);
  const host = {
    client,
    feed,
    trans: nullTranslator.load('hitl_nb'),
    status: null,
    readOnly: null
  } as unknown as IHost;
  const other = render(<InboxPanel model={never} host={host} renderCard={card} />);
  within(other.container).getByText('Loading …');
  expect(within(other.container).queryByText('Nothing waits for a decision.')).toBeNull();
  never.dispose();
});

describe('list and card side by side', () => {
  beforeEach(() => giveElementsSize(1000));

  test('the current row’s card is shown; a decided row stays, struck, until the next move', async () => {
    const { press, s, tell, model } = await show(abc());
    await screen.findByText('card of a');
    press('j');
    await screen.findByText('card of b');
    s.waiting = [letter('a'), letter('c')];
    await tell({ proposals: ['b'], runs: [], drafts: [] });
    expect(rowOf('Letter to b').classList.contains('jp-mod-ended')).toBe(true);
    expect(option('Letter to b').getAttribute('aria-disabled')).toBe('true');
    screen.getByText('card of b');
    press('a'); // it is about no proposal now
    expect(screen.queryByRole('dialog')).toBeNull();
    press('j');
    expect(screen.queryByRole('option', { name: /Letter to b/ })).toBeNull();
    expect(model.current).toBe('c');
    await screen.findByText('card of c');
  });

  test('search and filters stand above both', async () => {
    await show(abc());
    expect(screen.getByRole('searchbox').closest('.jp-hitl-columns')).toBeNull();
  });

  test('new ones wait above the list while a person uses it', async () => {
    const { s, tell } = await show(abc());
    s.waiting = [...abc(), letter('d', { deadline: new Date().toISOString() })];
    await tell(null);
    expect(screen.queryByRole('option', { name: /Letter to d/ })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: '1 new' }));
    expect(screen.getAllByRole('option').map(one => one.id)[0]).toBe('hitl-row-d');
  });

  test('A approves with the card that is on screen, and the next row is the current one; a held A decides one', async () => {
    const decided: string[] = [];
    const decision = { action: 'approve', by: 'person', reviewer: 'cy' } as IProposalSummary['decision'];
    const commandTargets = new CommandTargets();
    function DecidingCard({ id }: { id: string }): JSX.Element {
      const around = useContext(DecisionSurroundings);
      const node = useRef<HTMLDivElement>(null);
      const approve = (): void => {
        decided.push(id);
        around.onDecided?.(letter(id, { status: 'decided', decision }) as unknown as IProposal);
      };
      useCardCommands({ commandTargets } as IHost, id, node, {
        'hitl-nb:approve-proposal': { isEnabled: () => true, execute: approve }
      });
      return <div ref={node}>card of {id}</div>;
    }
    const start = Date.now();
    const clock = jest.spyOn(Date, 'now');
    const guard = jest.spyOn(performance, 'now');
    const goOn = (ms: number): void => {
      clock.mockReturnValue(start + ms);
      guard.mockReturnValue(ms);
    };
    goOn(0);
    const { press, list, model } = await show(abc(), { commandTargets }, id => (
      <DecidingCard key={id} id={id} />
    ));
    goOn(10_000);
    await screen.findByText('card of a');
    press('a');
    pressKey(list, 'a', { repeat: true });
    press('a'); // too soon after the next card came
    expect(decided).toEqual(['a']);
    expect(document.querySelector('.jp-hitl-said')!.textContent).toBe('Approved. 2 more wait.');
    expect(model.current).toBe('b');
    expect(document.activeElement).toBe(list);
    goOn(20_000);
    await screen.findByText('card of b');
    pressKey(list, 'a', { repeat: true });
    expect(decided).toEqual(['a']);
    press('a');
    expect(decided).toEqual(['a', 'b']);
    clock.mockRestore();
    guard.mockRestore();
  });

  test('while rows are selected, the keys act on them', async () => {
    const { press, host, model } = await show(abc());
    expect(host.commandTargets).toBeTruthy();
    press('x');
    pressKey(screen.getByRole('listbox'), 'X', { shiftKey: true });
    press('j', 'j');
    pressKey(screen.getByRole('listbox'), 'X', { shiftKey: true });
    expect(model.selection.map(p => p.id)).toEqual(['a', 'b', 'c']);
    const bar = within(screen.getByRole('toolbar', { name: 'Selected proposals' }));
    bar.getByText('3 selected');
    screen.getByText('Keys act on the 3 selected');
    fireEvent.click(bar.getByRole('button', { name: /^Reject 3…/ }));
    screen.getByRole('dialog', { name: 'Reject 3 proposals' });
    press('Escape');
    fireEvent.click(bar.getByRole('button', { name: 'Clear' }));
    expect(screen.queryByRole('toolbar')).toBeNull();
  });
});

test('axe finds nothing wrong', async () => {
  const { press, model } = await show([letter('a', { reasons: ['no'] }), letter('b', { agent: 'two' })]);
  act(() => void (model.grouping = 'agent'));
  press('x', '?', 'Enter', 'r');
  const found = await axe.run(document.body, {
    rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }
  });
  expect(found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)).toEqual([]);
});

test('the views have the server’s counts, which follow the feed', async () => {
  giveElementsSize(1000);
  const { s, tell } = await show(abc());
  expect(screen.getByRole('button', { name: 'Runs' })).not.toBeNull();
  s.counts = { passed: 5, runs: 3, decided_by_me: 0 };
  await tell({ proposals: [], runs: ['r'], drafts: [] });
  await screen.findByRole('button', { name: 'Runs 3' });
  screen.getByRole('button', { name: 'Passed by policy 5' });
});

test('an empty list says how much this person decided today', async () => {
  const { s, tell, model } = await show(abc());
  act(() => {
    model.busy = false; // a decided row would stay
  });
  s.waiting = [];
  s.counts = { passed: 0, runs: 0, decided_by_me: 14 };
  await tell(null);
  await screen.findByText('You decided 14 today.');
});

test('a narrow panel says no place for a card when no row is left', async () => {
  giveElementsSize(400);
  const { s, tell, press, model } = await show([letter('a')]);
  press('Enter');
  await screen.findByText('card of a');
  screen.getByText('1 of 1', { selector: '.jp-hitl-num' });
  model.busy = true;
  s.waiting = [];
  await tell({ proposals: ['a'], runs: [], drafts: [] });
  screen.getByText('card of a');
  expect(document.querySelector('.jp-hitl-num')).toBeNull();
});

describe('a late answer to a decision in the open card', () => {
  const answers: (() => void)[] = [];

  function LateCard({ id }: { id: string }): JSX.Element {
    const { onDecided } = useContext(DecisionSurroundings);
    return (
      <article className="jp-hitl-card" data-proposal={id} tabIndex={-1}>
        <button onClick={() => answers.push(() => onDecided?.(makeDecided(id)))}>Decide {id}</button>
      </article>
    );
  }
  const makeDecided = (id: string): IProposal =>
    ({ ...letter(id), status: 'decided', decision: null }) as never;
  const renderLate = (id: string): JSX.Element => <LateCard key={id} id={id} />;
  const decide = (id: string): void => screen.getByRole('button', { name: `Decide ${id}` }).click();
  const answer = (): Promise<void> => act(async () => answers.pop()?.());

  it('does not take a person away who has gone to another row', async () => {
    const { model, list, press } = await show(abc(), {}, renderLate);
    act(() => void (model.wide = true));
    decide('a');
    press('j');
    const search = screen.getByRole('searchbox');
    search.focus();
    await answer();
    expect([model.current, document.activeElement]).toEqual(['b', search]);
    await screen.findByRole('button', { name: 'Decide b' });
    decide('b');
    await answer();
    expect([model.current, document.activeElement]).toEqual(['c', list]);
  });

  it('in a narrow panel gives the focus to the next card, since the list is hidden', async () => {
    const { press } = await show(abc(), {}, renderLate);
    press('Enter');
    decide('a');
    await answer();
    await screen.findByRole('button', { name: 'Decide b' });
    await waitFor(() => expect((document.activeElement as HTMLElement).dataset.proposal).toBe('b'));
  });
});

test('the links of the selected rows are copied, also over plain HTTP', async () => {
  const copied: string[] = [];
  Object.assign(document, {
    execCommand: () => copied.push((document.activeElement as HTMLTextAreaElement).value) > 0
  });
  const { press } = await show(abc(), { pageUrl: id => `https://hub/review/${id}` });
  press('x', 'j', 'x');
  fireEvent.click(screen.getByRole('button', { name: 'More for the selected' }));
  fireEvent.click(screen.getByRole('menuitem', { name: 'Copy links' }));
  await act(async () => undefined);
  expect(copied).toEqual(['https://hub/review/a\nhttps://hub/review/b']);
  Object.assign(document, { execCommand: undefined });
});
