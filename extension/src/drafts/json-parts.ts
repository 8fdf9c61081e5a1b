/**
 * JSON values as parts of a shared document: objects are maps, arrays are arrays of boxes (maps with one entry "v").
 * Everything else is its JSON text, so that 1.0 stays 1.0 until somebody changes it. The same layout as in
 * `hitl_nb/drafts/document.py`.
 */

import * as Y from 'yjs';
import type { Json, JsonObject } from '../api/types';

/** A JSON value, or a part of one, as it is stored in a document. */
export type SharedPart = string | Y.Map<SharedPart> | Y.Array<Y.Map<SharedPart>>;

/** Return true for a JSON object, false for arrays, null and all other values. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Compare two JSON values. Identical objects are not looked into, since tables are large. Lumino's `deepEqual` is not
 * used: it takes inherited names ("__proto__", "constructor") for entries of the object.
 */
export function isSame(one: Json, other: Json): boolean {
  if (one === other) {
    return true;
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, i) => isSame(item, other[i]));
  }
  if (!isObject(one) || !isObject(other)) {
    return false;
  }
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(name => hasOwn(other, name) && isSame(one[name], other[name]))
  );
}

/** Count the equal items at the start of both lists, and those at the end among the other items. */
export function countCommonEnds(old: readonly Json[], now: readonly Json[]): { start: number; end: number } {
  const most = Math.min(old.length, now.length);
  let start = 0;
  while (start < most && isSame(old[start], now[start])) {
    start++;
  }
  let end = 0;
  while (end < most - start && isSame(old[old.length - 1 - end], now[now.length - 1 - end])) {
    end++;
  }
  return { start, end };
}

/**
 * Parse a JSON text of a document. A text that is not JSON, which another program may have written, is returned as it
 * is.
 */
export function parseLeaf(text: unknown): Json {
  try {
    return JSON.parse(String(text)) as Json;
  } catch {
    return String(text);
  }
}

/** Convert a part to JSON. Entries of objects are in the order of those of `like`, then sorted by name. */
export function toJson(part: SharedPart, like?: Json): Json {
  if (part instanceof Y.Map) {
    const model = isObject(like) ? like : {};
    const others = [...part.keys()].filter(name => !hasOwn(model, name)).sort();
    const names = [...Object.keys(model).filter(name => part.has(name)), ...others];
    return Object.fromEntries(
      names.map(name => [name, toJson(part.get(name)!, hasOwn(model, name) ? model[name] : undefined)])
    );
  }
  if (part instanceof Y.Array) {
    const models = Array.isArray(like) ? like : [];
    return listBoxes(part).map((box, i) => toJson(box.get('v')!, models[i]));
  }
  return parseLeaf(part);
}

/** Set the entry `key` of a shared map to `value`, changing only the parts that differ. */
export function putEntry(at: Y.Map<SharedPart>, key: string, value: Json): void {
  const part = at.get(key);
  if (part instanceof Y.Map && isObject(value)) {
    [...part.keys()].filter(name => !hasOwn(value, name)).forEach(name => part.delete(name));
    Object.entries(value).forEach(([name, item]) => putEntry(part, name, item));
  } else if (part instanceof Y.Array && Array.isArray(value)) {
    putItems(part, value);
  } else if (typeof part !== 'string' || !isSame(parseLeaf(part), value)) {
    at.set(key, toShared(value));
  }
}

/** The boxes of an array that are not empty. */
export function listBoxes(array: Y.Array<Y.Map<SharedPart>>): Y.Map<SharedPart>[] {
  return array.toArray().filter(box => box.has('v'));
}

function putItems(array: Y.Array<Y.Map<SharedPart>>, now: Json[]): void {
  const held = listBoxes(array);
  const { start, end } = countCommonEnds(toJson(array) as Json[], now);
  const paired = start + Math.min(held.length, now.length) - start - end;
  for (let i = start; i < paired; i++) {
    putEntry(held[i], 'v', now[i]);
  }
  const all = array.toArray();
  held
    .slice(paired, held.length - end)
    .reverse()
    .forEach(box => array.delete(all.indexOf(box)));
  if (paired < now.length - end) {
    const place = end > 0 ? array.toArray().indexOf(held[held.length - end]) : array.length;
    array.insert(place, now.slice(paired, now.length - end).map(makeBox));
  }
}

function makeBox(item: Json): Y.Map<SharedPart> {
  const made = new Y.Map<SharedPart>();
  made.set('v', toShared(item));
  return made;
}

function toShared(value: Json): SharedPart {
  if (Array.isArray(value)) {
    return Y.Array.from(value.map(makeBox));
  }
  if (isObject(value)) {
    return new Y.Map(
      Object.entries(value).map(([name, item]) => [name, toShared(item)] as [string, SharedPart])
    );
  }
  return JSON.stringify(value);
}

function hasOwn(object: JsonObject, name: string): boolean {
  return Object.prototype.hasOwnProperty.call(object, name);
}
