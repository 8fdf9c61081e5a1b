/**
 * A read-only text in the colors of its authors.
 */

import { EditorView } from '@codemirror/view';
import { useEffect, useMemo, useRef } from 'react';
import type { IAuthoredText } from '../../drafts/text-authors';
import { type IAuthor, makeTints } from '../../codemirror/author-colors';
import { DecorationSource } from '../../codemirror/decorations';
import { findDifference } from '../../drafts/shared-document';
import { readOnly } from '../../codemirror/side-by-side';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  pieces: readonly IAuthoredText[];
  authors: ReadonlyMap<string, IAuthor>;
  /** Content of the text, for screen readers. */
  label: string;
}

/** A read-only text, in which each part has the color of its author. */
export function ColoredText({ pieces, authors, label }: IProps): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const shown = useRef<Pick<IProps, 'pieces' | 'authors'>>({ pieces: [], authors: new Map() });
  const decorated = useMemo(
    () => new DecorationSource(length => makeTints(shown.current.pieces, shown.current.authors, length)),
    []
  );
  useEffect(() => {
    const view = new EditorView({
      extensions: [readOnly(label), decorated.extension],
      parent: node.current!
    });
    return () => view.destroy();
  }, [label, decorated]);
  useEffect(() => {
    const made = pieces.map(({ text, by }) => ({ text: showHiddenCharacters(text), by }));
    const text = made.map(one => one.text).join('');
    shown.current = { ...shown.current, pieces: made };
    decorated.views.forEach(view => {
      const { start, end, insert } = findDifference(view.state.doc.toString(), text);
      view.dispatch({ changes: { from: start, to: end, insert } });
    });
    decorated.redraw();
  }, [pieces, decorated]);
  const names = JSON.stringify([...authors]);
  useEffect(() => {
    shown.current = { ...shown.current, authors: new Map(JSON.parse(names) as [string, IAuthor][]) };
    decorated.redraw();
  }, [names, decorated]);
  // It can be scrolled by keys, which a notebook would use for itself.
  return <div className="jp-hitl-colored" ref={node} tabIndex={0} data-lm-suppress-shortcuts="true" />;
}
