/**
 * Times as people read them: "4 min ago", "21:46".
 */

import { showHiddenCharacters } from './hidden-characters';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Format a time as an age: "just now", "4 min ago", "2 h ago", "3 d ago". */
export function formatAge(
  at: string,
  now: number,
  trans: { __(text: string, ...args: string[]): string }
): string {
  const age = now - Date.parse(at);
  if (Number.isNaN(age)) {
    return showHiddenCharacters(at);
  }
  if (age < MINUTE_MS) {
    return trans.__('just now');
  }
  const [size, unit] = age < HOUR_MS ? [MINUTE_MS, 'min'] : age < DAY_MS ? [HOUR_MS, 'h'] : [DAY_MS, 'd'];
  return trans.__('%1 ago', `${Math.floor(age / size)} ${unit}`);
}

/** Format a time of today as the time of day, others with their date; hours and minutes. */
export function formatClock(at: string, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) {
    return showHiddenCharacters(at);
  }
  const clock = { hour: '2-digit', minute: '2-digit', hour12: false } as const;
  return date.toDateString() === new Date(now).toDateString()
    ? date.toLocaleTimeString([], clock)
    : date.toLocaleString([], { ...clock, day: 'numeric', month: 'short' });
}
