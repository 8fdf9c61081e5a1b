/**
 * Sentences about the policy, the votes and the deadlines of a proposal.
 */

import type {
  Action,
  IClockStep,
  INeedProgress,
  IProposal,
  IReviewFields,
  IProposalSummary,
  IVote
} from '../api/types';
import { isGeneratedName } from '../text/guest-names';
import { formatDuration } from '../text/duration';
import type { IHost } from './host';
import { showHiddenCharacters } from '../text/hidden-characters';
import { formatClock } from '../text/times';

type Trans = IHost['trans'];

/** Prefix of a rule's name in the `reviewer` field of a decision. */
const RULE_PREFIX = 'policy:';

/** Return the name of the rule that decided, from the `reviewer` of its decision. */
export function ruleOf(reviewer: string): string {
  return showHiddenCharacters(
    reviewer.startsWith(RULE_PREFIX) ? reviewer.slice(RULE_PREFIX.length) : reviewer
  );
}

/** Join names: "Ada, Bo or Cy". */
export function anyOf(names: readonly string[], trans: Trans): string {
  return joinNames(names, trans.__('or'));
}

/** Join names: "Ada, Bo and Cy". */
export function allOf(names: readonly string[], trans: Trans): string {
  return joinNames(names, trans.__('and'));
}

