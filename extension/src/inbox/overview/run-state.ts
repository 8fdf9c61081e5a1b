/**
 * The state of a run as one word.
 */

import type { Tone } from '../../components/controls/chip';
import type { IconName } from '../../components/controls/icons';
import type { IHost } from '../../components/host';

/** The states of runs, first those that need a person. */
export const RUN_STATES = [
  'interrupted',
  'failed',
  'waiting',
  'ready',
  'running',
  'finished',
  'cancelled'
] as const;

/** A state of a run that the filter offers. */
export type FilteredRunState = (typeof RUN_STATES)[number];

interface IRunWord {
  state: FilteredRunState;
  text: string;
  tone: Tone;
  icon: IconName;
}

/** Return the word for a run's state. */
export function runState(run: { state?: string; status?: string }, { trans }: IHost): IRunWord {
  const state = RUN_STATES.find(one => one === (run.state ?? run.status)) ?? 'running';
  const words: { [name in FilteredRunState]: Omit<IRunWord, 'state'> } = {
    interrupted: { text: trans.__('Interrupted'), tone: 'warn', icon: 'disconnected' },
    failed: { text: trans.__('Failed'), tone: 'bad', icon: 'cross' },
    waiting: { text: trans.__('Waiting'), tone: 'brand', icon: 'clock' },
    ready: { text: trans.__('Ready to continue'), tone: 'brand', icon: 'play' },
    running: { text: trans.__('Running'), tone: 'brand', icon: 'play' },
    finished: { text: trans.__('Finished'), tone: 'good', icon: 'check' },
    cancelled: { text: trans.__('Cancelled'), tone: 'neutral', icon: 'stop' }
  };
  return { state, ...words[state] };
}
