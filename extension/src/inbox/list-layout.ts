/**
 * Computes the visible list from the waiting proposals: search, filters with counts, and groups.
 */

import type { IProposalSummary } from '../api/types';
import { hasSeat } from '../components/terms-sentences';

/** The fields that can be filtered. */
export const FACETS = ['agent', 'notebook', 'kind', 'assignee'] as const;

/** A field that can be filtered. */
export type Facet = (typeof FACETS)[number];

/** The chosen value of each filter; null: all, and "" for the assignee: nobody. */
export type Filters = { readonly [facet in Facet]: string | null };

/** How the list is grouped. "alike": proposals that differ only in their values and numbers. */
export type GroupingMode = 'none' | 'notebook' | 'agent' | 'alike';

/** Search, filters and grouping of the list. */
export interface IListRequest {
  search: string;
  filters: Filters;
  grouping: GroupingMode;
  /** User name: only proposals that this user may decide, those assigned to the user first. Null: all proposals. */
  mine: string | null;
  /** Keys of the collapsed groups. */
  collapsed: ReadonlySet<string>;
}

/** A group of the list. */
export interface IListGroup {
  /** Key of the group, unique among the groups of all groupings. */
  key: string;
  label: string;
  count: number;
  collapsed: boolean;
}

/** A line of the list: the header of a group, or a row. */
export interface IListLine {
  key: string;
  group: IListGroup | null;
  /** Null for a header. */
  proposal: IProposalSummary | null;
  /** Index of the row among the rows. */
  row: number;
}

/** A value of a filter, and how many proposals would be shown with it. */
export interface IFilterOption {
  value: string;
  label: string;
  count: number;
}

/** The visible list. */
export interface IListLayout {
  lines: readonly IListLine[];
  /** The shown proposals in order. */
  rows: readonly IProposalSummary[];
  /** Indices of a proposal's row and line. */
  places: ReadonlyMap<string, { row: number; line: number }>;
  groups: readonly IListGroup[];
  /** How many waiting proposals this person may decide, without search and filters. */
  mine: number;
  /** How many proposals match search and filters, in collapsed groups too. */
  matching: number;
  options: { readonly [facet in Facet]: readonly IFilterOption[] };
  /** For each filter: how many proposals would be shown without it. */
  without: { readonly [facet in Facet]: number };
}

/** The searched text of each proposal, cached. */
const searchTexts = new WeakMap<IProposalSummary, string>();

function searchTextOf(p: IProposalSummary): string {
  let text = searchTexts.get(p);
  if (text === undefined) {
    text = `${p.title}\n${p.agent}\n${p.path ?? p.notebook}\n${p.summary}`.toLowerCase();
    searchTexts.set(p, text);
  }
  return text;
}

function facetValueOf(p: IProposalSummary, facet: Facet): string {
  return p[facet] ?? '';
}

/** Return the label of a facet's value, from a proposal that has it. */
export function facetLabelOf(p: IProposalSummary, facet: Facet): string {
  return facet === 'notebook' ? (p.path ?? p.notebook) : facetValueOf(p, facet);
}

/** Return the title that alike proposals have in common. */
function similarityLabel({ title, agent }: IProposalSummary): string {
  return `${title.replace(/\d+/g, '#')} · ${agent}`;
}

/** Compute the visible list of `all` for a request. */
export function arrangeList(all: readonly IProposalSummary[], wanted: IListRequest): IListLayout {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  const options: { [facet in Facet]: Map<string, IFilterOption> } = {
    agent: new Map(),
    notebook: new Map(),
    kind: new Map(),
    assignee: new Map()
  };
  const without = { agent: 0, notebook: 0, kind: 0, assignee: 0 };
  const fitting: IProposalSummary[] = [];
  let mine = 0;
  for (const p of all) {
    const seat = hasSeat(p);
    mine += seat ? 1 : 0;
    if (wanted.mine !== null && !seat) {
      continue;
    }
    const found = words.length === 0 || words.every(word => searchTextOf(p).includes(word));
    const misses = FACETS.filter(
      facet => wanted.filters[facet] !== null && wanted.filters[facet] !== facetValueOf(p, facet)
    );
    for (const facet of FACETS) {
      const value = facetValueOf(p, facet);
      let option = options[facet].get(value);
      if (!option) {
        option = { value, label: facetLabelOf(p, facet), count: 0 };
        options[facet].set(value, option);
      }
      if (found && (misses.length === 0 || (misses.length === 1 && misses[0] === facet))) {
        option.count += 1;
        without[facet] += 1;
      }
    }
    if (found && misses.length === 0) {
      fitting.push(p);
    }
  }
  const { mine: user } = wanted;
  const ordered =
    user === null
      ? fitting
      : [...fitting.filter(p => p.assignee === user), ...fitting.filter(p => p.assignee !== user)];
  return {
    ...makeLines(ordered, wanted),
    mine,
    matching: fitting.length,
    options: sortOptions(options),
    without
  };
}

function makeLines(
  fitting: readonly IProposalSummary[],
  { grouping, collapsed }: IListRequest
): Pick<IListLayout, 'lines' | 'rows' | 'places' | 'groups'> {
  const lines: IListLine[] = [];
  const rows: IProposalSummary[] = [];
  const places = new Map<string, { row: number; line: number }>();
  const groups: IListGroup[] = [];
  const add = (p: IProposalSummary, group: IListGroup | null): void => {
    places.set(p.id, { row: rows.length, line: lines.length });
    lines.push({ key: `row ${p.id}`, group, proposal: p, row: rows.length });
    rows.push(p);
  };
  if (grouping === 'none') {
    fitting.forEach(p => add(p, null));
    return { lines, rows, places, groups };
  }
  const members = new Map<string, IProposalSummary[]>();
  const by = (p: IProposalSummary): string =>
    grouping === 'alike' ? (p.alike ?? p.id) : facetValueOf(p, grouping);
  for (const p of fitting) {
    const value = by(p);
    const known = members.get(value);
    if (known) {
      known.push(p);
    } else {
      members.set(value, [p]);
    }
  }
  for (const [value, some] of members) {
    const key = `${grouping} ${value}`;
    const group = {
      key,
      label: grouping === 'alike' ? similarityLabel(some[0]) : facetLabelOf(some[0], grouping),
      count: some.length,
      collapsed: collapsed.has(key)
    };
    groups.push(group);
    lines.push({ key: `group ${key}`, group, proposal: null, row: rows.length });
    if (!group.collapsed) {
      some.forEach(p => add(p, group));
    }
  }
  return { lines, rows, places, groups };
}

function sortOptions(options: { [facet in Facet]: Map<string, IFilterOption> }): IListLayout['options'] {
  const list = (facet: Facet): IFilterOption[] =>
    [...options[facet].values()].sort((one, other) => one.label.localeCompare(other.label));
  return {
    agent: list('agent'),
    notebook: list('notebook'),
    kind: list('kind'),
    assignee: list('assignee')
  };
}
