/**
 * A shared document as people write it: who is here, its editor, what can be done with it, and what was said about it.
 * A card has one, and so has a workspace.
 */

import { type ReactNode, useMemo, useRef } from 'react';
import type { IDraft } from '../../drafts/draft';
import type { IDiscussion } from '../../models/discussion';
import { CommentList } from '../comments/comment-list';
import type { IHost } from '../host';
import { groupByPlace, FieldPresenceContext, placeOf } from '../field-presence';
import { PresenceBar, useVisibility } from '../presence-bar';
import type { IDocumentTools } from './use-document-tools';
import { DocumentToolbar } from './document-tools';

interface IProps {
  work: IDocumentTools;
  /** Null if the server knows no comments. */
  discussion: IDiscussion | null;
  /** Whether the document can be written here and now. */
  able: boolean;
  /** The agent is writing: what it is called. */
  writing?: string;
  editor: ReactNode;
  /** What stands between the editor and the comments. */
  children?: ReactNode;
  host: IHost;
}

export function DraftPanel(props: IProps): JSX.Element {
  const { work, discussion, able, writing, editor, children, host } = props;
  const { draft } = work;
  return (
    <>
      {draft && <PresenceBar draft={draft} writing={writing} host={host} />}
      <VisibleDraft draft={draft}>{editor}</VisibleDraft>
      <DocumentToolbar work={work} host={host} />
      {children}
      {discussion && (
        <CommentList discussion={discussion} marks={work.marks} draft={able ? draft : null} host={host} />
      )}
    </>
  );
}

/** An editor before somebody's eyes, where it is told and shown who is at which part of it. */
function VisibleDraft({ draft, children }: { draft: IDraft | null; children: ReactNode }): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const people = draft?.people;
  const others = useMemo(() => groupByPlace(people ?? []), [people]);
  useVisibility(node, draft);
  return (
    <div
      ref={node}
      className="jp-hitl-value"
      aria-busy={draft !== null && !draft.loaded && !draft.closed}
      onFocus={event => draft?.focus(placeOf(event.target))}
      onBlur={() => draft?.focus(null)}
    >
      <FieldPresenceContext.Provider value={others}>{children}</FieldPresenceContext.Provider>
    </div>
  );
}
