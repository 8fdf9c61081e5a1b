import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { ICellSource, IRun } from '../../../src/api/types';
import type { IRunFacts } from '../../../src/models/run-facts';
import type { IRunActions } from '../../../src/components/host';
import * as questions from '../../../src/components/runs/questions';
import { ServerActions } from '../../../src/components/runs/server-actions';
import { NotebookActionsOnRuns } from '../../../src/lab/runs/notebook-actions';

jest.mock('../../../src/components/runs/questions', () => ({
  confirmCancel: jest.fn(),
  confirmRestart: jest.fn(),
  confirmUnsignedSource: jest.fn()
}));

const RUN = {
  id: 'r',
  agent: 'refunds',
  path: 'a.ipynb',
  notebook: '/a.ipynb',
  status: 'waiting',
  updated_at: '2026-11-28T22:04:00Z',
  open: 1
} as IRun;

interface IWindow {
  facts?: Partial<IRunFacts>;
  /** Sources of the notebook's cells; null if it is not open. */
  cells?: string[] | null;
  kernel?: object | null;
  headless?: boolean;
  source?: ICellSource;
}

/** Open a window. Returns the actions on the run after the server has answered, and what was done. */
async function openWindow({ facts = {}, cells = null, kernel = null, headless = false, ...given }: IWindow) {
  const source = given.source ?? { source: SOURCE, source_signed: true };
  const done: unknown[] = [];
  const answer = { run: RUN, may: { cancel: true, restart: true }, ...facts } as IRunFacts;
  const client = {
    getRun: async () => answer,
    getCellSource: async () => source,
    restart: async (id: string) => void done.push(['restart', id]),
    cancel: async (id: string) => void done.push(['cancel', id]),
    runHeadless: async (id: string) => void done.push(['headless', id])
  };
  const sources = [...(cells ?? [])];
  const toCell = (source: string) => ({
    model: {
      type: 'code',
      outputs: { length: 0 },
      sharedModel: { getSource: () => source }
    }
  });
  const sharedModel = {
    get cells() {
      return sources.map(source => ({ id: `id of ${source}`, cell_type: 'code', getSource: () => source }));
    },
    insertCell: (at: number, cell: { source: string }) => {
      sources.splice(at, 0, cell.source);
      content.widgets = sources.map(toCell);
    }
  };
  const content = { model: { readOnly: false, sharedModel }, widgets: sources.map(toCell) };
  const panel = {
    context: { path: 'a.ipynb', isReady: true },
    content,
    sessionContext: { session: kernel ? { kernel } : null }
  };
  let open = cells !== null;
  const host = {
    client,
    trans: nullTranslator.load('hitl_nb'),
    feed: { changed: new Signal({}), browser: 'b' },
    status: { headless }
  };
  const server = new ServerActions(host as never, () => undefined);
  const made = new NotebookActionsOnRuns(host as never, server, {
    notebooks: {
      find: (fits: (one: unknown) => boolean) => (open && fits(panel) ? panel : undefined)
    } as never,
    localPath: path => path,
    openNotebook: async (_, create) => {
      open = true;
      done.push(['open', create]);
      return panel as never;
    },
    continueRun: async () => void done.push('continue'),
    prepareKernel: async () => void done.push('prepare'),
    runCell: (_, cell) => void done.push(['run', cell.model.sharedModel.getSource()])
  });
  made.actionsOn(answer.run);
  await new Promise(resolve => setTimeout(resolve));
  const actions = (): IRunActions => made.actionsOn(answer.run);
  return { actions, done, sources, close: () => server.facts.dispose() };
}

/** The names of the actions that are possible. */
const doors = (actions: IRunActions): string[] =>
  Object.entries(actions)
    .filter(([, action]) => typeof action === 'function')
    .map(([name]) => name)
    .sort();

const SOURCE = '%%agent refunds\npay()\n';

test('a notebook without the agent’s cell gets it back; nothing is executed', async () => {
  const { actions, done, sources } = await openWindow({
    cells: ['x = 1', '']
  });
  expect([actions().trouble, doors(actions())]).toEqual(['cell-gone', ['cancelRun', 'restoreCell']]);
  await actions().restoreCell!();
  expect(sources).toEqual(['x = 1', '%%agent refunds\npay()', '']);
  expect([done, actions().trouble]).toEqual([[], null]);
  expect(doors(actions())).not.toContain('restoreCell');
});

