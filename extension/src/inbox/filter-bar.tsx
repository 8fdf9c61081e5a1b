/**
 * The bar above the list: search, filters with counts, grouping, and the numbers of shown and selected proposals.
 */

import { memo } from 'react';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { InboxModel } from './inbox-model';
import { Facet, FACETS, GroupingMode, IListLayout } from './list-layout';

interface IFilterChoice {
  value: string | null;
  label: string;
}

/** Search, filters and grouping of the inbox. */
export const FilterBar = memo(function Tools(props: {
  model: InboxModel;
  host: IHost;
  /** The list's layout. The bar is drawn again only if one of its props changes. */
  view: IListLayout;
  total: number;
  selected: number;
  /** Whether all shown proposals are selected. */
  all: boolean;
  user: string | null;
  /** Runs a command of the inbox. */
  run: (id: string) => void;
}): JSX.Element {
  const { model, host, view, total, selected, all, user, run } = props;
  const { trans } = host;
  const names: { [facet in Facet]: string } = {
    agent: trans.__('Agent'),
    notebook: trans.__('Notebook'),
    kind: trans.__('Kind'),
    assignee: trans.__('Assignee')
  };
  const groupings: [GroupingMode, string][] = [
    ['none', trans.__('No groups')],
    ['notebook', trans.__('By notebook')],
    ['agent', trans.__('By agent')],
    ['alike', trans.__('Alike')]
  ];
  return (
    <div className="jp-hitl-tools">
      <input
        type="search"
        placeholder={trans.__('Search')}
        aria-label={trans.__('Search proposals')}
        value={model.search}
        onChange={event => (model.search = event.target.value)}
      />
      <span role="status">
        {selected > 0
          ? trans.__('%1 of %2, %3 selected', view.matching, total, selected)
          : trans.__('%1 of %2', view.matching, total)}
      </span>
      <div className="jp-hitl-filters" role="group" aria-label={trans.__('Filters')}>
        {FACETS.map(facet => {
          const choices = listChoices(facet, model, view, user, host);
          const at = choices.findIndex(choice => choice.value === model.filters[facet]);
          return (
            <select
              key={facet}
              aria-label={names[facet]}
              value={at}
              onChange={event => model.filter(facet, choices[Number(event.target.value)].value)}
            >
              {choices.map((choice, i) => (
                <option key={i} value={i}>
                  {choice.label}
                </option>
              ))}
            </select>
          );
        })}
        <select
          aria-label={trans.__('Groups')}
          value={model.grouping}
          onChange={event => (model.grouping = event.target.value as GroupingMode)}
        >
          {groupings.map(([by, name]) => (
            <option key={by} value={by}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div className="jp-hitl-filters">
        <label>
          <input
            type="checkbox"
            checked={all}
            disabled={view.rows.length === 0 && selected === 0}
            onChange={() => run('hitl-nb:select-all')}
          />
          {trans.__('Select all shown')}
        </label>
        {view.groups.length > 0 && (
          <button type="button" onClick={() => run('hitl-nb:collapse-all')}>
            {view.groups.some(group => !group.collapsed)
              ? trans.__('Collapse all groups')
              : trans.__('Expand all groups')}
          </button>
        )}
      </div>
    </div>
  );
});

/**
 * List the choices of a filter: all, for assignees also "mine" and "nobody's", and each value in the list. The chosen
 * value stays in the list even if no proposal has it.
 */
function listChoices(
  facet: Facet,
  model: InboxModel,
  view: IListLayout,
  user: string | null,
  { trans }: IHost
): IFilterChoice[] {
  const everything: { [facet in Facet]: string } = {
    agent: trans.__('All agents (%1)', view.without.agent),
    notebook: trans.__('All notebooks (%1)', view.without.notebook),
    kind: trans.__('All kinds (%1)', view.without.kind),
    assignee: trans.__('All assignees (%1)', view.without.assignee)
  };
  const countOf = (value: string): number => view.options[facet].find(one => one.value === value)?.count ?? 0;
  const choices: IFilterChoice[] = [{ value: null, label: everything[facet] }];
  if (facet === 'assignee') {
    if (user !== null) {
      choices.push({ value: user, label: trans.__('Mine (%1)', countOf(user)) });
    }
    choices.push({ value: '', label: trans.__('Nobody’s (%1)', countOf('')) });
  }
  for (const { value, label, count } of view.options[facet]) {
    if (!choices.some(choice => choice.value === value)) {
      choices.push({ value, label: `${showHiddenCharacters(label)} (${count})` });
    }
  }
  const chosen = model.filters[facet];
  if (!choices.some(choice => choice.value === chosen)) {
    choices.push({ value: chosen, label: `${showHiddenCharacters(chosen ?? '')} (0)` });
  }
  return choices;
}
