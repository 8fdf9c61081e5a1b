/**
 * Forms for comments: on the whole document or on the selection, with or without a suggested replacement, and for
 * answers.
 */

import { useEffect, useRef, useState } from 'react';
import type { ICommentRequest, IMentionableUser } from '../../api/types';
import type { ICommentDraft, CommentMarks } from '../../codemirror/comment-marks';
import type { IDiscussion } from '../../models/discussion';
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
  const [text, setText] = useState('');
  const [typed, setTyped] = useState<{ of: ICommentDraft | null; text: string }>({ of: null, text: '' });
  const [sending, send] = useSend();
  const field = useRef<HTMLTextAreaElement>(null);
  const other = useRef<HTMLTextAreaElement>(null);
  const asked = marks?.commentDraft ?? null;
  const instead = asked && typed.of === asked ? typed.text : (asked?.text ?? '');
  useEffect(() => {
    if (asked) {
      const node = asked.suggests ? other.current : field.current;
      node?.focus();
      node?.scrollIntoView?.({ block: 'nearest' });
    }
    if (asked?.suggests) {
      other.current?.select();
    }
  }, [asked]);
  const changes = asked !== null && asked.suggests && instead !== asked.text;
  const ready = asked?.suggests ? changes : text.trim() !== '';
  const blocked = sending || host.readOnly !== null;
  const drop = (): void => marks!.dropComment(true);
  const submit = async (): Promise<void> => {
    const said = buildCommentRequest(text, asked, instead, people);
    if (await discussion.addComment(said)) {
      setText('');
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
            onChange={event => setTyped({ of: asked, text: event.target.value })}
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
export function ReplyForm(props: IProps & { thread: string; onDone: () => void }): JSX.Element {
  const { discussion, people, host, thread, onDone } = props;
  const [text, setText] = useState('');
  const [sending, send] = useSend();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const blocked = sending || host.readOnly !== null;
  const submit = async (): Promise<void> => {
    const said = { ...buildCommentRequest(text, null, '', people), thread };
    if (await discussion.addComment(said)) {
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
      <button type="button" onClick={onDone}>
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
