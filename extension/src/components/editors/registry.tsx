/**
 * Chooses the editor of a value: one entry per kind. A kind without an entry is edited as JSON.
 */

import type { Kind } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { isAboutWorkspace } from '../proposal-status';
import { ChoiceEditor } from './choice';
import { fitsForm, FormEditor, isObject, formatWithTexts } from './form';
import { JsonEditor } from './json';
import { MarkdownEditor } from './markdown-text';
import { PlanEditor } from './plan';
import type { IEditorProps } from './props';
import { TableEditor } from './table/grid';
import { isTable } from '../changes/table-diff';
import { type ITextProps, PLAIN_MIME_TYPE, TextEditor } from './text';

interface IKindEditor {
  /** Draws the editor of a proposal's value; null if the value is to be edited as JSON. */
  draw(props: IEditorProps): JSX.Element | null;
  /** Of a kind whose values are texts: the editor of a whole document, and its language. */
  document?: { Editor(props: ITextProps): JSX.Element; mimeType: string };
}

export const EDITORS = new Map<Kind, IKindEditor>([
  ['text', textEditor(TextEditor, PLAIN_MIME_TYPE)],
  ['markdown', textEditor(MarkdownEditor, 'text/x-ipythongfm')],
  ['code', textEditor(TextEditor, 'text/x-ipython')],
  ['json', { draw: drawForm }],
  ['table', { draw: props => (isTable(props.value) ? <TableEditor {...props} /> : null) }],
  ['tool_call', { draw: drawToolCall }],
  ['plan', { draw: props => (Array.isArray(props.value) ? <PlanEditor {...props} /> : null) }],
  ['choice', { draw: props => <ChoiceEditor {...props} /> }]
]);

/** The editor for the kind of a proposal's value. */
export function ValueEditor(props: IEditorProps): JSX.Element {
  return EDITORS.get(props.proposal.kind)?.draw(props) ?? <JsonEditor {...props} />;
}

/** The editor of a value that is text. */
export function DocumentEditor({
  kind,
  ...props
}: Omit<ITextProps, 'mimeType'> & { kind: Kind }): JSX.Element {
  const { Editor, mimeType } = EDITORS.get(kind)?.document ?? {
    Editor: TextEditor,
    mimeType: PLAIN_MIME_TYPE
  };
  return <Editor {...props} mimeType={mimeType} />;
}

function textEditor(Editor: (props: ITextProps) => JSX.Element, mimeType: string): IKindEditor {
  return {
    draw: props => {
      const { proposal, host } = props;
      const label = isAboutWorkspace(proposal) ? host.trans.__('Document') : host.trans.__('Proposed value');
      return <DocumentEditor {...props} id={proposal.id} kind={proposal.kind} label={label} />;
    },
    document: { Editor, mimeType }
  };
}

function drawForm(props: IEditorProps): JSX.Element | null {
  const { proposal, value } = props;
  if (!fitsForm(proposal.value) || !isObject(value)) {
    return null;
  }
  return <FormEditor {...props} value={value} proposed={proposal.value} schema={proposal.schema} />;
}

function drawToolCall(props: IEditorProps): JSX.Element | null {
  const { proposal, value } = props;
  if (!isObject(value) || !isObject(proposal.value)) {
    return null;
  }
  const given = value.arguments;
  const proposed = proposal.value.arguments;
  if (!isObject(given) || !fitsForm(proposed)) {
    return null;
  }
  return (
    <div>
      <code>{showHiddenCharacters(String(value.name))}</code>
      <FormEditor
        {...props}
        value={given}
        proposed={proposed}
        schema={null}
        prefix="arguments/"
        onEdit={changed => props.onEdit({ ...value, arguments: changed })}
        onUnfinished={(text, why) =>
          props.onUnfinished(formatWithTexts(value, new Map([['["arguments"]', { text, why }]])), why)
        }
      />
    </div>
  );
}
