/**
 * The terms of a proposal, one line each: why it is asked, who must agree and who has agreed, and its deadline.
 */

import { Fragment, type ReactNode, useEffect } from 'react';
import type { IGuardrailResult, IProposal, IVote } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { Face, initialsOf } from '../controls/face';
import { Icon, type IconName } from '../controls/icons';
import { announce } from '../keys/announcer';
import type { IHost } from '../host';
import {
  clockSentences,
  formatTimeLeft,
  isEnough,
  lateSentence,
  needLine,
  voteSentence
} from '../terms-sentences';
import { formatVoter, formatVoterName, formatWhen } from '../proposal-status';
import { MINUTE_MS, useCountdown } from '../hooks/use-clock';
import { isGeneratedName } from '../../text/guest-names';
import { formatAge } from '../../text/times';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { RuleChip } from '../rules/rule-chip';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

/** Time that the server is given to make a scheduled step, in milliseconds. */
const GRACE_MS = 500;

/** Longest delay of a browser's timer, in milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Time left from which a deadline is highlighted, in milliseconds. */
const SOON_MS = 4 * 60 * MINUTE_MS;

/** The terms of a proposal. Empty if there is nothing to say. */
export function TermsView({ model, host }: IProps): JSX.Element | null {
  const { proposal } = model;
  const next = proposal.status === 'open' && !proposal.settles_at ? proposal.timer?.at : null;
  const now = useCountdown(next, at => announceTimeLeft(next!, at, proposal, host));
  useNextStep(model);
  const { needs = [], votes = [] } = proposal;
  const open = proposal.status === 'open';
  const clock = open ? clockSentences(proposal, now, host.trans) : [];
  const lines = [
    <ReasonLine key="why" proposal={proposal} host={host} />,
    ...needs.flatMap((need, i) => {
      const line = open ? needLine(need, host) : null;
      return line
        ? [
            <TermLine key={`need-${i}`} icon="people" label={host.trans.__('Needed')}>
              <b className="jp-hitl-num">{line.have}</b> {line.from}
              {i === 0 && <VoteFaces votes={votes} now={now} host={host} />}
            </TermLine>
          ]
        : [];
    }),
    ...(open && isEnough(proposal)
      ? [
          <TermLine key="enough" icon="people" label={host.trans.__('Votes')}>
            {host.trans.__(
              'Enough people agree since the terms were changed. One more approval decides. A person who has approved before may give it.'
            )}
          </TermLine>
        ]
      : []),
    ...(open && proposal.blind
      ? [
          <TermLine key="blind" icon="lock" label={host.trans.__('Votes')}>
            {host.trans.__('You see only your own vote until everybody has voted.')}
          </TermLine>
        ]
      : []),
    ...(votes.length > 0 ? [<VoteList key="votes" votes={votes} now={now} host={host} />] : []),
    ...(clock.length > 0 || (proposal.overdue && open)
      ? [<DeadlineLine key="until" proposal={proposal} sentences={clock} now={now} host={host} />]
      : [])
  ];
  return hasLines(proposal, clock) ? <div className="jp-hitl-terms">{lines}</div> : null;
}

function hasLines(proposal: IProposal, clock: readonly string[]): boolean {
  const { why = [], rules = [], needs = [], votes = [], guardrails = [], overdue, blind } = proposal;
  const said = why.length + rules.length + votes.length + clock.length;
  const open = proposal.status === 'open';
  return (
    said > 0 ||
    guardrails.some(one => one.verdict !== 'pass') ||
    (open && (needs.length > 0 || !!overdue || !!blind))
  );
}

/** One line with an icon. Screen readers get the label as the name of the line. */
function TermLine(props: { icon: IconName; label: string; children: ReactNode }): JSX.Element {
  return (
    <div role="group" aria-label={props.label}>
      <Icon name={props.icon} />
      <span>{props.children}</span>
    </div>
  );
}

