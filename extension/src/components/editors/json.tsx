/**
 * An editor for JSON text. The person's formatting stays: changes by others replace only the parts that differ. Valid
 * JSON is written into the draft at once, as a change of the value that the text was made from.
 */

import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';
import type { Json } from '../../api/types';
import { patchJsonText } from '../../drafts/json-text-patch';
import type { IEditorProps } from './props';
import { FieldPresence, placeAttributes } from '../field-presence';
import { registerUndoingEditor } from '../undo-keys';
import { accessibleLabel } from '../../codemirror/accessible-label';

/** The editor of any value as JSON text. */
export function JsonEditor(props: IEditorProps): JSX.Element {
  const { proposal, value, readOnly, host } = props;
  const node = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeEditor.IEditor | null>(null);
  const latest = useRef(props);
  latest.current = props;
  /** The value that the text was made from, and whether the text is not valid JSON now. */
  const text = useRef<{ base: Json; broken: boolean }>({ base: value, broken: false });

  useEffect(() => {
    const model = new CodeEditor.Model({ mimeType: 'application/json' });
    const { sharedModel: shared } = model;
    shared.setSource(formatSource(latest.current));
    shared.clearUndoHistory(); // undo must not lead back to an empty editor
    text.current = { base: latest.current.value, broken: false };
    const made = host.newEditor({
      host: node.current!,
      model,
      readOnly: latest.current.readOnly,
      extensions: [accessibleLabel(host.trans.__('Proposed value'))]
    });
    const onTyped = (): void => {
      const source = shared.getSource();
      if (text.current.broken || source !== formatSource(latest.current)) {
        tell(source);
      }
    };
    const tell = (source: string): void => {
      const { onEdit, onUnfinished } = latest.current;
      const { base } = text.current;
      let meant: Json;
      try {
        meant = JSON.parse(source) as Json;
      } catch (reason) {
        text.current = { base, broken: true };
        onUnfinished(source, reason instanceof Error ? reason.message : String(reason));
        return;
      }
      text.current = { base: meant, broken: false };
      onEdit(meant, base);
    };
    shared.changed.connect(onTyped);
    editor.current = made;
    registerUndoingEditor(node.current!, made);
    return () => {
      shared.changed.disconnect(onTyped);
      editor.current = null;
      made.dispose();
      model.dispose();
    };
  }, [proposal.id, host]);

  useEffect(() => {
    editor.current?.setOption('readOnly', readOnly);
  }, [readOnly]);

  const open = proposal.status === 'open';
  useEffect(() => {
    const shared = editor.current?.model.sharedModel;
    if (shared && !(open && text.current.broken)) {
      text.current = { base: value, broken: false };
      updateText(shared, latest.current);
    }
  }, [value, open]);

  return (
    <div className="jp-hitl-whole" {...placeAttributes('')}>
      <FieldPresence path="" host={host} />
      <div className="jp-hitl-text" ref={node} role="group" aria-label={host.trans.__('Proposed value')} />
    </div>
  );
}

/** Write the value into the text, changing only the parts that differ. */
function updateText(shared: CodeEditor.IModel['sharedModel'], props: IEditorProps): void {
  const source = shared.getSource();
  const wanted = formatSource(props);
  if (source === wanted) {
    return;
  }
  try {
    for (const { start, end, text } of patchJsonText(source, props.value)) {
      shared.updateSource(start, end, text);
    }
  } catch {
    shared.setSource(wanted);
  }
}

/** Return the value as JSON text. Unfinished text is returned as it was typed. */
function formatSource({ value, proposal, draft }: IEditorProps): string {
  const raw =
    typeof value === 'string' && (typeof proposal.value !== 'string' || draft?.unfinishedText === value);
  return raw ? value : JSON.stringify(value, null, 2);
}
