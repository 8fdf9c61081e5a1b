import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen } from '@testing-library/react';
import type { IComment, IProposal } from '../../../src/api/types';
import { DecisionBar } from '../../../src/components/decide/decision-bar';
import {
  DecisionSurroundings,
  type IDecisionSurroundings
} from '../../../src/components/decide/decision-surroundings';
import type { IHost } from '../../../src/components/host';
import { CommandTargets } from '../../../src/components/review-commands';
import type { IProposalModel } from '../../../src/models/interfaces';

const trans = nullTranslator.load('hitl_nb');

interface IShown {
  proposal?: Partial<IProposal>;
  model?: Partial<IProposalModel>;
  comments?: Partial<IComment>[];
  targets?: CommandTargets;
  around?: Partial<IDecisionSurroundings>;
}

function show({
  proposal: over,
  model: more,
  comments = [],
  targets = new CommandTargets(),
  around
}: IShown = {}) {
  const host = { trans, status: null, readOnly: null, commandTargets: targets } as unknown as IHost;
  const proposal = {
    ...{ id: 'p', title: 'Send?', kind: 'choice', status: 'open', value: 'yes', reasons: [] },
    ...{ allow: ['approve', 'edit', 'reject', 'respond'], ...over }
  };
  const decide = jest.fn(async () => true);
  const model = {
    ...{ proposal, hasEdits: true, invalidReason: '', fields: {}, isDeciding: false, saveStatus: 'saved' },
    ...{ discussion: { comments }, changed: new Signal({}), decide, ...more }
  } as unknown as IProposalModel;
  const onDecided = jest.fn();
  const surroundings = { hasNext: true, selected: 0, onDecided, ...around };
  render(
    <DecisionSurroundings.Provider value={surroundings}>
      <article className="jp-hitl-card" data-proposal="p" tabIndex={-1}>
        <DecisionBar model={model} host={host} changes={2} onComments={() => undefined} />
      </article>
    </DecisionSurroundings.Provider>
  );
  screen.getByRole('article').focus();
  return { decide, onDecided, targets };
}

const press = (name: string | RegExp, role = 'button'): Promise<void> =>
  act(async () => void fireEvent.click(screen.getByRole(role, { name })));

const COMMENT = { id: 'c', text: 'Hm', author: 'bo', author_name: 'Bo', thread: '', state: 'open' } as const;
const SUGGESTION = { ...COMMENT, suggestion: 'no', quote: 'yes', known: 'login' } as const;

test('while rows are selected in the inbox, the keys of the card act on them', () => {
  const targets = new CommandTargets();
  const ran: string[] = [];
  const handler = (name: string) => ({ isEnabled: () => true, execute: () => void ran.push(name) });
  targets.inbox = {
    'hitl-nb:approve-proposals': handler('approve'),
    'hitl-nb:reject-proposals': handler('reject')
  };
  const { decide } = show({ targets, around: { selected: 3 } });
  for (const verb of ['approve-proposal', 'approve-with-reason', 'reject-proposal']) {
    act(() => void targets.find(`hitl-nb:${verb}`, {})!.execute({}));
  }
  expect(ran).toEqual(['approve', 'approve', 'reject']);
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(decide).not.toHaveBeenCalled();
  const answer = targets.find('hitl-nb:answer-proposal', {})!;
  expect([answer.isEnabled({}), answer.whyNot?.()]).toEqual([false, 'Keys act on the 3 selected']);
});

describe('while a decision is sent', () => {
  /** Shows a card whose decision is never answered. */
  function showSending(proposal: Partial<IProposal> = {}): void {
    const decide = jest.fn(function (this: { isDeciding: boolean }) {
      this.isDeciding = true;
      return new Promise<boolean>(() => undefined);
    });
    show({ proposal, model: { decide, hasEdits: false } });
  }

  test.each<[Partial<IProposal>, string, string]>([
    [{}, 'Approve and next', 'Approving …'],
    [{ document: 'w' }, 'Done and next', 'Marking as done …']
  ])('an approval says so: %j', async (over, name, sent) => {
    showSending(over);
    await press(name);
    expect(screen.getByRole('button', { name: sent }).getAttribute('aria-disabled')).toBe('true');
  });

  test('a rejection says so, and the approval does not', async () => {
    showSending();
    await press('Reject…');
    await press('Reject');
    screen.getByRole('button', { name: 'Rejecting …' });
    screen.getByRole('button', { name: 'Approve' });
    expect(screen.queryByRole('button', { name: 'Approving …' })).toBeNull();
  });
});

