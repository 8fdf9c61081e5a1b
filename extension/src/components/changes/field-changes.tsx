/**
 * Changes of a form, of a tool call's arguments, or of other JSON: the parts that differ, by label or by path.
 */

import { useMemo, useState } from 'react';
import { isObject } from '../../api/json-schema';
import type { IProposal, Json } from '../../api/types';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { MarkedValue, PlainValue, type ValueStyle } from './marked-text';
import { diffPaths, fieldLabel, formatPath, type Path } from './path-diff';
import { valueUnit } from '../../api/value-units';

interface IProps {
  proposal: IProposal;
  before: Json;
  after: Json;
  host: IHost;
}

/** Most unchanged values that are listed. */
const MAX_SAME = 500;

/** The changed fields of an object, the changed arguments of a call, or the changed paths of other JSON. */
export function FieldChanges({ proposal, before, after, host }: IProps): JSX.Element {
  const { trans } = host;
  const [whole, setWhole] = useState(false);
  const call = valueUnit(proposal.kind) === 'arguments' && isObject(after);
  const [old, now] = call ? [argumentsOf(before), argumentsOf(after)] : [before, after];
  const { changes, same } = useMemo(() => diffPaths(old, now), [old, now]);
  const style = valueStyle(proposal);
  const label = (path: Path): string =>
    showHiddenCharacters(
      style === 'form'
        ? fieldLabel(path, call ? null : proposal.schema)
        : formatPath(path) || trans.__('value')
    );
  return (
    <>
      <dl className={`jp-hitl-changed-fields${style === 'json' ? ' jp-hitl-mono' : ''}`}>
        {call && (
          <div>
            <dt>{trans.__('tool')}</dt>
            <dd className="jp-hitl-mono">{showHiddenCharacters(String(after.name))}()</dd>
          </div>
        )}
        {changes.map(one => (
          <div key={JSON.stringify(one.path)}>
            <dt>{label(one.path)}</dt>
            <dd>
              <MarkedValue before={one.before} after={one.after} style={style} host={host} />
            </dd>
          </div>
        ))}
        {whole &&
          same.slice(0, MAX_SAME).map(({ path, value }) => (
            <div key={JSON.stringify(path)}>
              <dt>{label(path)}</dt>
              <dd>
                <PlainValue value={value} style={style} host={host} />
              </dd>
            </div>
          ))}
      </dl>
      {same.length > 0 && (!whole || same.length > MAX_SAME) && (
        <p className="jp-hitl-fold">
          {trans._n('%1 value is as proposed.', '%1 values are as proposed.', same.length)}{' '}
          {!whole && (
            <button type="button" className="jp-hitl-link" onClick={() => setWhole(true)}>
              {trans.__('Show all')}
            </button>
          )}
        </p>
      )}
    </>
  );
}

/** How the values of a proposal are written: those with a form as in the form, others as JSON. */
export function valueStyle({ kind, value }: IProposal): ValueStyle {
  return valueUnit(kind) === 'arguments' ||
    (valueUnit(kind) === 'paths' && isObject(value) && Object.keys(value).length > 0)
    ? 'form'
    : 'json';
}

/** The arguments of a tool call. */
export function argumentsOf(call: Json): Json {
  return isObject(call) && isObject(call.arguments) ? call.arguments : {};
}
