/**
 * A decided proposal in two lines, in a list: the same words, icons and edges as a collapsed card.
 */

import { memo } from 'react';
import type { IProposalSummary } from '../../api/types';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import { FlagButton } from '../../components/proposal/flag-button';
import { formatDeciderName, formatSpeaker } from '../../components/proposal-status';
import { changeCount, changesOf, isEdited } from '../stores/row-facts';
import { OneChange } from '../batch/value-changes';
import { ruleOf } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatClock } from '../../text/times';
import { decisionWord, isAutomatic, outcomeWord } from '../../components/states/decision-word';

/** One row. A press opens the card. */
export const DecidedRow = memo(function Row(props: {
  proposal: IProposalSummary;
  current: boolean;
  host: IHost;
  /** Whether the row has the button "This was wrong…". */
  flags?: boolean;
  onOpen: (proposal: IProposalSummary) => void;
}): JSX.Element {
  const { proposal, current, host, flags, onOpen } = props;
  const { kind, text, icon } = decisionWord(proposal, host);
  return (
    <li>
      <article
        className={`jp-hitl-decided jp-hitl-decided-row${isAutomatic(proposal) ? ' jp-mod-automatic' : ''}${current ? ' jp-mod-current' : ''}`}
        data-kind={kind}
      >
        <button type="button" aria-current={current || undefined} onClick={() => onOpen(proposal)}>
          <span className="jp-hitl-badge">
            <Icon name={icon} />
          </span>
          <span className="jp-hitl-decided-text">
            <span>
              <strong className="jp-hitl-state">{text}</strong> {showHiddenCharacters(proposal.title)}
            </span>
            <span className="jp-hitl-decided-by">
              {showHiddenCharacters(decidedBy(proposal, host))}
              <RowChanges proposal={proposal} host={host} />
              {showHiddenCharacters(aboutDecided(proposal))}
            </span>
          </span>
        </button>
        {flags && (
          <div className="jp-hitl-decided-end">
            <FlagButton proposal={proposal} host={host} />
          </div>
        )}
      </article>
    </li>
  );
});

/** The changes of the decision: "amount 1 299" struck, "1 199" underlined; long values are only counted. */
function RowChanges({ proposal, host }: { proposal: IProposalSummary; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const changes = changesOf(proposal);
  const more = (changeCount(proposal) ?? changes.length) - changes.length;
  if (proposal.decision?.action !== 'edit' || isEdited(proposal) !== true) {
    return null;
  }
  return (
    <>
      {' · '}
      {changes.map((change, i) => (
        <OneChange key={i} change={change} host={host} />
      ))}
      {changes.length === 0
        ? trans.__('the value was changed')
        : more > 0 && trans._n('and %1 more', 'and %1 more', more)}
    </>
  );
}

/** " · refunds.ipynb · “They keep the charger”" */
function aboutDecided({ path, notebook, decision, summary }: IProposalSummary): string {
  const parts = [path ?? notebook, decision?.reason ? `“${decision.reason}”` : summary];
  return parts
    .filter(Boolean)
    .map(part => ` · ${part}`)
    .join('');
}

/** "Ada · 21:52" */
function decidedBy(proposal: IProposalSummary, host: IHost): string {
  const { decision, flag } = proposal;
  const now = Date.now();
  const parts: (string | null)[] = [];
  if (flag) {
    const who = formatSpeaker(flag.reviewer, flag.reviewer_name, flag.known, host);
    parts.push(who, formatClock(flag.at, now), `“${flag.reason}”`, outcomeWord(proposal, host).text);
  }
  if (decision) {
    const { by, reviewer, decided_at } = decision;
    const person = by === 'deadline' ? null : formatDeciderName(decision, host);
    parts.push(by === 'policy' ? ruleOf(reviewer) : person, formatClock(decided_at, now));
  }
  return parts.filter(Boolean).join(' · ');
}
