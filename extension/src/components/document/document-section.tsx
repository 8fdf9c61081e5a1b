/**
 * A shared document while people write it: its heading with the tools, its editor, and its comments. It is part of
 * proposal cards and of workspaces.
 */

import { type ReactNode, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import type { IDraft } from '../../drafts/draft';
import { isText } from '../../drafts/sharing-forms';
import type { IDiscussion } from '../../models/discussion';
import { CommentsPanel } from '../comments/comments-panel';
import { IconButton } from '../controls/button';
import { ErrorBoundary } from '../error-boundary';
import type { IHost } from '../host';
import { formatKey } from '../keys/key-hints';
import { groupByPlace, FieldPresenceContext, placeOf } from '../field-presence';
import { PresenceLine, useVisibility } from '../presence-bar';
import type { IUndoer } from '../undo-keys';
import { HistoryPanel } from './history-panel';
import { SelectionTools } from './text-tools';
import type { IDocumentTools } from './use-document-tools';

interface IProps {
  /** Name of the document: "Proposal" or "Document". */
  name: string;
  work: IDocumentTools;
  /** Null if the server has no comments. */
  discussion: IDiscussion | null;
  /** Whether the document can be edited here and now. */
  able: boolean;
  /** Name of the agent, while it is writing. */
  writing?: string;
  /** Undoes and redoes the edits of this window; null if nothing can be edited. */
  undoer: (IUndoer & { canUndo: boolean; canRedo: boolean }) | null;
  /** Chips after the name. */
  chips?: ReactNode;
  /** Controls that choose what is shown. */
  views?: ReactNode;
  /** Counter; when it increases, the comments are opened and get the focus. Without it, a button opens them. */
  commentsAsked?: number;
  /** Counter; when it increases, the history is opened. */
  historyAsked?: number;
  /** The editor, or another view of the value. */
  children: ReactNode;
  host: IHost;
}

/** A document with its tools and comments. */
export function DocumentSection(props: IProps): JSX.Element {
  const { name, work, discussion, able, writing, undoer, historyAsked = 0, host } = props;
  const { trans } = host;
  const { draft } = work;
  const [past, setPast] = useState(false);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    if (historyAsked > 0) {
      setPast(true);
    }
  }, [historyAsked]);
  const comments = discussion && (
    <CommentsPanel
      discussion={discussion}
      marks={work.marks}
      draft={able ? draft : null}
      asked={props.commentsAsked ?? asked}
      host={host}
    />
  );
  return (
    <div className="jp-hitl-section jp-hitl-document">
      <div className="jp-hitl-section-bar">
        <h4>{name}</h4>
        {props.chips}
        <span className="jp-hitl-grow" />
        {props.views}
        {undoer && <UndoRedoButtons undoer={undoer} host={host} />}
        {discussion && props.commentsAsked === undefined && (
          <IconButton
            icon="comment"
            small
            label={trans.__('Comments')}
            onClick={() => setAsked(n => n + 1)}
          />
        )}
        <IconButton
          icon="history"
          small
          label={trans.__('History')}
          expanded={past}
          onClick={() => setPast(!past)}
        />
      </div>
      {past && (
        <ErrorBoundary instead={<p className="jp-hitl-error">{trans.__('The history cannot be shown.')}</p>}>
          <HistoryPanel work={work} host={host} />
        </ErrorBoundary>
      )}
      <div className={isText(work.subject.kind) ? 'jp-hitl-with-rail' : undefined}>
        <div>
          <VisibleDraft draft={draft}>{props.children}</VisibleDraft>
          <div className="jp-hitl-document-tools">
            {draft && <PresenceLine draft={draft} writing={writing} host={host} />}
            <SelectionTools work={work} host={host} />
          </div>
        </div>
        {comments}
      </div>
    </div>
  );
}

/** The buttons that undo and redo the edits of this window. */
function UndoRedoButtons({
  undoer,
  host
}: {
  undoer: NonNullable<IProps['undoer']>;
  host: IHost;
}): JSX.Element {
  const { trans } = host;
  return (
    <>
      <IconButton
        icon="undo"
        small
        label={trans.__('Undo your last edit')}
        keyHint={formatKey('Accel Z')}
        disabled={!undoer.canUndo}
        onClick={() => undoer.undo()}
      />
      <IconButton
        icon="redo"
        small
        label={trans.__('Redo')}
        keyHint={formatKey('Accel Shift Z')}
        disabled={!undoer.canRedo}
        onClick={() => undoer.redo()}
      />
    </>
  );
}

/**
 * An editor that tells the others whether it is visible and which field has the focus, and shows the same of them.
 */
function VisibleDraft({ draft, children }: { draft: IDraft | null; children: ReactNode }): JSX.Element {
  const node: RefObject<HTMLDivElement> = useRef(null);
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
