/**
 * Two texts side by side with their differences marked, complete and read-only.
 */

import { MergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { showHiddenCharacters } from '../text/hidden-characters';

interface IProps {
  before: string;
  after: string;
  /** Headings of the two sides. */
  names: [string, string];
}

/** A read-only comparison of two texts in two columns. */
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

/** Make an editor read-only. `name` is its label for screen readers. */
export function readOnly(name: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': name, 'aria-readonly': 'true' })
  ];
}
