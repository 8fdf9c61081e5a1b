import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { encodeAwarenessUpdate, applyAwarenessUpdate, Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Client } from '../../../src/api/client';
import type { IProposal, Json } from '../../../src/api/types';
import { remoteCursors } from '../../../src/codemirror/remote-cursors';
import { chooseColor } from '../../../src/drafts/draft-presence';
import { ProposalModel, type IModelSource } from '../../../src/models/proposal';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import type { IHost } from '../../../src/components/host';
import { registerUndoingEditor } from '../../../src/components/undo-keys';
import { Drafts, type Line } from '../../drafts';

jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

interface IMade {
  model: CodeEditor.IModel;
  readOnly: boolean;
}

/** The editors that were created, the newest last. */
let editors: IMade[];

beforeEach(() => {
  jest.useFakeTimers();
  editors = [];
  Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, get: () => 600 });
  Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { configurable: true, get: () => 600 });
  HTMLElement.prototype.scrollTo = () => undefined;
});

afterEach(() => {
  jest.useRealTimers();
});

/** Render a card over a draft that Bo has open too. */
function renderCard(given: Partial<IProposal>, line: Partial<Line> = {}) {
  const proposal = {
    ...{ id: 'p', run: 'r', title: 'Letter', status: 'open', revision: 1, fingerprint: 'f', context: null },
    ...{ allow: ['approve', 'edit', 'reject'], reasons: [], decision: null, schema: null, options: null },
    ...{ changes: '', text: '', ...given }
  } as unknown as IProposal;
  const answers: { [path: string]: unknown } = { 'proposals/p': proposal, 'runs/r': { run: null } };
  const client = new Client(
    async path =>
      ({ ok: true, status: 200, json: async () => answers[path] ?? { changes: '' } }) as unknown as Response
  );
  const drafts = new Drafts(line);
  const source = { client, feed: { changed: new Signal({}) }, drafts } as unknown as IModelSource;
  const model = new ProposalModel(source, proposal);
  const host = {
    ...source,
    trans: nullTranslator.load('hitl_nb'),
    status: null,
    readOnly: null,
    newEditor: (options: IMade) => {
      const made = { ...options, dispose: () => undefined, hasFocus: () => false, setOption: jest.fn() };
      made.setOption.mockImplementation((_, value: boolean) => (made.readOnly = value));
      editors.push(made);
      return made;
    }
  } as unknown as IHost;
  const { container } = render(<ProposalCard model={model} host={host} />);
  const doc = drafts.docs.get('p')!;
  /** Edit the document as Bo. */
  const theirs = (work: (doc: Y.Doc) => void): void =>
    act(() => {
      const copy = new Y.Doc();
      Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
      work(copy);
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy), 'server');
    });
  const bo = new Awareness(new Y.Doc());
  /** Set Bo's awareness state. */
  const present = (state: { [name: string]: Json }): void =>
    act(() => {
      bo.setLocalState({ user: { username: 'bo', name: 'Bo\u202e', initials: 'B', color: 'red' }, ...state });
      applyAwarenessUpdate(model.draft!.awareness, encodeAwarenessUpdate(bo, [bo.clientID]), 'server');
    });
  return { model, container, theirs, present, bo, line: drafts.lines.get('p')! };
}

function parts(doc: Y.Doc): Y.Map<never> {
  return doc.getMap('value').get('v') as Y.Map<never>;
}

function field(label: string): HTMLInputElement {
  return screen.getByLabelText(label);
}

function button(name: string | RegExp): HTMLButtonElement {
  return screen.getByRole('button', { name });
}

/** Whether a button cannot be pressed now, although it can have the focus. */
function isBlocked(name: string | RegExp): boolean {
  return button(name).getAttribute('aria-disabled') === 'true';
}

test('a text can be typed in as soon as the draft is there, in the very text that is shared', () => {
  const { model, line } = renderCard({ kind: 'text', value: 'Dear', draft: 'Dear Ann' }, { isSynced: false });
  expect([editors[0].model.sharedModel.getSource(), editors[0].readOnly]).toEqual(['Dear Ann', true]);
  expect(isBlocked(/^Reject…/)).toBe(true);
  act(() => {
    model.draft!.file!.setSource('Dear Bo');
    line.setState({ isSynced: true });
  });
  expect(editors).toHaveLength(2);
  expect([editors[1].model.sharedModel, editors[1].readOnly]).toEqual([model.draft!.file, false]);
  act(() => editors[1].model.sharedModel.updateSource(5, 7, 'Cy'));
  expect(model.value).toBe('Dear Cy');
  expect(isBlocked('Approve with edits')).toBe(false);
});

