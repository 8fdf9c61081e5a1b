/**
 * The rows that the editor of a table draws: those of the value, and among them the removed ones.
 */

import type { ITable, Json } from '../../../api/types';
import type { IDraft, IRemovedRow } from '../../../drafts/draft';
import { isSame } from '../../../drafts/json-parts';
import { diffRows } from '../../changes/table-diff';

/** A row of the sheet. */
export interface ISheetRow {
  /** Name of the row, which stays the same while others are added or removed. */
  name: string;
  /** Number for people: from 1, removed rows counted. */
  number: number;
  cells: Json[];
  /** The cells as proposed; null for an added row. */
  before: Json[] | null;
  /** Index of the row in the value; null if it was removed. */
  index: number | null;
  sign: 'same' | 'changed' | 'added' | 'removed';
  /** Id of the window that removed it; null if not known. */
  client: number | null;
}

/** List the rows of a table. With a draft, rows have its names; without, they are found by comparing both tables. */
export function makeSheet(proposed: ITable, value: ITable, draft: IDraft | null): ISheetRow[] {
  const keys = draft !== null && draft.value === (value as unknown as Json) ? draft.keys : null;
  return keys === null
    ? compareTables(proposed, value)
    : readDraft(proposed, value, keys, draft!.removedRows);
}

function readDraft(
  proposed: ITable,
  value: ITable,
  keys: readonly string[],
  removed: readonly IRemovedRow[]
): ISheetRow[] {
  const rows: ISheetRow[] = [];
  const firstRow = (name: string): Json[] | null =>
    /^\d+$/.test(name) ? (proposed.rows[Number(name)] ?? null) : null;
  let next = 0;
  const addRemoved = (at: number): void => {
    for (; next < removed.length && removed[next].at <= at; next++) {
      const { name, row, client } = removed[next];
      const number = rows.length + 1;
      const before = firstRow(name);
      rows.push({ name, number, cells: row, before, index: null, sign: 'removed', client });
    }
  };
  value.rows.forEach((cells, index) => {
    addRemoved(index);
    const before = firstRow(keys[index]);
    const sign = before === null ? 'added' : isSame(before, cells) ? 'same' : 'changed';
    rows.push({ name: keys[index], number: rows.length + 1, cells, before, index, sign, client: null });
  });
  addRemoved(value.rows.length);
  return rows;
}

function compareTables(proposed: ITable, value: ITable): ISheetRow[] {
  let index = 0;
  return diffRows(proposed, value).map(({ sign, number, before, after }) => ({
    name: `row ${number}`,
    number,
    cells: after ?? before ?? [],
    before,
    index: after === null ? null : index++,
    sign,
    client: null
  }));
}
