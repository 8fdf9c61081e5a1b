import { EditorView } from '@codemirror/view';
import { changeBars } from '../../src/codemirror/change-bars';

/** Show a text with the bars of its changes. Returns the editor, and its lines with their signs. */
function show(proposed: string, now: string) {
  const view = new EditorView({ doc: now, extensions: changeBars(proposed), parent: document.body });
  const lines = (): string[] =>
    [...view.contentDOM.querySelectorAll('.cm-line')].map(line => {
      const sign = ['changed', 'removed-before', 'removed-after'].find(name =>
        line.classList.contains(`jp-hitl-line-${name}`)
      );
      return [line.textContent, sign].filter(Boolean).join(': ');
    });
  return { view, lines };
}

test('lines that differ have a bar, and a mark is where lines were removed', () => {
  expect(show('a\nb\nc', 'a\nb\nc').lines()).toEqual(['a', 'b', 'c']);
  expect(show('one\ntwo\nthree\nfour', 'one\nTWO\nthree\nfour\nfive').lines()).toEqual([
    ...['one', 'TWO: changed', 'three', 'four', 'five: changed']
  ]);
  expect(show('a\nb\nc', 'a\nc').lines()).toEqual(['a', 'c: removed-before']);
  expect(show('a\r\nb', 'a\nb').lines()).toEqual(['a', 'b']);
});

test('a mark is at the last line if the end was removed', () => {
  const [first, last] = show('a\nb\nc', 'a\nb').lines();
  expect(first).toBe('a');
  expect(last).toBe('b: removed-after');
});

test('bars follow what is typed, and go when it is taken back', () => {
  const { view, lines } = show('Dear Ann,\nhello.', 'Dear Ann,\nhello.');
  view.dispatch({ changes: { from: 5, to: 8, insert: 'Bo' } });
  expect(lines()).toEqual(['Dear Bo,: changed', 'hello.']);
  view.dispatch({ changes: { from: 0, insert: 'New\n' } });
  expect(lines()).toEqual(['New: changed', 'Dear Bo,: changed', 'hello.']);
  view.dispatch({ changes: { from: 0, to: 4 } });
  view.dispatch({ changes: { from: 5, to: 7, insert: 'Ann' } });
  expect(lines()).toEqual(['Dear Ann,', 'hello.']);
});
