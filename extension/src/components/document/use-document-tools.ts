/**
 * What belongs to a shared document beside its editor: its comments in the text, its colours, its history. A card has
 * one, and so has whatever else shows a document.
 */

import type { Extension } from '@codemirror/state';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Json, Kind } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import { AuthorColors } from '../../codemirror/author-colors';
import { CommentMarks } from '../../codemirror/comment-marks';
import type { IDiscussion } from '../../models/discussion';
import { DraftHistory } from '../../models/history';
import type { IHost } from '../host';

/** What a document is of. */
export interface IDocumentSource {
  document: string;
  kind: Kind;
  /** What the agent proposed, or the workspace began with. */
  value: Json;
  /** What it is called, for people. */
  agent: string;
  /** It is a workspace's document, in which the agent writes too. */
  workspace: boolean;
}

export interface IDocumentTools {
  subject: IDocumentSource;
  /** The document while people can write it. */
  draft: IDraft | null;
  /** Null if there is no text to mark. */
  marks: CommentMarks | null;
  authorColors: AuthorColors | null;
  /** Made when it is asked for first. */
  history: () => DraftHistory;
  /** For the text's editors. */
  extension: Extension | undefined;
}

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
  const colouring = useMemo(() => text && new AuthorColors(text, history, agent), [text, history, agent]);
  const extension = useMemo(
    () => [marks, colouring].flatMap(one => one?.extension ?? []),
    [marks, colouring]
  );
  useEffect(() => {
    marks?.open();
    return () => marks?.dispose();
  }, [marks]);
  useEffect(() => () => colouring?.dispose(), [colouring]);
  useEffect(
    () => () => {
      made.current?.dispose();
      made.current = null;
    },
    [subject]
  );
  return { subject, draft, marks, authorColors: colouring, history, extension };
}
