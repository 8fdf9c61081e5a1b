/**
 * Differences of two tables by row and cell.
 */

import type { ITable, Json } from '../../api/types';
import { countCommonEnds, isSame } from '../../drafts/json-parts';
import { diffTokens } from './text-diff';

/** A row of a comparison. Removed rows keep their place, so numbers count both versions. */
export interface IRowChange {
  sign: 'same' | 'changed' | 'added' | 'removed';
  /** Number of the row, from 1, removed rows counted. */
  number: number;
  /** The cells before; null for an added row. */
  before: Json[] | null;
  /** The cells after; null for a removed row. */
  after: Json[] | null;
}

/** Most pairs of rows that are compared to find which row became which. */
const MAX_PAIRS = 40_000;

/** Return true if a value is a table. */
export function isTable(value: Json | undefined): boolean {
  const table = value as unknown as ITable | null | undefined;
  return (
    typeof table === 'object' && table !== null && Array.isArray(table.columns) && Array.isArray(table.rows)
  );
}

/** Compare two tables. All rows are listed, in their order. */
export function diffRows(before: ITable, after: ITable): IRowChange[] {
  const [old, now] = [before.rows, after.rows];
  const { start, end } = countCommonEnds(old, now);
  const found: IRowChange[] = [];
  const add = (one: Json[] | null, other: Json[] | null): void => {
    const sign =
      one === null ? 'added' : other === null ? 'removed' : isSame(one, other) ? 'same' : 'changed';
    found.push({ sign, number: found.length + 1, before: one, after: other });
  };
  old.slice(0, start).forEach((row, i) => add(row, now[i]));
  const [left, right] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  alignRows(left, right).forEach(([i, j]) => add(i === null ? null : left[i], j === null ? null : right[j]));
  for (let i = end; i > 0; i--) {
    add(old[old.length - i], now[now.length - i]);
  }
  return found;
}

/** Count the cells that differ and the rows that were added and removed. */
export function countRows(rows: readonly IRowChange[]): { cells: number; added: number; removed: number } {
  const count = { cells: 0, added: 0, removed: 0 };
  for (const { sign, before, after } of rows) {
    if (sign === 'changed') {
      count.cells += after!.filter((cell, i) => !isSame(cell, before![i])).length;
    } else if (sign !== 'same') {
      count[sign]++;
    }
  }
  return count;
}

type Pair = [number | null, number | null];

/** Pair the rows of two lists: equal ones, and between them those that have the most cells in common. */
function alignRows(old: Json[][], now: Json[][]): Pair[] {
  const [left, right] = [old, now].map(rows => rows.map(row => JSON.stringify(row)));
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  const keep = (to: number): void => {
    for (; i < to; i++, j++) {
      pairs.push([i, j]);
    }
  };
  for (const { fromA, toA, fromB, toB } of diffTokens(left, right)) {
    keep(fromA);
    const part = pairAlike(old.slice(fromA, toA), now.slice(fromB, toB));
    pairs.push(...part.map(([a, b]): Pair => [a === null ? null : a + fromA, b === null ? null : b + fromB]));
    [i, j] = [toA, toB];
  }
  keep(old.length);
  return pairs;
}

/** Pair the rows that were edited. As many on both sides: in their order. Otherwise by their equal cells. */
function pairAlike(old: Json[][], now: Json[][]): Pair[] {
  if (old.length === now.length) {
    return old.map((_, i): Pair => [i, i]);
  }
  if (old.length === 0 || now.length === 0 || old.length * now.length > MAX_PAIRS) {
    return [...old.map((_, i): Pair => [i, null]), ...now.map((_, j): Pair => [null, j])];
  }
  // The most equal cells of the rows from i and j on; a pair must have one.
  const most = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  const alike = old.map(row => now.map(other => other.filter((cell, k) => isSame(cell, row[k])).length));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const paired = alike[i][j] > 0 ? alike[i][j] + most[i + 1][j + 1] : 0;
      most[i][j] = Math.max(paired, most[i + 1][j], most[i][j + 1]);
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const both = i < old.length && j < now.length;
    if (both && alike[i][j] > 0 && most[i][j] === alike[i][j] + most[i + 1][j + 1]) {
      pairs.push([i++, j++]);
    } else if (i < old.length && (!both || most[i][j] === most[i + 1][j])) {
      pairs.push([i++, null]);
    } else {
      pairs.push([null, j++]);
    }
  }
  return pairs;
}
