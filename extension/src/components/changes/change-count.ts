/**
 * How many changes an edit makes, in the unit of each kind of value.
 */

import type { IProposal, ITable, Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import { isText } from '../../drafts/sharing-forms';
import { diffPaths } from './path-diff';
import { diffSteps } from './plan-diff';
import { countRows, diffRows, isTable } from './table-diff';
import { countGroups, diffLines, diffWords } from './text-diff';
import { valueUnit } from '../../api/value-units';

/** Pairs of versions whose counts are kept, since views ask at each redraw. */
const MAX_KEPT = 8;

const kept: { kind: string; before: Json; after: Json; count: number }[] = [];

/**
 * Count the changes between two versions of a proposal's value: places of a text, fields, cells and rows, or steps.
 */
export function countChanges({ kind }: Pick<IProposal, 'kind'>, before: Json, after: Json): number {
  if (before === after) {
    return 0;
  }
  const at = kept.findIndex(one => one.kind === kind && one.before === before && one.after === after);
  const known = at < 0 ? { kind, before, after, count: count(kind, before, after) } : kept.splice(at, 1)[0];
  kept.unshift(known);
  kept.length = Math.min(kept.length, MAX_KEPT);
  return known.count;
}

function count(kind: IProposal['kind'], before: Json, after: Json): number {
  if (isSame(before, after)) {
    return 0;
  }
  if (isText(kind)) {
    const [old, now] = [String(before), String(after)];
    return countGroups(valueUnit(kind) === 'lines' ? diffLines(old, now) : diffWords(old, now));
  }
  if (isTable(before) && isTable(after) && valueUnit(kind) === 'cells') {
    const { cells, added, removed } = countRows(
      diffRows(before as unknown as ITable, after as unknown as ITable)
    );
    return cells + added + removed;
  }
  if (valueUnit(kind) === 'steps' && Array.isArray(before) && Array.isArray(after)) {
    return diffSteps(before, after).filter(({ sign, moved }) => sign !== 'same' || moved !== null).length;
  }
  return valueUnit(kind) === 'option' ? 1 : diffPaths(before, after).changes.length;
}
