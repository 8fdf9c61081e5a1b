import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import type { IProposalPermissions, INeedProgress, IProposal, IVote } from '../../../src/api/types';
import type { IProposalModel } from '../../../src/models/interfaces';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import type { IHost } from '../../../src/components/host';
import { clockSentences, needLine, needProgress, waitsFor } from '../../../src/components/terms-sentences';
import { Drafts } from '../../drafts';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const NOW = Date.parse('2026-01-05T09:00:00Z');

const trans = nullTranslator.load('hitl_nb');

const host = {
  trans,
  status: { authn: 'login', user: { username: 'cy', display_name: 'Cy' }, may: { decide: true } },
  readOnly: null,
  newEditor: (options: { model: unknown }) => ({
    dispose: () => undefined,
    hasFocus: () => false,
    setOption: () => undefined,
    model: options.model
  })
} as unknown as IHost;

const needed: INeedProgress = {
  text: '2 of @finance',
  have: 1,
  count: 2,
  voted: ['bo'],
  waiting: ['ada', 'cy']
};

const all: IProposalPermissions = {
  decide: true,
  why_not: null,
  actions: ['approve', 'edit', 'reject', 'respond'],
  undo: false
};

const vote: IVote = {
  own: false,
  reviewer: 'bo',
  reviewer_name: 'Bo',
  action: 'approve',
  reason: null,
  at: '2026-01-05T08:50:00Z',
  seat: 'bo',
  counts: true,
  surface: 'page',
  known: 'login'
};

function proposal(over: Partial<IProposal> = {}): IProposal {
  return {
    ...{
      id: 'p1',
      title: 'Refund',
      kind: 'text',
      status: 'open',
      revision: 1,
      fingerprint: 'f1',
      agent: 'a'
    },
    ...{ value: 'pay 200', text: 'pay 200', context: null, allow: all.actions, reasons: [], decision: null },
    ...{
      schema: null,
      options: null,
      changes: '',
      why: ['big-refund: amount is above 100'],
      rules: ['big-refund']
    },
    ...{ needs: [needed], votes: [vote], may: all, deadline: null, settles_at: null, timer: null },
    ...over
  } as IProposal;
}

function show(p: IProposal, over: Partial<IProposalModel> = {}) {
  const { id, kind, value } = p;
  const made = {
    ...{ proposal: p, run: null, draft: new Drafts().open({ document: id, kind, value }), discussion: null },
    ...{
      value: p.candidate ?? value,
      invalidReason: '',
      hasEdits: false,
      fields: {},
      changes: '',
      problem: ''
    },
    ...{ conflict: null, isDeciding: false, saveStatus: 'saved', canUndo: false, canRedo: false },
    ...{
      changed: new Signal({}),
      takeBack: jest.fn(async () => true),
      refresh: jest.fn(async () => undefined)
    },
    ...over
  };
  const { container } = render(<ProposalCard model={made as unknown as IProposalModel} host={host} />);
  return { container, model: made };
}

beforeEach(() => {
  jest.useFakeTimers({ now: NOW });
});

afterEach(() => {
  jest.useRealTimers();
});

test('the card says why it is asked, who must agree and who has', () => {
  const { container } = show(proposal());
  const why = screen.getByRole('group', { name: 'Asked because' });
  expect(why.textContent).toBe('Asked because amount is above 100 big-refund');
  within(why).getByTitle('Rule big-refund');
  expect(screen.getByRole('group', { name: 'Needed' }).textContent).toContain(
    '1 of 2 votes from @finance; given by bo; ada or cy can give the next'
  );
  screen.getByRole('img', { name: 'Approved by Bo (bo), logged in, 10 min ago' });
  const votes = within(screen.getByRole('list', { name: 'Votes' })).getByRole('listitem');
  expect(votes.textContent).toBe('Approved by Bo, 10 min ago');
  within(votes).getByTitle('Bo (bo), logged in');
  expect(container.querySelector('.jp-hitl-state')!.textContent).toBe('Your vote');
  screen.getByRole('button', { name: 'Approve, 2nd of 2' });
});

