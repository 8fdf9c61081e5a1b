/**
 * The proposals that this person has a say in, in the order of the inbox's "For me", and the place of one of them.
 */

import { useCallback, useEffect, useState } from 'react';
import type { PageHost } from './page-host';

/** Most proposals that are read; behind them there are no more places. */
const MAX_PROPOSALS = 200;

/** The place of a proposal among those that wait for this person. */
export interface IReviewQueue {
  /** Number of the proposal, from 1; 0 if it is not among them. */
  position: number;
  /** Number of all that wait for this person. */
  total: number;
  previous: string | null;
  next: string | null;
  /** The one to show after a decision: the next one, or else the first that still waits. */
  nextToDecide: string | null;
  /** Why the list cannot be read, or "". */
  problem: string;
}

/** Read the proposals that wait for this person, again after each change on the server. */
export function useReviewQueue(host: PageHost, current: string, enabled: boolean): IReviewQueue {
  const [ids, setIds] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState('');
  const read = useCallback(async () => {
    try {
      const { proposals } = await host.client.listProposals({ mine: true, sort: 'due' }, MAX_PROPOSALS);
      setIds(proposals.map(({ id }) => id));
      setProblem('');
    } catch (reason) {
      setProblem(reason instanceof Error ? reason.message : String(reason));
    }
  }, [host]);
  useEffect(() => {
    if (!enabled) {
      return;
    }
    const onChange = (): void => void read();
    onChange();
    host.feed.changed.connect(onChange);
    return () => {
      host.feed.changed.disconnect(onChange);
    };
  }, [host, read, enabled]);
  return { ...placeOf(ids, current), problem };
}

/**
 * Return the place of a proposal in a list. Of one that is not in it, for example because it was decided meanwhile, the
 * next one is the first of the list.
 */
export function placeOf(ids: readonly string[], current: string): Omit<IReviewQueue, 'problem'> {
  const at = ids.indexOf(current);
  return {
    position: at + 1,
    total: ids.length,
    previous: at > 0 ? ids[at - 1] : null,
    next: ids[at + 1] ?? null,
    nextToDecide: ids[at + 1] ?? ids.find(id => id !== current) ?? null
  };
}
