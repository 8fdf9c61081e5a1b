import type { EntryType, ITimelineEntry } from '../../src/api/types';
import { makeBars, sumTotals } from '../../src/timeline/lanes';
import { formatDuration } from '../../src/text/duration';

const START = Date.parse('2026-11-25T10:00:00Z');

function entry(type: EntryType, from: number, until: number | null): ITimelineEntry {
  const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
  return {
    n: 1,
    type,
    at: at(from),
    until: until === null ? null : at(until),
    seconds: null,
    what: type,
    actor: '',
    detail: {}
  };
}

test('entries lie on one axis from the first to the last moment', () => {
  const placed = makeBars(
    [entry('working', 0, 2), entry('waiting', 2, 10), entry('decision', 10, null)],
    START
  );
  expect(placed.map(({ lane, left, width }) => [lane, left, width])).toEqual([
    ['working', 0, 0.2],
    ['waiting', 0.2, 0.8],
    ['moments', 1, 0]
  ]);
});

test('what goes on is drawn up to now, and counts', () => {
  const entries = [entry('working', 0, 2), entry('waiting', 2, null)];
  expect(makeBars(entries, START + 4000)[1].width).toBe(0.5);
  expect(sumTotals(entries, START + 4000)).toEqual({ working: 2, waiting: 2 });
});

test('a run without entries has no bars', () => {
  expect(makeBars([], START)).toEqual([]);
});

test.each([
  [0.04, '40 ms'],
  [2.31, '2.3 s'],
  [59.6, '60 s'],
  [250, '4 min 10 s'],
  [266_400, '3 d 2 h']
])('%p seconds are %p', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
