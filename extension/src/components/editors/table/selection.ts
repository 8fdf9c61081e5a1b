/**
 * The cursor and the selected range in a grid, and the keys that move them.
 */

import {
  type FocusEvent,
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useRef,
  useState
} from 'react';
import { movePlace, typesCharacter } from './keys';
import { type IGridPlace, type IRange, makeRange } from './ranges';
import type { ISheetRow } from './sheet';

/** A cell by the name of its row; null is the head. */
interface ICell {
  row: string | null;
  column: number;
}

/** Rows that Page Up and Page Down move by. */
const PAGE_ROWS = 10;

/** The cursor of a grid. */
export interface ISelection {
  /** Where the cursor is, or would be when the grid gets the focus. */
  cursor: IGridPlace;
  /** Name of the cursor's row while the grid has the focus. */
  focusedRow: string | null;
  range: IRange;
  isEditing: boolean;
  /** Move the focus to a cell as soon as it is drawn. */
  focusCell: (row: string, column: number) => void;
  handlers: {
    onKeyDown: (event: KeyboardEvent) => void;
    onFocus: (event: FocusEvent) => void;
    onBlur: (event: FocusEvent) => void;
    onMouseDown: (event: MouseEvent) => void;
    onDoubleClick: (event: MouseEvent) => void;
    onInput: () => void;
  };
}

/**
 * Keep the cursor and the range of a grid with these rows in view. The column of buttons is not counted. `onClear`
 * empties the cells of a range.
 */
export function useSelection(
  node: RefObject<HTMLElement>,
  rows: readonly ISheetRow[],
  columns: number,
  readOnly: boolean,
  onClear: (range: IRange) => void
): ISelection {
  const [active, setActive] = useState<ICell>({ row: rows[0]?.name ?? null, column: 0 });
  const [anchor, setAnchor] = useState<ICell | null>(null);
  const [isEditing, setEditing] = useState(false);
  const [hasFocus, setHasFocus] = useState(false);
  const wanted = useRef<typeof active | null>(null);
  const toPlace = (cell: ICell): IGridPlace => ({
    row: cell.row === null ? -1 : rows.findIndex(({ name }) => name === cell.row),
    column: cell.column
  });
  const found = toPlace(active);
  const cursor =
    active.row !== null && found.row < 0
      ? { row: Math.min(0, rows.length - 1), column: found.column }
      : found;
  const range = makeRange(anchor === null ? cursor : toPlace(anchor), cursor, columns);
  const isCell = cursor.row >= 0 && cursor.column < columns;
  const mayEdit = isCell && !readOnly && rows[cursor.row].sign !== 'removed';

  useEffect(() => {
    // Not the cursor of an earlier drawing, and not the one in place of a row that is not shown.
    const isDrawn = wanted.current === active && (active.row === null || found.row >= 0);
    const target = isDrawn ? findPlace(node.current, cursor) : null;
    if (target) {
      wanted.current = null;
      target.focus({ preventScroll: true });
      target.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
    }
  });

  const focusPlace = (place: typeof active): void => {
    setActive(place);
    setEditing(false);
    wanted.current = place;
  };
  const move = (place: IGridPlace, extend: boolean): void => {
    setAnchor(extend && place.row >= 0 ? (anchor ?? active) : null);
    focusPlace({ row: place.row < 0 ? null : rows[place.row].name, column: place.column });
  };
  const edit = (target: EventTarget, selectAll: boolean): void => {
    setEditing(true);
    const input = target as HTMLInputElement;
    if (selectAll) {
      input.select();
    } else {
      input.setSelectionRange(input.value.length, input.value.length);
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const { key, shiftKey, target } = event;
    if (!placeOf(target)) {
      return;
    }
    if (isEditing) {
      if (key === 'Escape' || (key === 'Enter' && !shiftKey && !event.ctrlKey && !event.metaKey)) {
        event.preventDefault();
        event.stopPropagation();
        const down = key === 'Enter' && cursor.row + 1 < rows.length;
        move(down ? { ...cursor, row: cursor.row + 1 } : cursor, false);
      }
      return;
    }
    const next = movePlace(event, cursor, { rows: rows.length, columns: columns + 1 }, PAGE_ROWS);
    if (next !== null) {
      event.preventDefault();
      event.stopPropagation();
      // Without buttons there is nothing to the right of the cells.
      move(readOnly ? { ...next, column: Math.min(next.column, columns - 1) } : next, shiftKey);
    } else if (mayEdit && (key === 'Enter' || key === 'F2') && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      edit(target, false);
    } else if (mayEdit && typesCharacter(event)) {
      edit(target, true); // the character replaces the text
    } else if (isCell && !readOnly && (key === 'Delete' || key === 'Backspace')) {
      event.preventDefault();
      onClear(range);
    }
  };

  return {
    cursor,
    focusedRow: hasFocus ? active.row : null,
    range,
    isEditing,
    focusCell: (row, column) => {
      setAnchor(null);
      focusPlace({ row, column });
    },
    handlers: {
      onKeyDown,
      onFocus: ({ target }) => {
        setHasFocus(true);
        const place = placeOf(target);
        if (place && (place.row !== cursor.row || place.column !== cursor.column || !hasFocus)) {
          setActive({ row: place.row < 0 ? null : (rows[place.row]?.name ?? null), column: place.column });
          if (place.row !== cursor.row || place.column !== cursor.column) {
            setAnchor(null);
          }
          setEditing(false);
        }
      },
      onBlur: event => {
        if (!node.current?.contains(event.relatedTarget)) {
          setHasFocus(false);
          setEditing(false);
        }
      },
      onMouseDown: event => {
        const place = placeOf(event.target);
        if (event.shiftKey && place && place.row >= 0) {
          event.preventDefault();
          move(place, true);
        }
      },
      onDoubleClick: ({ target }) => {
        if (mayEdit && placeOf(target)) {
          setEditing(true);
        }
      },
      onInput: () => setEditing(true)
    }
  };
}

/** The place of an element of the grid; null if it is not a cell, a head or a button of a row. */
function placeOf(target: EventTarget): IGridPlace | null {
  const place = target instanceof Element ? target.getAttribute('data-place') : null;
  const [row, column] = (place ?? '').split(':').map(Number);
  return place === null ? null : { row, column };
}

function findPlace(node: HTMLElement | null, { row, column }: IGridPlace): HTMLElement | null {
  return node?.querySelector<HTMLElement>(`[data-place="${row}:${column}"]`) ?? null;
}
