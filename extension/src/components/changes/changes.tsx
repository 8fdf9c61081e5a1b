/**
 * The changes that an edit makes to a proposal's value, read-only and in the terms of its kind: only what differs is
 * shown.
 */

import type { IProposal, ITable, Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import { isText } from '../../drafts/sharing-forms';
import type { IHost } from '../host';
import { FieldChanges } from './field-changes';
import { ChoiceChanges, PlanChanges } from './list-changes';
import { TableChanges } from './table-changes';
import { isTable } from './table-diff';
import { TextChanges } from './text-changes';
import { valueUnit } from '../../api/value-units';

interface IProps {
  proposal: IProposal;
  /** The agent's version. */
  before: Json;
  /** The edited version. */
  after: Json;
  host: IHost;
}

/** The changed parts of a value. */
export function Changes(props: IProps): JSX.Element {
  const { trans } = props.host;
  return (
    <section className="jp-hitl-changes" aria-label={trans.__('Changes to the agent’s version')}>
      {isSame(props.before, props.after) ? (
        <p className="jp-hitl-muted">{trans.__('No changes.')}</p>
      ) : (
        <KindChanges {...props} />
      )}
    </section>
  );
}

function KindChanges({ proposal, before, after, host }: IProps): JSX.Element {
  const { kind } = proposal;
  if (isText(kind)) {
    return (
      <TextChanges
        code={valueUnit(kind) === 'lines'}
        before={String(before)}
        after={String(after)}
        host={host}
      />
    );
  }
  if (typeof after === 'string' && typeof before === 'object' && before !== null) {
    return (
      <p className="jp-hitl-muted">
        {host.trans.__('The typed text is not a valid value yet. Its changes are shown when it is.')}
      </p>
    );
  }
  if (valueUnit(kind) === 'cells' && isTable(before) && isTable(after)) {
    return (
      <TableChanges before={before as unknown as ITable} after={after as unknown as ITable} host={host} />
    );
  }
  if (valueUnit(kind) === 'steps' && Array.isArray(before) && Array.isArray(after)) {
    return <PlanChanges before={before} after={after} host={host} />;
  }
  if (valueUnit(kind) === 'option') {
    return <ChoiceChanges before={before} after={after} host={host} />;
  }
  return <FieldChanges proposal={proposal} before={before} after={after} host={host} />;
}
