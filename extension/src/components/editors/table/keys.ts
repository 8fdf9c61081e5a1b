/**
 * Keys that move in a grid.
 */

import type { IGridPlace } from './ranges';

/** The parts of a keyboard event that matter here. */
export interface IKeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/**
 * Return the place that a key leads to; null if it does not move.
 *
 * @param size - number of rows and columns; the column of buttons counts.
 * @param page - number of rows of a page.
 */
export function movePlace(
  { key, ctrlKey, metaKey, altKey }: IKeyPress,
  { row, column }: IGridPlace,
  size: { rows: number; columns: number },
  page: number
): IGridPlace | null {
  if (altKey) {
    return null;
  }
  const far = ctrlKey || metaKey;
  const last = { row: size.rows - 1, column: size.columns - 1 };
  const to = (there: Partial<IGridPlace>): IGridPlace => {
    const place = { row, column, ...there };
    // There is no button in the head.
    const right = place.row < 0 ? last.column - 1 : last.column;
    return {
      row: Math.min(Math.max(place.row, -1), last.row),
      column: Math.min(Math.max(place.column, 0), right)
    };
  };
  switch (key) {
    case 'ArrowUp':
      return to({ row: far ? 0 : row - 1 });
    case 'ArrowDown':
      return to({ row: far ? last.row : row + 1 });
    case 'ArrowLeft':
      return to({ column: far ? 0 : column - 1 });
    case 'ArrowRight':
      return to({ column: far ? last.column - 1 : column + 1 });
    case 'Home':
      return to({ row: far ? 0 : row, column: 0 });
    case 'End':
      return to({ row: far ? last.row : row, column: last.column - 1 });
    case 'PageUp':
      return to({ row: Math.max(row - page, 0) });
    case 'PageDown':
      return to({ row: row + page });
    default:
      return null;
  }
}

/** Whether a key types a character. */
export function typesCharacter({ key, ctrlKey, metaKey, altKey }: IKeyPress): boolean {
  return !ctrlKey && !metaKey && !altKey && ([...key].length === 1 || key === 'Process');
}