test('without a connection it is said so, typing goes on, and nothing is decided', async () => {
  const { line } = renderCard({ kind: 'json', value: { amount: 1 } });
  act(() => line.setState({ isSynced: false, isSaved: false }));
  await act(async () => void jest.advanceTimersByTime(1000));
  expect(screen.getByText(/your edits are kept here/)).toBeTruthy();
  expect(document.querySelector('.jp-hitl-state')!.textContent).toBe('Not connected');
  expect(screen.getByText('The server does not answer.')).toBeTruthy();
  expect([field('amount').disabled, isBlocked(/^Reject…/)]).toEqual([false, true]);
  act(() => line.setState({ isSynced: true, isSaved: true }));
  expect(screen.queryByText(/your edits are kept here/)).toBeNull();
  await act(async () => line.setState({ isSynced: false, closeReason: 'you may not write it\u202e' }));
  await act(async () => void jest.advanceTimersByTime(1000));
  expect(screen.getAllByText('you may not write it⟨U+202E⟩')).toBeTruthy();
  expect(field('amount').disabled).toBe(true);
});

test('who is here, who types and who has read it', () => {
  const { present, line, container } = renderCard({ kind: 'json', value: { amount: 1 } });
  present({ typing: true, focus: 'amount' });
  const here = screen.getByRole('list', { name: 'People here' });
  expect([...here.children].map(one => one.getAttribute('title'))).toEqual(['You', 'Bo⟨U+202E⟩']);
  expect(here.children[0].textContent).toBe('YouYou'); // the face, and its name for screen readers
  expect(screen.getByText('Bo⟨U+202E⟩ is typing …')).toBeTruthy();
  const mark = field('amount')
    .closest('.jp-hitl-field')!
    .querySelector<HTMLElement>('.jp-hitl-field-presence span')!;
  expect([mark.textContent, mark.title]).toEqual(['B', 'Bo⟨U+202E⟩ is here']);
  expect(mark.style.getPropertyValue('--hitl-person')).toBe('red');
  const at = '2026-01-31T10:00:00Z';
  act(() =>
    line.setState({
      readers: [
        { username: 'ann', name: 'Ann', at },
        { username: 'bo', name: 'Bo', at }
      ]
    })
  );
  expect(container.querySelector('.jp-hitl-readers')?.textContent).toBe('Read by Bo');
});

test('the others are told where this person is', () => {
  const { model } = renderCard({ kind: 'json', value: { to: { street: 'Elm' } } });
  const sentFocus = (): Json => model.draft!.awareness.getLocalState()!.focus as Json;
  fireEvent.focus(field('street'));
  expect(sentFocus()).toBe('to/street');
  fireEvent.blur(field('street'));
  expect(sentFocus()).toBeNull();
  expect(model.draft!.awareness.getLocalState()!.visible).toBe(true);
});

test('fields of a form that others change, and undoing what was typed here', () => {
  const { theirs } = renderCard({ kind: 'json', value: { amount: 1, name: 'Ann' } });
  fireEvent.change(field('amount'), { target: { value: '5' } });
  theirs(doc => parts(doc).set('name', '"Bo"' as never));
  expect([field('amount').value, field('name').value]).toEqual(['5', 'Bo']);
  fireEvent.click(button('Undo your last edit'));
  expect([field('amount').value, field('name').value]).toEqual(['1', 'Bo']);
  fireEvent.keyDown(button('Undo your last edit').closest('article')!.querySelector('.jp-hitl-field')!, {
    key: 'Z',
    ctrlKey: true,
    shiftKey: true
  });
  expect(field('amount').value).toBe('5');
  expect(fireEvent.keyDown(field('amount'), { key: 'z', ctrlKey: true })).toBe(false); // not the browser's undo
  expect(field('amount').value).toBe('1');
  fireEvent.keyDown(field('amount'), { key: 'z', ctrlKey: true, shiftKey: true });
  expect(field('amount').value).toBe('5');
});

test('text in a form that is no JSON yet is undone by the browser, step by step', () => {
  const { model } = renderCard({ kind: 'json', value: { lines: [1] } });
  fireEvent.change(field('lines'), { target: { value: '[1, ' } });
  expect(fireEvent.keyDown(field('lines'), { key: 'z', ctrlKey: true })).toBe(true);
  expect(field('lines').value).toBe('[1, ');
  fireEvent.change(field('lines'), { target: { value: '[1, 2]' } });
  fireEvent.keyDown(field('lines'), { key: 'z', ctrlKey: true });
  expect(model.value).toEqual({ lines: [1] });
});

