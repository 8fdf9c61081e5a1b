import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type {
  IFigures,
  IProposalPermissions,
  INeedProgress,
  IProposal,
  IProposalSummary
} from '../../src/api/types';
import { InboxModel } from '../../src/inbox/stores/inbox-model';
import { InboxPanel } from '../../src/inbox/inbox-panel';
import type { IHost } from '../../src/components/host';
import { CommandTargets } from '../../src/components/review-commands';
import { startCommands } from '../../src/page/page-commands';
import type { PageHost } from '../../src/page/page-host';
import { pressKey, slowClock } from '../keys';
import { KeyGuard } from '../../src/components/keys/key-guard';
import { giveElementsSize } from '../element-sizes';

beforeAll(() => giveElementsSize());

const two: INeedProgress = {
  text: '2 of @finance',
  have: 1,
  count: 2,
  voted: ['bo'],
  waiting: ['ada', 'cy']
};
const yes: IProposalPermissions = {
  decide: true,
  why_not: null,
  actions: ['approve', 'edit', 'reject'],
  undo: false
};
const no: IProposalPermissions = { decide: false, why_not: 'this needs ada or bo', actions: [], undo: false };

function refund(id: string, over: Partial<IProposalSummary> = {}): IProposalSummary {
  return {
    ...{ id, title: `Refund ${id}`, kind: 'json', status: 'open', agent: 'refunds', notebook: '/n.ipynb' },
    ...{ path: 'n.ipynb', run: `run-${id}`, summary: '{}', deadline: null, assignee: null, reasons: [] },
    ...{
      edits: 0,
      revision: 1,
      fingerprint: `f-${id}`,
      created_at: new Date().toISOString(),
      decision: null
    },
    ...{
      needs: [],
      votes: [],
      may: yes,
      batch: null,
      settles_at: null,
      overdue: false,
      stuck: '',
      alike: id
    },
    ...over
  } as IProposalSummary;
}

const quiet: IFigures = {
  ...{ votes: 3, timed: 3, median_seconds: 1, fast: 1, approvals_in_a_row: 3, chance: null, last_hour: 3 }
};

interface IServer {
  waiting: IProposalSummary[];
  passed: IProposalSummary[];
  closed: IProposalSummary[];
  figures: IFigures;
  /** The answer to a decision on several proposals. */
  decided: Partial<IProposal>[];
}

const open: InboxModel[] = [];

const stops: (() => void)[] = [];

afterEach(() => {
  open.splice(0).forEach(model => model.dispose());
  stops.splice(0).forEach(stop => stop());
});

async function show(over: Partial<IServer>) {
  const s: IServer = { waiting: [], passed: [], closed: [], figures: quiet, decided: [], ...over };
  const asked: string[] = [];
  const answer = (body: unknown): Response => ({ ok: true, status: 200, json: async () => body }) as Response;
  const client = new Client(async (path, init) => {
    asked.push(`${init.method} ${path}`);
    if (init.method === 'POST') {
      return answer({ proposals: s.decided });
    }
    if (path.includes('figures')) {
      return answer(s.figures);
    }
    const [place, query] = path.split('?');
    if (place === 'policy') {
      return answer({ rules: [] });
    }
    if (place !== 'proposals') {
      return answer({ ...s.waiting.find(p => place.endsWith(p.id)), text: '' });
    }
    const found = query.includes('status=passed')
      ? s.passed
      : query.includes('status=closed')
        ? s.closed
        : s.waiting;
    return answer({ proposals: found, next: null });
  });
  const feed = { changed: new Signal<unknown, FeedChange>({}) } as unknown as Feed;
  const model = new InboxModel(client, feed);
  open.push(model);
  const user = { username: 'cy', display_name: 'Cy' };
  const host = {
    ...{ client, feed, trans: nullTranslator.load('hitl_nb'), readOnly: null },
    commandTargets: new CommandTargets(),
    status: { authn: 'login', user, may: { decide: true } }
  } as unknown as IHost;
  const card = (id: string): JSX.Element => <p>card of {id}</p>;
  await act(async () => {
    render(<InboxPanel model={model} host={host} renderCard={card} />);
  });
  stops.push(startCommands(host as PageHost, new KeyGuard(slowClock())));
  const list = (): HTMLElement => screen.getByRole('listbox');
  const press = (...keys: string[]): void => keys.forEach(key => void pressKey(list(), key));
  return { model, asked, press, server: s };
}

