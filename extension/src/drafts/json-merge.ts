/**
 * Three-way merge of JSON values: an edit was made from a value that others have changed since. It is needed where a
 * person types a whole value as text. All other editors start from the current value.
 */

import type { Json } from '../api/types';
import { isObject, isSame } from './json-parts';

/** Apply to `theirs` what `mine` changed in `base`. If both changed the same leaf, the result has that of `mine`. */
export function mergeJson(base: Json, mine: Json, theirs: Json): Json {
  if (isSame(base, theirs) || isSame(mine, theirs)) {
    return mine;
  }
  if (isSame(base, mine)) {
    return theirs;
  }
  if (isObject(base) && isObject(mine) && isObject(theirs)) {
    const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
    const entries = names.map(name => [
      name,
      mergeEntry(ownValue(base, name), ownValue(mine, name), ownValue(theirs, name))
    ]);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as Json;
  }
  const lists = Array.isArray(base) && Array.isArray(mine) && Array.isArray(theirs);
  if (lists && base.length === mine.length && base.length === theirs.length) {
    return mine.map((item, i) => mergeJson(base[i], item, theirs[i]));
  }
  return mine;
}

/** Merge one entry of an object, which may be missing. */
function mergeEntry(base?: Json, mine?: Json, theirs?: Json): Json | undefined {
  if (base !== undefined && mine !== undefined && theirs !== undefined) {
    return mergeJson(base, mine, theirs);
  }
  const unchanged = mine === base || (mine !== undefined && base !== undefined && isSame(mine, base));
  return unchanged ? theirs : mine;
}

function ownValue(object: { [name: string]: Json }, name: string): Json | undefined {
  return Object.prototype.hasOwnProperty.call(object, name) ? object[name] : undefined;
}
