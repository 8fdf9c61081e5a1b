/**
 * The actions on a run that need no notebook: they are calls of the server. The review page has these alone.
 */

import type { IRun } from '../../api/types';
import { type IRunFacts, RunFactReader } from '../../models/run-facts';
import type { IHost, IRunActions } from '../host';
import { confirmCancel } from './questions';

/** Prefix of the notebook's name for runs of plain scripts. */
const SCRIPT_PREFIX = 'script:';

/** Statuses of a run that can be cancelled. */
const CANCELLABLE: readonly IRun['status'][] = ['running', 'waiting', 'ready', 'failed'];

/** Statuses of a run that the server can execute. */
const EXECUTABLE: readonly IRun['status'][] = ['ready', 'failed'];

/** Makes the actions of runs, and remembers which are in progress and why one failed. */
export class ServerActions {
  /** @param _notify - called after a change, to draw the views again. */
  constructor(
    private _host: Pick<IHost, 'client' | 'feed' | 'trans' | 'status'>,
    private _notify: () => void
  ) {
    this.facts = new RunFactReader(_host.client, _host.feed);
    this.facts.changed.connect(() => _notify());
  }

  readonly facts: RunFactReader;

  /** Return the actions on a run. */
  actionsOn(run: IRun): IRunActions {
    const facts = this.facts.find(run);
    const { status } = facts?.run ?? run;
    const actions: IRunActions = {
      trouble: findTrouble(facts),
      where: facts?.run.where ?? '',
      interruptedAt: facts?.run.interrupted_at ?? null,
      busy: this._busy.has(run.id),
      problem: this._problems.get(run.id) ?? '',
      kernelAlive: false
    };
    if (facts?.may?.cancel && CANCELLABLE.includes(status)) {
      actions.cancelRun = () => this.cancel(run);
    }
    if (
      this._host.status?.headless &&
      EXECUTABLE.includes(status) &&
      !run.held &&
      !run.notebook.startsWith(SCRIPT_PREFIX)
    ) {
      actions.runOnServer = () =>
        this.perform(run, async () => {
          await this._host.client.runHeadless(run.id, this._host.feed.browser);
        });
    }
    return actions;
  }

  /** Cancel a run, after a question. Resolves when it is done or was not confirmed. */
  async cancel(run: IRun): Promise<void> {
    if (await confirmCancel(run, this._host.trans)) {
      await this.perform(run, async () => {
        await this._host.client.cancel(run.id);
      });
    }
  }

  /** Do something with a run, unless something is in progress already. Its error is kept as the run's problem. */
  async perform(run: IRun, work: () => Promise<void>): Promise<void> {
    if (this._busy.has(run.id)) {
      return;
    }
    this._busy.add(run.id);
    this._problems.delete(run.id);
    this._notify();
    try {
      await work();
    } catch (reason) {
      this._problems.set(run.id, reason instanceof Error ? reason.message : String(reason));
    } finally {
      this._busy.delete(run.id);
      await this.facts.refresh(run.id);
      this._notify();
    }
  }

  private _busy = new Set<string>();
  private _problems = new Map<string, string>();
}

function findTrouble(facts: IRunFacts | null): IRunActions['trouble'] {
  const { state, gone, status } = facts?.run ?? {};
  if (gone) {
    return gone === 'cell' ? 'cell-gone' : 'notebook-gone';
  }
  if (status === 'running' && state === 'in_doubt') {
    return 'in-doubt';
  }
  return state === 'interrupted' ? 'interrupted' : null;
}