const titles = (): string[] =>
  screen.queryAllByRole('option').flatMap(one => one.querySelector('strong')?.textContent ?? []);

test('“For me” has what I may decide, first what is assigned to me', async () => {
  await show({
    waiting: [
      refund('a'),
      refund('b', { may: no }),
      refund('c', { assignee: 'cy' }),
      refund('d', { may: undefined })
    ]
  });
  expect(titles()).toEqual(['Refund c', 'Refund a', 'Refund d']); // it is the first view
  const mine = screen.getByRole('button', { name: 'For me 3' });
  fireEvent.click(mine);
  expect(titles()).toEqual(['Refund c', 'Refund a', 'Refund d']);
  expect(mine.getAttribute('aria-pressed')).toBe('true');
  fireEvent.click(screen.getByRole('button', { name: 'All waiting 4' }));
  expect(titles()).toHaveLength(4);
});

test('if nothing waits for me, it is said how many wait for others', async () => {
  await show({ waiting: [refund('a', { may: no })] });
  await screen.findByText('Nothing waits for you.');
  screen.getByText('1 other waits for other people.');
  const [all] = screen.getAllByRole('button', { name: 'All waiting' });
  fireEvent.click(all);
  expect(titles()).toEqual(['Refund a']);
});

test('a row says how many votes there are, what the clock does, and what is wrong', async () => {
  const soon = new Date(Date.now() + 3 * 3600_000 + 5000).toISOString();
  const { model } = await show({
    waiting: [
      refund('a', { needs: [two] }),
      refund('b', { needs: [two], may: no, timer: { at: soon, does: 'escalate', people: ['lea'] } }),
      refund('c', { needs: [two], stuck: 'all are away', overdue: true }),
      refund('d', { needs: [two], settles_at: soon }),
      refund('e'),
      refund('f', { gone: 'cell' }),
      refund('g', { gone: 'notebook' })
    ]
  });
  act(() => model.showView('all'));
  const rows = within(screen.getByRole('listbox'))
    .getAllByRole('option')
    .map(one => one.textContent);
  expect(rows[0]).toContain('Refund b3 h left{} · n.ipynb · Waits for others, 1 of 2 votes');
  expect(rows[1]).toContain('Your vote, 1 of 2 votes');
  expect(rows[2]).toContain('Nobody can decide, 1 of 2 votes, Late');
  expect(rows[3]).toContain('Approved; it can still be taken back');
  expect(rows[4]).toMatch(/^Refund ejust now/);
  expect(rows[5]).toContain('Cell is gone');
  expect(rows[6]).toContain('Notebook is gone');
});

const byPolicy = { action: 'approve', by: 'policy', reviewer: 'policy:small-refund', known: 'policy' };
const passedAt = new Date(Date.now() - 3600_000).toISOString();

test('what a policy decided is listed by rule, and can be opened', async () => {
  const decision = { ...byPolicy, decided_at: passedAt, reason: null };
  const passed = refund('p', { status: 'decided', decision: decision as never });
  const blocked = refund('x', {
    status: 'decided',
    decision: { ...decision, action: 'reject', reviewer: 'policy:embargo' } as never
  });
  const { asked, model } = await show({ passed: [passed, blocked] });
  await act(async () => model.showView('passed'));
  await screen.findByRole('table');
  expect(asked.filter(one => one.includes('status=passed'))).toHaveLength(1);
  expect(screen.queryByRole('listbox')).toBeNull();
  const rows = within(screen.getByRole('table')).getAllByRole('row');
  expect(rows.map(row => row.textContent)).toEqual([
    'RuleDoes24 hAll',
    'small-refundpasses always 11',
    'embargoblocks 11'
  ]);
  fireEvent.click(screen.getByRole('button', { name: 'small-refund' }));
  const items = within(screen.getByRole('list', { name: 'Decided by a policy' })).getAllByRole('listitem');
  expect(items[0].textContent).toContain('Passed by policy Refund p');
  fireEvent.click(within(items[0]).getAllByRole('button')[0]);
  screen.getByText('card of p');
});