test('a command that names its proposal is still about that one', () => {
  const { targets } = show();
  act(() => void targets.find('hitl-nb:reject-proposal', { proposal: 'p' })!.execute({ proposal: 'p' }));
  screen.getByRole('dialog', { name: 'Reject “Send?”' });
});

test('a key that cannot decide says why', () => {
  const may = { decide: false, actions: [], undo: false, why_not: 'Bo or Cy must approve it.' };
  const { targets } = show({ proposal: { may } as unknown as Partial<IProposal> });
  for (const verb of ['approve-proposal', 'reject-proposal', 'answer-proposal']) {
    const handler = targets.find(`hitl-nb:${verb}`, {})!;
    expect([handler.isEnabled({}), handler.whyNot?.()]).toEqual([false, 'Bo or Cy must approve it.']);
  }
});

test('“and stay here” stays, also after open comments were asked about', async () => {
  const { decide, onDecided } = show({ comments: [SUGGESTION] });
  await press('More ways to approve');
  await press('Approve with edits and stay here', 'menuitem');
  expect(decide).not.toHaveBeenCalled();
  await press('Approve without them');
  expect(decide).toHaveBeenCalledTimes(1);
  expect(onDecided).not.toHaveBeenCalled();
});

test('the agent’s version is approved only after open suggestions were asked about', async () => {
  const { decide } = show({ comments: [SUGGESTION] });
  await press('More ways to approve');
  await press(/^Approve the agent’s version…/, 'menuitem');
  await press('Approve the agent’s version');
  expect(decide).not.toHaveBeenCalled();
  await press('Approve without them');
  expect(decide.mock.calls).toEqual([['approve', { reason: undefined, withoutDraft: true }]]);
});

test('a reason that was typed and cancelled is not sent by the next approval', async () => {
  const { decide, targets } = show();
  act(() => void targets.find('hitl-nb:approve-with-reason', {})!.execute({}));
  fireEvent.change(screen.getByRole('textbox'), { target: { value: 'not yet' } });
  await press('Cancel');
  await act(async () => void (await targets.find('hitl-nb:approve-proposal', {})!.execute({})));
  expect(decide.mock.calls).toEqual([['edit', {}]]);
});

test('a reason is sent by the pop-up that shows it, also after open comments were asked about', async () => {
  const { decide, targets } = show({ comments: [SUGGESTION] });
  act(() => void targets.find('hitl-nb:approve-with-reason', {})!.execute({}));
  fireEvent.change(screen.getByRole('textbox'), { target: { value: 'as agreed' } });
  await act(async () => void fireEvent.click(screen.getAllByText('Approve with edits').pop()!));
  expect(screen.getByRole('dialog').textContent).toContain('Your reason: “as agreed”');
  await press('Approve without them');
  expect(decide.mock.calls).toEqual([['edit', { reason: 'as agreed' }]]);
});

test('where people vote on somebody’s edit, nothing approves the agent’s version', async () => {
  show({ proposal: { candidate: 'no' } });
  await press('More ways to approve');
  expect(screen.queryByRole('menuitem', { name: /agent’s version/ })).toBeNull();
});

test.each([
  ['loading', 'Opening the draft …'],
  ['You may not edit this any more.', 'You may not edit this any more.']
])('why the draft is not there is said once: %s', (saveStatus, sentence) => {
  jest.useFakeTimers();
  show({ model: { saveStatus } });
  act(() => jest.advanceTimersByTime(5000)); // states of saving are shown after a delay
  expect(screen.getAllByText(sentence)).toHaveLength(1);
  jest.useRealTimers();
});
