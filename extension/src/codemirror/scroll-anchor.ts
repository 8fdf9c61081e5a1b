/**
 * An editor in which somebody is stays where it is while others write. CodeMirror by itself leaves cursors where they
 * were, but follows the end of a text that is scrolled to its end, be it in the editor or the page around it; and of two
 * changes above that come in one frame it forgets by how much the first one moved the text.
 */

import { type Extension, Transaction } from '@codemirror/state';
import { type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';

export const keepScrollPosition: Extension = ViewPlugin.define(() => {
  const key = {};
  return {
    update(update) {
      const { docChanged, view, state, startState } = update;
      if (!docChanged || !view.hasFocus || !isRemoteChange(update)) {
        return;
      }
      if (isBelowCursor(update)) {
        // CodeMirror scrolls at the end of a measurement, after all that is written in it.
        view.requestMeasure({ key, read: holdScroll, write: back => queueMicrotask(back) });
      } else if (state.doc.lines !== startState.doc.lines) {
        queueMicrotask(() => measureNow(view));
      }
    }
  };
});

/** Let CodeMirror measure, and scroll, what it would measure at the next frame. */
function measureNow(view: EditorView): void {
  if (view.dom.isConnected) {
    view.coordsAtPos(view.state.selection.main.head);
  }
}

function isRemoteChange({ transactions }: ViewUpdate): boolean {
  return transactions.every(one => one.annotation(Transaction.userEvent) === undefined);
}

/** Whether nothing changed above the line that the person is in. */
function isBelowCursor({ changes, startState: { doc, selection } }: ViewUpdate): boolean {
  const line = doc.lineAt(selection.main.head);
  let found = true;
  changes.iterChangedRanges(from => {
    found = found && from >= line.from;
  });
  return found;
}

/** What scrolls an editor and all around it back to where it is now. */
function holdScroll(view: EditorView): () => void {
  const tops = new Map<Element, number>();
  for (let node: Element | null = view.scrollDOM; node; node = node.parentElement) {
    if (node.scrollTop > 0) {
      tops.set(node, node.scrollTop);
    }
  }
  return () => tops.forEach((top, node) => (node.scrollTop = top));
}
