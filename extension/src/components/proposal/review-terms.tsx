/**
 * Why a proposal is asked, who must agree and who has, and what the clock does: what its policy says, plainly.
 */

import { type ReactNode, useEffect, useId, useState } from 'react';
import type { IGuardrailResult, IProposal } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';
import {
  allOf,
  clockSentences,
  hasTerms,
  isEnough,
  left,
  needSentence,
  timeOf,
  voteSentence
} from '../terms-sentences';
import { voter, when } from '../proposal-status';
import { visible } from '../../text/hidden-characters';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

const SECOND = 1000;
const MINUTE = 60_000;

/** Milliseconds after the clock was to act in which the server is given the time to do so. */
const GRACE = 500;

/** Longest that a browser's timer waits. */
const LONGEST = 2 ** 31 - 1;

/** Nothing, if nothing is to be said. */
export function Terms({ model, host }: IProps): JSX.Element | null {
  const { proposal } = model;
  const now = useNow(proposal.settles_at ? SECOND : MINUTE);
  useNextStep(model);
  const guardrails = (proposal.guardrails ?? []).filter(one => one.verdict !== 'pass');
  const open = proposal.status === 'open';
  if (!hasTerms(proposal) && guardrails.length === 0) {
    return null;
  }
  const { needs = [], votes = [], untold = [], stuck, overdue } = proposal;
  const clock = open ? clockSentences(proposal, now, host.trans) : [];
  return (
    <div className="jp-hitl-terms">
      <Why proposal={proposal} guardrails={guardrails} host={host} />
      {open && needs.length > 0 && (
        <Part name={host.trans.__('Needed')}>
          <ul>
            {needs.map((need, i) => (
              <li key={i}>{needSentence(need, host.trans)}</li>
            ))}
          </ul>
          {isEnough(proposal) && (
            <p className="jp-hitl-note">
              {host.trans.__(
                'Enough people agree since the terms were changed. One more approval decides, also by who has approved before.'
              )}
            </p>
          )}
          {proposal.blind && (
            <p className="jp-hitl-note">
              {host.trans.__('You see only your own vote until everybody has voted.')}
            </p>
          )}
        </Part>
      )}
      {stuck && open && (
        <p className="jp-hitl-wrong">
          ⚠ {host.trans.__('Nobody can decide this:')} {visible(stuck)}
        </p>
      )}
      {untold.length > 0 && open && (
        <p className="jp-hitl-wrong">
          ⚠ {host.trans.__('No notification reached:')} {visible(untold.join(', '))}
        </p>
      )}
      {votes.length > 0 && <Votes proposal={proposal} host={host} />}
      {(clock.length > 0 || (overdue && open)) && (
        <Part name={host.trans.__('Until')}>
          {overdue && open && <p className="jp-hitl-late">{host.trans.__('Overdue.')}</p>}
          {clock.map(sentence => (
            <p key={sentence}>{sentence}</p>
          ))}
          {host.status?.watched === false && clock.length > 0 && (
            <p className="jp-hitl-wrong">
              ⚠ {host.trans.__('No process watches deadlines now: nothing happens until one does.')}
            </p>
          )}
        </Part>
      )}
      {open && proposal.settles_at && (
        <Settling model={model} at={proposal.settles_at} now={now} host={host} />
      )}
    </div>
  );
}

/** One part: its name, and what it says. */
function Part({ name, children }: { name: string; children: ReactNode }): JSX.Element {
  const heading = useId();
  return (
    <section aria-labelledby={heading}>
      <h4 id={heading}>{name}</h4>
      <div>{children}</div>
    </section>
  );
}

function Why(props: {
  proposal: IProposal;
  guardrails: IGuardrailResult[];
  host: IHost;
}): JSX.Element | null {
  const { proposal, guardrails, host } = props;
  const { trans } = host;
  const { why = [], rules = [], decision } = proposal;
  // A sentence of the policy may already have what the guardrail said.
  const said = guardrails.filter(({ message }) => !message || !why.some(one => one.includes(message)));
  if (why.length + rules.length + said.length === 0) {
    return null;
  }
  const asked = proposal.status === 'open' ? trans.__('Why you are asked') : trans.__('Why it was asked');
  const name =
    decision?.by !== 'policy'
      ? asked
      : decision.action === 'reject'
        ? trans.__('Why it is blocked')
        : trans.__('Why nobody was asked');
  return (
    <Part name={name}>
      <ul>
        {why.map(sentence => (
          <li key={sentence}>{visible(sentence)}</li>
        ))}
        {said.map(({ name: guardrail, verdict, message }) => (
          <li key={guardrail}>
            {verdict === 'block'
              ? trans.__('The guardrail %1 blocks it', visible(guardrail))
              : trans.__('The guardrail %1 wants a person to look', visible(guardrail))}
            {message && `: ${visible(message)}`}
          </li>
        ))}
      </ul>
      {rules.length > 0 && (
        <p className="jp-hitl-note">{trans._n('Rule: %2', 'Rules: %2', rules.length, allOf(rules, trans))}</p>
      )}
    </Part>
  );
}

function Votes({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <Part name={trans.__('Votes')}>
      <ul>
        {proposal.votes?.map(vote => (
          <li key={vote.reviewer}>
            {voteSentence(vote, voter(vote, host), trans)}, {when(vote.at)}
            {vote.reason && `. ${trans.__('Reason: %1', visible(vote.reason))}`}
            {!vote.counts && vote.action !== 'reject' && (
              <em className="jp-hitl-note"> {trans.__('(of another value: it does not count)')}</em>
            )}
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** An approval that becomes the decision soon, and the button that takes it back. */
function Settling(props: IProps & { at: string; now: number }): JSX.Element {
  const { model, at, now, host } = props;
  const { trans } = host;
  const rest = left(at, now);
  return (
    <section className="jp-hitl-settling" aria-label={trans.__('Approved; it can still be taken back')}>
      <p>
        {rest
          ? trans.__('Settles at %1, in %2. Until then the agent waits.', timeOf(at, now), rest)
          : trans.__('Settling …')}
      </p>
      {rest && model.proposal.may?.undo && (
        <button type="button" disabled={model.deciding} onClick={() => void model.takeBack()}>
          {trans.__('Take back approval')}
        </button>
      )}
    </section>
  );
}

/** The time, every so many milliseconds another. */
function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** Read the proposal again when the clock was to act, once a step: the feed says so too, if it is connected. */
function useNextStep(model: IProposalModel): void {
  const { proposal } = model;
  const at = proposal.status === 'open' ? (proposal.settles_at ?? proposal.timer?.at) : undefined;
  useEffect(() => {
    const wait = at ? Date.parse(at) - Date.now() + GRACE : NaN;
    if (!(wait > 0 && wait < LONGEST)) {
      return;
    }
    const timer = setTimeout(() => void model.refresh(), wait);
    return () => clearTimeout(timer);
  }, [model, at]);
}
