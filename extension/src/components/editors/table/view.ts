/**
 * The view of a table in one window: its order, and which rows. It changes nothing in the table.
 */

import type { Json } from '../../../api/types';
import { formatJson } from '../../changes/path-diff';
import type { ISheetRow } from './sheet';

/** Order and filters of one window. */
export interface ITableView {
  /** Null: the order of the table. */
  sort: { column: number; descending: boolean } | null;
  filter: { column: number; text: string };
  changedOnly: boolean;
  errorsOnly: boolean;
}

/** The view of a table that is opened. */
export const WHOLE_TABLE: ITableView = {
  sort: null,
  filter: { column: 0, text: '' },
  changedOnly: false,
  errorsOnly: false
};

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Whether rows are left out. */
export function isFiltered({ filter, changedOnly, errorsOnly }: ITableView): boolean {
  return filter.text !== '' || changedOnly || errorsOnly;
}

/** Return the next order by a column: ascending, descending, then that of the table. */
export function nextSort(sort: ITableView['sort'], column: number): ITableView['sort'] {
  if (sort?.column !== column) {
    return { column, descending: false };
  }
  return sort.descending ? null : { column, descending: true };
}

/** Return the place of each row by its name. Empty cells are last in both directions. */
export function rankRows(
  rows: readonly ISheetRow[],
  { column, descending }: { column: number; descending: boolean }
): Map<string, number> {
  const sorted = [...rows].sort((one, other) => {
    const [a, b] = [one.cells[column], other.cells[column]];
    if (a === null || b === null) {
      return Number(a === null) - Number(b === null);
    }
    return descending ? -compareCells(a, b) : compareCells(a, b);
  });
  return new Map(sorted.map(({ name }, i) => [name, i]));
}

/**
 * Choose the rows of a view. `ranks` are their places; null is the order of the table. Rows without a place are last.
 * `wrong` names the rows with messages. The row `kept` is shown in any case, because the cursor is in it.
 */
export function selectRows(
  rows: readonly ISheetRow[],
  view: ITableView,
  ranks: ReadonlyMap<string, number> | null,
  wrong: ReadonlySet<string>,
  kept: string | null
): readonly ISheetRow[] {
  const chosen = isFiltered(view) ? rows.filter(row => row.name === kept || fits(row, view, wrong)) : rows;
  if (ranks === null) {
    return chosen;
  }
  const rank = ({ name }: ISheetRow): number => ranks.get(name) ?? Infinity;
  return [...chosen].sort((one, other) => {
    const [a, b] = [rank(one), rank(other)];
    return a === b ? one.number - other.number : a - b;
  });
}

/** Whether a row fits the filters. */
export function fits(row: ISheetRow, view: ITableView, wrong: ReadonlySet<string>): boolean {
  const { filter, changedOnly, errorsOnly } = view;
  const text = filter.text.toLocaleLowerCase();
  return (
    (!changedOnly || row.sign !== 'same') &&
    (!errorsOnly || wrong.has(row.name)) &&
    (text === '' || searchText(row.cells[filter.column] ?? null).includes(text))
  );
}

function searchText(cell: Json): string {
  return cell === null ? '' : (typeof cell === 'string' ? cell : formatJson(cell)).toLocaleLowerCase();
}

function compareCells(one: Json, other: Json): number {
  if (typeof one === 'number' && typeof other === 'number') {
    return one - other;
  }
  return collator.compare(searchText(one), searchText(other));
}
