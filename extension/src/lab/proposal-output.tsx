/**
 * The output of a paused cell: the cards of that pause. The output contains only agent, key and pause.
 */

import { createPortal } from 'react-dom';
import type { Message } from '@lumino/messaging';
import { PROPOSAL_MIME } from '../api/mime-types';
import { DecisionSurroundings, type IDecisionSurroundings } from '../components/decide/decision-surroundings';
import type { IProposalModel } from '../models/interfaces';
import { ProposalModel } from '../models/proposal';
import type { IReview } from './tokens';
import { CardList } from '../components/proposal/card-list';
import { ProposalCard } from '../components/proposal/proposal-card';
import { FinishedBar } from '../components/runs/finished-bar';
import { useRedraw } from '../components/use-redraw';
import { ErrorBoundary } from '../components/error-boundary';
import { type IRenderedOutput, type IOutputContext, OutputRenderer, PlainOutput } from './output-renderer';

interface IPauseName {
  agent: string;
  pause: number;
  /** Key of the run; without it, the newest run with this pause is meant. */
  key?: string;
}

/** Draws the cards of a pause. */
export class PauseRenderer extends OutputRenderer<IPauseName> {
  constructor(review: IReview, place: IOutputContext) {
    super(review, place, PROPOSAL_MIME);
  }

  protected parseName({ agent, pause, key }: { [name: string]: unknown }): IPauseName | null {
    if (typeof agent !== 'string' || typeof pause !== 'number') {
      return null;
    }
    return typeof key === 'string' ? { agent, pause, key } : { agent, pause };
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._placeEnd();
  }

  protected formatName({ agent, pause }: IPauseName): string {
    return `${agent}:${pause}`;
  }

  protected async load(path: string, { agent, pause, key }: IPauseName): Promise<() => IRenderedOutput> {
    const { review, plain } = this;
    const { cards } = this.place;
    const { run, proposals } = await review.client.getPause(path, agent, pause, key);
    if (path === this.place.path()) {
      this.place.carryId(run.notebook_id);
    }
    return () => {
      const models = proposals.map(p => new ProposalModel(review, p, run));
      const shown = models.map(made => ({ model: made, node: this.node }));
      shown.forEach(card => cards.add(card));
      const surroundings = (model: IProposalModel): IDecisionSurroundings => ({
        hasNext: false,
        selected: 0,
        onDecided: () => this.place.around?.moveOn(model)
      });
      const element = (
        <>
          <CardList
            models={models}
            host={review}
            renderCard={model => (
              <ErrorBoundary key={model.proposal.id} instead={<PlainOutput text={plain} problem="" />}>
                <DecisionSurroundings.Provider value={surroundings(model)}>
                  <ProposalCard model={model} host={review} />
                </DecisionSurroundings.Provider>
              </ErrorBoundary>
            )}
          />
          {createPortal(<EndOfRun models={models} pause={pause} host={review} />, this._end)}
        </>
      );
      const endKeys = review.keyListener.watch(this._end, this.place.around);
      this._placeEnd();
      const dispose = (): void => {
        models.forEach(model => model.dispose());
        shown.forEach(card => cards.remove(card));
        endKeys();
        this._end.remove();
      };
      return { element, dispose };
    };
  }

  /** Put the end of the run below all outputs of the cell: what the agent showed last is above "Finished". */
  private _placeEnd(): void {
    const outputs = this.node.closest('.jp-OutputArea');
    (outputs ?? this.node).append(this._end);
  }

  private _end = Object.assign(document.createElement('div'), { className: 'jp-hitl-end-of-run' });
}

/** The bar of a run that is finished, if these are its last cards. */
function EndOfRun(props: {
  models: readonly ProposalModel[];
  pause: number;
  host: IReview;
}): JSX.Element | null {
  const { models, pause, host } = props;
  useRedraw(...models);
  const run = models[0]?.run;
  return run?.status === 'finished' && run.pauses === pause ? <FinishedBar run={run} host={host} /> : null;
}