/** "Asked because REASON and REASON", with the rules as chips. */
function ReasonLine({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const { why = [], rules = [], decision } = proposal;
  const sentences = why.map(reason => showHiddenCharacters(withoutRule(reason, rules)));
  const reasons = [...sentences, ...guardrailReasons(proposal, host)];
  if (reasons.length + rules.length === 0) {
    return null;
  }
  const byPolicy = decision?.by === 'policy';
  const head = !byPolicy
    ? trans.__('Asked because')
    : decision.action === 'reject'
      ? trans.__('Blocked because')
      : trans.__('Nobody was asked, because');
  return (
    <TermLine icon={byPolicy ? 'shield' : 'question'} label={head}>
      {reasons.length > 0
        ? head
        : byPolicy
          ? trans.__('Decided by the policy')
          : trans.__('Asked by the policy')}{' '}
      {reasons.map((reason, i) => (
        <Fragment key={reason}>
          {i > 0 && (i === reasons.length - 1 ? ` ${trans.__('and')} ` : ', ')}
          <b>{reason}</b>
        </Fragment>
      ))}
      {rules.map(rule => (
        <Fragment key={rule}>
          {' '}
          <RuleChip rule={rule} path={proposal.path} host={host} />
        </Fragment>
      ))}
    </TermLine>
  );
}

/** A reason without the id of its rule, which has a chip of its own. */
function withoutRule(reason: string, rules: readonly string[]): string {
  const rule = rules.find(id => reason.startsWith(`${id}: `));
  return rule === undefined ? reason : reason.slice(rule.length + 2);
}

/** The messages of guardrails. A sentence of the policy may already contain the message. */
function guardrailReasons({ guardrails = [], why = [] }: IProposal, { trans }: IHost): string[] {
  const tell = ({ name, verdict, message }: IGuardrailResult): string => {
    const shown = showHiddenCharacters(name);
    const head =
      verdict === 'block'
        ? trans.__('the guardrail %1 blocks it', shown)
        : trans.__('the guardrail %1 asks for a person', shown);
    return message ? `${head}: ${showHiddenCharacters(message)}` : head;
  };
  return guardrails
    .filter(one => one.verdict !== 'pass')
    .filter(({ message }) => !message || !why.some(one => one.includes(message)))
    .map(tell);
}

/** The text on the face of a voter: the first letters of the name that all of the card uses. */
function voterInitials(vote: IVote, host: IHost): string {
  const { own, reviewer, reviewer_name: name } = vote;
  const { trans } = host;
  return own
    ? trans.__('You')
    : initialsOf(isGeneratedName(reviewer) ? trans.__('a guest') : name || reviewer);
}

function VoteFaces({ votes, now, host }: { votes: IVote[]; now: number; host: IHost }): JSX.Element | null {
  const counted = votes.filter(vote => vote.counts && vote.action !== 'reject');
  return counted.length === 0 ? null : (
    <span className="jp-hitl-faces">
      {counted.map(vote => (
        <Face
          key={vote.reviewer}
          initials={voterInitials(vote, host)}
          label={`${voteSentence(vote, formatVoter(vote, host), host.trans)}, ${formatAge(vote.at, now, host.trans)}`}
        />
      ))}
    </span>
  );
}

/** Each vote with its voter and the reason. The tooltip says how the voter is known. */
function VoteList({ votes, now, host }: { votes: IVote[]; now: number; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <ul className="jp-hitl-votes" aria-label={trans.__('Votes')}>
      {votes.map(vote => (
        <li key={vote.reviewer}>
          <span title={formatVoter(vote, host)}>
            {voteSentence(vote, formatVoterName(vote, host), trans)}
          </span>
          ,{' '}
          <time dateTime={vote.at} title={formatWhen(vote.at)}>
            {formatAge(vote.at, now, trans)}
          </time>
          {vote.reason && ` · “${showHiddenCharacters(vote.reason)}”`}
          {!vote.counts && vote.action !== 'reject' && (
            <em> {trans.__('(of another value: it does not count)')}</em>
          )}
        </li>
      ))}
    </ul>
  );
}

function DeadlineLine(props: {
  proposal: IProposal;
  sentences: string[];
  now: number;
  host: IHost;
}): JSX.Element {
  const { proposal, sentences, now, host } = props;
  const { trans } = host;
  const at = proposal.timer?.at;
  const soon = !!at && Date.parse(at) - now < SOON_MS;
  return (
    <TermLine icon="clock" label={trans.__('Until')}>
      {proposal.overdue && (
        <>
          <b className="jp-hitl-late">{lateSentence(proposal.deadline, now, trans)}</b>
          {sentences.length > 0 && ' · '}
        </>
      )}
      {sentences.map((sentence, i) => (
        <Fragment key={sentence}>
          {i > 0 && ' '}
          <span className={soon && i === 0 ? 'jp-hitl-soon' : undefined}>{sentence}</span>
        </Fragment>
      ))}
      {host.status?.watched === false && sentences.length > 0 && (
        <b className="jp-hitl-late">
          {' '}
          {trans.__('No process watches deadlines now: nothing happens until one does.')}
        </b>
      )}
    </TermLine>
  );
}

/** Say the time left until the next step of the schedule. */
function announceTimeLeft(until: string, now: number, { title }: IProposal, { trans }: IHost): void {
  announce(trans.__('%1 left: %2', formatTimeLeft(until, now), showHiddenCharacters(title)));
}

/** Read the proposal again after each scheduled step. The feed reports the step too, if it is connected. */
function useNextStep(model: IProposalModel): void {
  const { proposal } = model;
  const at = proposal.status === 'open' ? (proposal.settles_at ?? proposal.timer?.at) : undefined;
  useEffect(() => {
    const wait = at ? Date.parse(at) - Date.now() + GRACE_MS : NaN;
    if (!(wait > 0 && wait < MAX_TIMEOUT_MS)) {
      return;
    }
    const timer = setTimeout(() => void model.refresh(), wait);
    return () => clearTimeout(timer);
  }, [model, at]);
}
