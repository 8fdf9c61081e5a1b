/**
 * Executes a cell without touching anything that a person works on: JupyterLab's own actions change the mode, scroll,
 * and activate the notebook.
 */

import type { Cell, CodeCell, CodeCellModel } from '@jupyterlab/cells';
import { type INotebookCellExecutor, type NotebookPanel, runCell } from '@jupyterlab/notebook';
import { holdOutput } from './held-output';
import { holdPlace } from './scroll-anchor';

/**
 * Execute a cell. Resolves to false if it ended with an error, which its output shows.
 * If there is a `note`, the old output stays in view until the new one comes, with the note at its last decision.
 *
 * @param executor - executes cells in this application, maybe on the server; null for JupyterLab's own way.
 */
export async function runQuietly(
  panel: NotebookPanel,
  cell: Cell,
  executor: INotebookCellExecutor | null,
  note?: string
): Promise<boolean> {
  const { content, sessionContext } = panel;
  if (!content.model) {
    return false;
  }
  const releasePlace = holdPlace(panel);
  const releaseOutput = note === undefined ? () => undefined : holdOutput(cell as CodeCell, note);
  const options: INotebookCellExecutor.IRunCellOptions = {
    cell,
    notebook: content.model,
    notebookConfig: content.notebookConfig,
    onCellExecuted: () => undefined,
    onCellExecutionScheduled: () => undefined,
    sessionContext
  };
  try {
    return await (executor ? executor.runCell(options) : runCell(options));
  } catch (reason) {
    if (!(reason instanceof Error && reason.message.startsWith('KernelReplyNotOK'))) {
      throw reason;
    }
    const model = cell.model as CodeCellModel;
    if (model.executionCount === null) {
      model.executionState = 'idle'; // no star beside a cell that was not executed
    }
    return false;
  } finally {
    afterDrawing(() => {
      releaseOutput();
      afterDrawing(releasePlace); // the cell may become lower by that
    });
  }
}

/** Call a function after the last outputs are drawn, which takes the next frames. */
function afterDrawing(call: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(call));
}
