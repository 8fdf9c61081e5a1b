/**
 * The review page: a proposal's card or a workspace, or an error, and the state of the connection.
 */

import { type ReactNode, useCallback, useEffect, useReducer, useState } from 'react';
import { ApiError } from '../api/errors';
import { CardById, loadProposalModel, loadWorkspaceModel } from '../components/proposal/loaders';
import { ProposalCard } from '../components/proposal/proposal-card';
import { ErrorBoundary } from '../components/error-boundary';
import { showHiddenCharacters } from '../text/hidden-characters';
import { WorkspaceView } from '../components/proposal/workspace-view';
import type { PageHost } from './page-host';

/** The kinds of records that a page can show. */
export type PageSubject = 'proposal' | 'workspace';

/** The loaded record, and its view. */
interface ILoadedPage {
  of: { title: string; agent: string; path: string | null; notebook: string };
  /** Plain text, shown if the view cannot be drawn. */
  text: string;
  view: ReactNode;
  dispose(): void;
}

/** The content of the review page. */
export function ReviewPage({ host, id, of }: { host: PageHost; id: string; of: PageSubject }): JSX.Element {
  const { trans } = host;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [shown, setShown] = useState<ILoadedPage | null>(null);
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
      const [make] = await Promise.all([LOADERS[of](id, host), host.refresh()]);
      setShown(make());
    } catch (reason) {
      setProblem(errorSentence(reason, host));
    }
    setReading(false);
  }, [host, id, of]);

  useEffect(() => {
    void read();
  }, [read]);
  useEffect(() => () => shown?.dispose(), [shown]);
  useEffect(() => {
    document.title = shown
      ? trans.__('%1 – Review', showHiddenCharacters(shown.of.title))
      : trans.__('Review');
  }, [shown, trans]);

  return (
    <main className="jp-hitl-page">
      <div className="jp-hitl-bar">
        <h1>{trans.__('Review')}</h1>
        <span role="status">
          {shown && !host.feed.connected && !host.feed.forbidden && trans.__('Not connected; trying again …')}
        </span>
      </div>
      {shown && <h2 className="jp-hitl-from">{showHiddenCharacters(describeOrigin(shown))}</h2>}
      {shown && (
        <ErrorBoundary instead={<pre>{showHiddenCharacters(shown.text)}</pre>}>{shown.view}</ErrorBoundary>
      )}
      {!shown && reading && <p role="status">{trans.__('Reading …')}</p>}
      {problem && (
        <div role="alert">
          <p className="jp-hitl-error">{showHiddenCharacters(problem)}</p>
          <button type="button" onClick={() => void read()}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
    </main>
  );
}

const LOADERS: { [of in PageSubject]: (id: string, host: PageHost) => Promise<() => ILoadedPage> } = {
  proposal: async (id, host) => {
    const make = await loadProposalModel(id, host);
    return () => {
      const model = make();
      const { proposal: of } = model;
      const view = <ProposalCard model={model} host={host} />;
      return { of, text: of.text, view, dispose: () => model.dispose() };
    };
  },
  workspace: async (id, host) => {
    const make = await loadWorkspaceModel(id, host);
    return () => {
      const model = make();
      const { workspace: of } = model;
      const renderQuestion = (question: string): ReactNode => (
        <CardById key={question} id={question} host={host} />
      );
      const view = <WorkspaceView model={model} host={host} renderQuestion={renderQuestion} />;
      return { of, text: of.text, view, dispose: () => model.dispose() };
    };
  }
};

/** Describe the agent and the notebook of the record. */
function describeOrigin({ of: { agent, path, notebook } }: ILoadedPage): string {
  return `${agent} · ${path ?? notebook}`;
}

/** Describe in one sentence why the record is not shown. */
function errorSentence(reason: unknown, { trans }: PageHost): string {
  if (reason instanceof ApiError && [401, 403].includes(reason.status) && reason.error === 'Refused') {
    return trans.__('You are not logged in any more: reload the page.');
  }
  return reason instanceof Error ? reason.message : String(reason);
}
