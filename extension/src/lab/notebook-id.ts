/**
 * The id of a notebook that has runs, in its metadata: by it they are found when the file is moved outside of Jupyter.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';

/** The key of the notebook's metadata that is ours. */
const METADATA_KEY = 'hitl_nb';

/** Put the id into the metadata; not saved by itself, and nothing is done if it is there, or nobody may write. */
export function writeNotebookId(panel: NotebookPanel, id: string): void {
  const { model } = panel.content;
  if (!id || !model || model.readOnly) {
    return;
  }
  const ours = model.getMetadata(METADATA_KEY) as { id?: string } | undefined;
  if (ours?.id !== id) {
    model.setMetadata(METADATA_KEY, { ...ours, id });
  }
}
