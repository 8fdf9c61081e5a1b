/**
 * Which lines of a scrolled table were on screen: a decision on several proposals is made only after each was in sight.
 */

import { type RefObject, useEffect, useState } from 'react';

/** Part of a line that must be in sight at once. Of a line that is higher than the table, so much of the table. */
const SEEN_PART = 0.9;

/** Steps of the visible part of a line at which the browser reports it. */
const STEPS = Array.from({ length: 21 }, (_, i) => i / 20);

/**
 * Return the keys of the lines that were on screen. A line is a `<tr>` with its key as `data-line`; a key that contains
 * what the line shows makes a changed line unseen again.
 *
 * @param box - the element that scrolls.
 * @param lines - the keys of all lines; none while what they show is not known.
 */
export function useSeenLines(box: RefObject<HTMLElement>, lines: readonly string[]): ReadonlySet<string> {
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const all = JSON.stringify(lines);
  useEffect(() => {
    const keys = JSON.parse(all) as string[];
    const drawn = [...(box.current?.querySelectorAll<HTMLElement>('tr[data-line]') ?? [])];
    if (typeof IntersectionObserver === 'undefined') {
      setSeen(new Set(keys));
      return;
    }
    const keyOf = ({ target }: IntersectionObserverEntry): string =>
      (target.parentElement as HTMLElement).dataset.line ?? '';
    const observer = new IntersectionObserver(
      entries => {
        const height = box.current?.clientHeight ?? 0;
        const shown = entries.filter(one => isInSight(one, height)).map(keyOf);
        if (shown.length > 0) {
          setSeen(before => new Set([...before, ...shown]));
        }
      },
      { threshold: STEPS }
    );
    // The first cell is observed: a wide line is never whole in the window.
    drawn
      .filter(line => keys.includes(line.dataset.line ?? ''))
      .flatMap(line => line.firstElementChild ?? [])
      .forEach(cell => observer.observe(cell));
    return () => observer.disconnect();
  }, [box, all]);
  return seen;
}

function isInSight(entry: IntersectionObserverEntry, height: number): boolean {
  const { isIntersecting, intersectionRatio, intersectionRect } = entry;
  const fills = height > 0 && intersectionRect.height >= SEEN_PART * height;
  return isIntersecting && (intersectionRatio >= SEEN_PART || fills);
}
