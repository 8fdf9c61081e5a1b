/**
 * The comments on a document, and a form for new ones.
 */

import { useEffect, useId, useRef } from 'react';
import type { IMentionableUser } from '../../api/types';
import type { IDraft } from '../../drafts/draft';
import type { CommentMarks } from '../../codemirror/comment-marks';
import type { IDiscussion } from '../../models/discussion';
import type { IHost } from '../host';
import { useRedraw } from '../use-redraw';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { CommentForm } from './comment-form';
import { CommentsMenu } from './comments-menu';
import { CommentThread } from './comment-thread';

interface IProps {
  discussion: IDiscussion;
  /** Marks of the comments in the text; null if the value is not text. */
  marks: CommentMarks | null;
  /** The draft that suggestions are applied to; null if it cannot be edited now. */
  draft: IDraft | null;
  host: IHost;
}

/** All comments on a document, and the form for a new one. */
export function CommentList({ discussion, marks, draft, host }: IProps): JSX.Element {
  const { trans } = host;
  const heading = useId();
  const nodes = useRef(new Map<string, HTMLLIElement>());
  useRedraw(discussion, marks);
  const { comments, problem } = discussion;
  const people = mentionablePeople(discussion, draft);
  const threads = comments.filter(one => !one.thread);
  const open = threads.filter(one => one.state === 'open').length;
  const chosen = marks?.chosen;
  useEffect(() => {
    const node = chosen && nodes.current.get(chosen.id);
    if (!chosen?.byCursor) {
      node?.scrollIntoView?.({ block: 'nearest' });
    }
    if (chosen?.goes) {
      node?.focus();
    }
  }, [chosen]);
  return (
    <div className="jp-hitl-comments" role="group" aria-labelledby={heading}>
      <div className="jp-hitl-comments-head">
        <h4 id={heading}>{trans.__('Comments')}</h4>
        <CommentsMenu discussion={discussion} marks={marks} draft={draft} host={host} />
      </div>
      <p className="jp-hitl-note" aria-live="polite">
        {comments.length > 0 && trans.__('%1 open, %2 settled', open, threads.length - open)}
      </p>
      {threads.length > 0 && (
        <ol>
          {threads.map(one => (
            <CommentThread
              key={one.id}
              comment={one}
              replies={comments.filter(other => other.thread === one.id)}
              discussion={discussion}
              people={people}
              marks={marks}
              draft={draft}
              host={host}
              node={node => {
                if (node) {
                  nodes.current.set(one.id, node);
                } else {
                  nodes.current.delete(one.id);
                }
              }}
            />
          ))}
        </ol>
      )}
      {problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(problem)}
        </p>
      )}
      <CommentForm discussion={discussion} people={people} marks={marks} host={host} />
    </div>
  );
}

/** The users who may be mentioned: those that the server knows, and those who are present. */
function mentionablePeople({ people }: IDiscussion, draft: IDraft | null): IMentionableUser[] {
  const here = (draft?.people ?? []).map(({ username, name }) => ({ username, name }));
  return [...new Map([...here, ...people].map(one => [one.username, one])).values()];
}
