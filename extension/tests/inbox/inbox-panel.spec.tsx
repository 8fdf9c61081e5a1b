import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import { useState } from 'react';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposalSummary, IStatus } from '../../src/api/types';
import { InboxModel } from '../../src/inbox/inbox-model';
import { InboxPanel } from '../../src/inbox/inbox-panel';
import type { IHost } from '../../src/components/host';
import { CommandTargets } from '../../src/components/review-commands';
import { startCommands } from '../../src/page/page-commands';
import type { PageHost } from '../../src/page/page-host';
import { pressKey, slowClock } from '../keys';
import { KeyGuard } from '../../src/components/keys/key-guard';
import { giveElementsSize } from '../element-sizes';

beforeAll(giveElementsSize);

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
  const client = new Client(async (_, init) => {
    if (init.method === 'POST') {
      s.bodies.push(JSON.parse(String(init.body)));
      await s.gate;
      return s.refused
        ? answer({ error: 'AlreadyDecided', message: 'ann was \u202efirst' }, 409)
        : answer({ proposals: [] });
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
        fireEvent.submit(screen.getByRole('form'));
        await new Promise(resolve => setTimeout(resolve));
      })
  };
}

const card = (id: string): JSX.Element => <p>card of {id}</p>;

const abc = (): IProposalSummary[] => ['a', 'b', 'c'].map(id => letter(id));

const option = (name: string): HTMLElement => screen.getByRole('option', { name: new RegExp(name) });

const rowOf = (name: string): HTMLElement => option(name).parentElement!;

const isCurrent = (name: string): boolean => rowOf(name).classList.contains('jp-mod-current');

test('what is confirmed is what was shown when the key asked for it', async () => {
  const { press, s, tell, submit, list } = await show(abc());
  press('a');
  const form = screen.getByRole('form', { name: /^Approve 1 proposal/ });
  s.waiting = [letter('b'), letter('c')];
  await tell(null);
  expect(isCurrent('Letter to b')).toBe(true);
  within(form).getByText('Letter to a');
  within(form).getByText(/no longer waits/);
  await submit();
  expect(s.bodies).toMatchObject([{ action: 'approve', proposals: [{ id: 'a' }] }]);
  expect(document.activeElement).toBe(list);
});

