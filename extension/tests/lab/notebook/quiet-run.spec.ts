import type { Cell } from '@jupyterlab/cells';
import type { INotebookCellExecutor, NotebookPanel } from '@jupyterlab/notebook';
import { runQuietly } from '../../../src/lab/notebook/quiet-run';

// The whole package needs image files.
jest.mock('@jupyterlab/notebook', () => ({ runCell: jest.fn() }));

/** A notebook that reports every change of what the person works on. */
function openNotebook() {
  const changes: string[] = [];
  const content = new Proxy(
    { node: document.createElement('div'), widgets: [], model: { deletedCells: [] }, notebookConfig: {} },
    {
      set: (_, name) => {
        changes.push(String(name));
        return true;
      },
      get: (target, name) => {
        if (!(name in target)) {
          changes.push(String(name));
        }
        return target[name as keyof typeof target];
      }
    }
  );
  return { panel: { content, sessionContext: {} } as unknown as NotebookPanel, changes };
}

test('a cell is executed without a change of mode, active cell, focus or scroll', async () => {
  const { panel, changes } = openNotebook();
  const cell = { model: {} } as Cell;
  const runCell = jest.fn(async () => true);
  expect(await runQuietly(panel, cell, { runCell } as INotebookCellExecutor)).toBe(true);
  expect(runCell.mock.calls).toEqual([[expect.objectContaining({ cell, notebook: panel.content.model })]]);
  expect(changes).toEqual([]);
});

test('a cell that ended with an error has no star beside it, other errors are passed on', async () => {
  const { panel } = openNotebook();
  const model = { executionCount: null, executionState: 'running' };
  const failWith = (message: string) => ({ runCell: () => Promise.reject(new Error(message)) });
  const run = (message: string): Promise<boolean> =>
    runQuietly(panel, { model } as unknown as Cell, failWith(message));
  expect(await run('KernelReplyNotOK: ValueError')).toBe(false);
  expect(model.executionState).toBe('idle');
  await expect(run('The kernel is gone')).rejects.toThrow('The kernel is gone');
});
