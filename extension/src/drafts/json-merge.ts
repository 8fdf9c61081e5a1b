/**
 * An edit of a value that has changed meanwhile: what this person changed goes into what is there now. Needed where
 * somebody types a whole value as text; everywhere else an edit is made from what is there.
 */

import type { Json } from '../api/types';
import { isObject, isSame } from './json-parts';

/** What `mine`, made from `base`, changed, in `theirs`. Where both changed the same leaf, it is mine. */
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

/** The same of one entry, which may be missing. */
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
