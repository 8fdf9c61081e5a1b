/**
 * Tools of a shared document beside its editor: marks of comments, colors of authors, bars of changes, and the history.
 * Cards and workspaces use them.
 */

import type { Extension } from '@codemirror/state';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Json, Kind } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import { AuthorColors } from '../../codemirror/author-colors';
import { changeBars } from '../../codemirror/change-bars';
import { CommentMarks } from '../../codemirror/comment-marks';
import type { IDiscussion } from '../../models/discussion';
import { DraftHistory } from '../../models/history';
import type { IHost } from '../host';

/** The document that the tools are for. */
export interface IDocumentSource {
  document: string;
  kind: Kind;
  /** The value that the agent proposed, or that the workspace began with. */
  value: Json;
  /** Name of the agent, for people. */
  agent: string;
  /** Whether it is the document of a workspace, in which the agent writes too. */
  workspace: boolean;
}

/** The tools of one document. */
export interface IDocumentTools {
  subject: IDocumentSource;
  /** The draft while people can edit it. */
  draft: IDraft | null;
  /** Null if the value is not text. */
  marks: CommentMarks | null;
  /** Null if the value is not text. */
  authorColors: AuthorColors | null;
  /** Returns the history; it is created by the first call. */
  history: () => DraftHistory;
  /** Extension for the editors of the text. */
  extension: Extension | undefined;
}

/** Create the tools of a document, and dispose them together with the component. */
export function useDocumentTools(
  given: IDocumentSource,
  draft: IDraft | null,
  discussion: IDiscussion | null,
  host: IHost
): IDocumentTools {
  const { document, kind, value, workspace } = given;
  const agent = host.trans.__('%1 (agent)', given.agent);
  const subject = useMemo(
    () => ({ document, kind, value, agent, workspace }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a record read again has an equal value: the first stays
    [document, kind, agent, workspace]
  );
  const made = useRef<DraftHistory | null>(null);
  const history = useCallback(
    () => (made.current ??= new DraftHistory(host.client, subject.document, subject)),
    [subject, host]
  );
  const text = draft?.file ? draft : null;
  const marks = useMemo(() => text && discussion && new CommentMarks(text, discussion), [text, discussion]);
  const authorColors = useMemo(() => text && new AuthorColors(text, history, agent), [text, history, agent]);
  // The document of a workspace is written by all; there is no proposed text that it differs from.
  const bars = useMemo(
    () => (text && !subject.workspace ? changeBars(String(subject.value)) : []),
    [text, subject]
  );
  const extension = useMemo(
    () => [...[marks, authorColors].flatMap(one => one?.extension ?? []), bars],
    [marks, authorColors, bars]
  );
  useEffect(() => {
    marks?.open();
    return () => marks?.dispose();
  }, [marks]);
  useEffect(() => () => authorColors?.dispose(), [authorColors]);
  useEffect(
    () => () => {
      made.current?.dispose();
      made.current = null;
    },
    [subject]
  );
  return { subject, draft, marks, authorColors, history, extension };
}
