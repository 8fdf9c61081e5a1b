/**
 * A table of an overview: one row is open beside it. The name in a row is the button that opens it.
 */

import type { ReactNode } from 'react';

/** A column. */
export interface IOverviewColumn<T> {
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
}): JSX.Element {
  const { label, columns, rows, idOf, current, onChoose } = props;
  return (
    <table className="jp-hitl-overview-table" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, numeric }) => (
            <th key={title} scope="col" className={numeric ? 'jp-mod-number' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(row => {
          const id = idOf(row);
          return (
            <tr
              key={id}
              className={id === current ? 'jp-mod-current' : undefined}
              onClick={() => onChoose(id)}
            >
              {columns.map(({ title, numeric, cell }) => (
                <td key={title} className={numeric ? 'jp-mod-number' : undefined}>
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
      {note && <div className="jp-hitl-small jp-hitl-muted">{note}</div>}
    </>
  );
}
