/**
 * The current time in a view, updated at an interval or as a countdown needs it.
 */

import { useEffect, useRef, useState } from 'react';

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

/** Times left that are told, in milliseconds. */
const NEAR_MS = [5 * MINUTE_MS, MINUTE_MS];

/**
 * Return the current time in milliseconds for a countdown: updated each minute, and each second in the last one. Without
 * a time to count to, it is updated each minute.
 *
 * @param onNear - called with the current time when 5 minutes are left, and when 1 minute is.
 */
export function useCountdown(until: string | null | undefined, onNear?: (now: number) => void): number {
  const [now, setNow] = useState(() => Date.now());
  const near = useRef(onNear);
  near.current = onNear;
  const end = until ? Date.parse(until) : NaN;
  useEffect(() => {
    let last = Date.now();
    let timer: ReturnType<typeof setTimeout>;
    const wait = (): void => {
      timer = setTimeout(tick, timeToNextText(end - last));
    };
    const tick = (): void => {
      const at = Date.now();
      if (at < end && NEAR_MS.some(left => end - last > left && end - at <= left)) {
        near.current?.(at);
      }
      last = at;
      setNow(at);
      wait();
    };
    setNow(last);
    wait();
    return () => clearTimeout(timer);
  }, [end]);
  return now;
}

/** Return after how many milliseconds another time left is shown: full minutes, or seconds in the last minute. */
function timeToNextText(left: number): number {
  if (!(left > 0)) {
    return MINUTE_MS;
  }
  const step = left > MINUTE_MS ? MINUTE_MS : SECOND_MS;
  return left % step || step;
}
