/**
 * The place of a server's message about a value, as the editor names it: "Row 201, id", "Step 2", or a field's label.
 */

import { isObject, ownValue } from '../../api/json-schema';
import type { IProposal, Json } from '../../api/types';
import { valueUnit } from '../../api/value-units';
import type { IRemovedRow } from '../../drafts/draft';
import { valueStyle } from '../changes/field-changes';
import { fieldLabel, formatPath, type Path } from '../changes/path-diff';
import { formatErrorPath } from '../editors/table/errors';
import type { IHost } from '../host';

/** The prefix of paths in a tool call, whose editor shows only the arguments. */
const ARGUMENTS = 'arguments/';

/**
 * Name the place of a message.
 *
 * @param path - the server's path, such as "rows/200/id"; it counts from 0.
 * @param value - the value that the message is about.
 */
export function nameErrorPlace(
  path: string,
  proposal: Pick<IProposal, 'kind' | 'value' | 'schema'>,
  value: Json,
  removed: readonly IRemovedRow[],
  host: IHost
): string {
  switch (valueUnit(proposal.kind)) {
    case 'cells':
      return formatErrorPath(path, removed, host);
    case 'steps':
      return formatStepPath(path, value, host);
    case 'arguments':
      return path.startsWith(ARGUMENTS)
        ? formatPath(parsePath(path.slice(ARGUMENTS.length), isObject(value) ? value.arguments : null))
        : path;
    default: {
      const steps = parsePath(path, value);
      return valueStyle(proposal as IProposal) === 'form'
        ? fieldLabel(steps, proposal.schema)
        : formatPath(steps);
    }
  }
}

/** Write the path of a message about a plan: "1/to" is "Step 2, to". */
function formatStepPath(path: string, value: Json, { trans }: IHost): string {
  const [step, ...inside] = parsePath(path, value);
  if (typeof step !== 'number') {
    return path;
  }
  return inside.length === 0
    ? trans.__('Step %1', step + 1)
    : trans.__('Step %1, %2', step + 1, formatPath(inside));
}

/** Split a server's path. A part is an index where the value has an array. */
function parsePath(path: string, value: Json | undefined): Path {
  let here: Json | undefined = value;
  return path.split('/').map(part => {
    const isIndex = Array.isArray(here) && /^\d+$/.test(part);
    const inside: Json | undefined = Array.isArray(here)
      ? here[Number(part)]
      : isObject(here)
        ? ownValue(here, part)
        : undefined;
    here = inside;
    return isIndex ? Number(part) : part;
  });
}
