/**
 * An editor for tables. Only the visible rows are drawn, so a table of 100,000 rows can be scrolled.
 *
 * A removed row is no longer part of the value, so it is not part of the decision. It stays in its place, struck, in
 * all windows, and everybody can put it back.
 */

import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { IProposal, ITable, Json } from '../../../api/types';
import type { IDraft, IRemovedRow } from '../../../drafts/draft';
import { Button } from '../../controls/button';
import type { IHost } from '../../host';
import { formatKey } from '../../keys/key-hints';
import type { DraftHistory } from '../../../models/history';
import { useRowRemovers } from '../../hooks/use-removers';
import { makeTemplate } from './columns';
import { type ITableActions, useTableActions } from './actions';
import { type ITableError, placeErrors, TableErrors } from './errors';
import { TableHead, TableRow } from './row';
import { type ISelection, useSelection } from './selection';
import { type ISheetRow, makeSheet } from './sheet';
import { TableTools } from './tools';
import { fits, isFiltered, type ITableView, nextSort, rankRows, selectRows, WHOLE_TABLE } from './view';

const ROW_HEIGHT_PX = 30;

/** Rows of the largest grid; more are scrolled. */
const MAX_VISIBLE_ROWS = 15;

const NO_ERRORS: readonly ITableError[] = [];
const NO_ROWS: readonly IRemovedRow[] = [];

/** The props of all editors that a table needs; see `IEditorProps`. */
interface IProps {
  proposal: Pick<IProposal, 'value'>;
  value: Json;
  draft: IDraft | null;
  fields: { [path: string]: string };
  readOnly: boolean;
  host: IHost;
  onEdit: (value: Json) => void;
  history?: () => DraftHistory;
}

/** The editor of a table. */
export function TableEditor(props: IProps): JSX.Element {
  const { proposal, draft, readOnly, host, onEdit } = props;
  const table = props.value as unknown as ITable;
  const proposed = (proposal.value ?? props.value) as unknown as ITable;
  const removed = draft?.removedRows;
  const rows = useMemo(
    () => makeSheet(proposed, table, draft),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the draft changes in place; its removed rows are new then
    [proposed, table, draft, removed]
  );
  const nameRemover = useRowRemovers(removed ?? NO_ROWS, draft, props.history, host);
  const errors = placeErrors(props.fields, rows);
  const wrong = useMemo(
    () => new Set(errors.map(({ row }) => row).filter((row): row is string => row !== null)),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `errors` is made from these
    [props.fields, rows]
  );
  const [view, setView] = useState(WHOLE_TABLE);
  const [kept, setKept] = useState<string | null>(null);
  const ranks = useRanks(rows, view.sort);
  const shown = useMemo(() => selectRows(rows, view, ranks, wrong, kept), [rows, view, ranks, wrong, kept]);
  const node = useRef<HTMLDivElement>(null);
  const editing = useTableActions(table, draft, rows, shown, readOnly, host, onEdit);
  const selection = useSelection(node, shown, table.columns.length, readOnly, editing.clearRange);
  if (isFiltered(view) && selection.focusedRow !== null && selection.focusedRow !== kept) {
    setKept(selection.focusedRow); // the row of the cursor stays in view until the cursor is elsewhere
  }
  const changed = useMemo(() => rows.filter(({ sign }) => sign !== 'same'), [rows]);
  const alone = shown.find(row => row.name === kept && isFiltered(view) && !fits(row, view, wrong));
  const goTo = (row: ISheetRow | undefined, column: number): void => {
    if (row) {
      if (!shown.includes(row)) {
        setView(WHOLE_TABLE);
      }
      selection.focusCell(row.name, column);
    }
  };
  return (
    <div className="jp-hitl-table">
      <TableTools
        columns={table.columns}
        view={view}
        onView={next => {
          setView(next);
          setKept(null);
        }}
        counts={{ all: rows.length, shown: shown.length, changed: changed.length, wrong: wrong.size }}
        kept={alone?.number ?? null}
        onStep={direction => {
          const here = shown[selection.cursor.row]?.number ?? 0;
          const next =
            direction > 0
              ? (changed.find(({ number }) => number > here) ?? changed[0])
              : ([...changed].reverse().find(({ number }) => number < here) ?? changed[changed.length - 1]);
          goTo(next, firstChange(next));
        }}
        host={host}
      />
      <Grid
        {...{
          table,
          proposed,
          rows,
          shown,
          errors,
          view,
          selection,
          editing,
          readOnly,
          nameRemover,
          host,
          node
        }}
        onSort={column => setView({ ...view, sort: nextSort(view.sort, column) })}
      />
      <TableFooter
        {...{ rows, editing, selection, readOnly, nameRemover, host }}
        onAdd={() => {
          if (isFiltered(view)) {
            setView({ ...WHOLE_TABLE, sort: view.sort }); // a new row fits no filter
            setKept(null);
          }
          editing.addRow();
        }}
      >
        <TableErrors
          errors={errors}
          onGo={({ row, column }) =>
            goTo(
              rows.find(({ name }) => name === row),
              Math.max(
                table.columns.findIndex(({ name }) => name === column),
                0
              )
            )
          }
          host={host}
        />
      </TableFooter>
    </div>
  );
}

interface IGridProps {
  table: ITable;
  proposed: ITable;
  rows: readonly ISheetRow[];
  shown: readonly ISheetRow[];
  errors: readonly ITableError[];
  view: ITableView;
  selection: ISelection;
  editing: ITableActions;
  readOnly: boolean;
  /** Names the person who removed a row; "" if it was not removed, or it is not known who did. */
  nameRemover: (row: ISheetRow) => string;
  host: IHost;
  node: React.RefObject<HTMLDivElement>;
  onSort: (column: number) => void;
}