test('one icon in the head says how people are known; elsewhere they have names, and this person is “You”', () => {
  const card = show(proposal()).container;
  const shared = 'logged in, in a window where notebooks’ HTML runs';
  expect(card.querySelector('.jp-hitl-identity')!.getAttribute('title')).toBe(
    `You decide as Cy (cy), ${shared}\nApproved by Bo (bo), logged in`
  );
  cleanup();
  show(proposal({ votes: [{ ...vote, own: true, surface: null }] }));
  expect(screen.getByRole('list', { name: 'Votes' }).textContent).toBe('Approved by You, 10 min ago');
  screen.getByRole('img', { name: `Approved by Bo (bo), ${shared}` });
});

test.each<[Partial<IProposal>, Partial<IProposalModel>, string]>([
  [{ needs: [] }, {}, 'brand'],
  [{ needs: [] }, { hasEdits: true, invalidReason: 'not JSON' }, 'warn'],
  [{ stuck: 'nobody is here' }, {}, 'warn'],
  [{ votes: [{ ...vote, own: true }] }, {}, 'neutral'],
  [{ needs: [], settles_at: '2026-01-05T09:00:30Z' }, {}, 'good']
])('the edge has the tone of the chip: %j %j', (over, more, tone) => {
  const card = show(proposal(over), more).container.querySelector<HTMLElement>('.jp-hitl-card')!;
  expect(card.dataset.tone).toBe(tone);
  expect(card.querySelector('.jp-hitl-state > *')!.classList.contains(`jp-mod-${tone}`)).toBe(
    tone !== 'neutral'
  );
});

test('a proposal without terms has no line of them', () => {
  const { container } = show(proposal({ why: [], rules: [], needs: [], votes: [] }));
  expect(container.querySelector('.jp-hitl-terms')).toBeNull();
  screen.getByText('Your decision');
  screen.getByRole('button', { name: 'Approve' });
});

test('what a guardrail or an agent wrote is text, and is said once', () => {
  const guardrail = { name: 'iban', version: '1', milliseconds: 1 };
  const { container } = show(
    proposal({
      why: ['iban: <img src=x> \u202elooks odd'],
      guardrails: [
        { ...guardrail, verdict: 'escalate', message: '<img src=x> \u202elooks odd' },
        { ...guardrail, name: 'words', verdict: 'escalate', message: 'a <b>bad</b> word' },
        { ...guardrail, name: 'fine', verdict: 'pass', message: '' }
      ]
    })
  );
  const reasons = screen.getByRole('group', { name: 'Asked because' }).querySelectorAll('b');
  expect([...reasons].map(reason => reason.textContent)).toEqual([
    'iban: <img src=x> ⟨U+202E⟩looks odd',
    'the guardrail words asks for a person: a <b>bad</b> word'
  ]);
  expect(container.querySelector('img, b > b')).toBeNull();
});

test('tags are shown as text', () => {
  const { container } = show(proposal({ tags: ['vip', '<b>\u202eurgent</b>'] }));
  const tags = within(screen.getByRole('list', { name: 'Tags' })).getAllByRole('listitem');
  expect(tags.map(tag => tag.textContent)).toEqual(['vip', '<b>⟨U+202E⟩urgent</b>']);
  expect(container.querySelector('.jp-hitl-tags b')).toBeNull();
  cleanup();
  show(proposal());
  expect(screen.queryByRole('list', { name: 'Tags' })).toBeNull();
});

test.each<[boolean, boolean, Partial<IProposal>]>([
  [true, true, {}],
  [true, false, { candidate: 'pay 20' }],
  [false, false, {}],
  [false, true, { guardrails: [] }]
])('that guardrails look at an edit again is said: %s', (said, edited, over) => {
  const iban = { name: 'iban', version: '1', milliseconds: 1, verdict: 'pass' as const, message: '' };
  const { container } = show(proposal({ guardrails: [iban], ...over }), { hasEdits: edited });
  expect(container.textContent!.includes('Guardrails look at the changed value again')).toBe(said);
});

