/**
 * The server's messages about a table, at the rows that are drawn for them.
 */

import type { IRemovedRow } from '../../../drafts/draft';
import type { IHost } from '../../host';
import { Icon } from '../../controls/icons';
import { showHiddenCharacters } from '../../../text/hidden-characters';
import type { ISheetRow } from './sheet';

/** A message about a cell or a row. */
export interface ITableError {
  /** Name of the row; null if the message is not about one row. */
  row: string | null;
  /** Number of the row for people. */
  number: number;
  /** Name of the column; "" if the message is about the whole row. */
  column: string;
  message: string;
}

/** Messages that are listed below the table; the others are at their cells and counted. */
const MAX_LISTED = 3;

/** Find the rows of messages. The server does not count removed rows, and counts from 0. */
export function placeErrors(
  fields: { [path: string]: string },
  rows: readonly ISheetRow[]
): readonly ITableError[] {
  const paths = Object.entries(fields).filter(([path]) => path !== '');
  if (paths.length === 0) {
    return [];
  }
  const standing = rows.filter(({ index }) => index !== null);
  return paths.map(([path, message]) => {
    const [, index, column = ''] = /^rows\/(\d+)(?:\/(.*))?$/s.exec(path) ?? [];
    const row = index === undefined ? undefined : standing[Number(index)];
    return row
      ? { row: row.name, number: row.number, column, message }
      : { row: null, number: 0, column: path, message };
  });
}

/**
 * Write the path of a message about a table as the editor names its place: "rows/200/id" is "Row 201, id". Paths of
 * other values stay as they are.
 */
export function formatErrorPath(path: string, removed: readonly IRemovedRow[], host: IHost): string {
  const [, index, column = ''] = /^rows\/(\d+)(?:\/(.*))?$/s.exec(path) ?? [];
  if (index === undefined) {
    return path;
  }
  const before = removed.filter(({ at }) => at <= Number(index)).length;
  return formatPlace({ row: path, number: Number(index) + before + 1, column, message: '' }, host);
}

/** Write the place of a message: "Row 201, id". */
export function formatPlace({ row, number, column }: ITableError, { trans }: IHost): string {
  const name = showHiddenCharacters(column);
  return row === null
    ? name
    : column === ''
      ? trans.__('Row %1', number)
      : trans.__('Row %1, %2', number, name);
}

/** The first messages in words, each with a way to its cell. */
export function TableErrors({
  errors,
  onGo,
  host
}: {
  errors: readonly ITableError[];
  onGo: (error: ITableError) => void;
  host: IHost;
}): JSX.Element | null {
  const { trans } = host;
  if (errors.length === 0) {
    return null;
  }
  const more = errors.length - MAX_LISTED;
  return (
    <ul className="jp-hitl-table-errors">
      {errors.slice(0, MAX_LISTED).map((error, i) => (
        <li key={i} className="jp-hitl-error">
          <Icon name="warning" /> <b>{formatPlace(error, host)}:</b> {showHiddenCharacters(error.message)}{' '}
          {error.row !== null && (
            <button type="button" className="jp-hitl-link" onClick={() => onGo(error)}>
              {trans.__('Go there')}
            </button>
          )}
        </li>
      ))}
      {more > 0 && (
        <li className="jp-hitl-muted">{trans._n('and %1 more message', 'and %1 more messages', more)}</li>
      )}
    </ul>
  );
}
