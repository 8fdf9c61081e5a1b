/**
 * Chooses the editor of a value by its kind.
 */

import { isText } from '../../drafts/shared-document';
import type { IEditorProps } from './props';
import { isAboutWorkspace } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ChoiceEditor } from './choice';
import { fitsForm, FormEditor, isObject, formatWithTexts } from './form';
import { JsonEditor } from './json';
import { MarkdownEditor } from './markdown-text';
import { PlanEditor } from './plan';
import { isTable, TableEditor } from './table';
import { type ITextProps, TextEditor } from './text';

/** The editor for the kind of a proposal's value. */
export function ValueEditor(props: IEditorProps): JSX.Element {
  const { proposal, value } = props;
  if (proposal.kind === 'choice') {
    return <ChoiceEditor {...props} />;
  }
  if (isText(proposal.kind)) {
    const { id, kind } = proposal;
    const { trans } = props.host;
    const label = isAboutWorkspace(proposal) ? trans.__('Document') : trans.__('Proposed value');
    return <DocumentEditor {...props} id={id} kind={kind} label={label} />;
  }
  if (proposal.kind === 'table' && isTable(value)) {
    return <TableEditor {...props} />;
  }
  if (proposal.kind === 'plan' && Array.isArray(value)) {
    return <PlanEditor {...props} />;
  }
  if (proposal.kind === 'json' && fitsForm(proposal.value) && isObject(value)) {
    return <FormEditor {...props} value={value} proposed={proposal.value} schema={proposal.schema} />;
  }
  if (proposal.kind === 'tool_call' && isObject(value) && isObject(proposal.value)) {
    const given = value.arguments;
    const proposed = proposal.value.arguments;
    if (isObject(given) && fitsForm(proposed)) {
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
  }
  return <JsonEditor {...props} />;
}

/** The editor of a text value. */
export function DocumentEditor(props: ITextProps): JSX.Element {
  return props.kind === 'markdown' ? <MarkdownEditor {...props} /> : <TextEditor {...props} />;
}
