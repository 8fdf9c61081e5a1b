/**
 * What a policy, people's votes and the clock make of a proposal, in sentences.
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
import { formatDuration } from '../text/duration';
import type { IHost } from './host';
import { showHiddenCharacters } from '../text/hidden-characters';

type Trans = IHost['trans'];

/** Prefix of a policy's rule where it is who decided. */
const RULE_PREFIX = 'policy:';

/** Whether a proposal was asked, passed or blocked under a policy, or under what the call said about review. */
export function hasTerms({ needs, why, rules }: IReviewFields): boolean {
  return (needs?.length ?? 0) + (why?.length ?? 0) + (rules?.length ?? 0) > 0;
}

/** The rule of a policy that decided: `reviewer` of its decision. */
export function ruleOf(reviewer: string): string {
  return showHiddenCharacters(
    reviewer.startsWith(RULE_PREFIX) ? reviewer.slice(RULE_PREFIX.length) : reviewer
  );
}

/** "Ada, Bo or Cy". */
export function anyOf(names: readonly string[], trans: Trans): string {
  return joinNames(names, trans.__('or'));
}

/** "Ada, Bo and Cy". */
export function allOf(names: readonly string[], trans: Trans): string {
  return joinNames(names, trans.__('and'));
}

function joinNames(names: readonly string[], word: string): string {
  const shown = names.map(showHiddenCharacters);
  const last = shown[shown.length - 1];
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${word} ${last}`;
}

/**
 * "1 of 2 of @finance: bo; waiting for ada or cy", "1 person: anyone may decide". In Python it is `format_need_progress` in
 * `policies/seats.py`.
 */
export function needSentence({ text, have, count, voted, waiting }: INeedProgress, trans: Trans): string {
  const anyone = /^\d+ of anyone$/.test(text);
  const who = anyone ? trans._n('%1 person', '%1 people', count) : showHiddenCharacters(text);
  const head = count === 1 ? who : trans.__('%1 of %2', have, who);
  const open = have < count;
  const agreed = voted.map(name => (isMadeUp(name) ? trans.__('a guest') : name));
  const parts = [
    ...(voted.length > 0 ? [allOf(agreed, trans)] : []),
    ...(open && anyone ? [trans.__('anyone may decide')] : []),
    ...(open && waiting.length > 0 ? [trans.__('waiting for %1', anyOf(waiting, trans))] : [])
  ];
  return parts.length > 0 ? `${head}: ${parts.join('; ')}` : head;
}

/** Whether Jupyter made a user name up, for somebody who knows the server's one password or token. */
function isMadeUp(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** How many votes there are, and how many it takes: of the need that lacks most. */
export function needProgress({ needs = [] }: IReviewFields): { have: number; count: number } | null {
  const [first, ...others] = needs;
  if (needs.length === 0) {
    return null;
  }
  return others.reduce((most, one) => (one.count - one.have > most.count - most.have ? one : most), first);
}

/** Whether the person who reads may decide a proposal; a server that knows no policies does not say. */
export function hasSeat({ may }: IReviewFields): boolean {
  return may?.decide ?? true;
}

/** What the person who reads has said, if that counts for what people vote on now. */
export function ownVote({ votes = [] }: IReviewFields): IVote | null {
  return votes.find(vote => vote.own && vote.counts) ?? null;
}

/** Who said what, and for whom. How it is known is `known` of its own. */
export function voteSentence(vote: IVote, who: string, trans: Trans): string {
  const said: { [action in Action]: string } = {
    approve: trans.__('Approved by %1', who),
    edit: trans.__('Approved with edits by %1', who),
    reject: trans.__('Rejected by %1', who),
    respond: trans.__('Responded by %1', who)
  };
  const head = said[vote.action];
  if (vote.seat && vote.seat !== vote.reviewer) {
    return trans.__('%1, for %2', head, showHiddenCharacters(vote.seat));
  }
  // The name that a guest's vote is counted under.
  const guest = vote.known === 'token' || vote.known === 'anonymous';
  return guest && !isMadeUp(vote.reviewer)
    ? trans.__('%1, as %2', head, showHiddenCharacters(vote.reviewer))
    : head;
}

/** A time of day, or with the date if it is not today. */
export function formatTime(at: string, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) {
    return showHiddenCharacters(at);
  }
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

/** How long until a time, in words; "" when it has passed. */
export function formatTimeLeft(at: string, now: number): string {
  const seconds = Math.ceil((Date.parse(at) - now) / 1000);
  if (!(seconds > 0)) {
    return '';
  }
  return formatDuration(seconds < 60 ? seconds : Math.ceil(seconds / 60) * 60);
}

/** What the clock does to an open proposal, one sentence a step, in order. */
export function clockSentences({ timer, settles_at }: IReviewFields, now: number, trans: Trans): string[] {
  if (settles_at || !timer) {
    return []; // while an approval settles the timeline waits
  }
  const steps = timer.steps ?? [timer];
  const said = steps.map(step => stepSentence(step, now, trans));
  const last = steps[steps.length - 1].does;
  return last === 'reject' || last === 'approve' ? said : [...said, trans.__('After that it keeps waiting.')];
}

function stepSentence(step: IClockStep, now: number, trans: Trans): string {
  const at = formatTime(step.at, now);
  const rest = formatTimeLeft(step.at, now);
  const until = rest ? trans.__('%1 left, until %2', rest, at) : trans.__('Until %1', at);
  const people = anyOf(step.people, trans);
  switch (step.does) {
    case 'remind':
      return trans.__('A reminder is sent at %1.', at);
    case 'overdue':
      return trans.__('It is overdue from %1 on.', at);
    case 'escalate':
      return people
        ? trans.__('From %1 on, %2 may decide too.', at, people)
        : trans.__('It is escalated at %1.', at);
    case 'approve':
      return trans.__('%1; then it is approved, although nobody has decided.', until);
    case 'reject':
      return trans.__('%1; then it is rejected.', until);
    default:
      return ''; // settling is no step of a timeline
  }
}

/** What an open proposal with terms waits for, in a few words; null without terms. */
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

/** Whether the needs are met and it is open all the same: the terms were changed, and no change decides by itself. */
export function isEnough({ needs = [], settles_at, blind }: IReviewFields): boolean {
  return needs.length > 0 && needs.every(need => need.have >= need.count) && !settles_at && !blind;
}

/** "Approve", or which of how many approvals it is. */
export function approveLabel(name: string, p: IProposal, host: IHost): string {
  const counted = needProgress(p);
  if (!counted || counted.count < 2 || p.blind || ownVote(p)) {
    return name;
  }
  const which = ordinal(Math.min(counted.have + 1, counted.count));
  return host.trans.__('%1, %2 of %3', name, which, counted.count);
}

/** "1st", "2nd", "3rd", "4th", "11th". */
function ordinal(n: number): string {
  const teen = n % 100 > 10 && n % 100 < 14;
  return `${n}${(!teen && ['th', 'st', 'nd', 'rd'][n % 10]) || 'th'}`;
}
