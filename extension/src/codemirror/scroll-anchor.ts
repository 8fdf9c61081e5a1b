/**
 * Keeps the scroll position of a focused editor while others write. CodeMirror itself leaves cursors in place, but
 * has two problems. A text that is scrolled to its end follows the end, in the editor and in the page around it. And
 * if two changes above the view come in one frame, the offset of the first one is lost.
 */

import { type Extension, Transaction } from '@codemirror/state';
import { type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';

/** Keeps the scroll position of the editor that has the focus during edits by others. */
export const keepScrollPosition: Extension = ViewPlugin.define(() => {
  const key = {};
  return {
    update(update) {
      const { docChanged, view, state, startState } = update;
      if (!docChanged || !view.hasFocus || !isRemoteChange(update)) {
        return;
      }
      if (isBelowCursor(update)) {
        // CodeMirror scrolls at the end of a measurement, after the writes of that measurement.
        view.requestMeasure({ key, read: holdScroll, write: back => queueMicrotask(back) });
      } else if (state.doc.lines !== startState.doc.lines) {
        queueMicrotask(() => measureNow(view));
      }
    }
  };
});

/** Let CodeMirror measure and scroll now instead of at the next frame. */
function measureNow(view: EditorView): void {
  if (view.dom.isConnected) {
    view.coordsAtPos(view.state.selection.main.head);
  }
}

function isRemoteChange({ transactions }: ViewUpdate): boolean {
  return transactions.every(one => one.annotation(Transaction.userEvent) === undefined);
}

/** Return true if nothing changed above the line of the cursor. */
function isBelowCursor({ changes, startState: { doc, selection } }: ViewUpdate): boolean {
  const line = doc.lineAt(selection.main.head);
  let found = true;
  changes.iterChangedRanges(from => {
    found = found && from >= line.from;
  });
  return found;
}

/** Return a function that scrolls the editor and its ancestors back to their current positions. */
function holdScroll(view: EditorView): () => void {
  const tops = new Map<Element, number>();
  for (let node: Element | null = view.scrollDOM; node; node = node.parentElement) {
    if (node.scrollTop > 0) {
      tops.set(node, node.scrollTop);
    }
  }
  return () => tops.forEach((top, node) => (node.scrollTop = top));
}