test.each([
  ['id of x = 1', 1],
  ['', 0],
  ['id of a cell that is gone', 3],
  [null, 3]
])('the cell is put back after the cell that was before it: %j', async (previous_cell, at) => {
  const { actions, sources } = await openWindow({
    cells: ['x = 1', 'y = 2', 'z = 3', ''],
    source: { source: SOURCE, source_signed: true, previous_cell }
  });
  await actions().restoreCell!();
  expect([sources.indexOf('%%agent refunds\npay()'), sources.length]).toEqual([at, 5]);
});

test.each([true, false])('a source that is not signed is shown first (agreed: %s)', async agreed => {
  const asked = jest.mocked(questions.confirmUnsignedSource).mockResolvedValue(agreed);
  const { actions, sources } = await openWindow({
    cells: [],
    source: { source: SOURCE, source_signed: false }
  });
  await actions().restoreCell!();
  expect(asked).toHaveBeenCalledWith('%%agent refunds\npay()', expect.anything());
  expect(sources).toEqual(agreed ? ['%%agent refunds\npay()'] : []);
});

test('a notebook that is gone is made again', async () => {
  const { actions, done, sources } = await openWindow({
    facts: { run: { ...RUN, gone: 'notebook' } }
  });
  expect(actions().trouble).toBe('notebook-gone');
  await actions().restoreCell!();
  expect([done, sources]).toEqual([[['open', true]], ['%%agent refunds\npay()']]);
});

test('an open notebook that has the cell is in order, though its file is gone', async () => {
  const facts = { run: { ...RUN, gone: 'notebook' } as IRunFacts['run'] };
  expect((await openWindow({ cells: ['%%agent refunds'], facts })).actions().trouble).toBeNull();
});

test.each([
  ['interrupted', 'interrupted'],
  ['in_doubt', 'in-doubt']
])('a run that is %s is continued in its notebook, which is opened for that', async (state, found) => {
  const run = { ...RUN, status: 'running', state, where: 'send(…)' } as IRunFacts['run'];
  const { actions, done, close } = await openWindow({ facts: { run } });
  const { trouble, where, kernelAlive } = actions();
  expect([trouble, where, kernelAlive]).toEqual([found, 'send(…)', false]);
  await actions().startKernel!();
  expect(done).toEqual([['open', false], 'continue']);
  close();
});

test('a run that executes is stopped by an interrupt of its kernel', async () => {
  const interrupt = jest.fn(async () => undefined);
  const kernel = { connectionStatus: 'connected', status: 'busy', interrupt };
  const run = { ...RUN, status: 'running' } as IRun;
  const { actions, close } = await openWindow({ cells: ['%%agent refunds'], kernel, facts: { run } });
  await actions().stopRun!();
  expect(interrupt).toHaveBeenCalledTimes(1);
  close();
});

test('an agent is started over after a question, with its cell as it is', async () => {
  jest.mocked(questions.confirmRestart).mockResolvedValueOnce(false).mockResolvedValueOnce(true);
  const { actions, done } = await openWindow({ cells: ['%%agent refunds\npay()'] });
  await actions().restartRun!();
  expect(done).toEqual([]);
  await actions().restartRun!();
  expect(done).toEqual(['prepare', ['restart', 'r'], ['run', '%%agent refunds\npay()']]);
});

test('a source that was not recorded cannot be put back', async () => {
  const { actions, sources } = await openWindow({
    cells: [],
    source: { source: null, source_signed: false }
  });
  await actions().restoreCell!();
  expect([actions().problem, sources]).toEqual(['The source of this cell was not recorded.', []]);
});

test('a run is cancelled after a question, by whom the server allows it', async () => {
  jest.mocked(questions.confirmCancel).mockResolvedValueOnce(false).mockResolvedValueOnce(true);
  const { actions, done } = await openWindow({});
  await actions().cancelRun!();
  expect(done).toEqual([]);
  await actions().cancelRun!();
  expect(done).toEqual([['cancel', 'r']]);
  expect(doors((await openWindow({ facts: { may: { cancel: false, restart: false } } })).actions())).toEqual(
    []
  );
});

test('a decided run can be executed by a server that is set up for it', async () => {
  const facts = { run: { ...RUN, status: 'ready' } as IRun };
  expect(doors((await openWindow({ facts })).actions())).not.toContain('runOnServer');
  const { actions, done } = await openWindow({ facts, headless: true });
  await actions().runOnServer!();
  expect(done).toEqual([['headless', 'r']]);
});
