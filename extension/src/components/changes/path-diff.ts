/**
 * Differences of two JSON values by path, with the labels of the fields.
 */

import { fieldSchema, propertySchema } from '../../api/json-schema';
import type { Json, JsonObject } from '../../api/types';
import { isObject, isSame } from '../../drafts/json-parts';
import { diffTokens } from './text-diff';

/** Names and indices from the whole value to a part of it. */
export type Path = readonly (string | number)[];

/** A part that differs; undefined where a version does not have it. */
export interface IPathChange {
  path: Path;
  before: Json | undefined;
  after: Json | undefined;
}

/** The parts that differ, in the order of the value, and the parts that are the same. */
export interface IPathDiff {
  changes: IPathChange[];
  same: { path: Path; value: Json }[];
}

/** Compare two JSON values. Objects and arrays that both versions have are compared by their parts. */
export function diffPaths(before: Json, after: Json): IPathDiff {
  const found: IPathDiff = { changes: [], same: [] };
  compare([], before, after, found);
  return found;
}

/** Write a path as people read it: `limits.tools[2]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('');
}

/**
 * Return the label of a field: the titles that the schema has on the way to it. Without any title it is the path.
 */
export function fieldLabel(path: Path, schema: JsonObject | null): string {
  let here: JsonObject | null = schema;
  const titles = path.map(step => {
    const meaning =
      typeof step === 'string' ? propertySchema(here, step, schema) : fieldSchema(here?.items, schema);
    here = meaning.schema;
    return typeof step === 'string' ? meaning.title : '';
  });
  if (titles.every(title => title === '')) {
    return formatPath(path);
  }
  return path.map((step, i) => (typeof step === 'number' ? String(step + 1) : titles[i] || step)).join(' › ');
}

/** Write a JSON value as text. Line breaks and tabs in strings are real ones, everything else is JSON. */
export function formatJson(value: Json): string {
  return unescapeBreaks(
    typeof value === 'object' && value !== null ? formatParts(value) : JSON.stringify(value)
  );
}

/** Write a value as a text of several lines: a text as it is, anything else as indented JSON. */
export function formatAsText(value: Json): string {
  return typeof value === 'string' ? value : unescapeBreaks(JSON.stringify(value, null, 2));
}

/** Make the line breaks and tabs in the strings of a JSON text real ones. */
export function unescapeBreaks(json: string): string {
  return json.replace(/\\(.)/g, (escaped, letter: string) =>
    letter === 'n' ? '\n' : letter === 't' ? '\t' : escaped
  );
}

/** Write an object or an array: in one line if it is short. */
function formatParts(value: Json[] | JsonObject): string {
  const line = JSON.stringify(value);
  return line.length <= 60 ? line : JSON.stringify(value, null, 2);
}

function compare(path: Path, before: Json | undefined, after: Json | undefined, found: IPathDiff): void {
  if (before === undefined || after === undefined) {
    found.changes.push({ path, before, after });
  } else if (isObject(before) && isObject(after) && countParts(before) + countParts(after) > 0) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    names.forEach(name => compare([...path, name], ownPart(before, name), ownPart(after, name), found));
  } else if (Array.isArray(before) && Array.isArray(after) && before.length + after.length > 0) {
    compareItems(path, before, after, found);
  } else if (isSame(before, after)) {
    found.same.push({ path, value: after });
  } else {
    found.changes.push({ path, before, after });
  }
}

/** Compare the items of two arrays. Items that were added or removed do not make all later ones differ. */
function compareItems(path: Path, before: Json[], after: Json[], found: IPathDiff): void {
  if (before.length === after.length) {
    after.forEach((item, i) => compare([...path, i], before[i], item, found));
    return;
  }
  const [old, now] = [before, after].map(items => items.map(item => JSON.stringify(item)));
  let at = 0;
  const keep = (to: number): void => {
    for (; at < to; at++) {
      compare([...path, at], after[at], after[at], found);
    }
  };
  for (const { fromA, toA, fromB, toB } of diffTokens(old, now)) {
    keep(fromB);
    for (let i = 0; i < Math.max(toA - fromA, toB - fromB); i++) {
      const [removed, added] = [fromA + i < toA, fromB + i < toB];
      const place = added ? fromB + i : fromA + i;
      compare(
        [...path, place],
        removed ? before[fromA + i] : undefined,
        added ? after[fromB + i] : undefined,
        found
      );
    }
    at = toB;
  }
  keep(after.length);
}

function countParts(object: JsonObject): number {
  return Object.keys(object).length;
}

function ownPart(object: JsonObject, name: string): Json | undefined {
  return Object.prototype.hasOwnProperty.call(object, name) ? object[name] : undefined;
}
