/**
 * A table of evidence: the first rows in the card, and all kept rows in a large view.
 */

import { type ReactNode, useState } from 'react';
import type { IEvidenceBlock } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IHost } from '../host';
import { LargeView } from './large-view';

/** Rows and columns of the table in the card. */
const SHOWN_ROWS = 5;
const SHOWN_COLUMNS = 8;

type TableBlock = Extract<IEvidenceBlock, { type: 'table' }>;

interface IProps {
  block: TableBlock;
  icon: ReactNode;
  host: IHost;
}

/** A table with its name, its size, and "Open" if the card has not all of it. */
export function DataTable({ block, icon, host }: IProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const { rows, columns, total_rows: all } = block;
  const more = rows.length > SHOWN_ROWS || columns.length > SHOWN_COLUMNS;
  const name = showHiddenCharacters(block.name);
  return (
    <figure className="jp-hitl-block jp-mod-table">
      <figcaption>
        {icon}
        <span className="jp-hitl-grow">{name}</span>
        <span className="jp-hitl-num">{countRows(Math.min(rows.length, SHOWN_ROWS), all, host)}</span>
        {more && (
          <button type="button" className="jp-hitl-link" aria-haspopup="dialog" onClick={() => setOpen(true)}>
            {host.trans.__('Open')}
          </button>
        )}
      </figcaption>
      <Grid block={block} rows={SHOWN_ROWS} columns={SHOWN_COLUMNS} name={name} host={host} />
      {open && (
        <LargeView title={name || host.trans.__('Table')} onClose={() => setOpen(false)} host={host}>
          <p className="jp-hitl-muted">{describeSize(block, host)}</p>
          <Grid block={block} rows={rows.length} columns={columns.length} name={name} host={host} />
        </LargeView>
      )}
    </figure>
  );
}

function countRows(shown: number, all: number, host: IHost): string {
  const { trans } = host;
  return shown < all
    ? trans.__('%1 of %2 rows', shown.toLocaleString(), all.toLocaleString())
    : trans._n('%1 row', '%1 rows', all);
}

function describeSize({ rows, columns, total_rows, total_columns }: TableBlock, host: IHost): string {
  return host.trans.__(
    '%1 of %2 rows, %3 of %4 columns',
    rows.length.toLocaleString(),
    total_rows.toLocaleString(),
    columns.length.toLocaleString(),
    total_columns.toLocaleString()
  );
}

function Grid(props: {
  block: TableBlock;
  rows: number;
  columns: number;
  name: string;
  host: IHost;
}): JSX.Element {
  const { block, name, host } = props;
  const columns = block.columns.slice(0, props.columns);
  return (
    <div
      className="jp-hitl-mini-scroll"
      tabIndex={0}
      role="region"
      aria-label={name || host.trans.__('Table')}
    >
      <table className="jp-hitl-mini">
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={i} scope="col" className={column.numeric ? 'jp-mod-number' : undefined}>
                {showHiddenCharacters(column.name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {block.rows.slice(0, props.rows).map((row, i) => (
            <tr key={i}>
              {columns.map((column, j) => (
                <td key={j} className={column.numeric ? 'jp-mod-number' : undefined}>
                  {row[j] === null ? <span className="jp-hitl-muted">–</span> : showHiddenCharacters(row[j])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
