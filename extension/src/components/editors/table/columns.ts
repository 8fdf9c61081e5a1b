/**
 * The columns of a grid: one template for the head and all rows, so that they cannot differ.
 */

import type { IColumn, ITable } from '../../../api/types';
import type { IHost } from '../../host';
import { formatCell } from '../../changes/table-changes';

/** Widths in pixels: of a character, of the space around a cell's text, and of the outer columns. */
const CHARACTER_PX = 7.5;
const PADDING_PX = 24;
const NUMBER_PX = 60;
export const BUTTON_PX = 36;

/** Least and greatest number of characters that a column has room for. */
const CHARACTERS = { least: 6, most: 32 };

/** Rows whose cells are looked at for the widths. */
const SAMPLE_ROWS = 100;

/** Return the grid template, and the least width of a row in pixels. */
export function makeTemplate({ columns, rows }: ITable, host: IHost): { template: string; width: number } {
  const sample = rows.slice(0, SAMPLE_ROWS);
  const widths = columns.map((column, i) => {
    const head = column.name.length + columnType(column, host).length + 4;
    const longest = sample.reduce(
      (most, row) => Math.max(most, formatCell(row[i] ?? null, host).split('\n', 1)[0].length),
      head
    );
    const characters = Math.min(Math.max(longest, CHARACTERS.least), CHARACTERS.most);
    return Math.ceil(characters * CHARACTER_PX + PADDING_PX);
  });
  const inner = widths.map(width => `minmax(${width}px, ${width}fr)`).join(' ');
  return {
    template: `${NUMBER_PX}px ${inner} ${BUTTON_PX}px`,
    width: widths.reduce((sum, width) => sum + width, NUMBER_PX + BUTTON_PX)
  };
}

/** Return a short word for the type of a column. */
export function columnType({ type, options }: IColumn, { trans }: IHost): string {
  if (options) {
    return trans.__('choice');
  }
  switch (type) {
    case 'string':
      return trans.__('text');
    case 'integer':
      return trans.__('int');
    case 'boolean':
      return trans.__('yes/no');
    default:
      return type;
  }
}
