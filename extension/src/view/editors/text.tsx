/**
 * Text, markdown and code, and JSON as text, in CodeMirror, with the language of the kind.
 */

import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';
import type { Json, Kind } from '../../api/types';
import type { IEditorProps } from '../editor';
import { exact } from './exact';

const TEXTS: readonly Kind[] = ['text', 'markdown', 'code'];

function mimeType(kind: Kind): string {
  switch (kind) {
    case 'text':
      return 'text/plain';
    case 'markdown':
      return 'text/x-ipythongfm';
    case 'code':
      return 'text/x-ipython';
    default:
      return 'application/json';
  }
}

export function TextEditor(props: IEditorProps): JSX.Element {
  const { proposal, value, readOnly, host } = props;
  const node = useRef<HTMLDivElement>(null);
  const model = useRef<CodeEditor.Model | null>(null);
  const latest = useRef(props);
  latest.current = props;
  /** What is typed and is no value: it comes back when the editor is made anew. */
  const unfinished = useRef<{ id: string; text: string } | null>(null);
  const isText = TEXTS.includes(proposal.kind);
  const source = isText || typeof value === 'string' ? String(value) : JSON.stringify(value, null, 2);

  useEffect(() => {
    const made = new CodeEditor.Model({ mimeType: mimeType(proposal.kind) });
    const begun = readOnly || unfinished.current?.id !== proposal.id ? null : unfinished.current;
    const editor = host.newEditor({ host: node.current!, model: made, readOnly, lineNumbers: false });
    editor.injectExtension(exact(host.trans.__('Proposed value')));
    // Only now: CodeMirror keeps how it once drew a hidden character, and JupyterLab has it draw most as a dot.
    made.sharedModel.setSource(begun ? begun.text : sourceOf(latest.current.value, isText));
    made.sharedModel.clearUndoHistory(); // undoing does not go back to an empty editor
    const tell = (text: string): void => {
      const { onEdit, onUnfinished } = latest.current;
      let value: Json;
      try {
        value = isText ? text : (JSON.parse(text) as Json);
      } catch (reason) {
        unfinished.current = { id: proposal.id, text };
        onUnfinished(text, reason instanceof Error ? reason.message : String(reason));
        return;
      }
      unfinished.current = null;
      onEdit(value);
    };
    const typed = (): void => {
      const text = made.sharedModel.getSource();
      if (unfinished.current || text !== sourceOf(latest.current.value, isText)) {
        tell(text);
      }
    };
    made.sharedModel.changed.connect(typed);
    const { value: draft, proposal: shown } = latest.current;
    if (!begun && !readOnly && !isText && typeof draft === 'string' && typeof shown.value !== 'string') {
      tell(draft); // the draft of a text that was no JSON when it was kept
    }
    model.current = made;
    return () => {
      made.sharedModel.changed.disconnect(typed);
      model.current = null;
      editor.dispose();
      made.dispose();
    };
  }, [proposal.id, proposal.kind, host, readOnly, isText]);

  useEffect(() => {
    const shared = model.current?.sharedModel;
    if (shared && !sameText(shared.getSource(), value, isText)) {
      shared.setSource(source);
    }
  }, [source, value, isText]);

  return (
    <div className="jp-hitl-text" ref={node} role="group" aria-label={host.trans.__('Proposed value')} />
  );
}

function sourceOf(value: Json, isText: boolean): string {
  return isText || typeof value === 'string' ? String(value) : JSON.stringify(value, null, 2);
}

/** Whether the text in the editor means `value` already: its spelling is the person's. */
function sameText(text: string, value: Json, isText: boolean): boolean {
  if (isText || text === sourceOf(value, isText)) {
    return text === sourceOf(value, isText);
  }
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value);
  } catch {
    return true; // being typed
  }
}