test.each<[string, Partial<IProposalPermissions>, string]>([
  [
    'a requester',
    { actions: ['reject'], why_not: 'You asked for this: bo\u202e' },
    'You asked for this: bo⟨U+202E⟩'
  ],
  ['a person who may only reject for another reason', { actions: ['reject'], why_not: 'Log in.' }, 'Log in.'],
  ['a person without a seat', { actions: [], why_not: 'This needs ada or cy' }, 'This needs ada or cy']
])('%s has no primary button, and reads the sentence of the server', (_, may, told) => {
  const refused: IProposalPermissions = { decide: false, why_not: null, actions: [], undo: false, ...may };
  const { container } = show(proposal({ may: refused, needs: [needed] }));
  screen.getByText('Waits for others');
  expect(screen.queryByRole('button', { name: /Approve|More ways/ })).toBeNull();
  expect(container.querySelector('.jp-hitl-decision-end')!.textContent).toContain(told);
  const reject = screen.queryByRole('button', { name: /^Reject…/ });
  expect(reject !== null && !reject.hasAttribute('aria-disabled')).toBe(refused.actions.length > 0);
});

test.each([
  ['bo', 'given by bo', /^Approved by a guest, as bo, /],
  ['0f'.repeat(16), 'given by a guest', /^Approved by a guest, 10 min/]
])('a guest’s vote says the name that it is counted under: %s', (reviewer, given, line) => {
  const needs = [{ ...needed, voted: [reviewer] }];
  show(proposal({ needs, votes: [{ ...vote, reviewer, seat: reviewer, known: 'anonymous' }] }));
  expect(screen.getByRole('group', { name: 'Needed' }).textContent).toContain(given);
  const votes = within(screen.getByRole('list', { name: 'Votes' })).getByRole('listitem');
  expect(votes.textContent).toMatch(line);
});

test('people vote on what somebody has made of it', () => {
  const edit = { ...vote, action: 'edit' as const };
  const old = { ...vote, reviewer: 'ada', reviewer_name: '', counts: false };
  show(proposal({ candidate: 'pay 20', votes: [old, edit] }));
  screen.getByText('Changed by Bo. You vote on the changed value.');
  screen.getByText('1 change by Bo');
  expect(screen.getAllByTitle('Bo (bo), logged in')).toHaveLength(3);
  const [first, second] = within(screen.getByRole('list', { name: 'Votes' })).getAllByRole('listitem');
  expect(first.textContent).toContain('(of another value: it does not count)');
  expect(second.textContent).not.toContain('does not count');
});

test('a countdown changes each minute, each second in the last one, and is said at 5 min and at 1 min', () => {
  const timer = { at: '2026-01-05T09:06:00Z', does: 'reject' as const, people: [] };
  show(proposal({ timer }));
  const readLeft = (): string => screen.getByRole('group', { name: 'Until' }).textContent!.split(' left')[0];
  const readSaid = (): string => document.querySelector('.jp-hitl-said')?.textContent ?? '';
  const after = (ms: number): [string, string] => {
    act(() => jest.advanceTimersByTime(ms));
    return [readLeft(), readSaid()];
  };
  expect(after(30_000)).toEqual(['6 min', '']);
  expect(after(30_000)).toEqual(['5 min', '5 min left: Refund']);
  expect(after(61_000)).toEqual(['4 min', '']);
  expect(after(179_000)).toEqual(['1 min', '1 min left: Refund']);
  expect(after(1000)[0]).toBe('59 s');
  expect(after(10_000)).toEqual(['49 s', '']);
});

test('the time to take an approval back changes each minute, and is said as well', () => {
  const may = { ...all, undo: true };
  show(proposal({ settles_at: '2026-01-05T09:10:00Z', may }));
  screen.getByText(/, in 10 min\./);
  act(() => jest.advanceTimersByTime(59_000));
  screen.getByText(/, in 10 min\./);
  act(() => jest.advanceTimersByTime(541_000 - 59_000));
  screen.getByText(/, in 59 s\./);
  expect(document.querySelector('.jp-hitl-said')!.textContent).toBe('1 min left to take it back: Refund');
});

test('an approval that settles can be taken back by whose it is, and the record is read when it is over', () => {
  const settles_at = '2026-01-05T09:00:30Z';
  const may: IProposalPermissions = { decide: false, why_not: 'it settles', actions: ['reject'], undo: true };
  const { model } = show(
    proposal({ settles_at, may, timer: { at: settles_at, does: 'settle', people: [] } })
  );
  expect(document.querySelector('.jp-hitl-state')!.textContent).toBe('Approved');
  screen.getByText(/^It is sent to the agent at .*, in 30 s\. Until then the agent waits\.$/);
  act(() => jest.advanceTimersByTime(6000));
  screen.getByText(/, in 24 s\./);
  expect(screen.queryByRole('button', { name: /Approve/ })).toBeNull();
  screen.getByRole('button', { name: /^Reject…/ });
  fireEvent.click(screen.getByRole('button', { name: 'Take back' }));
  expect(model.takeBack).toHaveBeenCalledTimes(1);
  act(() => jest.advanceTimersByTime(25_000));
  expect(screen.queryByRole('button', { name: 'Take back' })).toBeNull();
  expect(model.refresh).toHaveBeenCalledTimes(1);
});

