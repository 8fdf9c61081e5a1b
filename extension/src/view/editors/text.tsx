/**
 * Text, markdown and code, and JSON as text, in CodeMirror, with the language of the kind.
 */

import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';
import type { Json, Kind } from '../../api/types';
import type { IEditorProps } from '../editor';

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
  const isText = TEXTS.includes(proposal.kind);
  const source = isText || typeof value === 'string' ? String(value) : JSON.stringify(value, null, 2);

  useEffect(() => {
    const made = new CodeEditor.Model({ mimeType: mimeType(proposal.kind) });
    made.sharedModel.setSource(latest.current ? sourceOf(latest.current.value, isText) : '');
    const editor = host.newEditor({ host: node.current!, model: made, readOnly, lineNumbers: false });
    const typed = (): void => {
      const { onEdit, onUnfinished, value: shown } = latest.current;
      const text = made.sharedModel.getSource();
      if (text === sourceOf(shown, isText)) {
        return;
      }
      if (isText) {
        onEdit(text);
        return;
      }
      try {
        onEdit(JSON.parse(text) as Json);
      } catch (reason) {
        onUnfinished(text, reason instanceof Error ? reason.message : String(reason));
      }
    };
    made.sharedModel.changed.connect(typed);
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
