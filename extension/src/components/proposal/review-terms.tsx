/**
 * The terms of a proposal: why it is asked, who must agree and who has agreed, and its schedule.
 */

import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { IGuardrailResult, IProposal } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';
import {
  allOf,
  clockSentences,
  hasTerms,
  isEnough,
  formatTimeLeft,
  needSentence,
  formatTime,
  voteSentence
} from '../terms-sentences';
import { formatVoter, formatWhen } from '../proposal-status';
import { useCardCommands } from '../use-card-commands';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** Time that the server is given to make a scheduled step, in milliseconds. */
const GRACE_MS = 500;

/** Longest delay of a browser's timer, in milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Why a proposal is asked, the votes, and the schedule. Empty if there is nothing to say. */
export function TermsView({ model, host }: IProps): JSX.Element | null {
  const { proposal } = model;
  const now = useClock(proposal.settles_at ? SECOND_MS : MINUTE_MS);
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
      <PolicyReasons proposal={proposal} guardrails={guardrails} host={host} />
      {open && needs.length > 0 && (
        <TermsSection name={host.trans.__('Needed')}>
          <ul>
            {needs.map((need, i) => (
              <li key={i}>{needSentence(need, host.trans)}</li>
            ))}
          </ul>
          {isEnough(proposal) && (
            <p className="jp-hitl-note">
              {host.trans.__(
                'Enough people agree since the terms were changed. One more approval decides. A person who has approved before may give it.'
              )}
            </p>
          )}
          {proposal.blind && (
            <p className="jp-hitl-note">
              {host.trans.__('You see only your own vote until everybody has voted.')}
            </p>
          )}
        </TermsSection>
      )}
      {stuck && open && (
        <p className="jp-hitl-error">
          ⚠ {host.trans.__('Nobody can decide this:')} {showHiddenCharacters(stuck)}
        </p>
      )}
      {untold.length > 0 && open && (
        <p className="jp-hitl-error">
          ⚠ {host.trans.__('No notification reached:')} {showHiddenCharacters(untold.join(', '))}
        </p>
      )}
      {votes.length > 0 && <VoteList proposal={proposal} host={host} />}
      {(clock.length > 0 || (overdue && open)) && (
        <TermsSection name={host.trans.__('Until')}>
          {overdue && open && <p className="jp-hitl-late">{host.trans.__('Overdue.')}</p>}
          {clock.map(sentence => (
            <p key={sentence}>{sentence}</p>
          ))}
          {host.status?.watched === false && clock.length > 0 && (
            <p className="jp-hitl-error">
              ⚠ {host.trans.__('No process watches deadlines now: nothing happens until one does.')}
            </p>
          )}
        </TermsSection>
      )}
      {open && proposal.settles_at && (
        <SettlingNotice model={model} at={proposal.settles_at} now={now} host={host} />
      )}
    </div>
  );
}

/** One section with a heading. */
function TermsSection({ name, children }: { name: string; children: ReactNode }): JSX.Element {
  const heading = useId();
  return (
    <section aria-labelledby={heading}>
      <h4 id={heading}>{name}</h4>
      <div>{children}</div>
    </section>
  );
}

function PolicyReasons(props: {
  proposal: IProposal;
  guardrails: IGuardrailResult[];
  host: IHost;
}): JSX.Element | null {
  const { proposal, guardrails, host } = props;
  const { trans } = host;
  const { why = [], rules = [], decision } = proposal;
  // A sentence of the policy may already contain the guardrail's message.
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
    <TermsSection name={name}>
      <ul>
        {why.map(sentence => (
          <li key={sentence}>{showHiddenCharacters(sentence)}</li>
        ))}
        {said.map(({ name: guardrail, verdict, message }) => (
          <li key={guardrail}>
            {verdict === 'block'
              ? trans.__('The guardrail %1 blocks it', showHiddenCharacters(guardrail))
              : trans.__('The guardrail %1 asks for a person', showHiddenCharacters(guardrail))}
            {message && `: ${showHiddenCharacters(message)}`}
          </li>
        ))}
      </ul>
      {rules.length > 0 && (
        <p className="jp-hitl-note">{trans._n('Rule: %2', 'Rules: %2', rules.length, allOf(rules, trans))}</p>
      )}
    </TermsSection>
  );
}

function VoteList({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <TermsSection name={trans.__('Votes')}>
      <ul>
        {proposal.votes?.map(vote => (
          <li key={vote.reviewer}>
            {voteSentence(vote, formatVoter(vote, host), trans)}, {formatWhen(vote.at)}
            {vote.reason && `. ${trans.__('Reason: %1', showHiddenCharacters(vote.reason))}`}
            {!vote.counts && vote.action !== 'reject' && (
              <em className="jp-hitl-note"> {trans.__('(of another value: it does not count)')}</em>
            )}
          </li>
        ))}
      </ul>
    </TermsSection>
  );
}

/** An approval that becomes the decision soon, and the button that takes it back. */
function SettlingNotice(props: IProps & { at: string; now: number }): JSX.Element {
  const { model, at, now, host } = props;
  const { trans } = host;
  const rest = formatTimeLeft(at, now);
  const able = rest !== '' && !!model.proposal.may?.undo && !model.isDeciding;
  const node = useRef<HTMLElement>(null);
  useCardCommands(host, model.proposal.id, node, {
    'hitl-nb:undo-approval': {
      isEnabled: () => able,
      execute: () => (able ? model.takeBack() : false)
    }
  });
  return (
    <section
      ref={node}
      className="jp-hitl-settling"
      aria-label={trans.__('Approved; it can still be taken back')}
    >
      <p>
        {rest
          ? trans.__('Settles at %1, in %2. Until then the agent waits.', formatTime(at, now), rest)
          : trans.__('Settling …')}
      </p>
      {rest && model.proposal.may?.undo && (
        <button type="button" disabled={model.isDeciding} onClick={() => void model.takeBack()}>
          {trans.__('Take back approval')}
        </button>
      )}
    </section>
  );
}

/** Return the current time, updated every `every` milliseconds. */
function useClock(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
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
