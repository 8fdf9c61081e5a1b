/**
 * A message in place of rows: that nothing waits, or that nothing fits.
 */

import { useEffect, useState } from 'react';
import { Button } from '../../components/controls/button';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import type { InboxModel } from '../stores/inbox-model';
import { NO_FILTERS } from '../stores/list-facets';

/** An empty list, with what can be done about it. */
export function EmptyList({ model, host }: { model: InboxModel; host: IHost }): JSX.Element | null {
  const { trans } = host;
  if (model.shown.length > 0 || model.ended !== null || model.arrivals > 0) {
    return null;
  }
  if (!model.loaded) {
    return model.problem ? null : <p className="jp-hitl-empty">{trans.__('Loading …')}</p>;
  }
  const waits = model.mine !== null ? model.mineTotal : model.total;
  if (waits > 0) {
    return (
      <div className="jp-hitl-empty">
        <b>{trans.__('Nothing that waits fits the search and the filters.')}</b>
        <Button small onClick={() => (model.choice = { ...model.choice, search: '', filters: NO_FILTERS })}>
          {trans.__('Show all')}
        </Button>
      </div>
    );
  }
  return <NothingWaits model={model} host={host} />;
}

function NothingWaits({ model, host }: { model: InboxModel; host: IHost }): JSX.Element {
  const { trans } = host;
  const decided = useDecidedToday(host);
  const others = model.mine !== null ? model.total : 0;
  const sentences = [
    others > 0
      ? trans._n('%1 other waits for other people.', '%1 others wait for other people.', others)
      : '',
    decided > 0 ? trans.__('You decided %1 today.', decided) : ''
  ].filter(Boolean);
  return (
    <div className="jp-hitl-empty">
      <Icon name="check" />
      <b>
        {model.mine !== null ? trans.__('Nothing waits for you.') : trans.__('Nothing waits for a decision.')}
      </b>
      {sentences.length > 0 && <span className="jp-hitl-muted">{sentences.join(' ')}</span>}
      {others > 0 && (
        <Button small onClick={() => model.showView('all')}>
          {trans.__('All waiting')}
        </Button>
      )}
    </div>
  );
}

/** Count what this person decided since midnight; 0 while it is not known. */
function useDecidedToday({ client }: IHost): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let gone = false;
    const midnight = new Date(new Date().setHours(0, 0, 0, 0));
    client.getCounts(midnight.toISOString()).then(
      ({ decided_by_me: found }) => {
        if (!gone) {
          setCount(found);
        }
      },
      () => undefined // the number is an addition
    );
    return () => {
      gone = true;
    };
  }, [client]);
  return count;
}
