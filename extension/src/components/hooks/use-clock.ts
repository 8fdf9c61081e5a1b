/**
 * The current time in a view, updated at an interval.
 */

import { useEffect, useState } from 'react';

export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;

/** Return the current time in milliseconds, updated every `every` milliseconds. */
export function useClock(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
