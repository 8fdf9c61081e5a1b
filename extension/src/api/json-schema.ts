/**
 * The parts of a JSON Schema that a form control needs. References within the schema are followed. A choice between
 * one type and null becomes this type with `nullable`.
 */

import type { Json, JsonObject } from './types';

/** Most references that are followed in a row, so that a circular one ends. */
const MAX_REFERENCES = 20;

/** The schema of one field, reduced to what a control needs. */
export interface IFieldSchema {
  title: string;
  about: string;
  /** Names of the allowed types, without "null"; empty if the schema names none. */
  types: string[];
  options: Json[] | null;
  nullable: boolean;
  /** The schema of the field, with references resolved. */
  schema: JsonObject | null;
}

/** Return true for a JSON object, false for arrays, null and all other values. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Return an own property of an object, never an inherited one. */
export function ownValue<T>(object: { [key: string]: T }, key: string): T | undefined {
  return Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined;
}

/** Return the field schema of property `name` in `schema`, which is a part of `root`. */
export function propertySchema(
  schema: JsonObject | null,
  name: string,
  root: JsonObject | null
): IFieldSchema {
  const properties = schema ? ownValue(schema, 'properties') : undefined;
  return fieldSchema(isObject(properties) ? ownValue(properties, name) : undefined, root);
}

/** Return the field schema of a JSON Schema; `root` is the schema that references point into. */
export function fieldSchema(given: Json | undefined, root: JsonObject | null): IFieldSchema {
  const { schema, nullable } = resolveSchema(isObject(given) ? given : null, root, MAX_REFERENCES);
  const named = schema?.type;
  const types = (Array.isArray(named) ? named : [named]).filter(one => typeof one === 'string');
  const options = Array.isArray(schema?.enum) ? schema.enum : null;
  return {
    title: typeof schema?.title === 'string' ? schema.title : '',
    about: typeof schema?.description === 'string' ? schema.description : '',
    types: types.filter(one => one !== 'null'),
    options: options && nullable && !options.includes(null) ? [...options, null] : options,
    nullable: nullable || types.includes('null') || (options?.includes(null) ?? false),
    schema
  };
}

function resolveSchema(
  schema: JsonObject | null,
  root: JsonObject | null,
  hops: number
): { schema: JsonObject | null; nullable: boolean } {
  if (schema === null || hops === 0) {
    return { schema, nullable: false };
  }
  const { $ref, anyOf, oneOf, allOf, ...outer } = schema;
  const resolvePart = (part: Json | undefined): { schema: JsonObject | null; nullable: boolean } => {
    const found = resolveSchema(isObject(part) ? part : null, root, hops - 1);
    // Title and description next to a reference are about this field, so they have priority.
    return { schema: { ...found.schema, ...outer }, nullable: found.nullable };
  };
  if (typeof $ref === 'string') {
    return resolvePart(followPointer(root, $ref));
  }
  if (Array.isArray(allOf) && allOf.length === 1) {
    return resolvePart(allOf[0]);
  }
  const choices = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : null;
  if (choices) {
    const rest = choices.filter(one => !(isObject(one) && one.type === 'null'));
    const nullable = rest.length < choices.length;
    if (rest.length === 1) {
      const found = resolvePart(rest[0]);
      return { schema: found.schema, nullable: nullable || found.nullable };
    }
    const types = rest.flatMap(one => (isObject(one) && typeof one.type === 'string' ? [one.type] : []));
    return { schema: { ...outer, type: types }, nullable };
  }
  return { schema, nullable: false };
}

/** Return the part of the schema that "#/$defs/Address" points to. Only references within the schema are followed. */
function followPointer(root: JsonObject | null, ref: string): Json | undefined {
  if (root === null || (ref !== '#' && !ref.startsWith('#/'))) {
    return undefined;
  }
  let found: Json | undefined = root;
  for (const part of ref.split('/').slice(1)) {
    const name = unescapePointer(part);
    if (Array.isArray(found)) {
      found = found[Number(name)];
    } else {
      found = isObject(found) ? ownValue(found, name) : undefined;
    }
  }
  return found;
}

function unescapePointer(part: string): string {
  const name = part.replace(/~1/g, '/').replace(/~0/g, '~');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
