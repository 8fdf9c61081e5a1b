/**
 * Ranges of cells, and their text for the clipboard: lines of cells with tabs between them (TSV), as spreadsheets
 * write them.
 */

import type { IColumn, Json } from '../../../api/types';

/** A place in the view: index of the row, -1 for the head, and of the column; the column of buttons is the last one. */
export interface IGridPlace {
  row: number;
  column: number;
}

/** A rectangle of cells, its ends included. */
export interface IRange {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

/** Return the rectangle between two places; heads and buttons are not part of it. */
export function makeRange(one: IGridPlace, other: IGridPlace, columns: number): IRange {
  const [a, b] = [one, other].map(({ column }) => Math.min(column, columns - 1));
  return {
    top: Math.max(Math.min(one.row, other.row), 0),
    bottom: Math.max(one.row, other.row),
    left: Math.min(a, b),
    right: Math.max(a, b)
  };
}

/** Parse the text of the clipboard. Cells in quotes may have tabs and line breaks. */
export function parseTsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /("(?:[^"]|"")*"(?=\t|\r?\n|$)|[^\t\r\n]*)(\t|\r?\n|\r|$)/gy;
  for (let found = cell.exec(text); found; found = cell.exec(text)) {
    const [whole, raw, end] = found;
    rows[rows.length - 1].push(
      raw.startsWith('"') && raw.endsWith('"') && raw.length > 1 ? unquote(raw) : raw
    );
    if (end === '' || whole === '') {
      break;
    }
    if (end !== '\t') {
      rows.push([]);
    }
  }
  const last = rows[rows.length - 1];
  if (rows.length > 1 && last.length <= 1 && (last[0] ?? '') === '') {
    rows.pop(); // a line break at the end ends the last row
  }
  return rows;
}

/** Write cells as text for the clipboard. */
export function formatTsv(rows: readonly (readonly string[])[]): string {
  return rows.map(row => row.map(quote).join('\t')).join('\n');
}

/**
 * Put pasted cells into the rows of a table, from the column `left` on. The rows `targets` are changed, in order.
 * Beyond them rows are added. `cut` is the number of columns that did not fit.
 */
export function pasteCells(
  rows: readonly Json[][],
  columns: readonly IColumn[],
  pasted: readonly (readonly string[])[],
  targets: readonly number[],
  left: number,
  parse: (column: IColumn, text: string) => Json
): { rows: Json[][]; cut: number } {
  const made = [...rows];
  let cut = 0;
  pasted.forEach((texts, i) => {
    const at = i < targets.length ? targets[i] : made.push(columns.map(() => null)) - 1;
    const row = [...made[at]];
    texts.forEach((text, j) => {
      if (left + j < columns.length) {
        row[left + j] = parse(columns[left + j], text);
      }
    });
    made[at] = row;
    cut = Math.max(cut, left + texts.length - columns.length);
  });
  return { rows: made, cut };
}

function quote(text: string): string {
  return /[\t\n\r"]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/""/g, '"');
}