test('undo keys are a card’s own, and JupyterLab does not hear of them', () => {
  const heard = jest.fn();
  document.addEventListener('keydown', heard, true);
  const { model } = renderCard({ kind: 'text', value: 'Dear' });
  const own = { undo: jest.fn(), redo: jest.fn() };
  const text = document.querySelector('.jp-hitl-text')!;
  registerUndoingEditor(text, own);
  fireEvent.keyDown(text, { key: 'z', ctrlKey: true });
  fireEvent.keyDown(text, { key: 'y', metaKey: true });
  expect([own.undo.mock.calls.length, own.redo.mock.calls.length]).toEqual([1, 1]);
  fireEvent.click(button('More ways to approve'));
  fireEvent.click(screen.getByRole('menuitem', { name: /with a reason/ }));
  const reason = field('Why? The reason is kept in the record.');
  expect(fireEvent.keyDown(reason, { key: 'z', ctrlKey: true })).toBe(true); // the browser's own undo
  expect([heard.mock.calls.length, own.undo.mock.calls.length]).toEqual([0, 1]);
  fireEvent.keyDown(reason, { key: 'z' });
  fireEvent.keyDown(document.body, { key: 'z', ctrlKey: true });
  expect(heard).toHaveBeenCalledTimes(2);
  expect(model.value).toBe('Dear');
  document.removeEventListener('keydown', heard, true);
});

