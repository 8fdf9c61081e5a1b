/**
 * The filters of the list, and the values that a proposal has for each of them.
 */

import type { IProposalSummary } from '../../api/types';
import { isEdited } from './row-facts';

/** The fields that can be filtered. */
export const FACETS = ['agent', 'notebook', 'kind', 'rule', 'assignee', 'age', 'edited'] as const;

/** A field that can be filtered. */
export type Facet = (typeof FACETS)[number];

/** The chosen value of each filter; null: all, and "" for the assignee: nobody. */
export type Filters = { readonly [facet in Facet]: string | null };

/** No filter is chosen. */
export const NO_FILTERS = Object.fromEntries(FACETS.map(facet => [facet, null])) as Filters;

/** A value of a filter, and how many proposals would be shown with it. */
export interface IFilterOption {
  value: string;
  label: string;
  count: number;
}

const HOUR_MS = 3_600_000;

/** Return the values of a proposal for a filter: several for rules, otherwise one. */
export function facetValuesOf(p: IProposalSummary, facet: Facet, now: number): readonly string[] {
  switch (facet) {
    case 'rule':
      return p.rules ?? [];
    case 'age': {
      const age = now - Date.parse(p.created_at);
      return [age < HOUR_MS ? 'hour' : age < 24 * HOUR_MS ? 'day' : 'older'];
    }
    case 'edited':
      return [isEdited(p) ? 'yes' : 'no'];
    default:
      return [p[facet] ?? ''];
  }
}

/** Return the label of a value, from a proposal that has it. */
export function facetLabelOf(p: IProposalSummary, facet: Facet, value: string): string {
  return facet === 'notebook' ? (p.path ?? p.notebook) : value;
}

/** Sort the values of each filter by their labels. */
export function sortOptions(options: ReadonlyMap<Facet, ReadonlyMap<string, IFilterOption>>): {
  readonly [facet in Facet]: readonly IFilterOption[];
} {
  const sort = (facet: Facet): IFilterOption[] =>
    [...(options.get(facet)?.values() ?? [])].sort((one, other) => one.label.localeCompare(other.label));
  return Object.fromEntries(FACETS.map(facet => [facet, sort(facet)])) as {
    [facet in Facet]: IFilterOption[];
  };
}
