/**
 * The state of a card: what it is called, its tone and its icon. This module alone decides it; chip, edge, decision
 * bar and rows of the inbox read it.
 */

import type { IProposal, IProposalSummary, IRun } from '../../api/types';
import type { IDecisionConflict } from '../../models/interfaces';
import type { Tone } from '../controls/chip';
import type { IconName } from '../controls/icons';
import { decisionWord } from './decision-word';
import type { IHost, RunTrouble } from '../host';
import { formatDeciderName } from '../proposal-status';
import { hasSeat, needProgress, ownVote } from '../terms-sentences';

/** Name of a state, in the order of precedence. */
export type StateName =
  | 'disconnected'
  | 'doubt'
  | 'settling'
  | 'interrupted'
  | 'conflict'
  | 'continues'
  | 'decided'
  | 'expired'
  | 'superseded'
  | 'orphaned'
  | 'stuck'
  | 'blocked'
  | 'voted'
  | 'vote'
  | 'invalid'
  | 'edited'
  | 'open';

/** A state, as chip and edge show it. */
export interface ICardState {
  name: StateName;
  /** The word of the chip. */
  text: string;
  tone: Tone;
  icon?: IconName;
}

/** The facts that a state depends on. A list has only the proposal. */
export interface IStateFacts {
  proposal: IProposal | IProposalSummary;
  run?: IRun | null;
  hasEdits?: boolean;
  /** Why the text in the editor is not a valid value yet, or "". */
  invalidReason?: string;
  /** Messages about fields that are not valid. */
  fields?: { [path: string]: string };
  conflict?: IDecisionConflict | null;
  /** The reason why the run does not continue; null if there is none. */
  trouble?: RunTrouble | null;
  /** Whether the draft has been without connection for some time. */
  isOffline?: boolean;
}

/** Statuses of a run that continues after a decision. */
const CONTINUING: readonly IRun['status'][] = ['ready', 'running'];

/** Return the state of a card or of a row. The first state that fits counts. */
export function stateOf(facts: IStateFacts, host: IHost): ICardState {
  const { proposal } = facts;
  return proposal.status === 'open' ? openState(facts, host) : closedState(facts, host);
}

function openState(facts: IStateFacts, host: IHost): ICardState {
  const { trans } = host;
  const { proposal } = facts;
  if (facts.isOffline) {
    return { name: 'disconnected', text: trans.__('Not connected'), tone: 'bad', icon: 'disconnected' };
  }
  if (proposal.doubt) {
    return { name: 'doubt', text: trans.__('In doubt'), tone: 'warn', icon: 'warning' };
  }
  if (proposal.settles_at) {
    return { name: 'settling', text: settlingText(proposal, host), tone: 'good', icon: 'clock' };
  }
  const trouble = facts.trouble ?? (facts.run?.orphaned ? 'notebook-gone' : null);
  if (trouble === 'cell-gone' || trouble === 'notebook-gone') {
    return orphanedState(trouble, host);
  }
  if (proposal.stuck) {
    return { name: 'stuck', text: trans.__('Nobody can decide'), tone: 'warn', icon: 'warning' };
  }
  return voteState(proposal, host) ?? editState(facts, host);
}

function orphanedState(trouble: RunTrouble, host: IHost): ICardState {
  const text = goneWord(trouble === 'cell-gone' ? 'cell' : 'notebook', host);
  return { name: 'orphaned', text, tone: 'warn', icon: 'warning' };
}

/** Return the words for a part of a notebook that is not there any more. */
export function goneWord(part: 'cell' | 'notebook', { trans }: IHost): string {
  return part === 'cell' ? trans.__('Cell is gone') : trans.__('Notebook is gone');
}

/** The states of a proposal that others decide, or that several people decide; null for all others. */
function voteState(proposal: IStateFacts['proposal'], { trans, readOnly }: IHost): ICardState | null {
  const counted = needProgress(proposal);
  const own = ownVote(proposal);
  if (counted && own && counted.have < counted.count) {
    const text =
      own.action === 'reject'
        ? trans.__('You voted, %1 of %2', counted.have, counted.count)
        : trans.__('You approved, %1 of %2', counted.have, counted.count);
    return { name: 'voted', text, tone: 'neutral', icon: 'people' };
  }
  if (!hasSeat(proposal) || readOnly !== null) {
    return { name: 'blocked', text: trans.__('Waits for others'), tone: 'neutral', icon: 'people' };
  }
  return counted && counted.count > 1
    ? { name: 'vote', text: trans.__('Your vote'), tone: 'brand', icon: 'people' }
    : null;
}

function editState(facts: IStateFacts, { trans }: IHost): ICardState {
  const { hasEdits, invalidReason, fields = {}, proposal } = facts;
  if (invalidReason || Object.keys(fields).length > 0) {
    return { name: 'invalid', text: trans.__('Edited'), tone: 'warn', icon: 'pencil' };
  }
  const edited = hasEdits ?? ('has_draft' in proposal && proposal.has_draft === true);
  return edited
    ? { name: 'edited', text: trans.__('Edited'), tone: 'brand', icon: 'pencil' }
    : { name: 'open', text: trans.__('Your decision'), tone: 'brand' };
}

function closedState({ proposal, run, conflict, trouble }: IStateFacts, host: IHost): ICardState {
  const { trans } = host;
  const { decision } = proposal;
  const { kind, ...word } = decisionWord(proposal, host);
  if (kind === 'expired' || kind === 'superseded' || decision === null) {
    return { name: kind === 'expired' ? 'expired' : 'superseded', ...word };
  }
  if (conflict?.draft) {
    const text = trans.__('Decided by %1', formatDeciderName(decision, host));
    return { name: 'conflict', text, tone: 'neutral', icon: 'people' };
  }
  if (run && run.pauses === proposal.pause && CONTINUING.includes(run.status)) {
    if (trouble === 'in-doubt') {
      return { name: 'interrupted', text: trans.__('In doubt'), tone: 'warn', icon: 'warning' };
    }
    if (trouble === 'interrupted') {
      return { name: 'interrupted', text: trans.__('Interrupted'), tone: 'warn', icon: 'disconnected' };
    }
    if (trouble) {
      return orphanedState(trouble, host);
    }
    return { name: 'continues', text: trans.__('Agent continues'), tone: 'good', icon: 'play' };
  }
  return { name: 'decided', ...word };
}

/** Say which approval settles: that of an edited value, or that of the agent's version. */
function settlingText(proposal: IStateFacts['proposal'], { trans }: IHost): string {
  const edited = 'candidate' in proposal && proposal.candidate !== undefined;
  return edited ? trans.__('Approved with edits') : trans.__('Approved');
}
