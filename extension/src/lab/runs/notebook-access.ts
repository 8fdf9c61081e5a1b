/**
 * Opens the notebook of a run, and makes an empty one in its place if it is not there any more.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import type { IRun } from '../../api/types';

/** Return a function that opens the notebook of a run; see `INotebookAccess.openNotebook`. */
export function makeNotebookOpener(
  app: JupyterFrontEnd
): (run: IRun, create: boolean) => Promise<NotebookPanel> {
  const { contents, kernelspecs } = app.serviceManager;
  return async (run, create) => {
    const path = run.path!;
    if (create && (await isMissing(() => contents.get(path, { content: false })))) {
      await kernelspecs.ready;
      const { specs } = kernelspecs;
      const name = specs?.default ?? 'python3';
      const display_name = specs?.kernelspecs[name]?.display_name ?? name;
      // The id connects the notebook with its runs. Without a kernel's name, JupyterLab would ask for one.
      const metadata = { kernelspec: { name, display_name }, hitl_nb: { id: run.notebook_id } };
      const content = { cells: [], metadata, nbformat: 4, nbformat_minor: 5 };
      await contents.save(path, { type: 'notebook', format: 'json', content });
    }
    const panel = (await app.commands.execute('docmanager:open', { path })) as NotebookPanel;
    await panel.revealed;
    await panel.context.ready;
    return panel;
  };
}

async function isMissing(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return false;
  } catch (reason) {
    if (reason instanceof ServerConnection.ResponseError && reason.response.status === 404) {
      return true;
    }
    throw reason;
  }
}