test('a person takes the own vote back while others are needed', () => {
  const may: IProposalPermissions = { ...all, undo: true };
  const { model } = show(proposal({ may, votes: [{ ...vote, own: true }] }));
  screen.getByText('You approved, 1 of 2');
  expect(screen.queryByRole('button', { name: 'Take back' })).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Take my vote back' }));
  expect(model.takeBack).toHaveBeenCalledTimes(1);
});

test('no vote, or a server that takes none back: no button for it', () => {
  show(proposal({ may: all }));
  expect(screen.queryByRole('button', { name: 'Take my vote back' })).toBeNull();
});

test('nobody else is offered to take an approval back', () => {
  const may: IProposalPermissions = {
    decide: false,
    why_not: 'it settles',
    actions: ['reject'],
    undo: false
  };
  show(proposal({ settles_at: '2026-01-05T09:00:30Z', may }));
  expect(screen.queryByRole('button', { name: 'Take back' })).toBeNull();
});

test('whom no notification reached is said, as long as it is open', () => {
  const untold = ['ada', 'bo\u202e'];
  show(proposal({ untold }));
  expect(screen.getByText('No notification reached:').parentElement!.textContent).toContain(
    'ada, bo⟨U+202E⟩'
  );
  cleanup();
  show(proposal({ untold, status: 'superseded' }));
  expect(screen.queryByText(/No notification reached/)).toBeNull();
});

test('stuck and late are said in words', () => {
  show(
    proposal({
      stuck: 'ada and bo are away',
      overdue: true,
      deadline: new Date(Date.now() - 3_600_000).toISOString(),
      votes: []
    })
  );
  screen.getByText('Nobody can decide');
  expect(screen.getByText('Nobody can decide this:').parentElement!.textContent).toContain(
    'ada and bo are away'
  );
  screen.getByText(/^1 h( 1 min)? late$/);
});

test.each<[string[], string]>([
  [['lea', 'cy\u202e'], 'ada is away. Its fallback was asked too: lea and cy⟨U+202E⟩.'],
  [[], 'ada is away. Its policy names no fallback.']
])('stuck names the fallback: %j', (fallback, text) => {
  show(proposal({ stuck: 'ada is away', fallback }));
  expect(screen.getByText('Nobody can decide this:').parentElement!.textContent).toContain(text);
});

test('hidden votes are said to be hidden', () => {
  show(proposal({ blind: true, votes: [], needs: [{ ...needed, voted: [], waiting: [] }] }));
  expect(screen.getByRole('group', { name: 'Needed' }).textContent).toContain('1 of 2 votes from @finance');
  screen.getByText('You see only your own vote until everybody has voted.');
  screen.getByRole('button', { name: 'Approve' }); // the number would reveal other people's votes
});

test.each<[Partial<IProposal>, string, string]>([
  [{ by: 'policy', action: 'approve' } as never, 'Passed by policy', 'Nobody was asked, because'],
  [{ by: 'policy', action: 'reject' } as never, 'Blocked by policy', 'Blocked because'],
  [
    { by: 'deadline', action: 'reject', known: 'deadline', reviewer: 'deadline' } as never,
    'Rejected by the deadline',
    'Asked because'
  ]
])('what no person decided never looks like a person’s decision: %j', (over, word, heading) => {
  const decision = {
    reviewer: 'policy:small-refund',
    reviewer_name: '',
    known: 'policy',
    reason: null,
    value: null
  };
  const decided = { ...decision, decided_at: '2026-01-05T08:00:00Z', ...over };
  const { container } = show(
    proposal({ status: 'decided', decision: decided as never, needs: [], votes: [], may: undefined })
  );
  expect(container.querySelector('.jp-hitl-state')!.textContent).toBe(word);
  expect(container.querySelector('.jp-hitl-decided')!.className).toContain('jp-mod-automatic');
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  screen.getByRole('group', { name: heading });
});

