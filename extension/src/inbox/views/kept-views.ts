/**
 * Views that a person keeps under a name: search, filters, order and groups. JupyterLab has them in its settings.
 */

import type { ISignal } from '@lumino/signaling';
import { FACETS, Filters, NO_FILTERS } from '../stores/list-facets';
import type { GroupingMode, SortMode } from '../stores/list-layout';
import type { IListChoice } from '../stores/list-model';

/** Most views that a person keeps. */
export const MAX_KEPT_VIEWS = 9;

/** A kept view. */
export interface IKeptView extends IListChoice {
  readonly name: string;
  /** Whether it has only what this person may decide. */
  readonly mine: boolean;
}

/** The kept views of a person. */
export interface IKeptViews {
  readonly views: readonly IKeptView[];
  readonly changed: ISignal<unknown, unknown>;
  save(views: readonly IKeptView[]): Promise<void>;
}

const SORTS: readonly SortMode[] = ['due', 'oldest', 'newest', 'agent'];

/** Longest path of a number field by which a kept view sorts. */
const MAX_PATH_CHARS = 200;
const GROUPINGS: readonly GroupingMode[] = ['none', 'notebook', 'agent', 'alike'];

/** Read kept views from settings. People may write anything there: what cannot be used gets its default. */
export function readKeptViews(found: unknown): IKeptView[] {
  const items: unknown[] = Array.isArray(found) ? found : [];
  return items.slice(0, MAX_KEPT_VIEWS).flatMap(item => {
    const one = (typeof item === 'object' && item !== null ? item : {}) as { [name: string]: unknown };
    if (typeof one.name !== 'string' || one.name === '') {
      return [];
    }
    const filters = (one.filters ?? {}) as { [name: string]: unknown };
    const chosen = FACETS.map(facet => [facet, typeof filters[facet] === 'string' ? filters[facet] : null]);
    return {
      name: one.name,
      mine: one.mine === true,
      search: typeof one.search === 'string' ? one.search : '',
      filters: { ...NO_FILTERS, ...(Object.fromEntries(chosen) as Filters) },
      sort: readSort(one.sort),
      grouping: GROUPINGS.find(grouping => grouping === one.grouping) ?? 'alike'
    };
  });
}

function readSort(found: unknown): SortMode {
  const isAmount = typeof found === 'string' && /^amount:./.test(found) && found.length <= MAX_PATH_CHARS;
  return isAmount ? (found as SortMode) : (SORTS.find(sort => sort === found) ?? 'due');
}
