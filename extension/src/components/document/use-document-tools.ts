/**
 * What belongs to a shared document beside its editor: its comments in the text, its colours, its history. A card has
 * one, and so has whatever else shows a document.
 */

import type { Extension } from '@codemirror/state';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Json, Kind } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import { Colouring } from '../../codemirror/author-colors';
import { Marks } from '../../codemirror/comment-marks';
import type { IDiscussion } from '../../models/discussion';
import { History } from '../../models/history';
import type { IHost } from '../host';

/** What a document is of. */
export interface ISubject {
  document: string;
  kind: Kind;
  /** What the agent proposed, or the workspace began with. */
  value: Json;
  /** What it is called, for people. */
  agent: string;
  /** It is a workspace's document, in which the agent writes too. */
  workspace: boolean;
}

export interface IWork {
  subject: ISubject;
  /** The document while people can write it. */
  draft: IDraft | null;
  /** Null if there is no text to mark. */
  marks: Marks | null;
  colouring: Colouring | null;
  /** Made when it is asked for first. */
  history: () => History;
  /** For the text's editors. */
  extension: Extension | undefined;
}

export function useWork(
  given: ISubject,
  draft: IDraft | null,
  discussion: IDiscussion | null,
  host: IHost
): IWork {
  const { document, kind, value, workspace } = given;
  const agent = host.trans.__('%1 (agent)', given.agent);
  const subject = useMemo(
    () => ({ document, kind, value, agent, workspace }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a record read again has an equal value: the first stays
    [document, kind, agent, workspace]
  );
  const made = useRef<History | null>(null);
  const history = useCallback(
    () => (made.current ??= new History(host.client, subject.document, subject)),
    [subject, host]
  );
  const text = draft?.file ? draft : null;
  const marks = useMemo(() => text && discussion && new Marks(text, discussion), [text, discussion]);
  const colouring = useMemo(() => text && new Colouring(text, history, agent), [text, history, agent]);
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
  return { subject, draft, marks, colouring, history, extension };
}
