/**
 * An editor for Markdown text with an optional preview. The decision is about the text.
 */

import { useState } from 'react';
import { Markdown } from '../markdown';
import { type ITextProps, TextEditor } from './text';

/** The editor of a Markdown text. */
export function MarkdownEditor(props: ITextProps): JSX.Element {
  const { value, host } = props;
  const [drawn, setDrawn] = useState(false);
  return (
    <div>
      <TextEditor {...props} />
      <button type="button" aria-pressed={drawn} onClick={() => setDrawn(!drawn)}>
        {host.trans.__('Preview')}
      </button>
      {drawn && (
        <div className="jp-hitl-preview" role="group" aria-label={host.trans.__('Preview')}>
          <Markdown text={String(value)} />
        </div>
      )}
    </div>
  );
}
