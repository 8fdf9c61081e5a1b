/**
 * An editor in which somebody is stays where it is while others write below them. CodeMirror by itself leaves cursors
 * where they were, but follows the end of a text that is scrolled to its end, be it in the editor or the page around it.
 */

import { type Extension, Transaction } from '@codemirror/state';
import { type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';

export const staying: Extension = ViewPlugin.define(() => {
  const key = {};
  return {
    update(update) {
      const { docChanged, view } = update;
      if (docChanged && view.hasFocus && fromElsewhere(update) && below(update)) {
        // CodeMirror scrolls at the end of a measurement, after all that is written in it.
        view.requestMeasure({ key, read: held, write: back => queueMicrotask(back) });
      }
    }
  };
});

function fromElsewhere({ transactions }: ViewUpdate): boolean {
  return transactions.every(one => one.annotation(Transaction.userEvent) === undefined);
}

/** Whether nothing changed above the line that the person is in. */
function below({ changes, startState: { doc, selection } }: ViewUpdate): boolean {
  const line = doc.lineAt(selection.main.head);
  let found = true;
  changes.iterChangedRanges(from => {
    found = found && from >= line.from;
  });
  return found;
}

/** What scrolls an editor and all around it back to where it is now. */
function held(view: EditorView): () => void {
  const tops = new Map<Element, number>();
  for (let node: Element | null = view.scrollDOM; node; node = node.parentElement) {
    if (node.scrollTop > 0) {
      tops.set(node, node.scrollTop);
    }
  }
  return () => tops.forEach((top, node) => (node.scrollTop = top));
}
