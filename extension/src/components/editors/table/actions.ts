/**
 * Edits of a table: cells and ranges are edited, rows added, removed and put back.
 */

import { type ClipboardEvent, useState } from 'react';
import type { ITable, Json } from '../../../api/types';
import type { IDraft } from '../../../drafts/draft';
import type { IHost } from '../../host';
import { inputText, parseCell } from './cell';
import { formatTsv, type IRange, parseTsv, pasteCells } from './ranges';
import type { ISelection } from './selection';
import type { ISheetRow } from './sheet';

/** The actions of a table's editor. */
export interface ITableActions {
  editCell: (row: ISheetRow, column: number, cell: Json) => void;
  addRow: () => void;
  /** Remove a row, or put it back if it was removed. */
  toggleRow: (row: ISheetRow) => void;
  clearRange: (range: IRange) => void;
  /** Handlers of the clipboard for a grid with a selection. */
  clipboard: (selection: ISelection) => {
    onCopy: (event: ClipboardEvent) => void;
    onCut: (event: ClipboardEvent) => void;
    onPaste: (event: ClipboardEvent) => void;
  };
  /** Number of columns of the last paste for which there was no column. */
  cut: number;
}

/**
 * Make the actions of a table's editor.
 *
 * @param shown - the rows in view; ranges are about these.
 */
export function useTableActions(
  table: ITable,
  draft: IDraft | null,
  rows: readonly ISheetRow[],
  shown: readonly ISheetRow[],
  readOnly: boolean,
  host: IHost,
  onEdit: (value: Json) => void
): ITableActions {
  const { columns } = table;
  const [cut, setCut] = useState(0);
  const write = (made: Json[][]): void => onEdit({ columns, rows: made } as unknown as Json);
  const named = draft !== null && draft.value === (table as unknown as Json) && draft.keys !== null;

  const editCell = (row: ISheetRow, column: number, cell: Json): void => {
    if (row.index !== null) {
      write(replaceCells(table.rows, [{ index: row.index, column, cell }]));
    }
  };
  const toggleRow = (row: ISheetRow): void => {
    if (named) {
      draft[row.index === null ? 'restoreRow' : 'removeRow'](row.name);
    } else if (row.index !== null) {
      write(table.rows.filter((_, i) => i !== row.index));
    } else {
      const at = rows.filter(({ index, number }) => index !== null && number < row.number).length;
      write([...table.rows.slice(0, at), row.cells, ...table.rows.slice(at)]);
    }
  };
  const clearRange = (range: IRange): void => {
    const cells = listTargets(shown, range).flatMap(index =>
      columns
        .map((column, i) => ({ index, column: i, cell: parseCell(column, '', host) }))
        .slice(range.left, range.right + 1)
    );
    asOneStep(draft, () => write(replaceCells(table.rows, cells)));
  };
  const copy = (event: ClipboardEvent, { range, isEditing }: ISelection): boolean => {
    if (isEditing || !isCellEvent(event)) {
      return false;
    }
    const texts = shown
      .slice(range.top, range.bottom + 1)
      .map(({ cells }) => cells.slice(range.left, range.right + 1).map(cell => inputText(cell, host)));
    event.clipboardData.setData('text/plain', formatTsv(texts));
    event.preventDefault();
    return true;
  };
  const paste = (event: ClipboardEvent, { range, isEditing }: ISelection): void => {
    const text = event.clipboardData.getData('text/plain');
    if (readOnly || isEditing || text === '' || !isCellEvent(event)) {
      return;
    }
    event.preventDefault();
    const pasted = fillRange(parseTsv(text), range, listTargets(shown, range).length);
    const targets = listTargets(shown, { ...range, bottom: shown.length - 1 });
    const made = pasteCells(table.rows, columns, pasted, targets, range.left, (column, cell) =>
      parseCell(column, cell, host)
    );
    const { length } = table.rows;
    asOneStep(draft, () => {
      // Rows that changed are written before new ones: together, changed rows would be taken for removed and added.
      write(made.rows.slice(0, length));
      if (made.rows.length > length) {
        write(made.rows);
      }
    });
    setCut(made.cut);
  };
  return {
    editCell,
    addRow: () => write([...table.rows, columns.map(() => null)]),
    toggleRow,
    clearRange,
    clipboard: selection => ({
      onCopy: event => void copy(event, selection),
      onCut: event => {
        if (copy(event, selection) && !readOnly) {
          clearRange(selection.range);
        }
      },
      onPaste: event => paste(event, selection)
    }),
    cut
  };
}

/** Make an edit that one undo takes back, and no other edit with it. */
function asOneStep(draft: IDraft | null, edit: () => void): void {
  draft?.closeUndoStep();
  edit();
  draft?.closeUndoStep();
}

/** Repeat a single pasted cell in the `count` rows of a range; more cells are pasted as they are. */
function fillRange(pasted: string[][], { left, right }: IRange, count: number): string[][] {
  if (pasted.length !== 1 || pasted[0].length !== 1) {
    return pasted;
  }
  const row = Array.from({ length: right - left + 1 }, () => pasted[0][0]);
  return Array.from({ length: count }, () => row);
}

/** Indices in the value of the rows of a range that were not removed. */
function listTargets(shown: readonly ISheetRow[], { top, bottom }: Pick<IRange, 'top' | 'bottom'>): number[] {
  return shown.slice(top, bottom + 1).flatMap(({ index }) => (index === null ? [] : [index]));
}

function isCellEvent({ target }: { target: EventTarget }): boolean {
  return target instanceof Element && target.matches('.jp-hitl-cell');
}

function replaceCells(
  rows: readonly Json[][],
  cells: readonly { index: number; column: number; cell: Json }[]
): Json[][] {
  const made = rows.slice();
  for (const { index, column, cell } of cells) {
    made[index] = made[index] === rows[index] ? rows[index].slice() : made[index];
    made[index][column] = cell;
  }
  return made;
}
