import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import type { IProposal, IRun } from '../../../src/api/types';
import type { IHost } from '../../../src/components/host';
import { CardMenu } from '../../../src/components/proposal/card-menu';
import { RuleChip } from '../../../src/components/rules/rule-chip';

const run = { id: 'r1', agent: 're/funds', generation: 2, status: 'waiting' } as IRun;
const proposal = { id: 'p1', run: 'r1', status: 'open', path: 'n.ipynb' } as IProposal;

function openMenu(over: Partial<IHost> = {}, around = 'jp-hitl-card') {
  const calls: string[] = [];
  const note = (name: string) => async (): Promise<void> => void calls.push(name);
  const actions = { trouble: null, where: '', busy: false, problem: '', kernelAlive: true };
  const host = {
    trans: nullTranslator.load('hitl_nb'),
    client: { exportRun: async (id: string, format: string) => Promise.reject(new Error(`${id} ${format}`)) },
    pageUrl: (id: string) => `/review/${id}`,
    openNotebook: note('cell'),
    openInInbox: (id: string) => void calls.push(`inbox ${id}`),
    openTimeline: (id: string) => void calls.push(`timeline ${id}`),
    runActions: () => ({ ...actions, cancelRun: note('cancel'), restartRun: note('restart') }),
    ...over
  } as unknown as IHost;
  render(
    <div className={around}>
      <CardMenu proposal={proposal} run={run} host={host} onHistory={() => void calls.push('history')} />
    </div>
  );
  const open = (): void => void fireEvent.click(screen.getByLabelText(/^More about/));
  const names = (): (string | null)[] =>
    screen.getAllByRole('menuitem').map(one => one.querySelector('span')!.textContent);
  const press = (name: string): Promise<void> =>
    act(async () => void fireEvent.click(screen.getByText(name)));
  open();
  return { calls, open, names, press };
}

test('the menu of a card leads to its places and its run', async () => {
  const { calls, open, names, press } = openMenu();
  expect(names()).toEqual([
    'Copy link',
    'Go to the cell',
    'Open in the inbox',
    'History',
    'Timeline',
    'Export',
    'Cancel the run…',
    'Start over…'
  ]);
  for (const name of ['Open in the inbox', 'History', 'Timeline', 'Cancel the run…', 'Start over…']) {
    await press(name);
    open();
  }
  expect(calls).toEqual(['inbox p1', 'history', 'timeline r1', 'cancel', 'restart']);
});

test('the run is exported from the card as from the list of runs', async () => {
  const { press, names } = openMenu();
  await press('Export');
  expect(names()).toEqual(['JSON Lines', 'CSV']);
  await press('CSV');
  expect(screen.getByRole('alert').textContent).toBe('r1 csv');
});

test('only what is possible here is offered', () => {
  const { names } = openMenu({ runActions: undefined, openNotebook: undefined }, 'jp-hitl-inbox');
  expect(names()).toEqual(['Copy link', 'History', 'Timeline', 'Export']);
});

test('the chip of a rule opens what the rule says', async () => {
  const rule = {
    ...{ id: 'big', source: 'hitl-policy.toml', scope: { agent: 'refunds' }, when: 'value.amount > 100' },
    ...{ do: 'ask', needs: ['2 of @finance\u202e'], four_eyes: true, timeline: [] }
  };
  const asked: string[] = [];
  const client = { getPolicy: async (path: string) => ({ rules: asked.push(path) > 0 ? [rule] : [] }) };
  const host = { trans: nullTranslator.load('hitl_nb'), client } as unknown as IHost;
  render(<RuleChip rule="big" path="n.ipynb" host={host} />);
  expect(asked).toEqual([]);
  await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'big' })));
  const { textContent } = screen.getByRole('dialog', { name: 'Rule big' });
  for (const part of ['agent refunds', 'value.amount > 100', 'people are asked', '2 of @finance⟨U+202E⟩']) {
    expect(textContent).toContain(part);
  }
});

test('a rule that is not in the policy any more is said to be none', async () => {
  const client = { getPolicy: async () => ({ rules: [] }) };
  const host = { trans: nullTranslator.load('hitl_nb'), client } as unknown as IHost;
  render(<RuleChip rule="big" path="n.ipynb" host={host} />);
  await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'big' })));
  expect(screen.getByRole('dialog').textContent).toContain('The policy has no such rule now');
});
