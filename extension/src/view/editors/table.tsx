/**
 * A table: cells to edit, rows to strike and to add. Only the rows in sight are drawn, so 100,000 of them scroll.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import type { IColumn, ITable, Json } from '../../api/types';
import type { IEditorProps } from '../editor';
import { visible } from '../visible';

const ROW = 28;

export function isTable(value: Json): boolean {
  const table = value as unknown as ITable | null;
  return (
    typeof table === 'object' && table !== null && Array.isArray(table.columns) && Array.isArray(table.rows)
  );
}

export function TableEditor(props: IEditorProps): JSX.Element {
  const { value, fields, readOnly, host, onEdit } = props;
  const { trans } = host;
  const { columns, rows } = value as unknown as ITable;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10
  });
  const change = (made: Json[][]): void => onEdit({ columns, rows: made } as unknown as Json);
  const template = `${columns.map(() => 'minmax(7em, 1fr)').join(' ')} 2.5em`;
  const shown = virtual.getVirtualItems();
  return (
    <div className="jp-hitl-table">
      <div
        ref={scroller}
        className="jp-hitl-rows"
        role="table"
        aria-label={trans.__('Proposed table')}
        aria-rowcount={rows.length + 1}
        style={{ height: Math.min(rows.length + 1, 15) * ROW + 16 }}
      >
        <div role="row" aria-rowindex={1} className="jp-hitl-head" style={{ gridTemplateColumns: template }}>
          {columns.map(column => (
            <span key={column.name} role="columnheader" title={column.type}>
              {visible(column.name)}
            </span>
          ))}
          <span role="columnheader" aria-label={trans.__('Remove')} />
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {shown.map(({ index, start }) => (
            <div
              key={index}
              role="row"
              aria-rowindex={index + 2}
              className="jp-hitl-row"
              style={{ gridTemplateColumns: template, transform: `translateY(${start}px)`, height: ROW }}
            >
              {columns.map((column, i) => {
                const problem = fields[`rows/${index}/${column.name}`] ?? fields[`rows/${index}`];
                return (
                  <span key={column.name} role="cell">
                    <input
                      type="text"
                      disabled={readOnly}
                      aria-label={trans.__('%1, row %2', visible(column.name), index + 1)}
                      aria-invalid={problem !== undefined}
                      title={problem === undefined ? undefined : visible(problem)}
                      placeholder={rows[index][i] === null ? 'null' : undefined}
                      value={spelled(rows[index][i])}
                      onChange={event => change(replaced(rows, index, i, meant(column, event.target.value)))}
                    />
                  </span>
                );
              })}
              <span role="cell">
                <button
                  type="button"
                  disabled={readOnly}
                  aria-label={trans.__('Remove row %1', index + 1)}
                  onClick={() => change(rows.filter((_, i) => i !== index))}
                >
                  ×
                </button>
              </span>
            </div>
          ))}
        </div>
      </div>
      <div className="jp-hitl-buttons">
        <button
          type="button"
          disabled={readOnly}
          onClick={() => {
            change([...rows, columns.map(() => null)]);
            virtual.scrollToIndex(rows.length);
          }}
        >
          {trans.__('Add a row')}
        </button>
        <span>{trans._n('%1 row', '%1 rows', rows.length)}</span>
        <Misfits fields={fields} />
      </div>
    </div>
  );
}

/** The first few messages in words: a cell that is out of sight shows none. */
function Misfits({ fields }: { fields: IEditorProps['fields'] }): JSX.Element | null {
  const wrong = Object.entries(fields).filter(([path]) => path !== '');
  if (wrong.length === 0) {
    return null;
  }
  const said = wrong.slice(0, 3).map(([path, message]) => `${path}: ${message}`);
  return (
    <strong className="jp-hitl-wrong">
      ⚠ {visible(said.join('; '))}
      {wrong.length > 3 && ` … (${wrong.length})`}
    </strong>
  );
}

function spelled(cell: Json): string {
  return cell === null ? '' : typeof cell === 'string' ? cell : JSON.stringify(cell);
}

/** The cell that a text means in its column; what is none stays text, and the server says why it does not fit. */
export function meant(column: IColumn, text: string): Json {
  if (text === '') {
    return column.type === 'string' && column.required ? '' : null;
  }
  if (['integer', 'number', 'boolean', 'json'].includes(column.type)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      return text;
    }
  }
  return text;
}

function replaced(rows: Json[][], row: number, cell: number, value: Json): Json[][] {
  const made = rows.slice();
  made[row] = rows[row].slice();
  made[row][cell] = value;
  return made;
}
