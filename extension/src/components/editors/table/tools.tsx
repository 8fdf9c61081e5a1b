/**
 * The tools above a grid: which rows are shown, and a way from change to change.
 */

import { useState } from 'react';
import type { IColumn } from '../../../api/types';
import { Button, IconButton } from '../../controls/button';
import type { IHost } from '../../host';
import { showHiddenCharacters } from '../../../text/hidden-characters';
import { isFiltered, type ITableView, WHOLE_TABLE } from './view';

interface IProps {
  columns: readonly IColumn[];
  view: ITableView;
  onView: (view: ITableView) => void;
  /** Numbers of all rows, of those in view, of changed ones and of those with messages. */
  counts: { all: number; shown: number; changed: number; wrong: number };
  /** Number of the cursor's row, if it is in view only because of the cursor; else null. */
  kept: number | null;
  /** Move the cursor to the next changed row, or the previous one. */
  onStep: (direction: 1 | -1) => void;
  host: IHost;
}

/** Filters, and buttons to the changes. */
export function TableTools(props: IProps): JSX.Element {
  const { columns, view, counts, host, onView, onStep } = props;
  const { trans } = host;
  const [filtering, setFiltering] = useState(false);
  const toggleFilter = (): void => {
    setFiltering(!filtering);
    if (filtering) {
      onView({ ...view, filter: WHOLE_TABLE.filter });
    }
  };
  return (
    <div className="jp-hitl-table-tools">
      {(counts.changed > 0 || view.changedOnly) && (
        <>
          <Button
            small
            icon="changes"
            pressed={view.changedOnly}
            onClick={() => onView({ ...view, changedOnly: !view.changedOnly })}
          >
            {trans.__('Changed only')}
          </Button>
          <IconButton small icon="up" label={trans.__('Previous change')} onClick={() => onStep(-1)} />
          <IconButton small icon="down" label={trans.__('Next change')} onClick={() => onStep(1)} />
        </>
      )}
      {(counts.wrong > 0 || view.errorsOnly) && (
        <Button
          small
          icon="warning"
          pressed={view.errorsOnly}
          onClick={() => onView({ ...view, errorsOnly: !view.errorsOnly })}
        >
          {trans.__('With errors: %1', counts.wrong)}
        </Button>
      )}
      <Button small icon="filter" pressed={filtering} onClick={toggleFilter}>
        {trans.__('Filter')}
      </Button>
      {filtering && <FilterFields columns={columns} view={view} onView={onView} host={host} />}
      <ViewWords {...props} />
    </div>
  );
}

function FilterFields({
  columns,
  view,
  onView,
  host
}: Pick<IProps, 'columns' | 'view' | 'onView' | 'host'>): JSX.Element {
  const { trans } = host;
  const { filter } = view;
  return (
    <>
      <select
        aria-label={trans.__('Column to filter by')}
        value={filter.column}
        onChange={({ target }) => onView({ ...view, filter: { ...filter, column: Number(target.value) } })}
      >
        {columns.map(({ name }, i) => (
          <option key={name} value={i}>
            {showHiddenCharacters(name)}
          </option>
        ))}
      </select>
      <input
        type="search"
        aria-label={trans.__('Text to filter by')}
        placeholder={trans.__('contains …')}
        value={filter.text}
        onChange={({ target }) => onView({ ...view, filter: { ...filter, text: target.value } })}
      />
    </>
  );
}

/** The view in words: rows that are left out, and an order that is not the table’s. */
function ViewWords({ columns, view, onView, counts, kept, host }: IProps): JSX.Element {
  const { trans } = host;
  const { sort } = view;
  const shown = counts.shown - (kept === null ? 0 : 1);
  return (
    <span className="jp-hitl-table-words" role="status">
      {isFiltered(view) && (
        <span>
          {kept === null
            ? trans.__('%1 of %2 rows', shown, counts.all)
            : trans.__('%1 of %2 rows, and row %3: your cursor is there', shown, counts.all, kept)}
        </span>
      )}
      {sort && (
        <span>
          {trans.__('Sorted by %1, in this view only', showHiddenCharacters(columns[sort.column].name))}{' '}
          <button type="button" className="jp-hitl-link" onClick={() => onView({ ...view, sort: null })}>
            {trans.__('Order of the table')}
          </button>
        </span>
      )}
    </span>
  );
}
