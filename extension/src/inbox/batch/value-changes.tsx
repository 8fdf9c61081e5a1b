/**
 * The changes of a value in one line: "310.00" struck, "301.00" underlined.
 */

import type { Json } from '../../api/types';
import { formatJson } from '../../components/changes/path-diff';
import { AddedText, RemovedText } from '../../components/changes/marked-text';
import type { IHost } from '../../components/host';
import { isObject, isSame } from '../../drafts/json-parts';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IDraftLineChange } from '../stores/row-facts';

/** Most changes that are shown. */
const MAX_CHANGES = 3;

/** Longest shown part of a value, in characters. */
const MAX_CHARS = 60;

/** Shows the first changes. */
export function ValueChanges(props: {
  before: Json;
  after: Json;
  /** The changes as the server describes them; if there are none, they are found here. */
  changes: readonly IDraftLineChange[];
  host: IHost;
}): JSX.Element {
  const { before, after, changes, host } = props;
  const found = changes.length > 0 ? changes : findChanges(before, after);
  return (
    <>
      {found.slice(0, MAX_CHANGES).map((change, i) => (
        <OneChange key={i} change={change} host={host} />
      ))}
      {found.length > MAX_CHANGES && '…'}
    </>
  );
}

/** One change. Screen readers hear what was removed and added. */
export function OneChange({ change, host }: { change: IDraftLineChange; host: IHost }): JSX.Element {
  const { label, before, after } = change;
  return (
    <span className="jp-hitl-change">
      {label && <span className="jp-hitl-muted">{showHiddenCharacters(label)} </span>}
      {before !== null && <RemovedText host={host}>{showHiddenCharacters(before)}</RemovedText>}{' '}
      {after !== null && <AddedText host={host}>{showHiddenCharacters(after)}</AddedText>}{' '}
    </span>
  );
}

function findChanges(before: Json, after: Json): IDraftLineChange[] {
  if (!isObject(before) || !isObject(after)) {
    return [{ label: '', before: shortText(before), after: shortText(after) }];
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const partOf = (value: { [name: string]: Json }, name: string): string | null =>
    Object.prototype.hasOwnProperty.call(value, name) ? shortText(value[name]) : null;
  return names
    .filter(name => !isSame(before[name] ?? null, after[name] ?? null))
    .map(label => ({ label, before: partOf(before, label), after: partOf(after, label) }));
}

/** Return a value as one short line. */
export function shortText(value: Json): string {
  const text = typeof value === 'string' ? value : formatJson(value);
  const line = text.split(/\s+/).join(' ');
  return line.length > MAX_CHARS ? `${line.slice(0, MAX_CHARS - 1)}…` : line;
}
