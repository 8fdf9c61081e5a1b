/**
 * The output of a cell that has opened a workspace: its document, which everybody can edit. The output contains only
 * agent, key and the number of the workspace in its run.
 */

import { useEffect, useState } from 'react';
import { WORKSPACE_MIME } from '../api/mime-types';
import { WorkspaceModel } from '../models/workspace';
import type { IReview } from './tokens';
import { CardById } from '../components/proposal/loaders';
import { ErrorBoundary } from '../components/error-boundary';
import { useRedraw } from '../components/use-redraw';
import { showHiddenCharacters } from '../text/hidden-characters';
import { WorkspaceView } from '../components/proposal/workspace-view';
import type { CardCounts } from './notebook/card-counts';
import { type IRenderedOutput, type IOutputContext, OutputRenderer, PlainOutput } from './output-renderer';

/** Version of the output's JSON; for other versions the plain text is shown. */
const OUTPUT_VERSION = 1;

/** Delay before the card of the question is shown here, in milliseconds. */
const FALLBACK_MS = 1500;

interface IWorkspaceName {
  agent: string;
  workspace: number;
  /** Key of the run; without it, the newest run with so many workspaces is meant. */
  key?: string;
}

/** Draws the document of a workspace. */
export class WorkspaceRenderer extends OutputRenderer<IWorkspaceName> {
  constructor(review: IReview, place: IOutputContext) {
    super(review, place, WORKSPACE_MIME);
  }

  protected parseName({
    version,
    agent,
    workspace,
    key
  }: {
    [name: string]: unknown;
  }): IWorkspaceName | null {
    if (version !== OUTPUT_VERSION || typeof agent !== 'string' || typeof workspace !== 'number') {
      return null;
    }
    return typeof key === 'string' ? { agent, workspace, key } : { agent, workspace };
  }

  protected formatName({ agent, workspace }: IWorkspaceName): string {
    return `${agent}:workspace ${workspace}`;
  }

  protected async load(
    path: string,
    { agent, workspace, key }: IWorkspaceName
  ): Promise<() => IRenderedOutput> {
    const { review, plain } = this;
    const { client } = review;
    const { cards } = this.place;
    const found = await client.findWorkspace(path, agent, workspace, key);
    const standing = await client.getRun(found.run);
    const renderQuestion = (id: string): JSX.Element => (
      <CompletionQuestion key={id} id={id} agent={found.agent} cards={cards} host={review} />
    );
    return () => {
      const model = new WorkspaceModel(review, found, standing);
      const element = (
        <ErrorBoundary instead={<PlainOutput text={plain} problem="" />}>
          <WorkspaceView model={model} host={review} renderQuestion={renderQuestion} />
        </ErrorBoundary>
      );
      return { element, dispose: () => model.dispose() };
    };
  }
}

/**
 * The question whether the workspace is done. It is in the cell's next output, or here if this window does not have
 * that output.
 */
function CompletionQuestion(props: {
  id: string;
  agent: string;
  cards: CardCounts;
  host: IReview;
}): JSX.Element {
  const { id, agent, cards, host } = props;
  const [late, setLate] = useState(false);
  useRedraw(cards);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), FALLBACK_MS);
    return () => clearTimeout(timer);
  }, []);
  return late && !cards.has(id) ? (
    <CardById id={id} host={host} />
  ) : (
    <p className="jp-hitl-note">
      {host.trans.__(
        '%1 asks whether it is done. Continue to write, and decide, in the card below.',
        showHiddenCharacters(agent)
      )}
    </p>
  );
}
