/**
 * The filters of the list: one choice for each field, with counts.
 */

import { RefObject, useId } from 'react';
import { Button } from '../../components/controls/button';
import { Popover } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { InboxModel } from '../stores/inbox-model';
import { Facet, FACETS, NO_FILTERS } from '../stores/list-facets';
import type { GroupingMode, IListLayout } from '../stores/list-layout';

interface IFilterChoice {
  value: string | null;
  label: string;
}

interface IProps {
  model: InboxModel;
  host: IHost;
  /** The list's layout, with the counts. */
  view: IListLayout;
  user: string | null;
}

/** The names of the filters. */
export function facetNames({ trans }: IHost): { [facet in Facet]: string } {
  return {
    agent: trans.__('Agent'),
    notebook: trans.__('Notebook'),
    kind: trans.__('Kind'),
    rule: trans.__('Rule'),
    assignee: trans.__('Assignee'),
    age: trans.__('Age'),
    edited: trans.__('Edited')
  };
}

/** The words of the values of a filter that are not names. */
export function valueLabel(facet: Facet, value: string, label: string, { trans }: IHost): string {
  const words: { [key: string]: string } = {
    'age hour': trans.__('Less than an hour'),
    'age day': trans.__('Less than a day'),
    'age older': trans.__('Older than a day'),
    'edited yes': trans.__('Edited'),
    'edited no': trans.__('Not edited'),
    'assignee ': trans.__('Nobody’s')
  };
  return words[`${facet} ${value}`] ?? showHiddenCharacters(label);
}

/** The pop-up of the filters and the groups. */
export function FilterPopover(
  props: IProps & { anchor: RefObject<HTMLElement>; onClose: () => void }
): JSX.Element {
  const { model, host, view, user, anchor, onClose } = props;
  const { trans } = host;
  const names = facetNames(host);
  const id = useId();
  const groupings: [GroupingMode, string][] = [
    ['alike', trans.__('Alike')],
    ['none', trans.__('No groups')],
    ['notebook', trans.__('By notebook')],
    ['agent', trans.__('By agent')]
  ];
  return (
    <Popover
      anchor={anchor}
      title={trans.__('Filter and group')}
      onClose={onClose}
      footer={
        <>
          <Button variant="primary" onClick={onClose}>
            {trans.__('Done')}
          </Button>
          <Button variant="quiet" onClick={() => (model.choice = { ...model.choice, filters: NO_FILTERS })}>
            {trans.__('Clear')}
          </Button>
        </>
      }
    >
      <div className="jp-hitl-filter-fields">
        {FACETS.filter(facet => facet !== 'rule' || view.options.rule.length > 0).map(facet => {
          const choices = listChoices(facet, model, view, user, host);
          const at = choices.findIndex(choice => choice.value === model.filters[facet]);
          return (
            <div key={facet}>
              <label htmlFor={`${id}-${facet}`}>{names[facet]}</label>
              <select
                id={`${id}-${facet}`}
                value={at}
                onChange={event => model.filter(facet, choices[Number(event.target.value)].value)}
              >
                {choices.map((choice, i) => (
                  <option key={i} value={i}>
                    {choice.label}
                  </option>
                ))}
              </select>
            </div>
          );
        })}
        <div>
          <label htmlFor={`${id}-groups`}>{trans.__('Groups')}</label>
          <select
            id={`${id}-groups`}
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
      </div>
    </Popover>
  );
}

/**
 * List the choices of a filter: all, for assignees also "mine" and "nobody's", and each value in the list. The chosen
 * value stays in the list even if no proposal has it.
 */
function listChoices(
  facet: Facet,
  model: InboxModel,
  view: IListLayout,
  user: string | null,
  host: IHost
): IFilterChoice[] {
  const { trans } = host;
  const everything: { [facet in Facet]: string } = {
    agent: trans.__('All agents (%1)', view.without.agent),
    notebook: trans.__('All notebooks (%1)', view.without.notebook),
    kind: trans.__('All kinds (%1)', view.without.kind),
    rule: trans.__('All rules (%1)', view.without.rule),
    assignee: trans.__('All assignees (%1)', view.without.assignee),
    age: trans.__('Any age (%1)', view.without.age),
    edited: trans.__('Edited or not (%1)', view.without.edited)
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
      choices.push({ value, label: `${valueLabel(facet, value, label, host)} (${count})` });
    }
  }
  const chosen = model.filters[facet];
  if (!choices.some(choice => choice.value === chosen)) {
    choices.push({ value: chosen, label: `${valueLabel(facet, chosen ?? '', chosen ?? '', host)} (0)` });
  }
  return choices;
}
