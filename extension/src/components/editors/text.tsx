/**
 * A CodeMirror editor for text, Markdown and code, with the language of the kind, bound to the shared draft. Without
 * a loaded draft it shows the text of the record, read-only.
 */

import { StreamLanguage } from '@codemirror/language';
import { Prec } from '@codemirror/state';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';
import { remoteCursors } from '../../codemirror/remote-cursors';
import { keepScrollPosition } from '../../codemirror/scroll-anchor';
import type { IEditorProps } from './props';
import { registerUndoingEditor } from '../undo-keys';
import { accessibleLabel } from '../../codemirror/accessible-label';

/** A language for plain text. JupyterLab's parser for plain text marks each letter as an error. */
const PLAIN_LANGUAGE = Prec.highest(
  StreamLanguage.define({
    token: stream => {
      stream.skipToEnd();
      return null;
    }
  })
);

export const PLAIN_MIME_TYPE = 'text/plain';

/** Props of a text editor. */
export interface ITextProps extends Pick<
  IEditorProps,
  'value' | 'draft' | 'readOnly' | 'extension' | 'host'
> {
  /** Id of the proposal or the workspace. */
  id: string;
  /** MIME type of the language that the text is in. */
  mimeType: string;
  /** Label of the editor, for screen readers. */
  label: string;
}

/** The editor of a text, Markdown or code value. */
export function TextEditor({
  id,
  mimeType,
  label,
  value,
  draft,
  readOnly,
  extension = [],
  host
}: ITextProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeEditor.IEditor | null>(null);
  /** Cursor position in the editor that is replaced. */
  const cursor = useRef<CodeEditor.IPosition | null>(null);
  const shown = useRef({ value, readOnly });
  shown.current = { value, readOnly };
  const added = useRef(extension);
  added.current = extension;
  const bound = draft?.isLoaded && draft.file ? draft : null;

  useEffect(() => {
    const model = new CodeEditor.Model({
      mimeType,
      ...(bound && { sharedModel: bound.file! })
    });
    if (!bound) {
      model.sharedModel.setSource(String(shown.current.value));
    }
    const shows = [accessibleLabel(label), ...(mimeType === PLAIN_MIME_TYPE ? [PLAIN_LANGUAGE] : [])];
    const made = host.newEditor({
      host: node.current!,
      model,
      readOnly: shown.current.readOnly || !bound,
      // Given from the start, because CodeMirror keeps how it first drew a hidden character: JupyterLab draws most of
      // them as a dot.
      extensions: bound ? [...shows, remoteCursors(bound), keepScrollPosition, added.current] : shows
    });
    if (cursor.current) {
      made.setCursorPosition(cursor.current);
      made.focus();
    }
    editor.current = made;
    registerUndoingEditor(node.current!, made);
    return () => {
      editor.current = null;
      cursor.current = made.hasFocus() ? made.getCursorPosition() : null;
      made.dispose();
      model.dispose();
    };
  }, [id, mimeType, label, host, bound]);

  useEffect(() => {
    editor.current?.setOption('readOnly', readOnly || !bound);
  }, [readOnly, bound]);

  useEffect(() => {
    const shared = editor.current?.model.sharedModel;
    if (shared && !bound && shared.getSource() !== value) {
      shared.setSource(String(value));
    }
  }, [value, bound]);

  return <div className="jp-hitl-text" ref={node} role="group" aria-label={label} />;
}
