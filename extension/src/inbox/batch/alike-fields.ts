/**
 * Compares the values of alike proposals: which fields are the same in all, and which differ.
 */

import type { IProposal, Json, Kind } from '../../api/types';
import { isObject, isSame } from '../../drafts/json-parts';
import { valueUnit } from '../../api/value-units';

/** Most columns of the table. */
const MAX_COLUMNS = 40;

/** A proposal of the table, read in full. */
export interface IAlikeRow {
  readonly proposal: IProposal;
  /** The value that people decide about, by field. */
  readonly fields: { readonly [name: string]: Json };
  /** The draft, by field; null if it is the same. */
  readonly draft: { readonly [name: string]: Json } | null;
}

/** A field that differs. */
export interface IAlikeColumn {
  readonly name: string;
  readonly title: string;
  /** Whether all its values are numbers. */
  readonly numeric: boolean;
  /** The value that most rows have, as JSON; null if no value has more than half of them. */
  readonly usual: string | null;
  /** Whether a rule reads the field. */
  readonly read: boolean;
}

/** The comparison. */
export interface IAlikeFields {
  readonly same: readonly { readonly title: string; readonly value: Json }[];
  readonly columns: readonly IAlikeColumn[];
  /** Titles of the fields that differ and have no column. */
  readonly leftOut: readonly string[];
}

/** Name of the only field of a value that has no fields. */
export const WHOLE = '';

/** Take a full proposal apart into fields. The arguments of a tool call are its fields. */
export function makeAlikeRow(proposal: IProposal): IAlikeRow {
  const value = proposal.candidate === undefined ? proposal.value : proposal.candidate;
  const draft = proposal.draft === undefined ? proposal.value : proposal.draft;
  return {
    proposal,
    fields: fieldsOf(value, proposal.kind),
    draft: isSame(value, draft) ? null : fieldsOf(draft, proposal.kind)
  };
}

function fieldsOf(value: Json, kind: Kind): { [name: string]: Json } {
  if (valueUnit(kind) === 'arguments' && isObject(value) && isObject(value['arguments'])) {
    return { tool: value['tool'] ?? value['name'] ?? '', ...value['arguments'] };
  }
  return isObject(value) ? value : { [WHOLE]: value };
}

/** Compare rows. */
export function compareAlike(rows: readonly IAlikeRow[]): IAlikeFields {
  const names = [...new Set(rows.flatMap(row => Object.keys(row.fields)))];
  const titles = titlesOf(rows[0]?.proposal);
  const same: { title: string; value: Json }[] = [];
  const columns: IAlikeColumn[] = [];
  const leftOut: string[] = [];
  for (const name of names) {
    const values = rows.map(row => row.fields[name] ?? null);
    const title = titles[name] ?? name;
    const changed = rows.some(row => row.draft && !isSame(row.draft[name] ?? null, row.fields[name] ?? null));
    if (!changed && values.every(value => isSame(value, values[0]))) {
      same.push({ title, value: values[0] });
    } else if (columns.length === MAX_COLUMNS) {
      leftOut.push(title);
    } else {
      columns.push({
        ...{ name, title },
        numeric: values.every(value => typeof value === 'number'),
        usual: usualValue(values),
        read: rows.some(row => isReadByRule(row.proposal, name))
      });
    }
  }
  return { same, columns, leftOut };
}

/** Return the value that more than half of the rows have, as JSON. A value of which all differ has none. */
function usualValue(values: readonly Json[]): string | null {
  const counts = new Map<string, number>();
  values.map(value => JSON.stringify(value)).forEach(text => counts.set(text, (counts.get(text) ?? 0) + 1));
  const [text, count] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0]);
  return count > values.length / 2 ? text : null;
}

/**
 * Return true if a sentence about the policy's verdict names the field. Rules compare fields, and the sentences quote
 * the condition.
 */
function isReadByRule({ why }: Pick<IProposal, 'why'>, name: string): boolean {
  const word = new RegExp(
    `(^|[^\\p{L}\\p{N}_])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}($|[^\\p{L}\\p{N}_])`,
    'u'
  );
  return (
    name !== WHOLE && ((why as readonly string[] | undefined) ?? []).some(sentence => word.test(sentence))
  );
}

function titlesOf(proposal: IProposal | undefined): { [name: string]: string } {
  const properties = proposal?.schema?.['properties'];
  if (!isObject(properties)) {
    return {};
  }
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, one]) =>
      isObject(one) && typeof one['title'] === 'string' ? [[name, one['title']]] : []
    )
  );
}

/** Return true if a row has another value than most, in a field that a rule reads. */
export function isOutlier(row: IAlikeRow, columns: readonly IAlikeColumn[]): IAlikeColumn | null {
  return columns.find(column => column.read && column.usual !== null && isUnusual(row, column)) ?? null;
}

/** Return true if a row has another value than most in a column. */
export function isUnusual({ fields }: IAlikeRow, { name, usual }: IAlikeColumn): boolean {
  return usual !== null && JSON.stringify(fields[name] ?? null) !== usual;
}
