import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { ybinding } from '@jupyterlab/codemirror/lib/extensions/ybinding';
import * as Y from 'yjs';

/** Create an editor over "Hello world" that has the focus, with a function for edits by another person. */
function editor(anchor: number, head = anchor) {
  const doc = new Y.Doc();
  const text = doc.getText('source');
  text.insert(0, 'Hello world');
  const view = new EditorView({
    state: EditorState.create({ doc: text.toString(), extensions: ybinding({ ytext: text }) }),
    parent: document.body
  });
  view.dispatch({ selection: { anchor, head } });
  const scrolls: boolean[] = [];
  const dispatch = view.dispatch.bind(view);
  view.dispatch = (...given: never[]) => {
    scrolls.push((given[0] as { scrollIntoView?: boolean }).scrollIntoView === true);
    (dispatch as (...given: never[]) => void)(...given);
  };
  const theirs = (work: (text: Y.Text) => void): void => {
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
    work(copy.getText('source'));
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy), 'server');
  };
  return { view, text, theirs, scrolls };
}

test.each([
  ['before', 0, 6, 'A Hello world', 8],
  ['behind', 11, 6, 'Hello worldA ', 6],
  ['at the cursor', 6, 6, 'Hello A world', 6],
  ['at the cursor at the end', 11, 11, 'Hello worldA ', 11]
])('what somebody else writes %s leaves the person where they are', (_, at, cursor, says, stays) => {
  const { view, theirs, scrolls } = editor(cursor);
  theirs(text => text.insert(at, 'A '));
  expect(view.state.doc.toString()).toBe(says);
  const { anchor, head } = view.state.selection.main;
  expect([anchor, head]).toEqual([stays, stays]);
  expect(scrolls).toEqual([false]);
});

test('what the person types there next comes before it', () => {
  const { view, text, theirs } = editor(11);
  theirs(copy => copy.insert(11, ' and all'));
  view.dispatch(view.state.replaceSelection('!'));
  theirs(copy => copy.insert(copy.length, ' of us'));
  expect(text.toString()).toBe('Hello world! and all of us');
  expect(view.state.selection.main.head).toBe(12);
});

test('a selection keeps what is selected', () => {
  const { view, theirs } = editor(6, 11);
  theirs(text => {
    text.insert(11, ' more');
    text.insert(6, 'big ');
  });
  const { from, to } = view.state.selection.main;
  expect(view.state.sliceDoc(from, to)).toBe('world');
});

test('what is replaced around the person takes them to where it was', () => {
  const { view, theirs } = editor(8);
  theirs(text => {
    text.delete(6, 5);
    text.insert(6, 'everybody');
  });
  expect([view.state.doc.toString(), view.state.selection.main.head]).toEqual(['Hello everybody', 6]);
});
