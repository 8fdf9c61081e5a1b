/**
 * Changes of a table: the rows that differ, with what each cell was.
 */

import { useMemo, useState } from 'react';
import type { IColumn, ITable, Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { AddedText, RemovedText } from './marked-text';
import { formatJson } from './path-diff';
import { diffRows, type IRowChange } from './table-diff';

/** Signs of rows, in the column of numbers. */
export const ROW_SIGNS = { same: '', changed: '~', added: '+', removed: '−' };

/** Rows that are drawn at first, and each time that more are asked for. */
const ROWS_AT_ONCE = 200;

/** The rows of a table that were changed, added or removed. */
export function TableChanges({
  before,
  after,
  host
}: {
  before: ITable;
  after: ITable;
  host: IHost;
}): JSX.Element {
  const { trans } = host;
  const [most, setMost] = useState(ROWS_AT_ONCE);
  const changed = useMemo(
    () => diffRows(before, after).filter(({ sign }) => sign !== 'same'),
    [before, after]
  );
  return (
    <>
      <div
        className="jp-hitl-grid"
        role="region"
        tabIndex={0}
        aria-label={trans._n('Changes, %1 row', 'Changes, %1 rows', changed.length)}
      >
        <table>
          <thead>
            <tr>
              <th scope="col" className="n">
                #
              </th>
              {after.columns.map(column => (
                <th key={column.name} scope="col" className={alignment(column)}>
                  {showHiddenCharacters(column.name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {changed.slice(0, most).map(row => (
              <ChangedRow key={row.number} row={row} columns={after.columns} host={host} />
            ))}
          </tbody>
        </table>
      </div>
      {changed.length > most && (
        <p className="jp-hitl-fold">
          {trans._n('%1 more row was changed.', '%1 more rows were changed.', changed.length - most)}{' '}
          <button type="button" className="jp-hitl-link" onClick={() => setMost(most + ROWS_AT_ONCE)}>
            {trans.__('Show more')}
          </button>
        </p>
      )}
    </>
  );
}

const ROW_CLASSES = { same: '', changed: '', added: 'new', removed: 'gone' };

function ChangedRow({
  row,
  columns,
  host
}: {
  row: IRowChange;
  columns: IColumn[];
  host: IHost;
}): JSX.Element {
  const { sign, number, before, after } = row;
  const { trans } = host;
  const words = {
    same: '',
    changed: trans.__('changed'),
    added: trans.__('added'),
    removed: trans.__('removed')
  };
  return (
    <tr className={ROW_CLASSES[sign]}>
      <th scope="row" className="n">
        <b aria-hidden="true">{ROW_SIGNS[sign]}</b>
        {number} <span className="jp-hitl-visually-hidden">{words[sign]}</span>
      </th>
      {columns.map((column, i) => {
        const [old, now] = [before?.[i], after?.[i]];
        const changed = old !== undefined && now !== undefined && !isSame(old, now);
        return (
          <td key={column.name} className={`${alignment(column)}${changed ? ' ch' : ''}`}>
            {changed ? (
              <>
                <RemovedText host={host}>
                  <CellText cell={old} host={host} />
                </RemovedText>{' '}
                <AddedText host={host}>
                  <CellText cell={now} host={host} />
                </AddedText>
              </>
            ) : (
              formatCell(now ?? old ?? null, host)
            )}
          </td>
        );
      })}
    </tr>
  );
}

function CellText({ cell, host }: { cell: Json; host: IHost }): JSX.Element {
  return <>{formatCell(cell, host) || <i>{host.trans.__('empty')}</i>}</>;
}

/** Write a cell as people read it; null is "". Hidden characters are shown. */
export function formatCell(cell: Json, host: IHost): string {
  if (typeof cell === 'boolean') {
    return cell ? host.trans.__('yes') : host.trans.__('no');
  }
  return cell === null ? '' : showHiddenCharacters(typeof cell === 'string' ? cell : formatJson(cell));
}

/** Class of a column's cells: numbers are at the right. */
export function alignment({ type }: IColumn): string {
  return ['integer', 'number'].includes(type) ? 'r' : '';
}
