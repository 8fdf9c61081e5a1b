/**
 * The cell of an agent in a notebook. Its output contains the agent's name; not every executor sends cell ids. A cell
 * without such an output, for example one that was put back, is found by its line `%%agent NAME`.
 */

import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { PROPOSAL_MIME, WORKSPACE_MIME } from '../../api/mime-types';

/** MIME types of outputs with the name of an agent. */
const MIMES = [PROPOSAL_MIME, WORKSPACE_MIME];

/** The first line of an agent's cell: the magic with its arguments. */
const MAGIC = /^\s*%%agent[^\S\n]+([^\n]*)/;

/** Options of the magic that have a value after them. */
const WITH_VALUE = ['--key', '--wait', '--store'];

/** Return the cell of an agent; undefined if the notebook has none. */
export function agentCell(panel: NotebookPanel, agent: string): Cell | undefined {
  const cells = panel.content.widgets.filter(cell => cell.model.type === 'code');
  return (
    cells.find(cell => hasOutputOf(cell.model as ICodeCellModel, agent)) ??
    cells.find(cell => agentName(cell.model.sharedModel.getSource()) === agent)
  );
}

/** Call `onChange` when a notebook is loaded or closed, or when cells of one are inserted or removed. */
export function watchCells(notebooks: INotebookTracker, onChange: () => void): void {
  const watch = (panel: NotebookPanel): void => {
    panel.disposed.connect(onChange);
    void panel.context.ready.then(() => {
      panel.content.model?.cells.changed.connect(onChange);
      onChange();
    });
  };
  notebooks.forEach(watch);
  notebooks.widgetAdded.connect((_, panel) => watch(panel));
}

/** Return the name of the agent whose cell has this source; null for any other cell. */
export function agentName(source: string): string | null {
  const words = MAGIC.exec(source)?.[1].match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const name = words.find((word, i) => !word.startsWith('--') && !WITH_VALUE.includes(words[i - 1] ?? ''));
  return name?.replace(/^(["'])(.*)\1$/, '$2') ?? null;
}

function hasOutputOf({ outputs }: ICodeCellModel, agent: string): boolean {
  for (let i = 0; i < outputs.length; i++) {
    const { data } = outputs.get(i);
    const named = MIMES.map(mime => data[mime] as { agent?: unknown } | undefined).find(Boolean);
    if (named?.agent === agent) {
      return true;
    }
  }
  return false;
}
