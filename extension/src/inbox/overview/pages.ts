/**
 * Lists that are read page by page, and again when something changed.
 */

import { useCallback, useEffect, useRef, useState } from 'react';
import type { Feed } from '../../api/feed';

/** One page of a list. */
export interface IPage<T> {
  readonly items: readonly T[];
  /** The cursor of the next page; null at the end. */
  readonly next: string | null;
}

/** A list as far as it was read. */
export interface IPages<T> {
  readonly items: readonly T[];
  readonly loaded: boolean;
  readonly problem: string;
  /** Reads the next page; absent at the end. */
  readonly more?: () => void;
}

/** Delay of a new read after a change, in milliseconds; changes in this time cause one read. */
const DELAY_MS = 300;

/**
 * Read a list. As many pages as were read before are read again after a change.
 *
 * @param read - reads one page; a new function reads a new list from its beginning.
 *
 * @param pulse - another value reads the same list again, for changes that the feed does not tell.
 */
export function usePages<T>(
  read: (cursor?: string) => Promise<IPage<T>>,
  feed: Feed,
  pulse?: number
): IPages<T> {
  const [found, setFound] = useState<{ items: readonly T[]; next: string | null } | null>(null);
  const [problem, setProblem] = useState('');
  const pages = useRef(1);
  const round = useRef(0);
  const load = useCallback(async (): Promise<void> => {
    const own = ++round.current;
    try {
      const items: T[] = [];
      let next: string | null = null;
      for (let page = 0; page < pages.current; page++) {
        const one: IPage<T> = await read(next ?? undefined);
        items.push(...one.items);
        next = one.next;
        if (next === null) {
          break;
        }
      }
      if (own === round.current) {
        setFound({ items, next });
        setProblem('');
      }
    } catch (reason) {
      if (own === round.current) {
        setProblem(reason instanceof Error ? reason.message : String(reason));
      }
    }
  }, [read]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reload = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => void load(), DELAY_MS);
    };
    pages.current = 1;
    feed.changed.connect(reload);
    void load();
    return () => {
      clearTimeout(timer);
      feed.changed.disconnect(reload);
    };
  }, [load, feed]);
  const lastPulse = useRef(pulse);
  useEffect(() => {
    if (pulse !== lastPulse.current) {
      lastPulse.current = pulse;
      void load();
    }
  }, [load, pulse]);
  const more = (): void => {
    pages.current += 1;
    void load();
  };
  return {
    items: found?.items ?? [],
    loaded: found !== null,
    problem,
    more: found?.next ? more : undefined
  };
}
