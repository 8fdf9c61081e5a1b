import { EditorView, keymap } from '@codemirror/view';
import { fireEvent } from '@testing-library/react';
import { leaveByTab } from '../../src/codemirror/leave-by-tab';

test.each([false, true])('Tab (with Shift: %s) is left to the browser, and changes no text', shiftKey => {
  const host = document.createElement('div');
  document.body.append(host);
  const indent = (view: EditorView): boolean => {
    view.dispatch({ changes: { from: 0, insert: '    ' } });
    return true;
  };
  const keys = keymap.of([{ key: 'Tab', run: indent, shift: indent }]);
  const editor = new EditorView({ doc: 'a', extensions: keys, parent: host });
  const press = (): boolean => fireEvent.keyDown(editor.contentDOM, { key: 'Tab', keyCode: 9, shiftKey });
  expect(press()).toBe(false); // the editor's own
  leaveByTab(host);
  expect(press()).toBe(true);
  expect(editor.state.doc.toString()).toBe('    a');
  editor.destroy();
});
