/**
 * Computes the visible list from the waiting proposals: search, filters with counts, order, and groups.
 */

import type { IProposalSummary } from '../../api/types';
import { hasSeat } from '../../components/terms-sentences';
import {
  FACETS,
  Facet,
  facetLabelOf,
  facetValuesOf,
  Filters,
  IFilterOption,
  sortOptions
} from './list-facets';
import { amountPath, numbersOf } from './number-fields';
import { dueTime, distinctSummaries } from './row-facts';

/** How the list is grouped. "alike": proposals that differ only in their values and numbers. */
export type GroupingMode = 'none' | 'notebook' | 'agent' | 'alike';

/** How the list is sorted. "due": what must be decided first; "amount:PATH": by a number, largest first. */
export type SortMode = 'due' | 'oldest' | 'newest' | 'agent' | `amount:${string}`;

/** Search, filters, order and grouping of the list. */
export interface IListRequest {
  search: string;
  /** Ids of proposals that the server found for the search, in texts that rows do not have. */
  hits: ReadonlySet<string>;
  filters: Filters;
  sort: SortMode;
  grouping: GroupingMode;
  /** User name: only proposals that this user may decide, those assigned to the user first. Null: all proposals. */
  mine: string | null;
  /** Keys of the collapsed groups. */
  collapsed: ReadonlySet<string>;
  /** Ids in the order that stays, while a person uses the list; null: they are sorted. */
  order: readonly string[] | null;
  /** A proposal that no longer waits, and stays in the list until the next move. It is in no count. */
  ended: IProposalSummary | null;
  /** The current time, in milliseconds. */
  now: number;
}

/** A group of the list. */
export interface IListGroup {
  /** Key of the group, unique among the groups of all groupings. */
  key: string;
  label: string;
  count: number;
  collapsed: boolean;
  /** The notebook, if it is the same for all alike proposals; otherwise "". */
  place: string;
  /** The proposals, if they are alike; otherwise empty. */
  alike: readonly IProposalSummary[];
}

/** A line of the list: the header of a group, or a row. */
export interface IListLine {
  key: string;
  group: IListGroup | null;
  /** Null for a header. */
  proposal: IProposalSummary | null;
  /** Index of the row among the rows. */
  row: number;
  /** The text about the value: what differs in its group. */
  summary: string;
  /** Whether it no longer waits. */
  ended: boolean;
}

