/**
 * The parts of a proposal's state as text: who decided, voted or commented, how the server knew that, and when.
 */

import type { IDecision, IProposal, IVote, Json, ReviewerIdentity, AuthorIdentity } from '../api/types';
import type { IHost } from './host';
import { ruleOf } from './terms-sentences';
import { isGeneratedName } from '../text/guest-names';
import { showHiddenCharacters } from '../text/hidden-characters';

/**
 * Return the meaning of an answer in doubt: whether the effect happened, or "stop". Null if it is not such an answer.
 */
export function effectState(value: Json | undefined): 'yes' | 'no' | 'stop' | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return null;
  }
  const { happened } = value;
  return happened === true ? 'yes' : happened === false ? 'no' : happened === 'stop' ? 'stop' : null;
}

/** Return true if a proposal asks whether a workspace is done. */
export function isAboutWorkspace({ id, document = id }: Pick<IProposal, 'id' | 'document'>): boolean {
  return document !== id;
}

/** Describe a voter and how the voter is known, in the same words as for decisions. */
export function formatVoter(vote: IVote, host: IHost): string {
  const { reviewer, reviewer_name: name, known = 'unsigned', surface } = vote;
  return formatIdentity(reviewer, name, known, surface === 'page', host);
}

/** Return the voter's name alone, or "You"; the full identity is in the tooltip. */
export function formatVoterName(vote: IVote, host: IHost): string {
  const { reviewer, reviewer_name: name, known = 'unsigned' } = vote;
  return vote.own ? host.trans.__('You') : formatName(reviewer, name, known, host) || formatVoter(vote, host);
}

/**
 * Describe the author of a decision and how the author is known. All views use this function. In Python:
 * `hitl_nb/ledger/decisions/reviewers.py`.
 */
export function formatDecider(decision: Omit<IDecision, 'value'>, host: IHost): string {
  const { reviewer, reviewer_name: name, known, surface } = decision;
  return formatIdentity(reviewer, name, known, surface === 'page', host);
}

/** Return the decider's name alone, as chips and collapsed cards show it; the full identity is in the tooltip. */
export function formatDeciderName(decision: Omit<IDecision, 'value'>, host: IHost): string {
  const { reviewer, reviewer_name: name, known } = decision;
  return formatName(reviewer, name, known, host) || formatDecider(decision, host);
}

/** Describe how the current user is known here, for the tooltip of a card; "" while that is not known. */
export function formatOwnIdentity(host: IHost): string {
  const { status, trans, isOwnWindow = false } = host;
  if (!status) {
    return '';
  }
  const { user, authn } = status;
  return trans.__(
    'You decide as %1',
    formatIdentity(user.username, user.display_name, authn, isOwnWindow, host)
  );
}

/**
 * Return true if the current user said or decided something, as far as the server knows. A browser that has the
 * server's token alone has a name of its own too.
 */
export function isOwn(user: string, known: ReviewerIdentity | AuthorIdentity, { status }: IHost): boolean {
  const isPerson = known === 'login' || known === 'token' || known === 'anonymous';
  return isPerson && user === status?.user.username;
}

/** The name of a person alone; "" if no person decided. */
function formatName(reviewer: string, name: string, known: ReviewerIdentity, host: IHost): string {
  const { trans } = host;
  if (isOwn(reviewer, known, host)) {
    return trans.__('You');
  }
  switch (known) {
    case 'login':
      return showHiddenCharacters(name || reviewer);
    case 'token':
    case 'anonymous':
      return trans.__('a guest');
    case 'unsigned':
      return trans.__('%1 (unsigned)', showHiddenCharacters(reviewer));
    default:
      return '';
  }
}

function formatIdentity(
  reviewer: string,
  name: string,
  known: ReviewerIdentity,
  page: boolean,
  { trans }: IHost
): string {
  switch (known) {
    case 'login': {
      const who = formatUser(reviewer, name);
      return page
        ? trans.__('%1, logged in', who)
        : trans.__('%1, logged in, in a window where notebooks’ HTML runs', who);
    }
    case 'token':
      return trans.__('a guest (the server knows its token only)');
    case 'anonymous':
      return trans.__('a guest (not logged in)');
    case 'policy':
      return trans.__('the policy %1', ruleOf(reviewer));
    case 'deadline':
      return trans.__('the deadline');
    case 'script':
      // A script that voted in a person's name also has a name of its own.
      return name
        ? trans.__('the script %1, as %2', showHiddenCharacters(name), showHiddenCharacters(reviewer))
        : trans.__('the script %1', showHiddenCharacters(reviewer));
    default:
      return trans.__('%1 (unsigned: any program of this user can say so)', showHiddenCharacters(reviewer));
  }
}

/**
 * Describe the author of a comment, or of its state, and how the author is known. In Python:
 * `hitl_nb/ledger/decisions/reviewers.py`.
 */
export function formatSpeaker(user: string, name: string, known: AuthorIdentity, host: IHost): string {
  const { trans } = host;
  if (isOwn(user, known, host)) {
    return trans.__('You');
  }
  const who = formatUser(user, name);
  switch (known) {
    case 'login':
      return who;
    case 'token':
    case 'anonymous':
      return isGeneratedName(user) ? trans.__('a guest') : trans.__('%1, a guest', who);
    case 'agent':
      return trans.__('the agent %1', showHiddenCharacters(user.replace(/^agent:/, '')));
    default:
      return trans.__('%1 (unsigned: any program of this user can say so)', who);
  }
}

/** Return the name with the user name. People can change their display names, so the user name is always shown. */
function formatUser(user: string, name: string): string {
  return showHiddenCharacters(name && name !== user ? `${name} (${user})` : user);
}

/** The message for a user whom the server does not allow to read any more. */
export function forbiddenMessage(trans: IHost['trans']): string {
  return trans.__('You may not read proposals here any more. If you may again, reload the page.');
}

/** Format a time exactly, in the user's locale, with 24 hours. */
export function formatWhen(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime())
    ? showHiddenCharacters(at)
    : date.toLocaleString([], { hourCycle: 'h23' });
}

/** Return the current value of a proposal: the edited value if it was decided so, else the proposed one. */
export function currentValue(proposal: IProposal): IProposal['value'] {
  return proposal.decision?.action === 'edit' ? proposal.decision.value : proposal.value;
}
