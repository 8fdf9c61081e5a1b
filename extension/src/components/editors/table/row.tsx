/**
 * The head and the rows of a grid.
 */

import type { CSSProperties } from 'react';
import type { IColumn, Json } from '../../../api/types';
import { ROW_SIGNS } from '../../changes/table-changes';
import { Icon } from '../../controls/icons';
import type { IHost } from '../../host';
import { showHiddenCharacters } from '../../../text/hidden-characters';
import { TableCell } from './cell';
import { columnType } from './columns';
import type { ITableError } from './errors';
import type { IGridPlace, IRange } from './ranges';
import type { ISheetRow } from './sheet';
import type { ITableView } from './view';

/** The names of the columns; pressing one sorts by it. */
export function TableHead({
  columns,
  template,
  sort,
  cursor,
  onSort,
  host
}: {
  columns: readonly IColumn[];
  template: string;
  sort: ITableView['sort'];
  cursor: IGridPlace;
  onSort: (column: number) => void;
  host: IHost;
}): JSX.Element {
  const { trans } = host;
  return (
    <div role="row" aria-rowindex={1} className="jp-hitl-rows-head" style={{ gridTemplateColumns: template }}>
      <span role="columnheader" className="n">
        #
      </span>
      {columns.map((column, i) => {
        const sorted = sort?.column === i ? (sort.descending ? 'descending' : 'ascending') : undefined;
        const numeric = ['integer', 'number'].includes(column.type);
        return (
          <span
            key={column.name}
            role="columnheader"
            aria-sort={sorted}
            className={numeric ? 'r' : undefined}
          >
            <button
              type="button"
              data-place={`-1:${i}`}
              tabIndex={cursor.row < 0 && cursor.column === i ? 0 : -1}
              title={trans.__('Sort by this column, in this view only')}
              onClick={() => onSort(i)}
            >
              <b>{showHiddenCharacters(column.name)}</b>
              <small>{columnType(column, host)}</small>
              {sorted && <Icon name={sorted === 'ascending' ? 'up' : 'down'} />}
            </button>
          </span>
        );
      })}
      <span role="columnheader" className="end">
        <span className="jp-hitl-visually-hidden">{trans.__('Remove')}</span>
      </span>
    </div>
  );
}

interface ITableRowProps {
  row: ISheetRow;
  /** Index of the row in the view. */
  at: number;
  columns: readonly IColumn[];
  style: CSSProperties;
  errors: readonly ITableError[];
  cursor: IGridPlace;
  range: IRange;
  isEditing: boolean;
  readOnly: boolean;
  /** Name of the person who removed the row; "" if not known. */
  remover: string;
  host: IHost;
  onEdit: (column: number, cell: Json) => void;
  /** Removes the row, or puts it back. */
  onToggle: () => void;
}

const ROW_CLASSES = { same: '', changed: '', added: ' new', removed: ' gone' };

/** One row: its number and sign, its cells, and its button. */
export function TableRow(props: ITableRowProps): JSX.Element {
  const { row, at, columns, errors, cursor, range, host } = props;
  const inRange = at >= range.top && at <= range.bottom;
  const many = range.top !== range.bottom || range.left !== range.right;
  return (
    <div
      role="row"
      aria-rowindex={at + 2}
      className={`jp-hitl-row${ROW_CLASSES[row.sign]}`}
      style={props.style}
    >
      <RowNumber row={row} remover={props.remover} host={host} />
      {columns.map((column, i) => (
        <TableCell
          key={column.name}
          row={row}
          column={column}
          at={i}
          place={`${at}:${i}`}
          message={errors.find(error => error.column === column.name || error.column === '')?.message}
          isTabStop={cursor.row === at && cursor.column === i}
          isSelected={many && inRange && i >= range.left && i <= range.right}
          isEditing={props.isEditing && cursor.row === at && cursor.column === i}
          readOnly={props.readOnly}
          host={host}
          onEdit={cell => props.onEdit(i, cell)}
        />
      ))}
      <RowButton {...props} isTabStop={cursor.row === at && cursor.column === columns.length} />
    </div>
  );
}

function RowNumber({ row, remover, host }: Pick<ITableRowProps, 'row' | 'remover' | 'host'>): JSX.Element {
  const { trans } = host;
  const words = {
    same: '',
    changed: trans.__('changed'),
    added: trans.__('added'),
    removed: remover ? trans.__('removed by %1', remover) : trans.__('removed')
  };
  return (
    <span role="rowheader" className="n" title={words[row.sign] || undefined}>
      <b aria-hidden="true">{ROW_SIGNS[row.sign]}</b>
      {row.number} <span className="jp-hitl-visually-hidden">{words[row.sign]}</span>
    </span>
  );
}

function RowButton({ row, at, columns, readOnly, host, onToggle, isTabStop }: RowButtonProps): JSX.Element {
  const { trans } = host;
  const removed = row.sign === 'removed';
  const label = removed ? trans.__('Put row %1 back', row.number) : trans.__('Remove row %1', row.number);
  return (
    <span role="gridcell" className="end">
      {!readOnly && (
        <button
          type="button"
          className="jp-hitl-btn jp-mod-quiet jp-mod-small jp-mod-icon"
          data-place={`${at}:${columns.length}`}
          tabIndex={isTabStop ? 0 : -1}
          aria-label={label}
          title={label}
          onClick={onToggle}
        >
          <Icon name={removed ? 'undo' : 'cross'} />
        </button>
      )}
    </span>
  );
}

type RowButtonProps = ITableRowProps & { isTabStop: boolean };
