/**
 * A message in place of rows: that nothing waits, or that nothing fits.
 */

import { useEffect, useState } from 'react';
import { Button } from '../../components/controls/button';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import type { InboxModel } from '../stores/inbox-model';
import { NO_FILTERS } from '../stores/list-facets';
import { votingName } from '../stores/voter';

/** How many own decisions are counted. */
const MAX_OWN = 100;

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
    decided > 0 ? trans.__('You decided %1 today.', decided >= MAX_OWN ? `${MAX_OWN}+` : decided) : ''
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
function useDecidedToday(host: IHost): number {
  const [count, setCount] = useState(0);
  const { client } = host;
  const reviewer = votingName(host);
  useEffect(() => {
    if (reviewer === null) {
      return;
    }
    let gone = false;
    const midnight = new Date().setHours(0, 0, 0, 0);
    client.listProposals({ status: 'closed', reviewer }, MAX_OWN).then(
      ({ proposals }) => {
        if (!gone) {
          setCount(proposals.filter(p => Date.parse(p.decision?.decided_at ?? '') >= midnight).length);
        }
      },
      () => undefined // the number is an addition
    );
    return () => {
      gone = true;
    };
  }, [client, reviewer]);
  return count;
}
