/**
 * Saves a notebook when the output of a pause or of a decision has come. So the card is there when the notebook is
 * opened again. A collaborative room saves itself.
 */

import type { ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';

/** Milliseconds in which more outputs are waited for. */
const DELAY_MS = 50;

/** Milliseconds by which the times of the same file may differ, as in JupyterLab's own check. */
const SAME_FILE_MS = 500;

/** A file as the context knows it: without its content. */
type FileFacts = Pick<Contents.IModel, 'hash' | 'last_modified'>;

function isSameFile(known: FileFacts, onDisk: FileFacts): boolean {
  if (known.hash && onDisk.hash) {
    return known.hash === onDisk.hash;
  }
  return Math.abs(Date.parse(onDisk.last_modified) - Date.parse(known.last_modified)) <= SAME_FILE_MS;
}

/**
 * Let each saving of a document wait for the one before. JupyterLab takes a second one, such as by the person's key
 * during ours, for a change by somebody else, and asks which version to keep.
 */
function queueSaves(context: Pick<NotebookPanel['context'], 'save'>): void {
  const save = context.save.bind(context);
  let last: Promise<void> = Promise.resolve();
  context.save = () => {
    last = last.then(save, save);
    return last;
  };
}

/** Saves one notebook. */
export class NotebookSaver {
  /**
   * @param _contents - reads the file's time.
   * @param _mimeTypes - outputs of agents.
   * @param _isOn - whether the settings want it.
   */
  constructor(
    private _panel: NotebookPanel,
    private _contents: Contents.IManager,
    private _mimeTypes: readonly string[],
    private _isOn: () => boolean
  ) {
    queueSaves(_panel.context);
    void _panel.context.ready.then(() => this._watch());
  }

  private _watch(): void {
    const { model } = this._panel.content;
    if (model && !this._panel.isDisposed) {
      const { cells } = model;
      // The notebook's id is written into its metadata when its first card is drawn.
      model.metadataChanged.connect(() => this._paused && this._saveSoon());
      cells.changed.connect((_, { newValues }) => newValues.forEach(cell => this._watchCell(cell)));
      for (const cell of cells) {
        this._watchCell(cell);
      }
      this._panel.disposed.connect(() => clearTimeout(this._timer));
    }
  }

  private _watchCell(cell: ICellModel): void {
    if (cell.type !== 'code' || this._watched.has(cell)) {
      return;
    }
    this._watched.add(cell);
    const { outputs, stateChanged } = cell as ICodeCellModel;
    let ofAgent = this._isOfAgent(outputs);
    outputs.changed.connect((_, { type }) => {
      if (type !== 'remove' && type !== 'clear' && this._isOfAgent(outputs)) {
        ofAgent = this._paused = true;
        this._saveSoon();
      }
    });
    stateChanged.connect((_, { name, newValue }) => {
      // An agent's cell has ended, maybe with an output that has no card any more.
      if (ofAgent && name === 'executionCount' && newValue) {
        this._saveSoon();
      }
    });
  }

  private _isOfAgent(outputs: ICodeCellModel['outputs']): boolean {
    for (let i = 0; i < outputs.length; i++) {
      if (this._mimeTypes.some(type => type in outputs.get(i).data)) {
        return true;
      }
    }
    return false;
  }

  private _saveSoon(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._saving = this._saving.then(() => this._save());
    }, DELAY_MS);
  }

  private async _save(): Promise<void> {
    const { context } = this._panel;
    const { model, contentsModel } = context;
    if (!this._isOn() || this._panel.isDisposed || model.collaborative || model.readOnly || !model.dirty) {
      return;
    }
    try {
      // Somebody else has saved the file: JupyterLab would ask which version to keep, in the middle of what a person
      // does here. It asks at the person's own next saving.
      const onDisk = await this._contents.get(context.path, { content: false, hash: true });
      if (
        contentsModel &&
        contentsModel.writable &&
        isSameFile(contentsModel, onDisk) &&
        !context.isDisposed
      ) {
        await context.save();
      }
    } catch {
      return; // JupyterLab has shown why; the notebook stays marked as not saved
    }
  }

  private _watched = new WeakSet<ICellModel>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _saving: Promise<void> = Promise.resolve();
  /** Whether an agent has paused since the notebook was opened. */
  private _paused = false;
}
