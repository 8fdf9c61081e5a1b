/**
 * The unit in which people read the value of a kind, and in which its changes are shown and counted.
 */

import type { Kind } from './types';

/** "paths": the fields of an object, or the places in any other JSON value. */
export type ValueUnit = 'words' | 'lines' | 'cells' | 'steps' | 'arguments' | 'option' | 'paths';

const VALUE_UNITS = new Map<Kind, ValueUnit>([
  ['text', 'words'],
  ['markdown', 'words'],
  ['code', 'lines'],
  ['table', 'cells'],
  ['plan', 'steps'],
  ['tool_call', 'arguments'],
  ['choice', 'option']
]);

/** Return the unit of a kind's values. */
export function valueUnit(kind: Kind): ValueUnit {
  return VALUE_UNITS.get(kind) ?? 'paths';
}