function joinNames(names: readonly string[], word: string): string {
  const shown = names.map(showHiddenCharacters);
  const last = shown[shown.length - 1];
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${word} ${last}`;
}

/**
 * Describe one need for a card: "1 of 2 votes" and "from @finance; Bo or Cy can give the next". Null if one vote of
 * anyone is enough, which needs no words.
 */
export function needLine(need: INeedProgress, { trans }: IHost): { have: string; from: string } | null {
  const { text, have, count, voted, waiting } = need;
  const anyone = /^\d+ of anyone$/.test(text);
  if (anyone && count === 1) {
    return null;
  }
  const group = anyone ? '' : trans.__('from %1', showHiddenCharacters(text.replace(/^\d+ of /, '')));
  const next =
    have >= count
      ? ''
      : waiting.length > 0
        ? trans.__('%1 can give the next', anyOf(waiting, trans))
        : anyone
          ? trans.__('anyone can give the next')
          : '';
  const given = voted.map(name => (isGeneratedName(name) ? trans.__('a guest') : name));
  const by = given.length > 0 ? trans.__('given by %1', allOf(given, trans)) : '';
  return {
    have: trans._n('%2 of %1 vote', '%2 of %1 votes', count, have),
    from: [group, by, next].filter(Boolean).join('; ')
  };
}

/** Return the number of votes and of needed votes, for the need that lacks most; null without needs. */
export function needProgress({ needs = [] }: IReviewFields): { have: number; count: number } | null {
  const [first, ...others] = needs;
  if (needs.length === 0) {
    return null;
  }
  return others.reduce((most, one) => (one.count - one.have > most.count - most.have ? one : most), first);
}

/** Return true if the current user may decide. A server without policies does not say, which means yes. */
export function hasSeat({ may }: IReviewFields): boolean {
  return may?.decide ?? true;
}

/** Return the server's sentence why the current user may not take some actions; "" if there is none. */
export function refusalSentence({ may, settles_at }: IProposal): string {
  // While an approval settles, the card says so itself.
  return settles_at ? '' : showHiddenCharacters(may?.why_not ?? '');
}

/** Return the current user's vote, if it counts for what people vote on now. */
export function ownVote({ votes = [] }: IReviewFields): IVote | null {
  return votes.find(vote => vote.own && vote.counts) ?? null;
}

/** Describe a vote: "Approved by Ada, for Bo". `who` describes the voter. */
export function voteSentence(vote: IVote, who: string, trans: Trans): string {
  const said: { [action in Action]: string } = {
    approve: trans.__('Approved by %1', who),
    edit: trans.__('Approved with edits by %1', who),
    reject: trans.__('Rejected by %1', who),
    respond: trans.__('Answered by %1', who)
  };
  const head = said[vote.action];
  if (vote.seat && vote.seat !== vote.reviewer) {
    return trans.__('%1, for %2', head, showHiddenCharacters(vote.seat));
  }
  // A guest's vote is counted under this name.
  const guest = vote.known === 'token' || vote.known === 'anonymous';
  return guest && !isGeneratedName(vote.reviewer)
    ? trans.__('%1, as %2', head, showHiddenCharacters(vote.reviewer))
    : head;
}

/** Format the time until `at`; "" if it has passed. */
export function formatTimeLeft(at: string, now: number): string {
  const seconds = Math.ceil((Date.parse(at) - now) / 1000);
  if (!(seconds > 0)) {
    return '';
  }
  return formatDuration(seconds < 60 ? seconds : Math.ceil(seconds / 60) * 60);
}

/** Say how late a proposal is: "1 h late"; "Late" if its deadline is not known. */
export function lateSentence(deadline: string | null, now: number, trans: Trans): string {
  const late = deadline === null ? '' : formatTimeLeft(new Date(now).toISOString(), Date.parse(deadline));
  return late ? trans.__('%1 late', late) : trans.__('Late');
}

/** Describe the schedule of an open proposal, one sentence per step, in order. */
export function clockSentences({ timer, settles_at }: IReviewFields, now: number, trans: Trans): string[] {
  if (settles_at || !timer) {
    return []; // the schedule pauses while an approval settles
  }
  const steps = timer.steps ?? [timer];
  const said = steps.map(step => stepSentence(step, now, trans));
  const last = steps[steps.length - 1].does;
  const isSaid = ['reject', 'approve', 'overdue'].includes(last);
  return isSaid ? said : [...said, trans.__('After that it keeps waiting.')];
}

function stepSentence(step: IClockStep, now: number, trans: Trans): string {
  const at = formatClock(step.at, now);
  const rest = formatTimeLeft(step.at, now);
  const until = rest ? trans.__('%1 left, until %2', rest, at) : trans.__('Until %1', at);
  const people = anyOf(step.people, trans);
  switch (step.does) {
    case 'remind':
      return trans.__('%1; then a reminder is sent.', until);
    case 'overdue':
      return trans.__('%1; then it is late, and keeps waiting.', until);
    case 'escalate':
      return people
        ? trans.__('%1; then %2 may decide too.', until, people)
        : trans.__('%1; then it is escalated.', until);
    case 'approve':
      return trans.__('%1; then it is approved, although nobody has decided.', until);
    case 'reject':
      return trans.__('%1; then it is rejected.', until);
    default:
      return ''; // settling is not a step of a schedule
  }
}

/** Describe what an open proposal with terms waits for, in a few words; null without terms. */
export function waitsFor(p: IProposal | IProposalSummary, host: IHost): string | null {
  const { trans } = host;
  const counted = needProgress(p);
  const own = ownVote(p);
  if (p.settles_at) {
    return trans.__('Approved; it can still be taken back');
  }
  if (p.stuck) {
    return trans.__('Nobody can decide');
  }
  if (counted && own && counted.have < counted.count) {
    return own.action === 'approve' || own.action === 'edit'
      ? trans.__('You approved, %1 of %2', counted.have, counted.count)
      : trans.__('You voted, %1 of %2', counted.have, counted.count);
  }
  if (p.may?.decide === false && counted) {
    return trans.__('Waits for others');
  }
  return counted && counted.count > 1 ? trans.__('Your vote') : null;
}

/**
 * Return true if an open proposal has all needed votes. That happens if its terms were changed, which decides
 * nothing.
 */
export function isEnough({ needs = [], settles_at, blind }: IReviewFields): boolean {
  return needs.length > 0 && needs.every(need => need.have >= need.count) && !settles_at && !blind;
}

/** Return the label of the approve button: `name`, or "Approve, 2nd of 2" if several votes are needed. */
export function approveLabel(name: string, p: IProposal, host: IHost): string {
  const counted = needProgress(p);
  if (!counted || counted.count < 2 || p.blind || ownVote(p)) {
    return name;
  }
  const which = ordinal(Math.min(counted.have + 1, counted.count));
  return host.trans.__('%1, %2 of %3', name, which, counted.count);
}

/** Format an ordinal number: "1st", "2nd", "3rd", "4th", "11th". */
function ordinal(n: number): string {
  const teen = n % 100 > 10 && n % 100 < 14;
  return `${n}${(!teen && ['th', 'st', 'nd', 'rd'][n % 10]) || 'th'}`;
}
