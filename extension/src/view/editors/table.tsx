/**
 * A table: cells to edit, rows to strike and to add. Only the rows in sight are drawn, so 100,000 of them scroll.
 *
 * A row that is struck is in the value no more, so it is drafted and decided without it; here it stays in its place,
 * crossed out, and can be kept after all. Another value from outside has only its own rows.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';
import type { IColumn, ITable, Json } from '../../api/types';
import type { IEditorProps } from '../editor';
import { visible } from '../visible';

const ROW = 28;

/** What is drawn: the rows of the value `made`, and among them those that are struck from it, by their place here. */
interface ISheet {
  made: Json;
  rows: Json[][];
  struck: ReadonlySet<number>;
}

export function isTable(value: Json): boolean {
  const table = value as unknown as ITable | null;
  return (
    typeof table === 'object' && table !== null && Array.isArray(table.columns) && Array.isArray(table.rows)
  );
}

export function TableEditor(props: IEditorProps): JSX.Element {
  const { value, readOnly, host, onEdit } = props;
  const { trans } = host;
  const { columns } = value as unknown as ITable;
  const [last, setLast] = useState<ISheet | null>(null);
  const { rows, struck }: ISheet = last?.made === value ? last : sheetOf(value);
  const fields = placed(props.fields, struck);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10
  });
  const change = (all: Json[][], without: ReadonlySet<number>): void => {
    const left = without.size === 0 ? all : all.filter((_, i) => !without.has(i));
    const made = { columns, rows: left } as unknown as Json;
    setLast({ made, rows: all, struck: without });
    onEdit(made);
  };
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
          <span role="columnheader">
            <span className="jp-hitl-unseen">{trans.__('Remove')}</span>
          </span>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {shown.map(({ index, start }) => {
            const out = struck.has(index);
            return (
              <div
                key={index}
                role="row"
                aria-rowindex={index + 2}
                className={`jp-hitl-row${out ? ' jp-mod-struck' : ''}`}
                style={{ gridTemplateColumns: template, transform: `translateY(${start}px)`, height: ROW }}
              >
                {columns.map((column, i) => {
                  const problem = fields[`rows/${index}/${column.name}`] ?? fields[`rows/${index}`];
                  const name = visible(column.name);
                  return (
                    <span key={column.name} role="cell">
                      <input
                        type="text"
                        disabled={readOnly || out}
                        aria-label={
                          out
                            ? trans.__('%1, row %2, removed', name, index + 1)
                            : trans.__('%1, row %2', name, index + 1)
                        }
                        aria-invalid={problem !== undefined}
                        title={problem === undefined ? undefined : visible(problem)}
                        placeholder={rows[index][i] === null ? 'null' : undefined}
                        value={spelled(rows[index][i])}
                        onChange={event =>
                          change(replaced(rows, index, i, meant(column, event.target.value)), struck)
                        }
                      />
                    </span>
                  );
                })}
                <span role="cell">
                  <button
                    type="button"
                    disabled={readOnly}
                    aria-label={
                      out ? trans.__('Keep row %1', index + 1) : trans.__('Remove row %1', index + 1)
                    }
                    onClick={() => change(rows, toggled(struck, index))}
                  >
                    {out ? '↺' : '×'}
                  </button>
                </span>
              </div>
            );
          })}
        </div>
      </div>
      <div className="jp-hitl-buttons">
        <button
          type="button"
          disabled={readOnly}
          onClick={() => {
            change([...rows, columns.map(() => null)], struck);
            virtual.scrollToIndex(rows.length);
          }}
        >
          {trans.__('Add a row')}
        </button>
        <span>
          {trans._n('%1 row', '%1 rows', rows.length - struck.size)}
          {struck.size > 0 && `, ${trans.__('%1 removed', struck.size)}`}
        </span>
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

function sheetOf(value: Json): ISheet {
  return { made: value, rows: (value as unknown as ITable).rows, struck: new Set() };
}

/** The messages at the rows where they are drawn: the server counts only those that are left. */
function placed(fields: IEditorProps['fields'], struck: ReadonlySet<number>): IEditorProps['fields'] {
  const out = [...struck].sort((one, other) => one - other);
  const move = (path: string): string =>
    path.replace(/^rows\/(\d+)/, (_, row: string) => {
      const place = out.reduce((at, gone) => (gone <= at ? at + 1 : at), Number(row));
      return `rows/${place}`;
    });
  return Object.fromEntries(Object.entries(fields).map(([path, message]) => [move(path), message]));
}

function toggled(struck: ReadonlySet<number>, row: number): Set<number> {
  const made = new Set(struck);
  if (!made.delete(row)) {
    made.add(row);
  }
  return made;
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
