/**
 * Two texts side by side with their differences marked, whole and read only.
 */

import { MergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { showHiddenCharacters } from '../text/hidden-characters';

interface IProps {
  before: string;
  after: string;
  /** What the two sides are, for their headings. */
  names: [string, string];
}

export function SideBySide({ before, after, names }: IProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const [left, right] = names;
  useEffect(() => {
    const view = new MergeView({
      a: { doc: showHiddenCharacters(before), extensions: readOnly(left) },
      b: { doc: showHiddenCharacters(after), extensions: readOnly(right) },
      parent: node.current!
    });
    return () => view.destroy();
  }, [before, after, left, right]);
  return (
    <div className="jp-hitl-sides">
      <div className="jp-hitl-names">
        <span>{left}</span>
        <span>{right}</span>
      </div>
      <div ref={node} />
    </div>
  );
}

/** What an editor adds that only shows a text; `name` is for people who do not see it. */
export function readOnly(name: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': name, 'aria-readonly': 'true' })
  ];
}
