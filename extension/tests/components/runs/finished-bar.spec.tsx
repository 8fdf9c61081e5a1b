import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { IRun, ITimelineEntry } from '../../../src/api/types';
import { FinishedBar, FinishedBeforeBar } from '../../../src/components/runs/finished-bar';
import type { IHost } from '../../../src/components/host';

const RUN = { id: 'r', updated_at: new Date(2020, 10, 28, 22, 25).toISOString() } as IRun;

function hostOf(over: object): IHost {
  return { trans: nullTranslator.load('hitl_nb'), ...over } as unknown as IHost;
}

const decision = (action: string, more: object = {}) => ({ type: 'decision', detail: { action, ...more } });

test('the bar says what was decided by whom, and how long it took', async () => {
  const entries = [
    { type: 'working', seconds: 4, detail: {} },
    { type: 'working', seconds: 8, detail: {} },
    { type: 'waiting', seconds: 2460, detail: {} },
    { type: 'policy', detail: { action: 'approve' } },
    { type: 'policy', detail: { action: 'approve' } },
    decision('approve'),
    decision('approve'),
    decision('reject'),
    decision('respond'),
    decision('reject', { by: 'deadline' }),
    { type: 'policy', detail: {} } // a policy objected
  ] as unknown as ITimelineEntry[];
  const openTimeline = jest.fn();
  const host = hostOf({ client: { getTimeline: async () => ({ entries }) }, openTimeline });
  const { container } = render(<FinishedBar run={RUN} host={host} />);
  await screen.findByText(/questions/);
  expect(container.textContent).toContain(
    'Finished. 7 questions: 2 passed by policy, 2 approved, 1 rejected, 1 answered, 1 rejected by the deadline. Ran 12 s, waited 41 min.'
  );
  await userEvent.click(screen.getByRole('button', { name: 'Timeline' }));
  expect(openTimeline).toHaveBeenCalledWith('r');
});

test('without the timeline it says that it is finished', async () => {
  const getTimeline = jest.fn(async () => Promise.reject(new Error('no')));
  const { container } = render(<FinishedBar run={RUN} host={hostOf({ client: { getTimeline } })} />);
  expect(container.textContent).toBe('Finished. ');
  expect(screen.queryByRole('button')).toBeNull();
});

test('an agent that had finished before is started over from its bar', async () => {
  const restartRun = jest.fn(async () => undefined);
  const host = hostOf({ runActions: () => ({ restartRun, busy: false, problem: '' }) });
  const { container } = render(<FinishedBeforeBar run={RUN} host={host} />);
  expect(container.textContent).toMatch(
    /^This agent has finished before \(.*22:25\)\. All that you see is its record: nothing was called again\./
  );
  await userEvent.click(screen.getByRole('button', { name: 'Start over…' }));
  expect(restartRun).toHaveBeenCalledTimes(1);
});

test('who may not start it over sees no button', () => {
  render(<FinishedBeforeBar run={RUN} host={hostOf({ runActions: () => ({ busy: false, problem: '' }) })} />);
  expect(screen.queryByRole('button')).toBeNull();
});

test('why starting over failed is shown with its hidden characters', () => {
  const host = hostOf({ runActions: () => ({ busy: false, problem: 'no \u202ecell' }) });
  render(<FinishedBeforeBar run={RUN} host={host} />);
  expect(screen.getByRole('alert').textContent).toBe('no ⟨U+202E⟩cell');
});
