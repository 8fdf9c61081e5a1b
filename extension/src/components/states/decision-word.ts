/**
 * A decision as one word and one icon. A decision that no person made has another word, another icon and
 * another frame than a person's.
 */

import type { IProposal, IProposalSummary } from '../../api/types';
import type { Tone } from '../controls/chip';
import type { IconName } from '../controls/icons';
import type { IHost } from '../host';
import { effectState, isAboutWorkspace } from '../proposal-status';

/**
 * Kind of a closed proposal: "policy", "deadline" and "script" mean that no person decided. "wrong": a person said after
 * the decision that the approval was wrong.
 */
export type DecisionKind =
  | 'approved'
  | 'edited'
  | 'rejected'
  | 'answered'
  | 'policy'
  | 'deadline'
  | 'script'
  | 'wrong'
  | 'expired'
  | 'superseded';

/** The word for a closed proposal, with its icon and tone. */
export interface IDecisionWord {
  kind: DecisionKind;
  text: string;
  icon: IconName;
  tone: Tone;
}

/** Return the word for a proposal that is not open. */
export function decisionWord(proposal: IProposal | IProposalSummary, host: IHost): IDecisionWord {
  const { trans } = host;
  const { status, decision } = proposal;
  if (status === 'expired') {
    return { kind: 'expired', text: trans.__('Asked again'), icon: 'clock', tone: 'warn' };
  }
  if (status === 'superseded' || decision === null) {
    return { kind: 'superseded', text: trans.__('Withdrawn'), icon: 'cross', tone: 'neutral' };
  }
  if (proposal.flag) {
    return { kind: 'wrong', text: trans.__('Flagged as wrong'), icon: 'flag', tone: 'bad' };
  }
  return outcomeWord(proposal, host);
}

/** Return true if no person made the decision. */
export function isAutomatic({ status, decision }: IProposal | IProposalSummary): boolean {
  return status !== 'decided' || decision === null || decision.by !== 'person';
}

/** Return the word for the decision itself, whatever was said about it afterwards. */
export function outcomeWord(proposal: IProposal | IProposalSummary, host: IHost): IDecisionWord {
  const { trans } = host;
  const decision = proposal.decision!;
  const rejected = decision.action === 'reject';
  if (decision.by === 'policy') {
    const text = rejected ? trans.__('Blocked by policy') : trans.__('Passed by policy');
    return { kind: 'policy', text, icon: 'shield', tone: rejected ? 'bad' : 'neutral' };
  }
  if (decision.by === 'deadline') {
    const text = rejected ? trans.__('Rejected by the deadline') : trans.__('Approved by the deadline');
    return { kind: 'deadline', text, icon: 'clock', tone: rejected ? 'bad' : 'warn' };
  }
  const word = personWord(proposal, host);
  return decision.by === 'script'
    ? {
        ...word,
        kind: 'script',
        text: trans.__('%1 by a script', word.text),
        icon: 'notebook',
        tone: 'neutral'
      }
    : word;
}

function personWord(proposal: IProposal | IProposalSummary, { trans }: IHost): IDecisionWord {
  const decision = proposal.decision!;
  const whole = isAboutWorkspace(proposal);
  switch (decision.action) {
    case 'reject':
      return { kind: 'rejected', text: trans.__('Rejected'), icon: 'cross', tone: 'bad' };
    case 'respond':
      return { kind: 'answered', text: trans.__('Answered'), icon: 'answer', tone: 'brand' };
    case 'edit': {
      if (proposal.doubt) {
        return effectWord('value' in decision ? effectState(decision.value) : null, trans);
      }
      const text = whole ? trans.__('Marked as done, with edits') : trans.__('Approved with edits');
      return { kind: 'edited', text, icon: 'pencil', tone: 'good' };
    }
    default: {
      const text = whole ? trans.__('Marked as done') : trans.__('Approved');
      return { kind: 'approved', text, icon: 'check', tone: 'good' };
    }
  }
}

/** The answer whether an effect happened. A list does not have the answer itself. */
function effectWord(happened: ReturnType<typeof effectState>, trans: IHost['trans']): IDecisionWord {
  switch (happened) {
    case 'yes':
      return { kind: 'approved', text: trans.__('It happened'), icon: 'check', tone: 'good' };
    case 'no':
      return { kind: 'rejected', text: trans.__('It did not happen'), icon: 'cross', tone: 'bad' };
    case 'stop':
      return { kind: 'rejected', text: trans.__('Run stopped'), icon: 'stop', tone: 'bad' };
    default:
      return { kind: 'answered', text: trans.__('Answered'), icon: 'answer', tone: 'brand' };
  }
}