/** The visible list. */
export interface IListLayout {
  lines: readonly IListLine[];
  /** The shown proposals in order. */
  rows: readonly IProposalSummary[];
  /** Indices of a proposal's row and line; for one that has ended, the row is the next one. */
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

/** Return the title that alike proposals have in common. */
export function similarityLabel({ title }: IProposalSummary): string {
  return title.replace(/\d+/g, '#');
}

/** Compute the visible list of `all` for a request. */
export function arrangeList(all: readonly IProposalSummary[], wanted: IListRequest): IListLayout {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  const options = new Map<Facet, Map<string, IFilterOption>>(FACETS.map(facet => [facet, new Map()]));
  const without = Object.fromEntries(FACETS.map(facet => [facet, 0])) as { [facet in Facet]: number };
  const { ended } = wanted;
  const fitting: IProposalSummary[] = [];
  let mine = 0;
  for (const p of all) {
    const seat = hasSeat(p);
    mine += seat ? 1 : 0;
    if (wanted.mine !== null && !seat) {
      continue;
    }
    const found =
      words.length === 0 || wanted.hits.has(p.id) || words.every(word => searchTextOf(p).includes(word));
    const misses = FACETS.filter(facet => {
      const chosen = wanted.filters[facet];
      return chosen !== null && !facetValuesOf(p, facet, wanted.now).includes(chosen);
    });
    for (const facet of FACETS) {
      const fits = found && (misses.length === 0 || (misses.length === 1 && misses[0] === facet));
      without[facet] += fits ? 1 : 0;
      for (const value of facetValuesOf(p, facet, wanted.now)) {
        const known = options.get(facet)!;
        const option = known.get(value) ?? { value, label: facetLabelOf(p, facet, value), count: 0 };
        known.set(value, option);
        option.count += fits ? 1 : 0;
      }
    }
    if (found && misses.length === 0) {
      fitting.push(p);
    }
  }
  const matching = fitting.length;
  if (ended && !fitting.some(p => p.id === ended.id)) {
    fitting.push(ended);
  }
  return {
    ...makeLines(sortRows(fitting, wanted), wanted),
    mine,
    matching,
    options: sortOptions(options),
    without
  };
}

type Comparison = (one: IProposalSummary, other: IProposalSummary) => number;

const COMPARISONS: { [mode in Exclude<SortMode, `amount:${string}`>]: Comparison } = {
  due: (one, other) => compareTimes(dueTime(one), dueTime(other)),
  oldest: () => 0,
  newest: (one, other) => compareTimes(Date.parse(other.created_at), Date.parse(one.created_at)),
  agent: (one, other) => one.agent.localeCompare(other.agent)
};

/** Return how an order compares two rows. Rows without the number are last. */
function comparisonOf(sort: SortMode): Comparison {
  const path = amountPath(sort);
  if (path === null) {
    return COMPARISONS[sort as keyof typeof COMPARISONS];
  }
  const numberOf = (p: IProposalSummary): number => numbersOf(p)[path] ?? -Infinity;
  return (one, other) => compareTimes(numberOf(other), numberOf(one));
}

/** Infinities are equal, which their difference is not. */
function compareTimes(one: number, other: number): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** Sort the rows. The server sends them oldest first, and sorting keeps the order of equal ones. */
function sortRows(rows: IProposalSummary[], { sort, mine, order }: IListRequest): IProposalSummary[] {
  if (order) {
    const places = new Map(order.map((id, i) => [id, i]));
    const placeOf = (p: IProposalSummary): number => places.get(p.id) ?? order.length;
    return [...rows].sort((one, other) => placeOf(one) - placeOf(other));
  }
  const compare = comparisonOf(sort);
  const own = (p: IProposalSummary): number => (mine !== null && p.assignee === mine ? 0 : 1);
  return [...rows].sort((one, other) => own(one) - own(other) || compare(one, other));
}

function makeLines(
  fitting: readonly IProposalSummary[],
  wanted: IListRequest
): Pick<IListLayout, 'lines' | 'rows' | 'places' | 'groups'> {
  const lines: IListLine[] = [];
  const rows: IProposalSummary[] = [];
  const places = new Map<string, { row: number; line: number }>();
  const groups: IListGroup[] = [];
  const add = (p: IProposalSummary, group: IListGroup | null, summary: string): void => {
    const gone = p === wanted.ended;
    places.set(p.id, { row: rows.length, line: lines.length });
    lines.push({ key: `row ${p.id}`, group, proposal: p, row: rows.length, summary, ended: gone });
    if (!gone) {
      rows.push(p);
    }
  };
  for (const { group, members } of makeGroups(fitting, wanted)) {
    if (group === null) {
      members.forEach(p => add(p, null, p.summary));
      continue;
    }
    groups.push(group);
    const key = `group ${group.key}`;
    lines.push({ key, group, proposal: null, row: rows.length, summary: '', ended: false });
    if (!group.collapsed) {
      const summaries = group.alike.length > 1 ? distinctSummaries(members) : members.map(p => p.summary);
      members.forEach((p, i) => add(p, group, summaries[i]));
    }
  }
  return { lines, rows, places, groups };
}

interface IMadeGroup {
  group: IListGroup | null;
  members: IProposalSummary[];
}

/** Distribute the rows on groups, in the order of their first rows. Alike groups of one row are "others", the last. */
function makeGroups(
  fitting: readonly IProposalSummary[],
  { grouping, collapsed, ended }: IListRequest
): IMadeGroup[] {
  if (grouping === 'none') {
    return [{ group: null, members: [...fitting] }];
  }
  const members = new Map<string, IProposalSummary[]>();
  for (const p of fitting) {
    const value =
      grouping === 'alike' ? ((p.alike as string | undefined) ?? p.id) : facetValuesOf(p, grouping, 0)[0];
    const known = members.get(value);
    if (known) {
      known.push(p);
    } else {
      members.set(value, [p]);
    }
  }
  const make = (value: string, some: IProposalSummary[], label: string, alike: boolean): IMadeGroup => {
    const key = `${grouping} ${value}`;
    const place = some[0].path ?? some[0].notebook;
    const waiting = some.filter(p => p !== ended);
    const samePlace = alike && some.every(p => (p.path ?? p.notebook) === place);
    const group = {
      ...{ key, label, count: waiting.length, collapsed: collapsed.has(key) },
      ...{ place: samePlace ? place : '', alike: alike ? waiting : [] }
    };
    return { group, members: some };
  };
  const all = [...members];
  if (grouping !== 'alike') {
    return all.map(([value, some]) => make(value, some, facetLabelOf(some[0], grouping, value), false));
  }
  const alike = all.filter(([, some]) => some.length > 1);
  const others = all.filter(([, some]) => some.length === 1).flatMap(([, some]) => some);
  if (alike.length === 0) {
    return [{ group: null, members: others }];
  }
  const made = alike.map(([value, some]) => make(value, some, similarityLabel(some[0]), true));
  // The label "" means all others; the view has the word for it.
  return others.length > 0 ? [...made, make('others', others, '', false)] : made;
}
