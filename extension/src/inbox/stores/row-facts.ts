/**
 * The facts that a row of the list shows beside its record: the draft's changes, comments, due time and votes.
 */

import type { IProposalSummary } from '../../api/types';

/** A part of a draft that differs from the proposed value, short. Null: it was added, or removed. */
export interface IDraftLineChange {
  readonly label: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Fields that older servers do not send. */
interface IRowAdditions {
  /** Number of changes in the draft; null if there are some that were not counted. */
  readonly edits?: number | null;
  readonly draft_changes?: readonly IDraftLineChange[];
  /** Display names of the people who edited the draft, the last one first. */
  readonly edited_by?: readonly string[];
  readonly open_comments?: { readonly comments: number; readonly suggestions: number };
}

type RowRecord = Pick<IProposalSummary, 'id'>;

function additions(p: RowRecord): IRowAdditions {
  return p as IRowAdditions;
}

/** Return true if the draft has changes, false if it has none, and null if the server does not say. */
export function isEdited(p: RowRecord): boolean | null {
  const { edits } = additions(p);
  return edits === undefined ? null : edits !== 0;
}

/** Return the number of changes of the draft, or of a decision's value; null if it is not known. */
export function changeCount(p: RowRecord): number | null {
  return additions(p).edits ?? null;
}

/** Return the names of the people who edited the draft, the last one first. */
export function editorsOf(p: RowRecord): readonly string[] {
  return isEdited(p) ? (additions(p).edited_by ?? []) : [];
}

/** Return the first changes of the draft, or of a decision's value. */
export function changesOf(p: RowRecord): readonly IDraftLineChange[] {
  return additions(p).draft_changes ?? [];
}

/** Return the number of open comments and suggestions. */
export function commentsOf(p: RowRecord): number {
  const { comments, suggestions } = additions(p).open_comments ?? { comments: 0, suggestions: 0 };
  return comments + suggestions;
}

/** Return the time at which something happens to the proposal without a decision, in milliseconds; Infinity if never. */
export function dueTime({ deadline, timer }: Pick<IProposalSummary, 'deadline' | 'timer'>): number {
  const acts = timer?.does === 'escalate' || timer?.does === 'overdue' ? timer.at : null;
  const at = Date.parse(deadline ?? acts ?? '');
  return Number.isNaN(at) ? Infinity : at;
}

/** Separates the parts of a summary. */
const SEPARATOR = ' · ';

/**
 * Describe each proposal of a group by what differs within the group: the parts of the summaries that all have in
 * common are left out.
 */
export function distinctSummaries(group: readonly IProposalSummary[]): string[] {
  const parts = group.map(p => p.summary.split(SEPARATOR));
  const size = parts[0]?.length ?? 0;
  if (group.length < 2 || parts.some(one => one.length !== size)) {
    return group.map(p => p.summary);
  }
  const differ = parts[0].map((text, i) => parts.some(one => one[i] !== text));
  return differ.some(Boolean)
    ? parts.map(one => one.filter((_, i) => differ[i]).join(SEPARATOR))
    : group.map(p => p.summary);
}

/** Return a summary with its changes: "310.00 → 301.00" in place of the changed part, or before the summary. */
export function changedSummary(summary: string, changes: readonly IDraftLineChange[]): string {
  const parts = summary.split(SEPARATOR);
  const others: string[] = [];
  for (const { before, after } of changes) {
    const text = `${before ?? ''} → ${after ?? ''}`.trim();
    const at = before === null ? -1 : parts.indexOf(before);
    if (at >= 0) {
      parts[at] = text;
    } else {
      others.push(text);
    }
  }
  return [...others, ...parts].join(SEPARATOR);
}