test.each<[boolean, Partial<IProposal>]>([
  [true, { needs: [{ ...needed, have: 2 }] }],
  [false, { needs: [{ ...needed, have: 2 }, needed] }],
  [false, { needs: [{ ...needed, have: 2 }], settles_at: '2026-01-05T09:00:30Z' }]
])('that enough people agree to what is open is said: %s', (said, over) => {
  const { container } = show(proposal(over));
  expect(container.textContent!.includes('One more approval decides')).toBe(said);
});

describe('sentences', () => {
  test('a need that anyone meets names nobody', () => {
    const need: INeedProgress = { text: '1 of anyone', have: 0, count: 1, voted: [], waiting: [] };
    expect(needLine(need, host)).toBeNull();
    const three = { ...need, text: '3 of anyone', count: 3 };
    expect(needLine(three, host)).toEqual({ have: '0 of 3 votes', from: 'anyone can give the next' });
    expect(needLine({ ...three, have: 1, voted: ['bo'] }, host)).toEqual({
      have: '1 of 3 votes',
      from: 'given by bo; anyone can give the next'
    });
  });

  test('a need of certain people names them', () => {
    const one: INeedProgress = {
      text: '1 of @finance',
      have: 0,
      count: 1,
      voted: [],
      waiting: ['ada', 'bo']
    };
    expect(needLine(one, host)).toEqual({
      have: '0 of 1 vote',
      from: 'from @finance; ada or bo can give the next'
    });
    expect(needLine({ ...one, have: 1, voted: ['bo'], waiting: [] }, host)).toEqual({
      have: '1 of 1 vote',
      from: 'from @finance; given by bo'
    });
  });

  test('of several needs the one that lacks most is counted', () => {
    const met = { ...needed, have: 1, count: 1 };
    expect(needProgress({ needs: [met, { ...needed, have: 0 }] })).toMatchObject({ have: 0, count: 2 });
    expect(needProgress({})).toBeNull();
  });

  test('what is left says until when and what happens then', () => {
    const remind = { at: '2026-01-05T09:30:00Z', does: 'remind' as const, people: [] };
    const escalate = { at: '2026-01-05T10:00:00Z', does: 'escalate' as const, people: ['lea'] };
    const reject = { at: '2026-01-05T11:12:00Z', does: 'reject' as const, people: [] };
    const timer = { ...remind, steps: [remind, escalate, reject] };
    const said = clockSentences({ timer }, NOW, trans);
    expect(said).toEqual([
      expect.stringMatching(/^30 min left, until .*; then a reminder is sent\.$/),
      expect.stringMatching(/^1 h left, until .*; then lea may decide too\.$/),
      expect.stringMatching(/^2 h 12 min left, until .*; then it is rejected\.$/)
    ]);
    expect(clockSentences({ timer: remind }, NOW, trans)[1]).toBe('After that it keeps waiting.');
    expect(clockSentences({ timer: { ...reject, does: 'approve' } }, NOW, trans)).toEqual([
      expect.stringMatching(/then it is approved, although nobody has decided\.$/)
    ]);
    expect(clockSentences({ timer: { ...remind, does: 'overdue' } }, NOW, trans)).toEqual([
      expect.stringMatching(/^30 min left, until .*; then it is late, and keeps waiting\.$/)
    ]);
    expect(clockSentences({}, NOW, trans)).toEqual([]);
    const settles_at = '2026-01-05T09:00:30Z';
    expect(clockSentences({ timer, settles_at }, NOW, trans)).toEqual([]);
  });

  test('my vote counts only for what is voted on now', () => {
    const mine = { ...vote, reviewer: 'cy', own: true };
    expect(waitsFor(proposal({ votes: [mine] }), host)).toBe('You approved, 1 of 2');
    expect(waitsFor(proposal({ votes: [{ ...mine, counts: false }] }), host)).toBe('Your vote');
  });
});

test('axe finds nothing wrong', async () => {
  jest.useRealTimers();
  const settles_at = new Date(Date.now() + 60_000).toISOString();
  const { container } = show(
    proposal({ settles_at, may: { ...all, undo: true }, stuck: 'x', overdue: true, candidate: 'pay 20' })
  );
  const found = await axe.run(container, {
    rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }
  });
  expect(found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)).toEqual([]);
});
