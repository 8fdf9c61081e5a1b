/**
 * The number fields by which alike proposals can be sorted.
 */

import type { IProposalSummary } from '../../api/types';

const PREFIX = 'amount:' as const;

/** Most fields that are offered. */
const MAX_FIELDS = 8;

/** Return the numbers in the proposed value by path. A server of an older version sends none. */
export function numbersOf(p: IProposalSummary): { readonly [path: string]: number | undefined } {
  return (p as Partial<IProposalSummary>).numbers ?? {};
}

/** Return the path of the number by which an order sorts; null for any other order. */
export function amountPath(sort: string): string | null {
  return sort.startsWith(PREFIX) ? sort.slice(PREFIX.length) : null;
}

/** Return the order by the number at a path. */
export function amountSort(path: string): `amount:${string}` {
  return `${PREFIX}${path}`;
}

/** Return the name of a number field for people: "customer/total_amount" is "Total amount". */
export function fieldName(path: string): string {
  const words = (path.split('/').pop() ?? '').replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Find the number fields in which some alike proposals differ. */
export function findNumberFields(proposals: readonly IProposalSummary[]): readonly string[] {
  const groups = new Map<string, IProposalSummary[]>();
  for (const p of proposals) {
    const key = (p.alike as string | undefined) ?? p.id;
    const known = groups.get(key);
    if (known) {
      known.push(p);
    } else {
      groups.set(key, [p]);
    }
  }
  const found = new Set<string>();
  for (const [first, ...others] of groups.values()) {
    for (const [path, number] of Object.entries(numbersOf(first))) {
      if (others.some(p => numbersOf(p)[path] !== undefined && numbersOf(p)[path] !== number)) {
        found.add(path);
      }
    }
  }
  return [...found].slice(0, MAX_FIELDS);
}
