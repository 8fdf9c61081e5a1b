/**
 * Executes the agent's cell again after the decision, in exactly one of the browsers that could do it.
 *
 * The cell is run by the application's executor, so that executors on the server work too. Nothing that the person in
 * this window works on is changed. The server grants the right to resume once per pause. In a new
 * kernel the extension is loaded first; the run's snapshot has the rest.
 */

import type { INotebookCellExecutor, INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { SessionAPI } from '@jupyterlab/services';
import { ApiError } from '../api/errors';
import type { FeedChange } from '../api/feed';
import type { IProposal, IRun } from '../api/types';
import type { IResumeAction } from '../components/host';
import { heldSentence } from '../components/states/held-question';
import type { LabHost } from './lab-host';
import { runQuietly } from './notebook/quiet-run';
import { agentCell } from './runs/agent-cell';
import { isKernelAlive, loadExtension } from './runs/kernel-questions';

/** Prefix of the notebook's name for runs of plain scripts. */
const SCRIPT_PREFIX = 'script:';

/** Resumes the runs of the open notebooks after their decisions. */
export class ResumeController {
  constructor(
    private _host: LabHost,
    private _notebooks: INotebookTracker,
    private _localPath: (path: string) => string,
    private _executor: INotebookCellExecutor | null = null
  ) {
    _host.feed.changed.connect(this._onFeed, this);
    _host.client.decided.connect((_, run) => void this._consider(run));
    _host.feed.headless.connect((_, { run, state, message }) => {
      this._messages.set(run, message);
      if (state === 'started') {
        this._busy.add(run);
      } else {
        this._busy.delete(run);
      }
      _host.notify();
    });
    _host.resumeAction = (run, proposal) => this.resumeAction(run, proposal);
  }

  /** Return the next action for a run, for its card. */
  resumeAction(run: IRun, proposal: IProposal): IResumeAction | null {
    const trans = this._host.trans;
    if (run.status !== 'ready') {
      return null;
    }
    if (run.held) {
      return { text: heldSentence(trans) };
    }
    if (run.notebook.startsWith(SCRIPT_PREFIX)) {
      return { text: trans.__('The script continues by itself. If it has ended, run it again.') };
    }
    if (this._busy.has(run.id)) {
      return { text: this._messages.get(run.id) ?? trans.__('The agent continues …'), busy: true };
    }
    const said = this._messages.get(run.id);
    const panel = this._findPanel(run);
    if (panel) {
      if (isKernelAlive(panel)) {
        return said
          ? { text: said, label: trans.__('Continue'), run: () => this._resume(run, panel) }
          : { text: trans.__('The agent continues in this notebook.') };
      }
      return {
        text: said ?? trans.__('The kernel of this notebook is gone; the agent can continue in a new one.'),
        label: trans.__('Start a kernel and continue'),
        run: () => this._resume(run, panel)
      };
    }
    if (this._host.status?.headless) {
      return {
        text: said ?? trans.__('The notebook is not open here; the server can run it.'),
        label: trans.__('Run it on the server'),
        run: () => this._runHeadless(run)
      };
    }
    return {
      text: trans.__(
        'Open %1 and run the agent’s cell, or run: hitl-nb run %1',
        proposal.path ?? proposal.notebook
      )
    };
  }

  /**
   * Execute the agent's cell again, in a new kernel if the old one is gone. Resolves when the cell has begun, and
   * rejects if it cannot.
   */
  continueRun(run: IRun, panel: NotebookPanel): Promise<void> {
    return new Promise((resolve, reject) => {
      void this._resume(run, panel, resolve).then(() => {
        const said = this._messages.get(run.id);
        if (said) {
          reject(new Error(said));
        } else {
          resolve();
        }
      });
    });
  }

  /** Start a kernel for a notebook if it has none, and load `hitl_nb` into it. */
  async prepareKernel(panel: NotebookPanel): Promise<void> {
    if (!isKernelAlive(panel)) {
      await startKernel(panel);
    }
    await this._loadExtension(panel);
  }

  private _onFeed(_: unknown, changed: FeedChange): void {
    for (const run of changed?.runs ?? []) {
      void this._lookAtRun(run);
    }
  }

  private async _lookAtRun(id: string): Promise<void> {
    if (this._notebooks.size === 0 || this._busy.has(id)) {
      return;
    }
    try {
      await this._consider((await this._host.client.getRun(id)).run);
    } catch {
      return; // the card shows errors of the server
    }
  }

  /** Resume a run that is ready, if its notebook is open in this window and its kernel is alive. */
  private async _consider(run: IRun): Promise<void> {
    const panel = this._findPanel(run);
    if (run.status === 'ready' && !run.held && panel && isKernelAlive(panel)) {
      await this._resume(run, panel);
    }
    this._host.notify();
  }

  private async _resume(run: IRun, panel: NotebookPanel, onBegun?: () => void): Promise<void> {
    if (this._busy.has(run.id)) {
      return;
    }
    this._busy.add(run.id);
    this._messages.delete(run.id);
    this._host.notify();
    try {
      const cell = agentCell(panel, run.agent);
      if (!cell) {
        throw new Error(this._host.trans.__('The agent’s cell is not in this notebook any more.'));
      }
      // The extension is loaded before the right to resume is requested. jupyter-server-documents disconnects older
      // windows from the kernel, and such a window must not take the right from one that can use it.
      if (isKernelAlive(panel)) {
        await this._loadExtension(panel);
      }
      await this._host.client.resume(run.id, this._host.feed.browser);
      await this.prepareKernel(panel);
      const note = this._host.trans.__(', continues');
      const executed = runQuietly(panel, cell, this._executor, note);
      onBegun?.();
      await executed;
    } catch (reason) {
      this._messages.set(run.id, this._explainFailure(reason));
    } finally {
      this._busy.delete(run.id);
      this._host.notify();
    }
    await this._refreshRun(run);
  }

  /** Load `hitl_nb` into the notebook's kernel, unless it is loaded. Rejects if that is not possible. */
  private async _loadExtension(panel: NotebookPanel): Promise<void> {
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel) {
      throw new Error(this._host.trans.__('The kernel did not start.'));
    }
    await loadExtension(kernel, this._host.trans);
  }

  /** Read the run again, since its next pause may have been decided while this window was busy. */
  private async _refreshRun(before: IRun): Promise<void> {
    try {
      const { run } = await this._host.client.getRun(before.id);
      // A server that executes cells itself may not have begun yet. Then it is still the same pause, which must not
      // be run twice.
      if (run.pauses !== before.pauses) {
        await this._consider(run);
      }
    } catch {
      return; // the card shows errors of the server
    }
  }

  private async _runHeadless(run: IRun): Promise<void> {
    try {
      await this._host.client.runHeadless(run.id, this._host.feed.browser);
    } catch (reason) {
      this._messages.set(run.id, this._explainFailure(reason));
    }
    this._host.notify();
  }

  private _explainFailure(reason: unknown): string {
    if (reason instanceof ApiError && reason.error === 'RunClaimed') {
      return this._host.trans.__('Another window continues the agent.');
    }
    return reason instanceof Error ? reason.message : String(reason);
  }

  private _findPanel(run: IRun): NotebookPanel | undefined {
    return this._notebooks.find(
      panel => this._localPath(panel.context.path) === run.path && agentCell(panel, run.agent) !== undefined
    );
  }

  private _busy = new Set<string>();
  private _messages = new Map<string, string>();
}

/**
 * Start a kernel for a notebook without one. The session is created again if the server does not have it any more.
 */
async function startKernel(panel: NotebookPanel): Promise<void> {
  const { sessionContext } = panel;
  const name = sessionContext.session?.kernel?.name ?? sessionContext.kernelPreference.name;
  const sessions = await SessionAPI.listRunning(panel.sessionContext.sessionManager.serverSettings);
  if (sessionContext.session && !sessions.some(one => one.id === sessionContext.session?.id)) {
    sessionContext.session.dispose();
  }
  await sessionContext.changeKernel({ name });
}
