/**
 * A table of an overview: one row is open beside it. The name in a row is the button that opens it.
 */

import type { ReactNode } from 'react';

/** A column. */
export interface IOverviewColumn<T> {
  /** The name of the column for the style. */
  readonly name?: string;
  readonly title: string;
  /** Whether it has numbers or times, at the right. */
  readonly numeric?: boolean;
  readonly cell: (row: T) => ReactNode;
}

/** The table. A press anywhere in a row opens it. */
export function OverviewTable<T>(props: {
  /** Name of the table for screen readers. */
  label: string;
  columns: readonly IOverviewColumn<T>[];
  rows: readonly T[];
  idOf: (row: T) => string;
  /** The open row. */
  current: string | null;
  onChoose: (id: string) => void;
  /** Whether a row becomes two lines in a narrow panel. Then the roles are named, which a table without cells loses. */
  lines?: boolean;
}): JSX.Element {
  const { label, columns, rows, idOf, current, onChoose, lines = false } = props;
  const role = (name: string): string | undefined => (lines ? name : undefined);
  return (
    <table
      className={`jp-hitl-overview-table${lines ? ' jp-mod-lines' : ''}`}
      role={role('table')}
      aria-label={label}
    >
      <thead role={role('rowgroup')}>
        <tr role={role('row')}>
          {columns.map(({ title, numeric }) => (
            <th
              key={title}
              scope="col"
              role={role('columnheader')}
              className={numeric ? 'jp-mod-number' : undefined}
            >
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role={role('rowgroup')}>
        {rows.map(row => {
          const id = idOf(row);
          return (
            <tr
              key={id}
              role={role('row')}
              className={id === current ? 'jp-mod-current' : undefined}
              onClick={() => onChoose(id)}
            >
              {columns.map(({ name, title, numeric, cell }) => (
                <td
                  key={title}
                  role={role('cell')}
                  data-column={name}
                  className={numeric ? 'jp-mod-number' : undefined}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The name of a row, which opens it, and a line below. */
export function OverviewName(props: {
  name: string;
  note?: string;
  current: boolean;
  onChoose: () => void;
}): JSX.Element {
  const { name, note, current, onChoose } = props;
  return (
    <>
      <button
        type="button"
        className="jp-hitl-overview-name"
        aria-current={current || undefined}
        onClick={onChoose}
      >
        {name}
      </button>
      {note && (
        <div className="jp-hitl-small jp-hitl-muted" title={note}>
          {note}
        </div>
      )}
    </>
  );
}
