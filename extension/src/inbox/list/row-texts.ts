/**
 * The texts of a row about time and votes.
 */

import type { IProposalSummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { goneWord } from '../../components/states/proposal-state';
import { needProgress, ownVote, waitsFor } from '../../components/terms-sentences';
import { formatDuration } from '../../text/duration';
import { dueTime } from '../stores/row-facts';

const MINUTE_MS = 60_000;

/** Below this time left a row says it in bold, in minutes. */
const SOON_MINUTES = 30;

/** The time of a row. */
export interface IRowTime {
  time: string;
  urgency: 'age' | 'due' | 'soon' | 'late' | 'ended';
}

/** Format how long a proposal has waited, in whole minutes. */
export function formatWait(at: string, now: number, { trans }: IHost): string {
  const minutes = Math.floor((now - Date.parse(at)) / MINUTE_MS);
  return minutes >= 1 ? formatDuration(roundMinutes(minutes) * 60) : trans.__('just now');
}

/** Format when a proposal is due: the time left or late; its age if it is never due. */
export function formatRowTime(
  proposal: Pick<IProposalSummary, 'deadline' | 'timer' | 'overdue' | 'created_at'>,
  now: number,
  host: IHost
): IRowTime {
  const { trans } = host;
  const due = dueTime(proposal);
  if (due === Infinity) {
    const late = proposal.overdue;
    return { time: formatWait(proposal.created_at, now, host), urgency: late ? 'late' : 'age' };
  }
  const minutes = Math.floor((due - now) / MINUTE_MS);
  const length = formatDuration(roundMinutes(Math.max(1, Math.abs(minutes))) * 60);
  if (minutes < 0) {
    return { time: trans.__('%1 late', length), urgency: 'late' };
  }
  return { time: trans.__('%1 left', length), urgency: minutes < SOON_MINUTES ? 'soon' : 'due' };
}

/** From two hours on, minutes are left out. */
function roundMinutes(minutes: number): number {
  return minutes >= 120 ? Math.floor(minutes / 60) * 60 : minutes;
}

/** Describe the state of a proposal's review: what is gone, what it waits for, and how many votes there are. */
export function reviewFacts(proposal: IProposalSummary, host: IHost): string {
  const { trans } = host;
  const counted = needProgress(proposal);
  const votes =
    counted && counted.count > 1 && !proposal.settles_at && !ownVote(proposal)
      ? trans.__('%1 of %2 votes', counted.have, counted.count)
      : '';
  const assigned = proposal.assignee ? trans.__('for %1', proposal.assignee) : '';
  const late = proposal.overdue ? trans.__('Late') : '';
  const gone = proposal.gone ? goneWord(proposal.gone, host) : '';
  return [gone, waitsFor(proposal, host) ?? '', votes, late, assigned].filter(Boolean).join(', ');
}