test.each<[string, RegExp]>([
  ['#00796b', /^#00796b$/],
  ['var(--jp-collaborator-color3)', /^var/],
  ['', /^#[0-9a-f]{6}$/],
  ['red; background: url(https://x)', /^#[0-9a-f]{6}$/]
])('the colour %j of somebody is %s in a style', (given, expected) => {
  expect(chooseColor(given, 'bo')).toMatch(expected);
  expect(chooseColor(given, 'bo')).toBe(chooseColor(given, 'bo'));
});

test('undoing takes a text that is no JSON first', () => {
  const { model } = renderCard({ kind: 'json', value: { tags: [1] } });
  fireEvent.change(field('tags'), { target: { value: '[1,' } });
  expect(model.invalidReason).toContain('tags');
  expect(model.draft!.unfinishedText).toContain('[1,');
  fireEvent.click(button('Undo your last edit'));
  expect([model.invalidReason, model.draft!.unfinishedText]).toEqual(['', null]);
  expect(field('tags').value).toBe('[\n  1\n]');
});

describe('JSON as text', () => {
  test('keeps its spelling while others change it', () => {
    const { theirs, model } = renderCard({ kind: 'json', value: [{ a: 1, b: 1 }] });
    const text = editors[0].model.sharedModel;
    act(() => text.setSource('[{"a":2,"b":1}]'));
    theirs(doc => {
      const boxes = doc.getMap('value').get('v') as Y.Array<Y.Map<Y.Map<string>>>;
      boxes.get(0).get('v')!.set('b', '7');
    });
    expect(text.getSource()).toBe('[{"a":2,"b":7}]');
    expect(model.value).toEqual([{ a: 2, b: 7 }]);
  });

  test('that is broken for a while does not take back what others change meanwhile', () => {
    const { theirs, model } = renderCard({ kind: 'json', value: [{ a: 1, b: 1 }] });
    const text = editors[0].model.sharedModel;
    act(() => text.setSource('[{"a":,"b":1}]'));
    theirs(doc => {
      const boxes = doc.getMap('value').get('v') as Y.Array<Y.Map<Y.Map<string>>>;
      boxes.get(0).get('v')!.set('b', '7');
    });
    expect(text.getSource()).toBe('[{"a":,"b":1}]');
    act(() => text.setSource('[{"a":3,"b":1}]'));
    expect(model.value).toEqual([{ a: 3, b: 7 }]);
    expect(text.getSource()).toBe('[{"a":3,"b":7}]');
  });
});

test('steps that others add and remove do not move what is typed in another', () => {
  const { theirs, model } = renderCard({ kind: 'plan', value: ['look', 'ask', 'write'] });
  const write = field('Step 3');
  act(() => write.focus());
  theirs(doc => (doc.getMap('value').get('v') as Y.Array<unknown>).delete(0));
  expect(field('Step 2')).toBe(write);
  expect(document.activeElement).toBe(write);
  fireEvent.change(write, { target: { value: 'write again' } });
  expect(model.value).toEqual(['ask', 'write again']);
});

describe('a table', () => {
  const value = {
    columns: [
      { name: 'order', type: 'string' },
      { name: 'amount', type: 'integer' }
    ],
    rows: [
      ['a', 1],
      ['b', 2],
      ['c', 3]
    ]
  } as unknown as Json;
  const rows = (model: ProposalModel): Json => (model.value as unknown as { rows: Json }).rows;

  test('whose rows come and go does not move what is typed in another', () => {
    const { theirs, model, present } = renderCard({ kind: 'table', value });
    const amount = field('amount, row 3');
    act(() => amount.focus());
    expect(model.draft!.awareness.getLocalState()!.focus).toBe('rows/2/amount');
    theirs(doc => {
      doc.getMap('gone').set('0', true);
      doc.getMap('cells').set('1/0', '"B"');
    });
    // The removed row stays, so the rows keep their numbers.
    expect(field('order, row 1, removed').readOnly).toBe(true);
    expect([field('amount, row 3') === amount, document.activeElement === amount]).toEqual([true, true]);
    fireEvent.change(amount, { target: { value: '30' } });
    expect(rows(model)).toEqual([
      ['B', 2],
      ['c', 30]
    ]);
    present({ focus: 'rows/1/order' });
    expect(field('order, row 2').closest('.jp-hitl-taken')?.textContent).toContain('B');
  });

  test('keeps rows in sight that were struck, while others edit', () => {
    const { theirs, model } = renderCard({ kind: 'table', value });
    fireEvent.click(screen.getByLabelText('Remove row 2'));
    theirs(doc => doc.getMap('cells').set('0/1', '10'));
    expect(field('order, row 2, removed').value).toBe('b');
    fireEvent.click(button('Undo your last edit'));
    expect(field('order, row 2').value).toBe('b');
    expect(rows(model)).toEqual([
      ['a', 10],
      ['b', 2],
      ['c', 3]
    ]);
  });
});

test('cursors of others are drawn with their names, and move with the text', () => {
  const { model, present, bo, theirs, container } = renderCard({ kind: 'text', value: 'Dear Ann' });
  const draft = model.draft!;
  const view = new EditorView({
    state: EditorState.create({ doc: 'Dear Ann', extensions: [remoteCursors(draft)] }),
    parent: container
  });
  const place = (index: number): Json =>
    Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(draft.file!.ysource, index)) as Json;
  present({ cursor: { anchor: place(5), head: place(8) }, typing: true });
  act(() => void jest.advanceTimersByTime(10));
  expect(view.dom.querySelector('.jp-hitl-selected')?.textContent).toBe('Ann');
  expect(view.dom.querySelector('.jp-hitl-cursor.jp-mod-typing')?.textContent).toBe('Bo⟨U+202E⟩');
  theirs(doc => doc.getText('source').insert(0, 'My '));
  view.dispatch({ changes: { from: 0, insert: 'My ' } });
  expect(view.dom.querySelector('.jp-hitl-selected')?.textContent).toBe('Ann');
  const ahead = new Y.Doc();
  Y.applyUpdate(ahead, Y.encodeStateAsUpdate(draft.file!.ydoc));
  ahead.getText('source').insert(11, ', hello');
  const hello = Y.createRelativePositionFromTypeIndex(ahead.getText('source'), 13);
  present({ cursor: { anchor: hello, head: place(3) } as unknown as Json });
  act(() => void jest.advanceTimersByTime(10));
  expect(view.dom.querySelector('.jp-hitl-cursor')).toBeNull(); // these letters have not arrived yet
  theirs(doc => Y.applyUpdate(doc, Y.encodeStateAsUpdate(ahead)));
  view.dispatch({ changes: { from: 11, insert: ', hello' } });
  act(() => void jest.advanceTimersByTime(10));
  expect(view.dom.querySelector('.jp-hitl-selected')?.textContent).toBe('Dear Ann, ');
  present({ cursor: { anchor: { bad: 1 }, head: 'x' } as unknown as Json });
  act(() => void jest.advanceTimersByTime(10));
  expect(view.dom.querySelector('.jp-hitl-cursor')).toBeNull();

  act(() => view.focus());
  view.dispatch({ selection: { anchor: 3, head: 7 } });
  act(() => void jest.advanceTimersByTime(100));
  const told = draft.awareness.getLocalState()!.cursor as { anchor: Json; head: Json };
  const at = (relative: Json): number =>
    Y.createAbsolutePositionFromRelativePosition(
      Y.createRelativePositionFromJSON(relative),
      draft.file!.ydoc
    )!.index;
  expect([at(told.anchor), at(told.head)]).toEqual([3, 7]);
  act(() => view.destroy());
  expect(draft.awareness.getLocalState()!.cursor).toBeNull();
  bo.destroy();
});

test('a draft that is another one is shown beside what was decided on', () => {
  const { model } = renderCard({ kind: 'text', value: 'Dear' });
  act(() => {
    const { proposal } = model;
    const draft = { shown: 'Dear Bo', now: 'My Dear Bo' };
    Object.assign(model, { _surprise: { shown: proposal, now: proposal, draft } });
    (model.changed as Signal<unknown, void>).emit();
  });
  const alert = screen.getByRole('alert');
  expect(alert.textContent).toContain('decide again');
  expect([...alert.querySelectorAll('.cm-content')].map(one => one.textContent)).toEqual([
    'Dear Bo',
    'My Dear Bo'
  ]);
});
