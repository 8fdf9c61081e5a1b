/**
 * A decided proposal in two lines, in a list: the same words, icons and edges as a collapsed card.
 */

import { memo } from 'react';
import type { IProposalSummary } from '../../api/types';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import { formatWhen } from '../../components/proposal-status';
import { ruleOf } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { decisionWord } from '../../components/states/decision-word';

/** One row. A press opens the card. */
export const DecidedRow = memo(function Row(props: {
  proposal: IProposalSummary;
  current: boolean;
  host: IHost;
  onOpen: (proposal: IProposalSummary) => void;
}): JSX.Element {
  const { proposal, current, host, onOpen } = props;
  const { kind, text, icon } = decisionWord(proposal, host);
  const automatic = ['policy', 'deadline', 'script', 'expired', 'superseded'].includes(kind);
  return (
    <li>
      <article
        className={`jp-hitl-decided jp-hitl-decided-row${automatic ? ' jp-mod-automatic' : ''}${current ? ' jp-mod-current' : ''}`}
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
            <span className="jp-hitl-decided-by">{showHiddenCharacters(decidedBy(proposal, host))}</span>
          </span>
        </button>
      </article>
    </li>
  );
});

/** "Ada · 21:52 · refunds.ipynb · “They keep the charger”" */
function decidedBy({ decision, path, notebook, summary }: IProposalSummary, { trans }: IHost): string {
  const parts: (string | null)[] = [];
  if (decision) {
    const { by, known, reviewer, reviewer_name: name } = decision;
    const guest = known === 'token' || known === 'anonymous';
    const person = guest ? trans.__('a guest') : name || reviewer;
    parts.push(
      by === 'policy' ? ruleOf(reviewer) : by === 'deadline' ? null : person,
      formatWhen(decision.decided_at)
    );
  }
  parts.push(path ?? notebook, decision?.reason ? `“${decision.reason}”` : summary);
  return parts.filter(Boolean).join(' · ');
}
