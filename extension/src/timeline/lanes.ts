/**
 * A run's entries as bars on a time axis: what was worked, what was waited for, and what happened at a moment.
 */

import type { EntryType, ITimelineEntry } from '../api/types';

export type Lane = 'working' | 'waiting' | 'steps' | 'policy' | 'moments';

/** One bar, or one moment (no width), in fractions of the whole time. */
export interface ITimelineBar {
  entry: ITimelineEntry;
  lane: Lane;
  left: number;
  width: number;
}

const ENTRY_LANES: { [type in EntryType]: Lane } = {
  working: 'working',
  statement: 'steps',
  step: 'steps',
  waiting: 'waiting',
  doubt: 'moments',
  opened: 'moments',
  decision: 'moments',
  comment: 'moments',
  resumed: 'moments',
  paused: 'moments',
  failed: 'moments',
  finished: 'moments',
  cancelled: 'moments',
  policy: 'policy',
  vote: 'moments',
  clock: 'moments'
};

/**
 * Place the entries on their lanes.
 *
 * @param now - milliseconds since 1970; where an entry without an end is drawn to.
 */
export function makeBars(entries: ITimelineEntry[], now: number): ITimelineBar[] {
  if (entries.length === 0) {
    return [];
  }
  const spans = entries.map(entry => entrySpan(entry, now));
  const first = Math.min(...spans.map(([start]) => start));
  const last = Math.max(...spans.map(([, end]) => end), first + 1);
  return entries.map((entry, i) => {
    const [start, end] = spans[i];
    return {
      entry,
      lane: ENTRY_LANES[entry.type],
      left: (start - first) / (last - first),
      width: (end - start) / (last - first)
    };
  });
}

/** Seconds worked and seconds waited. */
export function sumTotals(entries: ITimelineEntry[], now: number): { working: number; waiting: number } {
  const seconds = (type: EntryType): number =>
    entries
      .filter(entry => entry.type === type)
      .map(entry => entrySpan(entry, now))
      .reduce((sum, [start, end]) => sum + (end - start) / 1000, 0);
  return { working: seconds('working'), waiting: seconds('waiting') };
}

function entrySpan(entry: ITimelineEntry, now: number): [number, number] {
  const start = Date.parse(entry.at);
  if (entry.until !== null) {
    return [start, Date.parse(entry.until)];
  }
  const open = entry.type === 'working' || entry.type === 'waiting' || entry.type === 'step';
  return [start, open ? Math.max(now, start) : start];
}
