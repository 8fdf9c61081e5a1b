/**
 * One cell of a grid: its text, what it was, and who is in it.
 */

import { useContext, useState } from 'react';
import type { IColumn, Json } from '../../../api/types';
import { isSame } from '../../../drafts/json-parts';
import { showHiddenCharacters } from '../../../text/hidden-characters';
import { RemovedText } from '../../changes/marked-text';
import { alignment, formatCell } from '../../changes/table-changes';
import { FieldPresence, FieldPresenceContext, placeAttributes } from '../../field-presence';
import type { IHost } from '../../host';
import type { ISheetRow } from './sheet';

interface IProps {
  row: ISheetRow;
  column: IColumn;
  /** Index of the column. */
  at: number;
  /** The place in the grid, as an attribute: "3:1". */
  place: string;
  message: string | undefined;
  /** Whether the cell can have the focus by Tab. */
  isTabStop: boolean;
  isSelected: boolean;
  isEditing: boolean;
  readOnly: boolean;
  host: IHost;
  onEdit: (cell: Json) => void;
}

/** A cell. It is an input all the time; keys type in it only while it is edited. */
export function TableCell(props: IProps): JSX.Element {
  const { row, column, at, message, isSelected, host } = props;
  const { before, sign } = row;
  const others = useContext(FieldPresenceContext);
  const place = `rows/${row.name}/${column.name}`;
  const was = sign === 'changed' && !isSame(before![at], row.cells[at]) ? before![at] : undefined;
  const classes = [
    alignment(column),
    was !== undefined && 'ch',
    message !== undefined && 'er',
    isSelected && 'jp-mod-selected',
    others.has(place) && 'jp-hitl-taken'
  ];
  return (
    <span
      role="gridcell"
      className={classes.filter(Boolean).join(' ') || undefined}
      aria-selected={isSelected}
      {...placeAttributes(place)}
    >
      {was !== undefined && (
        <RemovedText host={host}>{formatCell(was, host) || <i>{host.trans.__('empty')}</i>}</RemovedText>
      )}
      <FieldPresence path={place} host={host} />
      <CellInput {...props} />
    </span>
  );
}

function CellInput(props: IProps): JSX.Element {
  const { row, column, at, place, message, isTabStop, isEditing, host, onEdit } = props;
  const { trans } = host;
  const cell = row.cells[at] ?? null;
  const raw = inputText(cell, host);
  // Typed text stays as typed while the cell is edited: "1." is not turned into "1".
  const [typed, setTyped] = useState<string | null>(null);
  const [multiline, setMultiline] = useState(raw.includes('\n'));
  if (!isEditing && typed !== null) {
    setTyped(null);
  }
  if (!isEditing && multiline !== raw.includes('\n')) {
    setMultiline(!multiline);
  }
  const removed = row.sign === 'removed';
  const shown = showHiddenCharacters(raw);
  const hidden = shown !== raw;
  const own = typed !== null && isSame(parseCell(column, typed, host), cell) ? typed : raw;
  const Control = multiline ? 'textarea' : 'input';
  const name = showHiddenCharacters(column.name);
  return (
    <Control
      {...(multiline ? { rows: 1 } : { type: 'text' })}
      className={isEditing ? 'jp-hitl-cell' : 'jp-hitl-cell jp-hitl-cell-idle'}
      data-place={place}
      tabIndex={isTabStop ? 0 : -1}
      // A text with hidden characters is shown with their codes, until it is edited.
      readOnly={props.readOnly || removed || (hidden && !isEditing)}
      aria-label={
        removed ? trans.__('%1, row %2, removed', name, row.number) : trans.__('%1, row %2', name, row.number)
      }
      aria-invalid={message !== undefined}
      title={message === undefined ? shown : showHiddenCharacters(message)}
      placeholder={message === undefined ? undefined : trans.__('empty')}
      value={isEditing ? own : shown}
      onChange={event => {
        setTyped(event.target.value);
        onEdit(parseCell(column, event.target.value, host));
      }}
    />
  );
}

/** The text of a cell in its input; null is "". */
export function inputText(cell: Json, { trans }: IHost): string {
  return typeof cell === 'boolean'
    ? cell
      ? trans.__('yes')
      : trans.__('no')
    : cell === null
      ? ''
      : typeof cell === 'string'
        ? cell
        : JSON.stringify(cell);
}

/**
 * Convert the text of a cell to the type of its column. If that is not possible it stays text, and the server reports
 * it.
 */
export function parseCell(column: IColumn, text: string, { trans }: Pick<IHost, 'trans'>): Json {
  if (text === '') {
    return column.type === 'string' && column.required ? '' : null;
  }
  if (column.type === 'boolean') {
    const word = text.trim().toLowerCase();
    return ['true', 'yes', trans.__('yes')].includes(word)
      ? true
      : ['false', 'no', trans.__('no')].includes(word)
        ? false
        : text;
  }
  if (['integer', 'number', 'json'].includes(column.type)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      return text;
    }
  }
  return text;
}
