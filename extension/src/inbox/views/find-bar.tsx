/**
 * The line above the list: search, the chosen filters as chips, the order, the groups, and the views that a person
 * keeps.
 */

import { memo, RefObject, useRef, useState } from 'react';
import { Icon, type IconName } from '../../components/controls/icons';
import { MenuItem } from '../../components/controls/menu-item';
import { Menu } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { InboxModel } from '../stores/inbox-model';
import { amountPath, amountSort, fieldName, findNumberFields } from '../stores/number-fields';
import { Facet, FACETS } from '../stores/list-facets';
import type { IListLayout, SortMode } from '../stores/list-layout';
import { FilterPopover, valueLabel } from './filter-popover';
import { ListMenu } from './list-menu';
import type { IKeptViews } from './kept-views';

/** Search, filters and grouping of the inbox. */
export const FindBar = memo(function FindBar(props: {
  model: InboxModel;
  host: IHost;
  /** The list's layout. The bar is drawn again only if one of its props changes. */
  view: IListLayout;
  user: string | null;
  total: number;
  selected: number;
  search: RefObject<HTMLInputElement>;
  keptViews?: IKeptViews;
  /** Runs a command of the inbox. */
  run: (id: string) => void;
  /** Called when the person goes from the search to the list. */
  onLeave: () => void;
}): JSX.Element {
  const { model, host, view, user, total, selected, search, keptViews, run, onLeave } = props;
  const { trans } = host;
  return (
    <div className="jp-hitl-find">
      <SearchField
        label={trans.__('Search titles, values, evidence')}
        value={model.search}
        field={search}
        onChange={text => (model.search = text)}
        onLeave={onLeave}
      />
      <span className="jp-hitl-visually-hidden" role="status">
        {selected > 0
          ? trans.__('%1 of %2, %3 selected', view.matching, total, selected)
          : trans.__('%1 of %2', view.matching, total)}
      </span>
      {FACETS.filter(facet => model.filters[facet] !== null).map(facet => (
        <FilterChip key={facet} facet={facet} model={model} view={view} host={host} />
      ))}
      <FilterPill icon="filter" text={trans.__('Filter')} opens="dialog">
        {(anchor, close) => (
          <FilterPopover model={model} host={host} view={view} user={user} anchor={anchor} onClose={close} />
        )}
      </FilterPill>
      <SortPill model={model} host={host} />
      <button
        type="button"
        className="jp-hitl-filter"
        aria-pressed={model.grouping === 'alike'}
        onClick={() => (model.grouping = model.grouping === 'alike' ? 'none' : 'alike')}
      >
        {trans.__('Alike')}
      </button>
      <FilterPill icon="more" label={trans.__('More of the list')} opens="menu">
        {(anchor, close) => <ListMenu {...{ model, host, keptViews, run, anchor }} onClose={close} />}
      </FilterPill>
    </div>
  );
});

/** A search field with its icon. Escape and Enter leave it. */
export function SearchField(props: {
  label: string;
  value: string;
  field?: RefObject<HTMLInputElement>;
  onChange: (text: string) => void;
  onLeave?: () => void;
}): JSX.Element {
  const { label, value, field, onChange, onLeave } = props;
  return (
    <div className="jp-hitl-search">
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        placeholder={label}
        aria-label={label}
        value={value}
        onChange={event => onChange(event.target.value)}
        onKeyDown={event => {
          if ((event.key === 'Enter' || event.key === 'Escape') && onLeave) {
            event.preventDefault();
            event.stopPropagation();
            onLeave();
          }
        }}
      />
    </div>
  );
}

/** A chosen filter, with a button that removes it. */
function FilterChip(props: { facet: Facet; model: InboxModel; view: IListLayout; host: IHost }): JSX.Element {
  const { facet, model, view, host } = props;
  const value = model.filters[facet] ?? '';
  const known = view.options[facet].find(one => one.value === value);
  const text = valueLabel(facet, value, known?.label ?? value, host);
  return (
    <button
      type="button"
      className="jp-hitl-filter jp-mod-on"
      aria-label={host.trans.__('Remove the filter %1', text)}
      onClick={() => model.filter(facet, null)}
    >
      {text} <Icon name="cross" />
    </button>
  );
}

/** A round button that opens a pop-up. */
export function FilterPill(props: {
  text?: string;
  icon?: IconName;
  /** Name of a button without a text. */
  label?: string;
  opens: 'menu' | 'dialog';
  children: (anchor: RefObject<HTMLElement>, close: () => void) => JSX.Element;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        ref={anchor}
        type="button"
        className="jp-hitl-filter"
        aria-label={props.label}
        title={props.label}
        aria-haspopup={props.opens}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {props.icon && <Icon name={props.icon} />}
        {props.text}
      </button>
      {open && props.children(anchor, () => setOpen(false))}
    </>
  );
}

/** The order of the list. */
function SortPill({ model, host }: { model: InboxModel; host: IHost }): JSX.Element {
  const { trans } = host;
  const sorts: [SortMode, string][] = [
    ['due', trans.__('Due first')],
    ['oldest', trans.__('Oldest')],
    ['newest', trans.__('Newest')],
    ['agent', trans.__('Agent')]
  ];
  const path = amountPath(model.sort);
  const fields = findNumberFields(model.shown);
  const offered = path === null || fields.includes(path) ? fields : [...fields, path];
  sorts.push(
    ...offered.map((one): [SortMode, string] => [amountSort(one), showHiddenCharacters(fieldName(one))])
  );
  const chosen = sorts.find(([sort]) => sort === model.sort) ?? sorts[0];
  return (
    <FilterPill icon="sort" text={chosen[1]} opens="menu">
      {(anchor, close) => (
        <Menu anchor={anchor} label={trans.__('Order')} onClose={close}>
          {sorts.map(([sort, name]) => (
            <MenuItem
              key={sort}
              icon={sort === model.sort ? 'check' : 'sort'}
              onClick={() => {
                close();
                model.sort = sort;
              }}
            >
              {name}
            </MenuItem>
          ))}
        </Menu>
      )}
    </FilterPill>
  );
}
