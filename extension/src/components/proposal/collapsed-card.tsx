/**
 * A decided proposal in two lines: what was decided, by whom, and what was changed. It can be unfolded.
 */

import { createContext, type ReactNode, useContext, useId, useState } from 'react';
import type { IProposal, Json } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { ChangeSummary } from '../changes/change-summary';
import { formatJson } from '../changes/path-diff';
import { Chip } from '../controls/chip';
import { IconButton } from '../controls/button';
import { Icon } from '../controls/icons';
import { decisionWord, isAutomatic, outcomeWord } from '../states/decision-word';
import { usePrinting } from '../hooks/use-printing';
import type { IHost } from '../host';
import { AskedAgain } from '../notices/asked-again';
import type { ICardState } from '../states/proposal-state';
import { effectState, formatDecider, formatDeciderName, formatSpeaker, formatWhen } from '../proposal-status';
import { FlagButton } from './flag-button';
import { formatClock } from '../../text/times';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  model: IProposalModel;
  host: IHost;
  /** A fact beside the verdict, such as that the run was interrupted. */
  state?: ICardState | null;
  /** Message about the run, below the two lines. */
  notice?: ReactNode;
  /** The whole card, shown when unfolded. */
  children: ReactNode;
}

/** Whether decided cards are unfolded at first: true where a person opened one to read it. */
export const ShowsDetails = createContext(false);

/** A decided proposal, folded at first unless `ShowsDetails`. */
export function CollapsedCard({ model, host, state, notice, children }: IProps): JSX.Element {
  const { trans } = host;
  const { proposal } = model;
  const heading = useId();
  const [unfolded, setUnfolded] = useState(useContext(ShowsDetails));
  const { kind, text, icon } = decisionWord(proposal, host);
  const dashed = isAutomatic(proposal) ? ' jp-mod-automatic' : '';
  const printing = usePrinting();
  return (
    <article
      className={`jp-hitl-decided jp-hitl-root${dashed}`}
      data-kind={kind}
      data-proposal={proposal.id}
      aria-labelledby={heading}
      tabIndex={-1}
    >
      <div className="jp-hitl-decided-line">
        <span className="jp-hitl-badge">
          <Icon name={icon} />
        </span>
        <div className="jp-hitl-decided-text">
          <div id={heading}>
            <strong className="jp-hitl-state">{text}</strong>{' '}
            <span className="jp-hitl-decided-title">{showHiddenCharacters(proposal.title)}</span>
            {state && (
              <>
                {' '}
                <Chip tone={state.tone} icon={state.icon}>
                  {state.text}
                </Chip>
              </>
            )}
          </div>
          <div className="jp-hitl-decided-by">
            <DecisionDetails proposal={proposal} host={host} />
          </div>
        </div>
        <FlagButton proposal={proposal} host={host} />
        <IconButton
          icon={unfolded ? 'up' : 'down'}
          small
          label={unfolded ? trans.__('Hide the details') : trans.__('Show the details')}
          expanded={unfolded}
          onClick={() => setUnfolded(!unfolded)}
        />
      </div>
      {proposal.status === 'expired' && <AskedAgain proposal={proposal} host={host} />}
      {notice}
      {(unfolded || printing) && <div className="jp-hitl-decided-body">{children}</div>}
    </article>
  );
}

/** "Ada, Bo · 21:52 · amount 1 299 → 1 199 · “They keep the charger”". The tooltip says how the person is known. */
function DecisionDetails({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element {
  const { trans } = host;
  const { decision, status, flag } = proposal;
  if (decision === null || status === 'superseded' || status === 'expired') {
    return (
      <>
        {status === 'expired'
          ? trans.__('The approval was too old when the run continued, so it is asked again.')
          : trans.__('The run was cancelled or started over.')}
      </>
    );
  }
  const answer = decision.action === 'respond' ? String(decision.value) : '';
  const result =
    effectState(decision.value) === 'yes' ? (decision.value as { result?: unknown }).result : null;
  const parts: ReactNode[] = [
    flag && <FlagDetails key="flag" flag={flag} host={host} />,
    flag && <span key="outcome">{outcomeWord(proposal, host).text}</span>,
    <span key="by" title={formatDecider(decision, host)}>
      {formatDeciderName(decision, host)}
    </span>,
    <time key="at" dateTime={decision.decided_at} title={formatWhen(decision.decided_at)}>
      {formatClock(decision.decided_at, Date.now())}
    </time>,
    decision.action === 'edit' && !proposal.doubt && (
      <ChangeSummary
        key="changes"
        proposal={proposal}
        before={proposal.value}
        after={decision.value}
        host={host}
      />
    ),
    result !== null && result !== undefined && (
      <span key="result">{trans.__('it returned %1', showHiddenCharacters(formatJson(result as Json)))}</span>
    ),
    answer && <span key="answer">“{showHiddenCharacters(answer)}”</span>,
    decision.reason && <span key="reason">“{showHiddenCharacters(decision.reason)}”</span>
  ].filter(Boolean);
  return (
    <>
      {parts.map((part, i) => (
        <span key={i}>
          {i > 0 && ' · '}
          {part}
        </span>
      ))}
    </>
  );
}

/** "Cy · 20 Nov, 9:12 · “paid twice”" */
function FlagDetails({ flag, host }: { flag: NonNullable<IProposal['flag']>; host: IHost }): JSX.Element {
  return (
    <>
      {formatSpeaker(flag.reviewer, flag.reviewer_name, flag.known, host)}
      {' · '}
      <time dateTime={flag.at} title={formatWhen(flag.at)}>
        {formatClock(flag.at, Date.now())}
      </time>
      {` · “${showHiddenCharacters(flag.reason)}”`}
    </>
  );
}
