/**
 * The output of a cell whose agent had finished before it was executed. It contains only agent and key; the run is
 * found by them and the notebook's path.
 */

import { FinishedBeforeBar } from '../../components/runs/finished-bar';
import { type IOutputContext, type IRenderedOutput, OutputRenderer, PlainOutput } from '../output-renderer';
import { FINISHED_MIME } from '../../api/mime-types';
import type { IReview } from '../tokens';

interface IFinishedName {
  agent: string;
  /** Key of the run; "" if it has none. */
  key: string;
}

/** Draws the bar "This agent has finished before". */
export class FinishedRenderer extends OutputRenderer<IFinishedName> {
  constructor(review: IReview, place: IOutputContext) {
    super(review, place, FINISHED_MIME);
  }

  protected parseName({ agent, key = '' }: { [name: string]: unknown }): IFinishedName | null {
    return typeof agent === 'string' && typeof key === 'string' ? { agent, key } : null;
  }

  protected formatName({ agent, key }: IFinishedName): string {
    return `${agent}:${key}:finished`;
  }

  protected async load(path: string, { agent, key }: IFinishedName): Promise<() => IRenderedOutput> {
    const run = await this.review.client.findRun(path, agent, key);
    const element =
      run?.status === 'finished' ? (
        <FinishedBeforeBar run={run} host={this.review} />
      ) : (
        <PlainOutput text={this.plain} problem="" />
      );
    return () => ({ element, dispose: () => undefined });
  }
}
