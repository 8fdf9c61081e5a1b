/**
 * A paused cell's output: the cards of that pause. It names only agent, key and pause.
 */

import { ProposalModel } from '../models/proposal';
import type { IReview } from './tokens';
import { Card } from '../components/proposal/proposal-card';
import { Fallback } from '../components/error-boundary';
import { type IDrawn, type IPlace, OutputRenderer, Plain } from './output-renderer';

export const MIME = 'application/vnd.hitl-nb.proposal+json';

interface IPauseName {
  agent: string;
  pause: number;
  /** Of the run; outputs that name none mean the newest with this pause. */
  key?: string;
}

export class PauseRenderer extends OutputRenderer<IPauseName> {
  constructor(review: IReview, place: IPlace) {
    super(review, place, MIME);
  }

  protected named({ agent, pause, key }: { [name: string]: unknown }): IPauseName | null {
    if (typeof agent !== 'string' || typeof pause !== 'number') {
      return null;
    }
    return typeof key === 'string' ? { agent, pause, key } : { agent, pause };
  }

  protected spelled({ agent, pause }: IPauseName): string {
    return `${agent}:${pause}`;
  }

  protected async read(path: string, { agent, pause, key }: IPauseName): Promise<() => IDrawn> {
    const { review, plain } = this;
    const { cards } = this.place;
    const { run, proposals } = await review.client.pause(path, agent, pause, key);
    if (path === this.place.path()) {
      this.place.carryId(run.notebook_id);
    }
    return () => {
      const models = proposals.map(p => new ProposalModel(review, p, run));
      proposals.forEach(p => cards.add(p.id));
      const element = (
        <>
          {models.map(model => (
            <Fallback key={model.proposal.id} instead={<Plain text={plain} problem="" />}>
              <Card model={model} host={review} />
            </Fallback>
          ))}
        </>
      );
      const dispose = (): void => {
        models.forEach(model => model.dispose());
        proposals.forEach(p => cards.remove(p.id));
      };
      return { element, dispose };
    };
  }
}
