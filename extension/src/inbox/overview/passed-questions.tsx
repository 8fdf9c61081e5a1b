/**
 * Questions that a policy passed or blocked without asking a person, with the rule, newest first.
 */

import { useCallback, useEffect, useState } from 'react';
import type { IProposalSummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { ruleOf } from '../../components/terms-sentences';
import { formatWhen } from '../../components/proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';

const PAGE_SIZE = 50;

/** The decisions of policies, page by page. */
export function PassedList(props: {
  host: IHost;
  onOpen: (proposal: IProposalSummary) => void;
}): JSX.Element {
  const { host, onOpen } = props;
  const { client, feed, trans } = host;
  const [found, setFound] = useState<{ proposals: IProposalSummary[]; next: string | null } | null>(null);
  const [problem, setProblem] = useState('');
  const read = useCallback(
    async (before: IProposalSummary[], cursor?: string): Promise<void> => {
      try {
        const page = await client.listProposals({ passed: true }, PAGE_SIZE, cursor);
        setFound({ proposals: [...before, ...page.proposals], next: page.next });
        setProblem('');
      } catch (reason) {
        setProblem(reason instanceof Error ? reason.message : String(reason));
      }
    },
    [client]
  );
  useEffect(() => {
    const reload = (): void => void read([]);
    feed.changed.connect(reload);
    reload();
    return () => {
      feed.changed.disconnect(reload);
    };
  }, [read, feed]);
  if (problem) {
    return (
      <p className="jp-hitl-error" role="alert">
        {showHiddenCharacters(problem)}
      </p>
    );
  }
  if (!found) {
    return <p role="status">{trans.__('Loading …')}</p>;
  }
  const { proposals, next } = found;
  return (
    <div className="jp-hitl-list jp-hitl-passed">
      {proposals.length === 0 && (
        <p className="jp-hitl-note">{trans.__('No policy has passed or blocked anything yet.')}</p>
      )}
      <ul aria-label={trans.__('Decided by a policy')}>
        {proposals.map(p => (
          <li key={p.id}>
            <button type="button" onClick={() => onOpen(p)}>
              <strong>{showHiddenCharacters(p.title)}</strong>
              <span>
                {showHiddenCharacters(
                  `${verdictLabel(p, host)} · ${formatWhen(p.decision?.decided_at ?? '')} · `
                )}
                {showHiddenCharacters(`${p.path ?? p.notebook} · ${p.agent}`)}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" onClick={() => void read(proposals, next)}>
          {trans.__('Show more')}
        </button>
      )}
    </div>
  );
}

function verdictLabel({ decision }: IProposalSummary, { trans }: IHost): string {
  const rule = ruleOf(decision?.reviewer ?? '');
  return decision?.action === 'reject'
    ? trans.__('Blocked by policy: %1', rule)
    : trans.__('Passed by policy: %1', rule);
}
