/**
 * Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y in a card. They are taken before JupyterLab hears of them: in a notebook it would undo
 * in the cell, wherever in its output the person is.
 */

import { type RefObject, useEffect } from 'react';

/** What undoes and redoes. */
export interface IUndoer {
  undo(): void;
  redo(): void;
}

/** The editors on the page that undo by themselves, by their element. */
const undoingEditors = new WeakMap<Element, IUndoer>();

/** Let the undo keys in this element be the editor's own. */
export function registerUndoingEditor(element: Element, editor: IUndoer): void {
  undoingEditors.set(element, editor);
}

/** Let the undo keys in this element be `undoer`'s, but for what is typed into a control, which the browser undoes. */
export function useUndoKeys(node: RefObject<Element>, undoer: IUndoer | null): void {
  useEffect(() => {
    const heard = (event: KeyboardEvent): void => {
      const { target } = event;
      const way = undoActionOf(event);
      if (way === null || !(target instanceof Element) || !node.current?.contains(target)) {
        return;
      }
      event.stopImmediatePropagation();
      if (target.matches('textarea, input:not([type=checkbox], [type=radio])')) {
        return;
      }
      event.preventDefault();
      const editor = target.closest('.jp-hitl-text');
      ((editor && undoingEditors.get(editor)) ?? undoer)?.[way]();
    };
    window.addEventListener('keydown', heard, true);
    return () => window.removeEventListener('keydown', heard, true);
  }, [node, undoer]);
}

function undoActionOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): 'undo' | 'redo' | null {
  if (!(ctrlKey || metaKey) || altKey) {
    return null;
  }
  switch (key.toLowerCase()) {
    case 'z':
      return shiftKey ? 'redo' : 'undo';
    case 'y':
      return shiftKey ? null : 'redo';
    default:
      return null;
  }
}
