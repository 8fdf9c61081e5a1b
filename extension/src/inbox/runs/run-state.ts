/**
 * The state of a run as one word, and what to know about it beside that.
 */

import type { IRunRow, RunState } from '../../api/types';
import type { Tone } from '../../components/controls/chip';
import type { IconName } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import { goneWord } from '../../components/states/proposal-state';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** The states of runs, first those that need a person. */
export const RUN_STATES: readonly RunState[] = [
  'in_doubt',
  'interrupted',
  'failed',
  'orphaned',
  'waiting',
  'ready',
  'working',
  'finished',
  'cancelled',
  'superseded'
];

/** A state in words. */
export interface IRunWord {
  readonly text: string;
  readonly tone: Tone;
  readonly icon: IconName;
}

/** Return the word for a state. `gone` is the part that an orphaned run has lost. */
export function runWord(state: RunState, host: IHost, gone: IRunRow['gone'] = null): IRunWord {
  const { trans } = host;
  const lost = goneWord(gone ?? 'notebook', host);
  const words: { [name in RunState]: IRunWord } = {
    in_doubt: { text: trans.__('In doubt'), tone: 'warn', icon: 'warning' },
    interrupted: { text: trans.__('Interrupted'), tone: 'warn', icon: 'disconnected' },
    failed: { text: trans.__('Failed'), tone: 'bad', icon: 'cross' },
    orphaned: { text: lost, tone: 'warn', icon: 'warning' },
    waiting: { text: trans.__('Waiting'), tone: 'brand', icon: 'clock' },
    ready: { text: trans.__('Ready to continue'), tone: 'brand', icon: 'play' },
    working: { text: trans.__('Running'), tone: 'brand', icon: 'play' },
    finished: { text: trans.__('Finished'), tone: 'good', icon: 'check' },
    cancelled: { text: trans.__('Cancelled'), tone: 'neutral', icon: 'stop' },
    superseded: { text: trans.__('Started over'), tone: 'neutral', icon: 'restart' }
  };
  return words[state];
}

/** Describe where a run is, and what it waits for or why it does not continue. */
export function runNote(run: IRunRow, host: IHost): string {
  const parts = [run.path ?? run.notebook, run.key, runTrouble(run, host)];
  return showHiddenCharacters(parts.filter(Boolean).join(' · '));
}

function runTrouble(run: IRunRow, { trans }: IHost): string {
  const { state, where, open, waits_for: title, error, generation } = run;
  switch (state) {
    case 'in_doubt':
      return where ? trans.__('stopped in %1', where) : trans.__('stopped in a call');
    case 'interrupted':
      return where
        ? trans.__('the kernel is gone; continues at “%1”', where)
        : trans.__('the kernel is gone');
    case 'waiting':
      return open === 1 && title ? trans.__('for %1', title) : trans._n('%1 proposal', '%1 proposals', open);
    case 'failed':
      return error ?? '';
    default:
      return trans.__('run %1', generation);
  }
}

/** How much was decided: "4 + 5" by people and by a policy, "1 of 64" while more is open. */
export function decidedCounts({ decided, open }: IRunRow, { trans }: IHost): { text: string; title: string } {
  const script = decided.script ?? 0; // a server of an older version counts them as decided by people
  const answered = decided.people + script + decided.deadline;
  const own = open > 0 ? trans.__('%1 of %2', answered, decided.asked) : String(answered);
  const sentences = [
    trans.__('%1 decided by people', decided.people),
    ...(decided.policy > 0 ? [trans.__('%1 passed by policy', decided.policy)] : []),
    ...(script > 0 ? [trans.__('%1 decided by a script', script)] : []),
    ...(decided.deadline > 0 ? [trans.__('%1 decided by the deadline', decided.deadline)] : []),
    ...(decided.changed > 0
      ? [trans._n('%1 value changed by people', '%1 values changed by people', decided.changed)]
      : [])
  ];
  return {
    text: decided.policy > 0 ? `${own} + ${decided.policy}` : own,
    title: sentences.join(', ')
  };
}