test('what was decided is listed newest first, with filters, and can be opened', async () => {
  const decision = {
    action: 'reject',
    by: 'person',
    known: 'login',
    decided_at: passedAt,
    reason: 'No receipt'
  };
  const bo = { ...decision, reviewer: 'bo', reviewer_name: 'Bo' };
  const { asked, model } = await show({
    closed: [
      refund('r', { status: 'decided', decision: bo as never }),
      refund('p', {
        status: 'decided',
        decision: { ...byPolicy, decided_at: passedAt, reason: null } as never
      }),
      refund('s', { status: 'superseded' })
    ]
  });
  await act(async () => model.showView('decided'));
  const list = await screen.findByRole('list', { name: 'Decided proposals' });
  const rows = (): (string | null)[] =>
    within(list)
      .getAllByRole('article')
      .map(one => one.getAttribute('data-kind'));
  expect(rows()).toEqual(['rejected', 'policy', 'superseded']);
  expect(within(list).getAllByRole('article')[0].textContent).toMatch(
    /^Rejected Refund rBo · .* · n.ipynb · “No receipt”$/
  );
  fireEvent.change(screen.getByRole('combobox', { name: 'Verdict' }), { target: { value: 'policy' } });
  expect(rows()).toEqual(['policy']);
  fireEvent.change(screen.getByRole('combobox', { name: 'Verdict' }), { target: { value: '' } });
  await act(async () => {
    fireEvent.change(screen.getByRole('combobox', { name: 'Person' }), { target: { value: 'bo' } });
  });
  expect(asked.at(-1)).toContain('person=bo');
  fireEvent.click(within(list).getAllByRole('button')[0]);
  screen.getByText('card of r');
});

test('alike proposals are grouped under what their titles have in common', async () => {
  await show({
    waiting: [
      refund('1', { alike: 'x' }),
      refund('2', { alike: 'x' }),
      refund('3', { alike: 'y', title: 'Call 3' })
    ]
  });
  const groups = screen.getAllByRole('group').map(one => one.getAttribute('aria-label'));
  expect(groups).toEqual(expect.arrayContaining(['Refund #, 2 proposals', 'Others, 1 proposal']));
  fireEvent.click(screen.getByRole('button', { name: 'Alike' }));
  expect(screen.queryByRole('group', { name: /proposal/ })).toBeNull();
});

test('no more are approved in one go than a policy lets, and nothing that I may not decide', async () => {
  const { press, asked, model } = await show({
    waiting: [refund('a', { batch: 2 }), refund('b'), refund('c'), refund('d', { may: no })]
  });
  act(() => model.showView('all'));
  press('x', 'j', 'x', 'j', 'x', 'a');
  screen.getByText(
    /^A policy lets at most 2 of these be decided together, and 3 are selected: nothing was decided\./
  );
  press('j', 'x', 'a');
  screen.getByText('Refund d: this needs ada or bo');
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(asked.filter(one => one.startsWith('POST'))).toEqual([]);
});

test('what needs another vote stays in the list when I have voted', async () => {
  const { press, model, server } = await show({
    waiting: [refund('a', { needs: [two] }), refund('b')],
    decided: [
      { id: 'a', status: 'open' },
      { id: 'b', status: 'decided' }
    ]
  });
  press('x', 'j', 'x', 'a');
  server.waiting = [server.waiting[0]];
  await act(async () => void (await model.confirm('')));
  press('j'); // the decided row stays until then
  expect(titles()).toEqual(['Refund a']);
  expect(model.selected).toBe(0);
});

test('my own figures are shown to me, if there are enough votes, and refuse nothing', async () => {
  const figures = { ...quiet, votes: 40, median_seconds: 3.2, fast: 0.6, approvals_in_a_row: 25, chance: 21 };
  await show({ figures });
  expect(screen.getByText(/^Only you see this/).textContent).toBe(
    'Only you see this: half of your last 40 votes took less than 3.2 s. 60 % took less time than reading does. ' +
      'Your last 25 votes are approvals: more in a row than chance explains (21). 3 votes in the last hour.'
  );
});

test('few votes say nothing', async () => {
  await show({});
  expect(screen.queryByText(/Only you see this/)).toBeNull();
});

test('axe finds nothing wrong', async () => {
  const decision = {
    action: 'approve',
    reviewer: 'policy:r',
    decided_at: '2026-01-05T09:00:00Z',
    by: 'policy'
  };
  const { model } = await show({
    waiting: [refund('a', { needs: [two], stuck: 'x' })],
    passed: [refund('p', { status: 'decided', decision: decision as never })]
  });
  const check = async (): Promise<void> => {
    const found = await axe.run(document.body, {
      rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }
    });
    expect(found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)).toEqual(
      []
    );
  };
  await check();
  await act(async () => model.showView('passed'));
  await check();
  await act(async () => model.showView('decided'));
  await check();
});
