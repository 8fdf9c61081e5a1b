/**
 * A shared document while people write it: the people present, its editor, its toolbar, and its comments. It is part
 * of proposal cards and of workspaces.
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
  /** Null if the server has no comments. */
  discussion: IDiscussion | null;
  /** Whether the document can be edited here and now. */
  able: boolean;
  /** Name of the agent, while it is writing. */
  writing?: string;
  editor: ReactNode;
  /** Content between the toolbar and the comments. */
  children?: ReactNode;
  host: IHost;
}

/** An editor with presence, toolbar and comments. */
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

/**
 * An editor that tells the others whether it is visible and which field has the focus, and shows the same of them.
 */
function VisibleDraft({ draft, children }: { draft: IDraft | null; children: ReactNode }): JSX.Element {
  const node = useRef<HTMLDivElement>(null);
  const people = draft?.people;
  const others = useMemo(() => groupByPlace(people ?? []), [people]);
  useVisibility(node, draft);
  return (
    <div
      ref={node}
      className="jp-hitl-value"
      aria-busy={draft !== null && !draft.isLoaded && !draft.closeReason}
      onFocus={event => draft?.focus(placeOf(event.target))}
      onBlur={() => draft?.focus(null)}
    >
      <FieldPresenceContext.Provider value={others}>{children}</FieldPresenceContext.Provider>
    </div>
  );
}