test('a proposal that changes while it is confirmed is marked, and its old revision is named', async () => {
  const { press, s, tell, submit } = await show(abc());
  press('a');
  s.refused = true;
  s.waiting = [letter('a', { revision: 2, fingerprint: 'new' }), letter('b'), letter('c')];
  await tell(null);
  screen.getByText(/changed since it was shown/);
  await submit();
  expect(s.bodies).toMatchObject([{ proposals: [{ id: 'a', revision: 1, fingerprint: 'f-a' }] }]);
  const told = screen.getByRole('alert');
  expect(told.textContent).toBe('ann was ⟨U+202E⟩first');
  await tell(null);
  expect(screen.getByRole('alert')).toBe(told);
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
    expect(screen.queryByRole('form')).toBeNull();
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

test('the buttons of an open card are about that card', async () => {
  const { press, s } = await show(abc());
  press('Enter', 'j', 'j');
  expect(isCurrent('Letter to c')).toBe(true);
  fireEvent.click(screen.getByRole('button', { name: 'Timeline' }));
  fireEvent.click(screen.getByRole('button', { name: 'Go to the cell' }));
  expect(s.timelines).toEqual(['run-a']);
  expect(s.cells).toEqual(['a']);
  screen.getByText('card of a');
});

test('more than 500 are not decided, and it is said', async () => {
  const { press, s } = await show(Array.from({ length: 501 }, (_, i) => letter(`p${i}`)));
  fireEvent.click(screen.getByRole('checkbox', { name: 'Select all shown' }));
  press('a');
  expect(screen.getByRole('alert').textContent).toMatch(/At most 500 .* 501 are selected/);
  expect(screen.queryByRole('form')).toBeNull();
  press('x', 'a');
  screen.getByRole('form', { name: /^Approve 500 proposals/ });
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
  await submit();
  screen.getByText('Deciding …');
  press('r');
  expect(screen.getByRole('alert').textContent).toBe('A decision is still under way.');
  await act(async () => go());
  expect(s.bodies.length).toBe(1);
  expect(screen.queryByRole('form')).toBeNull();
  expect(screen.queryByRole('option', { name: /Letter to a/ })).toBeNull();
});

test('a rejection asks for a reason, and offers those of the notebook’s author', async () => {
  const { press, s, submit } = await show([
    letter('a', { reasons: ['too dear', 'rude'] }),
    letter('b', { reasons: ['rude', 'late \u200b'] })
  ]);
  press('x', 'j', 'x', 'a');
  expect(screen.queryByRole('button', { name: 'rude' })).toBeNull();
  press('r');
  expect(document.activeElement).toBe(screen.getByLabelText('Reason'));
  const offered = within(screen.getByRole('group', { name: 'Reasons to choose from' })).getAllByRole(
    'button'
  );
  expect(offered.map(one => one.textContent)).toEqual(['too dear', 'rude', 'late ⟨U+200B⟩']);
  fireEvent.click(offered[1]);
  await submit();
  expect(s.bodies).toMatchObject([{ action: 'reject', reason: 'rude' }]);
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

test('a row tells deadline, age and whose it is; the age goes on', async () => {
  jest.useFakeTimers({ now: Date.parse('2026-01-31T10:00:00Z') });
  const { list } = await show([
    letter('a', {
      created_at: '2026-01-31T09:57:30Z',
      deadline: '2026-01-31T10:02:30Z',
      assignee: 'b\u202eo'
    }),
    letter('b', { deadline: '2026-01-31T09:00:00Z' })
  ]);
  expect(option('Letter to a').textContent).toBe(
    'Letter to adue in 2 min · 2 min · for b⟨U+202E⟩o · n.ipynb · letters'
  );
  expect(option('Letter to b').textContent).toBe('Letter to b1 h late · just now · n.ipynb · letters');
  act(() => jest.advanceTimersByTime(120_000));
  expect(option('Letter to a').textContent).toContain('due now · 4 min');
  expect(option('Letter to b').textContent).toContain('1 h 2 min late · 2 min');
  expect(list).toBeTruthy();
});

test('filters are lists with counts; mine are those assigned to the person at the browser', async () => {
  const status = { may: { decide: true }, user: { username: 'ann' } } as unknown as IStatus;
  await show([letter('a'), letter('b', { assignee: 'ann' }), letter('c', { assignee: 'bo', agent: 'x' })], {
    status
  });
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
  fireEvent.change(assignee, { target: { value: '0' } });
  expect(rows().length).toBe(3);
  fireEvent.change(screen.getByRole('combobox', { name: 'Kind' }), { target: { value: '1' } });
  fireEvent.change(screen.getByRole('combobox', { name: 'Notebook' }), { target: { value: '1' } });
  expect(rows().length).toBe(3);
});

test('groups: headers with counts, skipped by j and k, collapsed by a click or by ←, all at once by a button', async () => {
  const { press } = await show([letter('a', { agent: 'one' }), letter('b', { agent: 'two' })]);
  fireEvent.change(screen.getByRole('combobox', { name: 'Groups' }), { target: { value: 'agent' } });
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
  fireEvent.click(screen.getByRole('button', { name: 'Collapse all groups' }));
  expect(screen.queryByRole('option', { name: /Letter/ })).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Expand all groups' }));
  expect(screen.getAllByRole('option', { name: /Letter/ }).length).toBe(2);
});

test('e opens the card and goes into its editor, as soon as that is there', async () => {
  let ready = (): void => undefined;
  function LateCard(): JSX.Element {
    const [there, setThere] = useState(false);
    ready = () => setThere(true);
    return there ? (
      <div className="jp-hitl-text">
        <textarea aria-label="value" />
      </div>
    ) : (
      <button>other</button>
    );
  }
  const { press, list } = await show(abc(), {}, id => <LateCard key={id} />);
  press('Enter');
  await act(async () => ready());
  expect(document.activeElement).toBe(list);
  press('j', 'e');
  expect(document.activeElement).toBe(list);
  await act(async () => ready());
  const editor = screen.getByLabelText('value');
  expect(document.activeElement).toBe(editor);
  fireEvent.keyDown(editor, { key: 'Escape' });
  expect(document.activeElement).toBe(list);
  press('e');
  expect(document.activeElement).toBe(editor);
});

test('Escape closes one confirmation, then card and help', async () => {
  const { press } = await show(abc());
  press('?', 'Enter', 'a', 'Escape');
  expect(screen.queryByRole('form')).toBeNull();
  screen.getByText('card of a');
  screen.getByRole('dialog');
  press('Escape');
  expect(screen.queryByText('card of a')).toBeNull();
  expect(screen.queryByRole('dialog')).toBeNull();
  press('?', '?');
  expect(screen.queryByRole('dialog')).toBeNull();
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
  screen.getByText('Nothing waits for a decision.');
  const client = new Client(() => new Promise(() => undefined));
  const never = new InboxModel(client, { changed: new Signal({}) } as unknown as Feed);
  const host = {
    client,
    trans: nullTranslator.load('hitl_nb'),
    status: null,
    readOnly: null
  } as unknown as IHost;
  const other = render(<InboxPanel model={never} host={host} renderCard={card} />);
  within(other.container).getByText('Loading …');
  expect(within(other.container).queryByText('Nothing waits for a decision.')).toBeNull();
  never.dispose();
});

test('axe finds nothing wrong', async () => {
  const { press } = await show([letter('a', { reasons: ['no'] }), letter('b', { agent: 'two' })]);
  fireEvent.change(screen.getByRole('combobox', { name: 'Groups' }), { target: { value: 'agent' } });
  press('x', '?', 'Enter', 'r');
  const found = await axe.run(document.body, {
    rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }
  });
  expect(found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)).toEqual([]);
});
