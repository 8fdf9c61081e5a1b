import type { Contents } from '@jupyterlab/services';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { NotebookSaver } from '../../../src/lab/notebook/notebook-saver';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const TIME = '2026-11-30T12:00:00Z';

/** An open notebook with one code cell, and what happens in it. */
async function openNotebook(
  options: { isOn?: boolean; collaborative?: boolean; onDisk?: string; hash?: string } = {}
) {
  const { isOn = true, collaborative = false, onDisk = TIME, hash } = options;
  const save = jest.fn(async () => undefined);
  const data: object[] = [];
  const outputs = {
    changed: new Signal<object, { type: string }>({}),
    get length() {
      return data.length;
    },
    get: (i: number) => ({ data: data[i] })
  };
  const cell = { type: 'code', outputs, stateChanged: new Signal<object, object>({}) };
  const metadataChanged = new Signal({});
  const cells = { changed: new Signal({}), [Symbol.iterator]: () => [cell][Symbol.iterator]() };
  const context = {
    ...{ ready: Promise.resolve(), path: 'a.ipynb', isDisposed: false, save },
    ...{ model: { collaborative, readOnly: false, dirty: true } },
    contentsModel: { writable: true, last_modified: TIME, hash: hash && 'known' }
  };
  const panel = {
    context,
    content: { model: { cells, metadataChanged } },
    isDisposed: false,
    disposed: new Signal({})
  };
  const contents = { get: async () => ({ last_modified: onDisk, hash }) };
  new NotebookSaver(
    panel as unknown as NotebookPanel,
    contents as unknown as Contents.IManager,
    ['pause'],
    () => isOn
  );
  await context.ready;
  const print = async (output: object): Promise<void> => {
    data.push(output);
    outputs.changed.emit({ type: 'add' });
    await jest.advanceTimersByTimeAsync(100);
  };
  const end = async (): Promise<void> => {
    cell.stateChanged.emit({ name: 'executionCount', newValue: 2 });
    await jest.advanceTimersByTimeAsync(100);
  };
  const writeId = async (): Promise<void> => {
    metadataChanged.emit({});
    await jest.advanceTimersByTimeAsync(100);
  };
  return { context, save, data, print, end, writeId };
}

test('the output of a pause saves the notebook', async () => {
  const { save, print } = await openNotebook();
  await print({ 'text/plain': 'other' });
  expect(save).not.toHaveBeenCalled();
  await print({ pause: {} });
  expect(save).toHaveBeenCalledTimes(1);
});

test('the end of an agent’s cell after a decision saves it too', async () => {
  const { save, data, print, end } = await openNotebook();
  await end();
  expect(save).not.toHaveBeenCalled();
  await print({ pause: {} });
  data.splice(0);
  await print({ 'text/plain': 'sent' });
  await end();
  expect(save).toHaveBeenCalledTimes(2);
});

test('a save by a person waits for the one before, which JupyterLab would take for somebody else’s', async () => {
  const { context, save } = await openNotebook();
  let finish = (): void => undefined;
  save.mockImplementationOnce(() => new Promise(resolve => (finish = () => resolve(undefined))));
  const both = [context.save(), context.save()];
  await jest.advanceTimersByTimeAsync(10);
  expect(save).toHaveBeenCalledTimes(1);
  finish();
  await Promise.all(both);
  expect(save).toHaveBeenCalledTimes(2);
});

test('the notebook’s id, which comes with its first card, is saved', async () => {
  const { save, print, writeId } = await openNotebook();
  await writeId();
  expect(save).not.toHaveBeenCalled();
  await print({ pause: {} });
  await writeId();
  expect(save).toHaveBeenCalledTimes(2);
});

test.each([
  ['the settings do not want it', { isOn: false }],
  ['a collaborative room saves it', { collaborative: true }],
  ['somebody else has saved the file', { onDisk: '2026-11-30T12:00:09Z' }],
  ['somebody else has saved it, as its hash says', { hash: 'other' }]
])('it is not saved when %s', async (_, options) => {
  const { save, print } = await openNotebook(options);
  await print({ pause: {} });
  expect(save).not.toHaveBeenCalled();
});
