/**
 * The comments of a document: beside a text if there is room, else below it, folded to a count.
 */

import { useEffect, useRef, useState } from 'react';
import type { CommentMarks } from '../../codemirror/comment-marks';
import type { IDraft } from '../../drafts/draft';
import type { IDiscussion } from '../../models/discussion';
import { unsentTexts } from '../../models/unsent-texts';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { useRedraw } from '../use-redraw';
import { CommentList } from './comment-list';

interface IProps {
  discussion: IDiscussion;
  /** Marks of the comments in the text; null if the value is not text. */
  marks: CommentMarks | null;
  /** The draft that suggestions are applied to; null if it cannot be edited now. */
  draft: IDraft | null;
  /** Counter; when it increases, the panel is opened, and its form, about the selection if there is one, gets the focus. */
  asked: number;
  host: IHost;
}

/** The comments. Without comments nothing is shown until a person asks for them. */
export function CommentsPanel({ discussion, marks, draft, asked, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const node = useRef<HTMLDivElement>(null);
  // A comment that was begun before the card was drawn again is shown again.
  const [opened, setOpened] = useState(() => unsentTexts(host).hasComment(discussion.document));
  useRedraw(discussion, marks);
  const threads = discussion.comments.filter(one => !one.thread);
  const open = threads.filter(one => one.state === 'open').length;
  const writing = marks?.commentDraft ?? null;
  const chosen = marks?.chosen.id ?? '';
  const handled = useRef(0);
  useEffect(() => {
    if (asked === handled.current) {
      return;
    }
    handled.current = asked;
    setOpened(true);
    if (marks?.hasSelection && marks.commentDraft === null && host.readOnly === null) {
      marks.startComment(false);
    }
  }, [asked, marks, host]);
  const [shownDraft, setShownDraft] = useState(writing);
  if (writing !== shownDraft) {
    // At once, not in an effect: until the field has the focus, the next letter would replace the selected text.
    setShownDraft(writing);
    setOpened(opened || writing !== null);
  }
  useEffect(() => {
    if (chosen) {
      setOpened(true); // a mark leads to its comment
    }
  }, [chosen]);
  useEffect(() => {
    if (asked > 0 && opened) {
      node.current?.querySelector<HTMLElement>('.jp-hitl-comment-form textarea')?.focus();
    }
  }, [asked, opened]);
  if (threads.length === 0 && !opened) {
    return null;
  }
  return (
    <div ref={node} className={`jp-hitl-rail${opened ? ' jp-mod-opened' : ''}`}>
      <Button
        small
        variant="quiet"
        icon={opened ? 'down' : 'right'}
        expanded={opened}
        className="jp-hitl-comments-toggle"
        onClick={() => setOpened(!opened)}
      >
        {open > 0
          ? trans._n('Comments: %1 open', 'Comments: %1 open', open)
          : trans.__('Comments: %1 settled', threads.length)}
      </Button>
      <CommentList discussion={discussion} marks={marks} draft={draft} host={host} />
    </div>
  );
}
