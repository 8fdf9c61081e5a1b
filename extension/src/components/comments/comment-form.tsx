/**
 * Forms for comments: on the whole document or on the selection, with or without a suggested replacement, and for
 * answers.
 */

import { useEffect, useReducer, useRef, useState } from 'react';
import type { ICommentRequest, IMentionableUser } from '../../api/types';
import type { CommentMarks } from '../../codemirror/comment-marks';
import type { ICommentDraft, IDiscussion } from '../../models/discussion';
import { unsentTexts } from '../../models/unsent-texts';
import { useUnsentText } from '../hooks/use-unsent-text';
import type { IHost } from '../host';
import { CommentField } from './comment-field';
import { findMentions } from './mentions';
import { QuotedText } from './quote';

interface IProps {
  discussion: IDiscussion;
  /** Users who may be mentioned. */
  people: readonly IMentionableUser[];
  host: IHost;
}

/** The form of a new comment or suggestion. */
export function CommentForm(props: IProps & { marks: CommentMarks | null }): JSX.Element {
  const { discussion, people, host, marks } = props;
  const { trans } = host;
  const { document } = discussion;
  const kept = unsentTexts(host);
  const [text, setText] = useUnsentText(host, document, 'comment');
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [sending, send] = useSend();
  const field = useRef<HTMLTextAreaElement>(null);
  const other = useRef<HTMLTextAreaElement>(null);
  const asked = marks?.commentDraft ?? null;
  const typed = kept.getSelection(document) === asked ? kept.getText(document, 'suggestion') : undefined;
  const instead = typed ?? asked?.text ?? '';
  useEffect(() => {
    const begun = kept.getSelection(document);
    if (begun && marks && !marks.commentDraft) {
      marks.resumeComment(begun);
    }
  }, [kept, document, marks]);
  useEffect(() => {
    if (asked && asked !== kept.getSelection(document)) {
      kept.setSelection(document, asked);
      kept.setText(document, 'suggestion', undefined);
      const node = asked.suggests ? other.current : field.current;
      node?.focus();
      node?.scrollIntoView?.({ block: 'nearest' });
      if (asked.suggests) {
        other.current?.select();
      }
    }
  }, [kept, document, asked]);
  const changes = asked !== null && asked.suggests && instead !== asked.text;
  const ready = asked?.suggests ? changes : text.trim() !== '';
  const blocked = sending || host.readOnly !== null;
  const forgetSelection = (): void => {
    kept.setSelection(document, null);
    kept.setText(document, 'suggestion', undefined);
  };
  const drop = (): void => {
    forgetSelection();
    marks!.dropComment(true);
  };
  const submit = async (): Promise<void> => {
    const said = buildCommentRequest(text, asked, instead, people);
    if (await discussion.addComment(said)) {
      setText('');
      forgetSelection();
      marks?.dropComment(asked !== null);
    }
  };
  return (
    <form
      className="jp-hitl-comment-form"
      onSubmit={event => {
        event.preventDefault();
        if (ready && !blocked) {
          void send(submit);
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && asked) {
          event.preventDefault();
          event.stopPropagation();
          drop();
        }
      }}
    >
      {asked && <QuotedText text={asked.text} host={host} />}
      {asked?.suggests && (
        <label>
          {trans.__('Suggested instead')}
          <textarea
            ref={other}
            rows={Math.min(12, instead.split('\n').length)}
            value={instead}
            disabled={blocked}
            onChange={event => {
              kept.setText(document, 'suggestion', event.target.value);
              redraw();
            }}
          />
        </label>
      )}
      <CommentField
        label={asked?.suggests ? trans.__('Your comment (optional)') : trans.__('Your comment')}
        value={text}
        disabled={blocked}
        discussion={discussion}
        people={people}
        host={host}
        node={field}
        onChange={setText}
      />
      <button type="submit" disabled={blocked || !ready}>
        {asked?.suggests ? trans.__('Suggest') : trans.__('Comment')}
      </button>
      {asked && (
        <button type="button" onClick={drop}>
          {trans.__('Cancel')}
        </button>
      )}
    </form>
  );
}

/** The form of an answer to a comment. */
export function ReplyForm(
  props: IProps & {
    thread: string;
    /** Whether the field gets the focus. */
    focused: boolean;
    onDone: () => void;
  }
): JSX.Element {
  const { discussion, people, host, thread, focused, onDone } = props;
  const [text, setText] = useUnsentText(host, discussion.document, `reply ${thread}`);
  const [sending, send] = useSend();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (focused) {
      field.current?.focus();
    }
  }, [focused]);
  const blocked = sending || host.readOnly !== null;
  const submit = async (): Promise<void> => {
    const said = { ...buildCommentRequest(text, null, '', people), thread };
    if (await discussion.addComment(said)) {
      setText('');
      onDone();
    }
  };
  return (
    <form
      className="jp-hitl-comment-form"
      onSubmit={event => {
        event.preventDefault();
        if (text.trim() !== '' && !blocked) {
          void send(submit);
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.preventDefault();
          event.stopPropagation();
          onDone();
        }
      }}
    >
      <CommentField
        label={host.trans.__('Your reply')}
        value={text}
        disabled={blocked}
        discussion={discussion}
        people={people}
        host={host}
        node={field}
        onChange={setText}
      />
      <button type="submit" disabled={blocked || text.trim() === ''}>
        {host.trans.__('Send')}
      </button>
      <button
        type="button"
        onClick={() => {
          setText('');
          onDone();
        }}
      >
        {host.trans.__('Cancel')}
      </button>
    </form>
  );
}

/** Build the request of a comment. `instead` is the suggested replacement. */
function buildCommentRequest(
  text: string,
  asked: ICommentDraft | null,
  instead: string,
  people: readonly IMentionableUser[]
): ICommentRequest {
  const said: ICommentRequest = { text: text.trim() };
  const mentions = findMentions(text, people);
  if (mentions.length > 0) {
    said.mentions = mentions;
  }
  if (asked) {
    const { anchor, quote, prefix, suffix } = asked;
    Object.assign(said, { anchor, quote, prefix, suffix });
    if (asked.suggests) {
      said.suggestion = instead;
    }
  }
  return said;
}

/** Return whether a call is in progress, and a function that makes one. */
export function useSend(): [boolean, (work: () => Promise<unknown>) => Promise<void>] {
  const [sending, setSending] = useState(false);
  const send = async (work: () => Promise<unknown>): Promise<void> => {
    setSending(true);
    try {
      await work();
    } finally {
      setSending(false);
    }
  };
  return [sending, send];
}
