/**
 * JSON values, as the server and the editors have them.
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** A column of a table; see `hitl_nb/values/tables.py`. */
export interface IColumn {
  name: string;
  type: string;
  /** True for an index level of a pandas frame. */
  index?: boolean;
  /** True if cells must not be null. */
  required?: boolean;
  /** The only allowed cells. */
  options?: Json[];
  /** Least value of an integer column. */
  minimum?: number;
  /** Greatest value of an integer column. */
  maximum?: number;
  /** Whether the times of a datetime column have a UTC offset. */
  aware?: boolean;
}

/** A table. `rows`: list of n_rows lists, each with one cell per column. */
export interface ITable {
  columns: IColumn[];
  rows: Json[][];
}

/** Write a value as its source: texts as they are, others as JSON. */
export function formatSource(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
