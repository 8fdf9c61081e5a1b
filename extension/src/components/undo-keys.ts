/**
 * Undo and redo keys (Ctrl+Z, Ctrl+Shift+Z, Ctrl+Y) in a card. They are handled before JupyterLab's handlers. In a
 * notebook JupyterLab would undo in the cell, also if the focus is in the cell's output.
 */

import { type RefObject, useEffect } from 'react';

/** An object that can undo and redo. */
export interface IUndoer {
  undo(): void;
  redo(): void;
}

/** Editors on the page with their own undo, by element. */
const undoingEditors = new WeakMap<Element, IUndoer>();

/** Use the editor's own undo for the undo keys in this element. */
export function registerUndoingEditor(element: Element, editor: IUndoer): void {
  undoingEditors.set(element, editor);
}

/** Controls for text, which have the browser's own undo. A cell of a table is one while it is edited. */
const TEXT_CONTROL =
  'textarea:not(.jp-hitl-cell-idle), input:not([type=checkbox], [type=radio], .jp-hitl-cell-idle)';

/**
 * Fields whose text is in the draft at each moment. Text that is no JSON is not: its steps are known to the browser
 * alone.
 */
const DRAFT_FIELD =
  ':is(.jp-hitl-form, .jp-hitl-plan) :is(input, textarea:not(.jp-hitl-json[aria-invalid="true"]))';

/**
 * Use `undoer` for the undo keys in this element, also in the fields of forms and plans. The keys undo the draft, as the
 * button does. In other controls for text the browser's own undo is used.
 */
export function useUndoKeys(node: RefObject<Element>, undoer: IUndoer | null): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const { target } = event;
      const way = undoActionOf(event);
      if (way === null || !(target instanceof Element) || !node.current?.contains(target)) {
        return;
      }
      event.stopImmediatePropagation();
      if (target.matches(TEXT_CONTROL) && !(undoer && target.matches(DRAFT_FIELD))) {
        return;
      }
      event.preventDefault();
      const editor = target.closest('.jp-hitl-text');
      ((editor && undoingEditors.get(editor)) ?? undoer)?.[way]();
    };
    window.addEventListener('keydown', onKeyDown, true);
    return () => window.removeEventListener('keydown', onKeyDown, true);
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
