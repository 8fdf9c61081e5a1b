/**
 * An editor for tables: cells can be edited, rows added and removed. Only the visible rows are drawn, so a table of
 * 100,000 rows can be scrolled.
 *
 * A removed row is no longer part of the value, so it is not part of the decision. In this window it stays in its
 * place, crossed out, and can be restored. That works while others edit the table, since rows have names in the
 * draft.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useContext, useMemo, useRef, useState } from 'react';
import type { IColumn, ITable, Json } from '../../api/types';
import type { IEditorProps } from './props';
import { FieldPresence, FieldPresenceContext, placeAttributes } from '../field-presence';
import { showHiddenCharacters } from '../../text/hidden-characters';

const ROW_HEIGHT_PX = 28;

/** The drawn rows: those of the value `made`, and among them the removed ones, by their index here. */
interface ITableSheet {
  made: Json;
  rows: Json[][];
  /** Names of the rows: those in the draft, or local ones. */
  names: readonly string[];
  struck: ReadonlySet<number>;
}

/** Return true if a value is a table. */
export function isTable(value: Json): boolean {
  const table = value as unknown as ITable | null;
  return (
    typeof table === 'object' && table !== null && Array.isArray(table.columns) && Array.isArray(table.rows)
  );
}

/** The editor of a table. */
export function TableEditor(props: IEditorProps): JSX.Element {
  const { value, draft, readOnly, host, onEdit } = props;
  const { trans } = host;
  const { columns } = value as unknown as ITable;
  const [last, setLast] = useState<ITableSheet | null>(null);
  const keys = draft?.value === value ? draft.keys : null;
  const { rows, names, struck } = useMemo(
    () => (last?.made === value ? last : makeSheet(value, keys, last)),
    [last, value, keys]
  );
  const others = useContext(FieldPresenceContext);
  const fields = placeErrors(props.fields, struck);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT_PX,
    getItemKey: i => names[i],
    overscan: 10
  });
  const change = (all: Json[][], without: ReadonlySet<number>): void => {
    const left = without.size === 0 ? all : all.filter((_, i) => !without.has(i));
    const made = { columns, rows: left } as unknown as Json;
    onEdit(made);
    const known = draft?.value === made ? draft.keys : null;
    setLast({ made, rows: all, names: nameRows(all.length, names, without, known), struck: without });
  };
  const template = `${columns.map(() => 'minmax(7em, 1fr)').join(' ')} 2.5em`;
  const shown = virtual.getVirtualItems();
  return (
    <div className="jp-hitl-table">
      <div
        ref={scroller}
        className="jp-hitl-rows"
        role="table"
        tabIndex={readOnly ? 0 : undefined} // without a control inside, the element itself must be focusable to scroll
        aria-label={trans.__('Proposed table')}
        aria-rowcount={rows.length + 1}
        style={{ height: Math.min(rows.length + 1, 15) * ROW_HEIGHT_PX + 16 }}
      >
        <div
          role="row"
          aria-rowindex={1}
          className="jp-hitl-rows-head"
          style={{ gridTemplateColumns: template }}
        >
          {columns.map(column => (
            <span key={column.name} role="columnheader" title={column.type}>
              {showHiddenCharacters(column.name)}
            </span>
          ))}
          <span role="columnheader">
            <span className="jp-hitl-visually-hidden">{trans.__('Remove')}</span>
          </span>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {shown.map(({ index, start }) => {
            const out = struck.has(index);
            return (
              <div
                key={names[index]}
                role="row"
                aria-rowindex={index + 2}
                className={`jp-hitl-row${out ? ' jp-mod-struck' : ''}`}
                style={{
                  gridTemplateColumns: template,
                  transform: `translateY(${start}px)`,
                  height: ROW_HEIGHT_PX
                }}
              >
                {columns.map((column, i) => {
                  const problem = fields[`rows/${index}/${column.name}`] ?? fields[`rows/${index}`];
                  const name = showHiddenCharacters(column.name);
                  const here = `rows/${names[index]}/${column.name}`;
                  return (
                    <span
                      key={column.name}
                      role="cell"
                      className={others.has(here) ? 'jp-hitl-taken' : undefined}
                      {...placeAttributes(here)}
                    >
                      <FieldPresence path={here} host={host} />
                      <input
                        type="text"
                        disabled={readOnly || out}
                        aria-label={
                          out
                            ? trans.__('%1, row %2, removed', name, index + 1)
                            : trans.__('%1, row %2', name, index + 1)
                        }
                        aria-invalid={problem !== undefined}
                        title={problem === undefined ? undefined : showHiddenCharacters(problem)}
                        placeholder={rows[index][i] === null ? 'null' : undefined}
                        value={formatCell(rows[index][i])}
                        onChange={event =>
                          change(replaceCell(rows, index, i, parseCell(column, event.target.value)), struck)
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
                    onClick={() => change(rows, toggleRow(struck, index))}
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
        <CellErrors fields={fields} />
      </div>
    </div>
  );
}

/** The first few messages as text, since a message at a cell outside of the view cannot be seen. */
function CellErrors({ fields }: { fields: IEditorProps['fields'] }): JSX.Element | null {
  const wrong = Object.entries(fields).filter(([path]) => path !== '');
  if (wrong.length === 0) {
    return null;
  }
  const said = wrong.slice(0, 3).map(([path, message]) => `${path}: ${message}`);
  return (
    <strong className="jp-hitl-error">
      ⚠ {showHiddenCharacters(said.join('; '))}
      {wrong.length > 3 && ` … (${wrong.length})`}
    </strong>
  );
}

/** Return the rows to draw. Rows that were removed here stay after the row that they followed. */
function makeSheet(value: Json, keys: readonly string[] | null, last: ITableSheet | null): ITableSheet {
  const { rows } = value as unknown as ITable;
  if (keys === null || last === null || last.struck.size === 0) {
    return { made: value, rows, names: keys ?? rows.map((_, i) => String(i)), struck: new Set() };
  }
  const standing = new Set(keys);
  const behind = new Map<string, number[]>();
  let before = '';
  last.names.forEach((name, i) => {
    if (standing.has(name)) {
      before = name;
    } else if (last.struck.has(i)) {
      behind.set(before, [...(behind.get(before) ?? []), i]);
    }
  });
  const sheet = { made: value, rows: [] as Json[][], names: [] as string[], struck: new Set<number>() };
  const strike = (i: number): void => {
    sheet.struck.add(sheet.rows.length);
    sheet.rows.push(last.rows[i]);
    sheet.names.push(last.names[i]);
  };
  behind.get('')?.forEach(strike);
  keys.forEach((name, i) => {
    sheet.rows.push(rows[i]);
    sheet.names.push(name);
    behind.get(name)?.forEach(strike);
  });
  return sheet;
}

/** Return the names of the rows after a local change. Names of the draft are used where they are known. */
function nameRows(
  count: number,
  before: readonly string[],
  struck: ReadonlySet<number>,
  keys: readonly string[] | null
): string[] {
  let at = 0;
  return Array.from({ length: count }, (_, i) =>
    struck.has(i) || keys === null ? (before[i] ?? `new ${i}`) : keys[at++]
  );
}

/** Move the messages to the drawn rows. The server does not count removed rows. */
function placeErrors(fields: IEditorProps['fields'], struck: ReadonlySet<number>): IEditorProps['fields'] {
  const out = [...struck].sort((one, other) => one - other);
  const move = (path: string): string =>
    path.replace(/^rows\/(\d+)/, (_, row: string) => {
      const place = out.reduce((at, gone) => (gone <= at ? at + 1 : at), Number(row));
      return `rows/${place}`;
    });
  return Object.fromEntries(Object.entries(fields).map(([path, message]) => [move(path), message]));
}

function toggleRow(struck: ReadonlySet<number>, row: number): Set<number> {
  const made = new Set(struck);
  if (!made.delete(row)) {
    made.add(row);
  }
  return made;
}

function formatCell(cell: Json): string {
  return cell === null ? '' : typeof cell === 'string' ? cell : JSON.stringify(cell);
}

/**
 * Convert the text of a cell to the type of its column. If that is not possible it stays text, and the server reports
 * it.
 */
export function parseCell(column: IColumn, text: string): Json {
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

function replaceCell(rows: Json[][], row: number, cell: number, value: Json): Json[][] {
  const made = rows.slice();
  made[row] = rows[row].slice();
  made[row][cell] = value;
  return made;
}
