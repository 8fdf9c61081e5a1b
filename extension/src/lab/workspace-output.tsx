/**
 * The output of a cell that has opened a workspace: its document, for everybody to write. It names only agent, key and
 * which of the run's workspaces it is.
 */

import { useEffect, useState } from 'react';
import { WorkspaceModel } from '../models/workspace';
import type { IReview } from './tokens';
import { CardById } from '../components/proposal/loaders';
import { Fallback } from '../components/error-boundary';
import { useRedraw } from '../components/use-redraw';
import { visible } from '../text/hidden-characters';
import { WorkspaceView } from '../components/proposal/workspace-view';
import type { Cards } from './card-counts';
import { type IDrawn, type IPlace, OutputRenderer, Plain } from './output-renderer';

export const WORKSPACE_MIME = 'application/vnd.hitl-nb.workspace+json';

/** The version of the output's JSON that is drawn; others are their plain text. */
const VERSION = 1;

/** Milliseconds after which the card that asks is not waited for any more. */
const LATE = 1500;

interface IWorkspaceName {
  agent: string;
  workspace: number;
  /** Of the run; outputs that name none mean the newest with so many workspaces. */
  key?: string;
}

export class WorkspaceRenderer extends OutputRenderer<IWorkspaceName> {
  constructor(review: IReview, place: IPlace) {
    super(review, place, WORKSPACE_MIME);
  }

  protected named({ version, agent, workspace, key }: { [name: string]: unknown }): IWorkspaceName | null {
    if (version !== VERSION || typeof agent !== 'string' || typeof workspace !== 'number') {
      return null;
    }
    return typeof key === 'string' ? { agent, workspace, key } : { agent, workspace };
  }

  protected spelled({ agent, workspace }: IWorkspaceName): string {
    return `${agent}:workspace ${workspace}`;
  }

  protected async read(path: string, { agent, workspace, key }: IWorkspaceName): Promise<() => IDrawn> {
    const { review, plain } = this;
    const { client } = review;
    const { cards } = this.place;
    const found = await client.workspaceOf(path, agent, workspace, key);
    const standing = await client.run(found.run);
    const asked = (id: string): JSX.Element => (
      <Asked key={id} id={id} agent={found.agent} cards={cards} host={review} />
    );
    return () => {
      const model = new WorkspaceModel(review, found, standing);
      const element = (
        <Fallback instead={<Plain text={plain} problem="" />}>
          <WorkspaceView model={model} host={review} asked={asked} />
        </Fallback>
      );
      return { element, dispose: () => model.dispose() };
    };
  }
}

/** Where it is asked whether the workspace is done: in the cell's next output, or here if this window has none. */
function Asked(props: { id: string; agent: string; cards: Cards; host: IReview }): JSX.Element {
  const { id, agent, cards, host } = props;
  const [late, setLate] = useState(false);
  useRedraw(cards);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LATE);
    return () => clearTimeout(timer);
  }, []);
  return late && !cards.has(id) ? (
    <CardById id={id} host={host} />
  ) : (
    <p className="jp-hitl-note">
      {host.trans.__('%1 asks whether it is done: write on, and decide, in the card below.', visible(agent))}
    </p>
  );
}
