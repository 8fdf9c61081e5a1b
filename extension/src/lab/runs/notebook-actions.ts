/**
 * The actions on a run in its notebook: continue in a new kernel, put the agent's cell back, start the agent over,
 * interrupt it. None of them executes a source that the person has not in front, or did not see.
 */

import type { ISharedCell } from '@jupyter/ydoc';
import type { Cell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRun } from '../../api/types';
import type { IHost, IRunActions } from '../../components/host';
import { confirmRestart, confirmUnsignedSource } from '../../components/runs/questions';
import type { ServerActions } from '../../components/runs/server-actions';
import { agentCell } from './agent-cell';

/** The parts of JupyterLab that the actions need. */
export interface INotebookAccess {
  readonly notebooks: INotebookTracker;
  /** The path of a notebook as the server names it. */
  localPath(path: string): string;
  /** Open the notebook of a run; if `create`, an empty one is made if it is not there any more. */
  openNotebook(run: IRun, create: boolean): Promise<NotebookPanel>;
  /** Execute the agent's cell again, in a new kernel if the old one is gone. */
  continueRun(run: IRun, panel: NotebookPanel): Promise<void>;
  /** Prepare the kernel of a notebook, and start one if there is none. */
  prepareKernel(panel: NotebookPanel): Promise<void>;
  /** Execute a cell, without waiting for its end. */
  runCell(panel: NotebookPanel, cell: Cell): void;
}

/** Makes the actions of runs in their notebooks. */
export class NotebookActionsOnRuns {
  constructor(
    private _host: Pick<IHost, 'client' | 'trans'>,
    private _server: ServerActions,
    private _access: INotebookAccess
  ) {}

  /** Return the actions on a run: those of the server, and those that its notebook allows. */
  actionsOn(run: IRun): IRunActions {
    const actions = this._server.actionsOn(run);
    if (run.path === null) {
      return actions;
    }
    const facts = this._server.facts.find(run);
    const { status } = facts?.run ?? run;
    const panel = this._findPanel(run);
    const cell = panel && agentCell(panel, run.agent);
    const here: { -readonly [name in keyof IRunActions]: IRunActions[name] } = { ...actions };
    here.kernelAlive = panel !== undefined && isConnected(panel);
    if (panel && cell && (here.trouble === 'notebook-gone' || here.trouble === 'cell-gone')) {
      here.trouble = null; // the notebook as it is open counts, not its file
    }
    if (panel && !cell && status !== 'finished' && status !== 'cancelled') {
      here.trouble = 'cell-gone';
    }
    if (
      here.trouble === 'interrupted' ||
      here.trouble === 'in-doubt' ||
      (status === 'failed' && here.trouble === null)
    ) {
      here.startKernel = () =>
        this._server.perform(run, async () => {
          await this._access.continueRun(run, await this._open(run, false));
        });
    }
    if (here.trouble === 'cell-gone' || here.trouble === 'notebook-gone') {
      here.restoreCell = () => this._server.perform(run, () => this._restore(run));
    }
    if (panel && cell && status === 'running' && here.trouble === null && here.kernelAlive) {
      here.stopRun = () =>
        this._server.perform(run, async () => {
          await panel.sessionContext.session?.kernel?.interrupt();
        });
    }
    if (panel && cell && facts?.may?.restart) {
      here.restartRun = () => this._restart(run, panel, status);
    }
    return here;
  }

  /** Insert the recorded source as a cell. A source that this user's key did not sign is shown first. */
  private async _restore(run: IRun): Promise<void> {
    const { client, trans } = this._host;
    const { source, source_signed, previous_cell } = await client.getCellSource(run.id);
    if (source === null) {
      throw new Error(trans.__('The source of this cell was not recorded.'));
    }
    const text = source.replace(/\n$/, '');
    if (!source_signed && !(await confirmUnsignedSource(text, trans))) {
      return;
    }
    const panel = await this._open(run, true);
    const { model } = panel.content;
    if (!model || model.readOnly) {
      throw new Error(trans.__('The notebook is read-only.'));
    }
    if (!agentCell(panel, run.agent)) {
      const at = findPlace(model.sharedModel.cells, previous_cell);
      model.sharedModel.insertCell(at, { cell_type: 'code', source: text });
    }
  }

  /** Start an agent over. Its cell is executed as it is now; the server begins a new run for it. */
  private async _restart(run: IRun, panel: NotebookPanel, status: IRun['status']): Promise<void> {
    if (!(await confirmRestart({ ...run, status }, this._host.trans))) {
      return;
    }
    await this._server.perform(run, async () => {
      await this._access.prepareKernel(panel);
      const cell = agentCell(panel, run.agent);
      if (!cell) {
        throw new Error(this._host.trans.__('The agent’s cell is not in this notebook any more.'));
      }
      await this._host.client.restart(run.id);
      this._access.runCell(panel, cell);
    });
  }

  private async _open(run: IRun, create: boolean): Promise<NotebookPanel> {
    return this._findPanel(run) ?? (await this._access.openNotebook(run, create));
  }

  /** Return the open notebook of a run, if it is loaded. */
  private _findPanel(run: IRun): NotebookPanel | undefined {
    const { notebooks, localPath } = this._access;
    return notebooks.find(
      ({ context, content }) =>
        localPath(context.path) === run.path && context.isReady && content.model !== null
    );
  }
}

/**
 * Return the index at which a cell is put back: after the cell that was before it ("": it was the first one). If that
 * cell is gone or not known, the end of the notebook, before an empty last cell.
 */
function findPlace(cells: readonly ISharedCell[], previous: string | null | undefined): number {
  if (previous === '') {
    return 0;
  }
  const before = previous ? cells.findIndex(({ id }) => id === previous) : -1;
  if (before >= 0) {
    return before + 1;
  }
  const last = cells[cells.length - 1];
  const isEmpty = last?.cell_type === 'code' && last.getSource().trim() === '';
  return isEmpty ? cells.length - 1 : cells.length;
}

function isConnected(panel: NotebookPanel): boolean {
  const kernel = panel.sessionContext.session?.kernel;
  return !!kernel && kernel.connectionStatus === 'connected' && kernel.status !== 'dead';
}
