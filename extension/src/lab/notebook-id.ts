/**
 * The id of a notebook with runs, in its metadata. It connects the notebook with its runs after the file was moved
 * outside of Jupyter.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';

/** The metadata key of hitl_nb. */
const METADATA_KEY = 'hitl_nb';

/**
 * Write the id into the metadata, without saving. Nothing is done if it is there, or if the notebook is read-only.
 */
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
