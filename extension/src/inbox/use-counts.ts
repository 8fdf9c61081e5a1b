/**
 * Numbers of the inbox that the server counts.
 */

import { useEffect, useState } from 'react';
import type { IProposalCounts } from '../api/types';
import type { IHost } from '../components/host';

/** Delay of a new read after a change, in milliseconds; changes in this time cause one read. */
const DELAY_MS = 500;

/** Interval of reads without a change, in milliseconds: a kernel that dies tells nobody. */
const POLL_MS = 15_000;

/** Return the server's counts of the last 24 hours; null while they are not known. They follow the feed. */
export function useCounts({ client, feed }: IHost): IProposalCounts | null {
  const [counts, setCounts] = useState<IProposalCounts | null>(null);
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = (): void => {
      client.getCounts().then(
        found => {
          if (!gone) {
            setCounts(found);
          }
        },
        () => undefined // the numbers are an addition; the list says that the server does not answer
      );
    };
    const readSoon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(read, DELAY_MS);
    };
    const poll = setInterval(() => {
      if (document.visibilityState === 'visible') {
        read();
      }
    }, POLL_MS);
    feed.changed.connect(readSoon);
    read();
    return () => {
      gone = true;
      clearTimeout(timer);
      clearInterval(poll);
      feed.changed.disconnect(readSoon);
    };
  }, [client, feed]);
  return counts;
}
