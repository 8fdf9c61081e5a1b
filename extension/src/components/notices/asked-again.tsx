/**
 * The door of a question that was asked again: to the new one.
 */

import { useEffect, useState } from 'react';
import type { IProposal } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { Button } from '../controls/button';
import type { IHost } from '../host';

interface IProps {
  /** The expired proposal. */
  proposal: IProposal;
  host: IHost;
}

/** "Go to the new one". Nothing until the agent has asked again, or where no other card can be opened. */
export function AskedAgain({ proposal, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const openProposal = host.openProposal ?? host.openInInbox;
  const { next, problem } = useNextQuestion(proposal, host);
  if (problem) {
    return (
      <p className="jp-hitl-error" role="alert">
        {showHiddenCharacters(problem)}
      </p>
    );
  }
  return next === null || !openProposal ? null : (
    <div className="jp-hitl-run-notice">
      <Button small icon="right" onClick={() => openProposal(next)}>
        {trans.__('Go to the new one')}
      </Button>
    </div>
  );
}

/** Find the question of the run's newest pause that has the same place; read again when the run changes. */
function useNextQuestion(
  { run, position, ordinal, pause }: IProposal,
  { client, feed }: IHost
): { next: string | null; problem: string } {
  const [next, setNext] = useState<string | null>(null);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      try {
        const { proposals } = await client.getRun(run);
        const found = proposals.find(
          p => p.status === 'open' && p.pause > pause && p.position === position && p.ordinal === ordinal
        );
        if (!gone) {
          setNext(found?.id ?? null);
          setProblem('');
        }
      } catch (reason) {
        if (!gone) {
          setProblem(reason instanceof Error ? reason.message : String(reason));
        }
      }
    };
    const onFeed = (_: unknown, changed: { runs: string[] } | null): void => {
      if (changed === null || changed.runs.includes(run)) {
        void read();
      }
    };
    void read();
    feed.changed.connect(onFeed);
    return () => {
      gone = true;
      feed.changed.disconnect(onFeed);
    };
  }, [client, feed, run, position, ordinal, pause]);
  return { next, problem };
}
