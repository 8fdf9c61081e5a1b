/**
 * What a policy passed or blocked without asking anybody, newest first, with the rule.
 */

import { useCallback, useEffect, useState } from 'react';
import type { ISummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { ruleOf } from '../../components/terms-sentences';
import { when } from '../../components/proposal-status';
import { visible } from '../../text/hidden-characters';

const PAGE = 50;

export function Passed(props: { host: IHost; onOpen: (proposal: ISummary) => void }): JSX.Element {
  const { host, onOpen } = props;
  const { client, feed, trans } = host;
  const [found, setFound] = useState<{ proposals: ISummary[]; next: string | null } | null>(null);
  const [problem, setProblem] = useState('');
  const read = useCallback(
    async (before: ISummary[], cursor?: string): Promise<void> => {
      try {
        const page = await client.proposals({ passed: true }, PAGE, cursor);
        setFound({ proposals: [...before, ...page.proposals], next: page.next });
        setProblem('');
      } catch (reason) {
        setProblem(reason instanceof Error ? reason.message : String(reason));
      }
    },
    [client]
  );
  useEffect(() => {
    const again = (): void => void read([]);
    feed.changed.connect(again);
    again();
    return () => {
      feed.changed.disconnect(again);
    };
  }, [read, feed]);
  if (problem) {
    return (
      <p className="jp-hitl-wrong" role="alert">
        {visible(problem)}
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
              <strong>{visible(p.title)}</strong>
              <span>
                {visible(`${verdict(p, host)} · ${when(p.decision?.decided_at ?? '')} · `)}
                {visible(`${p.path ?? p.notebook} · ${p.agent}`)}
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

function verdict({ decision }: ISummary, { trans }: IHost): string {
  const rule = ruleOf(decision?.reviewer ?? '');
  return decision?.action === 'reject'
    ? trans.__('Blocked by policy: %1', rule)
    : trans.__('Passed by policy: %1', rule);
}