/** The grid itself: a head, and the rows that are visible. */
function Grid(props: IGridProps): JSX.Element {
  const { table, proposed, shown, selection, editing, readOnly, nameRemover, host, node } = props;
  const { columns } = table;
  const { cursor } = selection;
  const { template, width } = useMemo(
    () => makeTemplate({ columns, rows: proposed.rows }, host),
    [columns, proposed, host]
  );
  const byRow = new Map<string, ITableError[]>();
  for (const error of props.errors) {
    if (error.row !== null) {
      byRow.set(error.row, [...(byRow.get(error.row) ?? []), error]);
    }
  }
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => node.current,
    estimateSize: () => ROW_HEIGHT_PX,
    getItemKey: i => shown[i].name,
    // The row with the cursor is always drawn, so that it can keep the focus.
    rangeExtractor: (range: Range) => {
      const drawn = defaultRangeExtractor(range);
      return cursor.row < 0 || cursor.row >= shown.length || drawn.includes(cursor.row)
        ? drawn
        : [...drawn, cursor.row].sort((one, other) => one - other);
    },
    overscan: 10
  });
  return (
    <div
      ref={node}
      className="jp-hitl-rows"
      role="grid"
      aria-label={host.trans.__('Proposed table')}
      aria-rowcount={shown.length + 1}
      aria-colcount={columns.length + 2}
      aria-multiselectable="true"
      aria-readonly={readOnly}
      style={{ height: Math.min(shown.length + 1, MAX_VISIBLE_ROWS) * ROW_HEIGHT_PX + 18 }}
      {...selection.handlers}
      {...editing.clipboard(selection)}
    >
      <div className="jp-hitl-rows-inner" style={{ minWidth: width }}>
        <TableHead
          columns={columns}
          template={template}
          sort={props.view.sort}
          cursor={cursor}
          onSort={props.onSort}
          host={host}
        />
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = shown[index];
            return (
              <TableRow
                key={row.name}
                row={row}
                at={index}
                columns={columns}
                style={{ gridTemplateColumns: template, top: start, height: ROW_HEIGHT_PX }}
                errors={byRow.get(row.name) ?? NO_ERRORS}
                cursor={cursor}
                range={selection.range}
                isEditing={selection.isEditing}
                readOnly={readOnly}
                remover={nameRemover(row)}
                host={host}
                onEdit={(column, cell) => editing.editCell(row, column, cell)}
                onToggle={() => editing.toggleRow(row)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** A button for a new row, numbers of rows, and the keys. */
function TableFooter(props: {
  rows: readonly ISheetRow[];
  editing: ITableActions;
  selection: ISelection;
  readOnly: boolean;
  nameRemover: (row: ISheetRow) => string;
  host: IHost;
  onAdd: () => void;
  children: ReactNode;
}): JSX.Element {
  const { rows, editing, selection, readOnly, nameRemover, host, onAdd } = props;
  const { trans } = host;
  const removed = rows.filter(({ index }) => index === null);
  const removers = new Set(removed.map(nameRemover));
  const [by] = removers.size === 1 ? removers : [''];
  const [added, setAdded] = useState(false);
  const last = rows[rows.length - 1] as ISheetRow | undefined;
  const { focusCell } = selection;
  useEffect(() => {
    if (added && last) {
      setAdded(false);
      focusCell(last.name, 0);
    }
  }, [added, last, focusCell]);
  return (
    <>
      <div className="jp-hitl-buttons">
        <Button
          small
          icon="add"
          disabled={readOnly}
          onClick={() => {
            onAdd();
            setAdded(true);
          }}
        >
          {trans.__('Add a row')}
        </Button>
        <span className="jp-hitl-small jp-hitl-muted">
          {trans._n('%1 row', '%1 rows', rows.length - removed.length)}
          {removed.length > 0 &&
            `, ${by ? trans.__('%1 removed by %2', removed.length, by) : trans.__('%1 removed', removed.length)}`}
        </span>
        {!readOnly && (
          <span className="jp-hitl-small jp-hitl-muted">
            {trans.__(
              'Arrows move, Enter types, %1 pastes a range, %2 undoes',
              formatKey('Accel V'),
              formatKey('Accel Z')
            )}
          </span>
        )}
      </div>
      {editing.cut > 0 && (
        <p className="jp-hitl-small jp-hitl-muted" role="status">
          {trans._n(
            '%1 pasted column did not fit and was left out',
            '%1 pasted columns did not fit and were left out',
            editing.cut
          )}
        </p>
      )}
      {props.children}
    </>
  );
}

/** Index of the first changed cell of a row. */
function firstChange(row: ISheetRow | undefined): number {
  const at = row?.sign === 'changed' ? row.cells.findIndex((cell, i) => cell !== row.before![i]) : 0;
  return Math.max(at, 0);
}

/** The places of the rows in an order. It stays while cells are edited, so that no row moves under the cursor. */
function useRanks(rows: readonly ISheetRow[], sort: ITableView['sort']): ReadonlyMap<string, number> | null {
  const [made, setMade] = useState<{ sort: ITableView['sort']; ranks: ReadonlyMap<string, number> | null }>({
    sort: null,
    ranks: null
  });
  if (made.sort === sort) {
    return made.ranks;
  }
  const next = { sort, ranks: sort === null ? null : rankRows(rows, sort) };
  setMade(next);
  return next.ranks;
}
