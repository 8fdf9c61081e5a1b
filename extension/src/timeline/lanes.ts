/**
 * The entries of a run as bars on a time axis: working time, waiting time, and events.
 */

import type { EntryType, ITimelineEntry } from '../api/types';

/** A row of bars in the timeline. Entries of "moments" are in the list alone. */
export type Lane = 'working' | 'waiting' | 'steps' | 'policy' | 'moments';

/** One bar, or one event (without width), in fractions of the total time. */
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
  doubt: 'steps',
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
  clock: 'moments',
  flag: 'moments'
};

/** Place the entries on their lanes. Entries without an end are drawn up to `now` (milliseconds since 1970). */
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

/** Sum the working time and the waiting time, in seconds. */
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
