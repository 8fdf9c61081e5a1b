import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { IProposal, IRun } from '../../../src/api/types';
import type { IHost, IResumeAction, IRunActions } from '../../../src/components/host';
import { RunNotice, type RunNoticeState } from '../../../src/components/notices/run-notices';
import type { IProposalModel } from '../../../src/models/interfaces';

const QUIET: IRunActions = {
  trouble: null,
  where: '',
  busy: false,
  problem: '',
  kernelAlive: false
};

/** Show the notice of a state. Returns its whole text. */
function show(
  state: RunNoticeState,
  actions: Partial<IRunActions>,
  over: Partial<IProposal> = {},
  next: IResumeAction | null = null
): string {
  const host = {
    trans: nullTranslator.load('hitl_nb'),
    runActions: () => ({ ...QUIET, ...actions }),
    resumeAction: () => next
  } as unknown as IHost;
  const proposal = { agent: 'refunds', path: 'work/refunds.ipynb', notebook: '/x', decision: null, ...over };
  const model = { proposal, run: { id: 'r' } as IRun } as unknown as IProposalModel;
  const { container } = render(<RunNotice model={model} host={host} state={state} />);
  return container.textContent ?? '';
}

const names = (): (string | null)[] => screen.queryAllByRole('button').map(button => button.textContent);

test('an interrupted run says where it continues, and its first button continues it', async () => {
  const startKernel = jest.fn(async () => undefined);
  const cancelRun = jest.fn(async () => undefined);
  const actions = { trouble: 'interrupted', where: 'send_refund(\u202e…)', startKernel, cancelRun } as const;
  expect(show('interrupted', actions)).toContain(
    'The run was interrupted: the kernel is gone. It continues at send_refund(⟨U+202E⟩…), nothing before it is repeated.'
  );
  expect(names()).toEqual(['Start a kernel and continue', 'Cancel the run…']);
  await userEvent.click(screen.getByText('Start a kernel and continue'));
  expect([startKernel.mock.calls.length, cancelRun.mock.calls.length]).toEqual([1, 0]);
});

test('an interrupted run says when, if that is known', () => {
  const at = new Date();
  at.setHours(22, 4, 30, 0);
  const actions = { trouble: 'interrupted', interruptedAt: at.toISOString() } as const;
  expect(show('interrupted', actions)).toContain('The run was interrupted at 22:04: the kernel is gone.');
});

test.each([
  ['after pay()', 'It continues after pay(), nothing before it is repeated.'],
  ['', 'It continues where it was, nothing before it is repeated.']
])('an interrupted run that stands at %j', (where, sentence) => {
  expect(show('interrupted', { trouble: 'interrupted', where })).toContain(sentence);
});

test('a run that died in a call says that nobody knows whether it took effect', () => {
  expect(show('interrupted', { trouble: 'in-doubt', where: 'pay(7)' })).toContain(
    'In doubt. The kernel is gone, and nobody knows whether pay(7) took effect. You are asked before it is called again'
  );
});

test('with a kernel that lives, an interrupted run simply continues', () => {
  show('interrupted', { startKernel: async () => undefined, kernelAlive: true });
  expect(names()).toEqual(['Continue']);
});

test('a run without its cell has three doors', () => {
  const door = async (): Promise<void> => undefined;
  const text = show('orphaned', {
    trouble: 'cell-gone',
    restoreCell: door,
    runOnServer: door,
    cancelRun: door
  });
  expect(text).toContain(
    'refunds.ipynb has no cell of the agent “refunds” any more. A decision is kept, but nothing continues with it.'
  );
  expect(names()).toEqual(['Put the cell back', 'Run it on the server', 'Cancel the run…']);
});

test('a run without its notebook says so; what is not possible here is not drawn', () => {
  expect(show('orphaned', { trouble: 'notebook-gone' })).toContain('refunds.ipynb is not there any more.');
  expect(names()).toEqual([]);
});

test('why an action failed is said', () => {
  show('orphaned', { trouble: 'cell-gone', problem: 'The notebook cannot be opened.' });
  expect(screen.getByText('The notebook cannot be opened.').getAttribute('role')).toBe('alert');
});

test('while it is in progress nothing can be pressed', () => {
  show('interrupted', { busy: true, startKernel: async () => undefined });
  expect((screen.getByRole('button') as HTMLButtonElement).disabled).toBe(true);
});

test.each([
  ['approve', 'Approved.'],
  ['edit', 'Approved with edits.'],
  ['reject', 'Rejected.'],
  ['respond', 'Answered.']
])('after “%s” the agent continues, and can be stopped', async (action, word) => {
  const stopRun = jest.fn(async () => undefined);
  const text = show('continues', { where: 'send_refund', stopRun }, { decision: { action } } as never);
  expect(text).toContain(`${word} The agent continues … send_refund`);
  await userEvent.click(screen.getByText('Stop it'));
  expect(stopRun).toHaveBeenCalledTimes(1);
});

test('a run that is ready says what is next, with its button', async () => {
  const run = jest.fn(async () => undefined);
  const next = { text: 'The notebook is not open here.', label: 'Run it on the server', run };
  expect(show('continues', {}, { decision: { action: 'approve' } } as never, next)).toContain(
    'Approved. The notebook is not open here.'
  );
  await userEvent.click(screen.getByText('Run it on the server'));
  expect(run).toHaveBeenCalledTimes(1);
});

test('what the run needs next is shown with its hidden characters', () => {
  const decision = { action: 'approve', by: 'person', reviewer: 'ada' } as unknown as IProposal['decision'];
  const text = show('continues', {}, { status: 'decided', decision }, { text: 'Run \u202enb' });
  expect(text).toContain('Run ⟨U+202E⟩nb');
});
