/**
 * What the page shows: the proposal's card as soon as it is read, else why not; and whether the server is there.
 */

import { useCallback, useEffect, useReducer, useState } from 'react';
import { ApiError } from '../api/errors';
import { ProposalModel } from '../model/proposal';
import { Card } from '../view/card';
import { Fallback } from '../view/fallback';
import { visible } from '../view/visible';
import type { PageHost } from './host';

export function Page({ host, id }: { host: PageHost; id: string }): JSX.Element {
  const { trans } = host;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [model, setModel] = useState<ProposalModel | null>(null);
  const [problem, setProblem] = useState('');
  const [reading, setReading] = useState(true);

  useEffect(() => {
    host.changed.connect(redraw);
    return () => {
      host.changed.disconnect(redraw);
    };
  }, [host]);

  const read = useCallback(async () => {
    setReading(true);
    setProblem('');
    try {
      const [proposal] = await Promise.all([host.client.proposal(id), host.refresh()]);
      const { run } = await host.client.run(proposal.run);
      setModel(new ProposalModel(host, proposal, run));
    } catch (reason) {
      setProblem(sentence(reason, host));
    }
    setReading(false);
  }, [host, id]);

  useEffect(() => {
    void read();
  }, [read]);
  useEffect(() => () => model?.dispose(), [model]);
  useEffect(() => {
    document.title = model
      ? trans.__('%1 – Review', visible(model.proposal.title))
      : trans.__('Review of a proposal');
  }, [model, trans]);

  return (
    <main className="jp-hitl-page">
      <div className="jp-hitl-bar">
        <h1>{trans.__('Review')}</h1>
        <span role="status">
          {model && !host.feed.connected && trans.__('Not connected; trying again …')}
        </span>
      </div>
      {model && <h2 className="jp-hitl-from">{visible(origin(model))}</h2>}
      {model && (
        <Fallback instead={<pre>{visible(model.proposal.text)}</pre>}>
          <Card model={model} host={host} />
        </Fallback>
      )}
      {!model && reading && <p role="status">{trans.__('Reading the proposal …')}</p>}
      {problem && (
        <div role="alert">
          <p className="jp-hitl-wrong">{visible(problem)}</p>
          <button type="button" onClick={() => void read()}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
    </main>
  );
}

/** Whose proposal it is. */
function origin({ proposal }: ProposalModel): string {
  return `${proposal.agent} · ${proposal.path ?? proposal.notebook}`;
}

/** Why nothing is shown, in one sentence. */
function sentence(reason: unknown, { trans }: PageHost): string {
  if (reason instanceof ApiError && [401, 403].includes(reason.status) && reason.error === 'Refused') {
    return trans.__('You are not logged in any more: reload the page.');
  }
  return reason instanceof Error ? reason.message : String(reason);
}
