/**
 * Differences of two plans by step: changed, added, removed and moved ones.
 */

import type { Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import { diffTokens, diffWords } from './text-diff';

/** A step of a comparison. Removed steps follow the step that they followed. */
export interface IStepChange {
  sign: 'same' | 'changed' | 'added' | 'removed';
  /** Where the step moved, in the list of the steps that are in both versions. */
  moved: 'up' | 'down' | null;
  /** Index of the step before; null for an added step. */
  from: number | null;
  /** Index of the step after; null for a removed step. */
  to: number | null;
}

/** Least share of the longer step that is in both, for the steps to count as one that was changed. */
const MIN_ALIKE = 0.4;

/** Most pairs of steps whose words are compared. */
const MAX_PAIRS = 2000;

/** Compare two plans. All steps are listed, in the order of the plan after. */
export function diffSteps(before: readonly Json[], after: readonly Json[]): IStepChange[] {
  const { origin, inPlace } = matchSteps(before, after);
  const taken = new Set(origin);
  const behind = new Map<number, number[]>();
  let last = -1;
  before.forEach((_, i) => {
    if (taken.has(i)) {
      last = i;
    } else {
      behind.set(last, [...(behind.get(last) ?? []), i]);
    }
  });
  const found: IStepChange[] = [];
  const addRemoved = (at: number): void =>
    behind.get(at)?.forEach(from => found.push({ sign: 'removed', moved: null, from, to: null }));
  addRemoved(-1);
  after.forEach((step, to) => {
    const from = origin[to];
    if (from === null) {
      found.push({ sign: 'added', moved: null, from, to });
      return;
    }
    const sign = isSame(before[from], step) ? 'same' : 'changed';
    found.push({ sign, moved: inPlace.has(to) ? null : from < to ? 'down' : 'up', from, to });
    addRemoved(from);
  });
  return found;
}

/** Find the step before for each step after; `inPlace` has the steps after that did not move. */
function matchSteps(
  before: readonly Json[],
  after: readonly Json[]
): { origin: (number | null)[]; inPlace: Set<number> } {
  const [old, now] = [before, after].map(steps => steps.map(step => JSON.stringify(step)));
  const origin: (number | null)[] = after.map(() => null);
  const inPlace = new Set<number>();
  let last = -1;
  const put = (from: number, to: number): void => {
    origin[to] = from;
    if (from > last) {
      inPlace.add(to);
      last = from;
    }
  };
  let [i, j] = [0, 0];
  const keep = (to: number): void => {
    for (; i < to; i++, j++) {
      put(i, j);
    }
  };
  const open: { from: number[]; to: number[] } = { from: [], to: [] };
  for (const { fromA, toA, fromB, toB } of diffTokens(old, now)) {
    keep(fromA);
    const left = { from: range(fromA, toA), to: range(fromB, toB) };
    pairSteps(left, (a, b) => old[a] !== now[b] && isAlike(before[a], after[b]), put);
    if (toA - fromA === 1 && toB - fromB === 1) {
      // One step in place of one: it was rewritten, unless it is a step from elsewhere.
      pairSteps(left, (a, b) => !old.includes(now[b]) && !now.includes(old[a]), put);
    }
    open.from.push(...left.from);
    open.to.push(...left.to);
    [i, j] = [toA, toB];
  }
  keep(before.length);
  const move = (from: number, to: number): void => void (origin[to] = from);
  pairSteps(open, (a, b) => old[a] === now[b], move);
  pairSteps(open, (a, b) => isAlike(before[a], after[b]), move);
  return { origin, inPlace };
}

/** Report pairs that fit, and take them out of the lists. */
function pairSteps(
  left: { from: number[]; to: number[] },
  fits: (from: number, to: number) => boolean,
  report: (from: number, to: number) => void
): void {
  if (left.from.length * left.to.length > MAX_PAIRS) {
    return;
  }
  for (const to of [...left.to]) {
    const from = left.from.find(one => fits(one, to));
    if (from !== undefined) {
      report(from, to);
      left.from.splice(left.from.indexOf(from), 1);
      left.to.splice(left.to.indexOf(to), 1);
    }
  }
}

/** Whether two steps are versions of one step, by what is in both. */
function isAlike(one: Json, other: Json): boolean {
  if (typeof one !== typeof other) {
    return false;
  }
  const [before, after] = [one, other].map(step => (typeof step === 'string' ? step : JSON.stringify(step)));
  const same = diffWords(before, after)
    .filter(({ sign, text }) => sign === 'same' && /[\p{L}\p{N}]/u.test(text))
    .reduce((sum, { text }) => sum + text.trim().length, 0);
  return same >= MIN_ALIKE * Math.max(before.trim().length, after.trim().length);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
