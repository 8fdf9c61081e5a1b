import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { render, screen } from '@testing-library/react';
import type { IProposal, IRun } from '../../../src/api/types';
import type { IHost, IRunActions, RunTrouble } from '../../../src/components/host';
import { HeldLine } from '../../../src/components/states/held-question';
import { stateOf } from '../../../src/components/states/proposal-state';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import type { IProposalModel } from '../../../src/models/interfaces';

// The whole package needs image files.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const OPEN = {
  ...{ id: 'p', run: 'r', title: 'Refund 7', status: 'open', decision: null, pause: 1, kind: 'text' },
  ...{ agent: 'refunds', notebook: '/x/refunds.ipynb', path: 'refunds.ipynb', value: 'x', allow: ['approve'] }
} as unknown as IProposal;
const DECIDED = {
  ...OPEN,
  status: 'decided',
  decision: { action: 'approve', reviewer: 'bo', known: 'login', decided_at: '2026-11-28T22:04:00Z' }
} as unknown as IProposal;
const run = (status: IRun['status'], over: Partial<IRun> = {}): IRun =>
  ({ id: 'r', status, pauses: 1, ...over }) as IRun;

function hostOf(trouble: RunTrouble | null): IHost {
  const actions: Partial<IRunActions> = { trouble, where: 'send(7)', busy: false, problem: '' };
  return {
    trans: nullTranslator.load('hitl_nb'),
    readOnly: null,
    status: null,
    runActions: () => actions
  } as unknown as IHost;
}

test.each<[string, IProposal, IRun, RunTrouble | null, string]>([
  ['an open question in its notebook', OPEN, run('waiting'), null, 'open'],
  ['an open question without its cell', OPEN, run('waiting'), 'cell-gone', 'orphaned'],
  ['an open question without its notebook', OPEN, run('waiting'), 'notebook-gone', 'orphaned'],
  ['a run that continues', DECIDED, run('running'), null, 'continues'],
  ['a run whose kernel is gone', DECIDED, run('running'), 'interrupted', 'interrupted'],
  ['a run whose kernel is gone in a call', DECIDED, run('running'), 'in-doubt', 'interrupted'],
  ['a decided run without its cell', DECIDED, run('ready'), 'cell-gone', 'orphaned'],
  ['an earlier question of such a run', DECIDED, run('running', { pauses: 2 }), 'interrupted', 'decided'],
  ['a finished run without its cell', DECIDED, run('finished'), 'cell-gone', 'decided']
])('%s', (_, proposal, itsRun, trouble, name) => {
  expect(stateOf({ proposal, run: itsRun, trouble }, hostOf(trouble)).name).toBe(name);
});

test('the card of an interrupted run says so', () => {
  const model = { proposal: DECIDED, run: run('running'), conflict: null, changed: new Signal({}) };
  render(<ProposalCard model={model as unknown as IProposalModel} host={hostOf('interrupted')} />);
  expect(screen.getByRole('status').textContent).toContain('The run was interrupted');
  expect(screen.getByText('send(7)')).toBeTruthy();
});

test.each<[string, Partial<IProposalModel>, RunTrouble | null, string | undefined]>([
  ['interrupted', { run: run('running') }, 'interrupted', 'Interrupted'],
  ['in doubt', { run: run('running') }, 'in-doubt', 'In doubt'],
  ['without its cell', { run: run('ready') }, 'cell-gone', 'Cell is gone'],
  ['without its notebook', { run: run('ready') }, 'notebook-gone', 'Notebook is gone'],
  [
    'decided while this person typed',
    { run: null, conflict: { shown: OPEN, now: DECIDED, draft: { shown: 'y', now: 'x' } } },
    null,
    'Decided by bo'
  ],
  ['finished', { run: run('finished') }, null, undefined],
  ['that continues since just now', { run: run('running') }, null, undefined]
])('the folded card of a run %s has the chip beside the verdict', (_, over, trouble, chip) => {
  const model = { proposal: DECIDED, conflict: null, changed: new Signal({}), ...over };
  const { container } = render(
    <ProposalCard model={model as unknown as IProposalModel} host={hostOf(trouble)} />
  );
  const line = container.querySelector('.jp-hitl-decided-line')!;
  expect(line.querySelector('.jp-hitl-chip')?.textContent).toBe(chip);
  expect(line.querySelector('.jp-hitl-state')!.textContent).toBe('Approved');
});

test('the sentence about a held question is shown while it is open', () => {
  const { container, rerender } = render(
    <HeldLine proposal={{ ...OPEN, held: true } as IProposal} host={hostOf(null)} />
  );
  expect(container.textContent).toBe('The agent is waiting in another window.');
  for (const other of [OPEN, { ...DECIDED, held: true } as IProposal]) {
    rerender(<HeldLine proposal={other} host={hostOf(null)} />);
    expect(container.textContent).toBe('');
  }
});
