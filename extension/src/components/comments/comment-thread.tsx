/**
 * One comment with its answers: what it is about, what it suggests, what became of it and who made it so.
 */

import { Fragment, type Ref, useRef, useState } from 'react';
import type { IComment, ISomebody } from '../../api/types';
import type { IStanding, Marks } from '../../codemirror/comment-marks';
import type { IDraft } from '../../drafts/draft';
import type { IDiscussion } from '../../models/discussion';
import type { IHost } from '../host';
import { speaker, when } from '../proposal-status';
import { visible } from '../../text/hidden-characters';
import { parts } from './mentions';
import { About } from './quote';
import { Reply, useSending } from './comment-form';

interface IProps {
  comment: IComment;
  replies: readonly IComment[];
  discussion: IDiscussion;
  people: readonly ISomebody[];
  marks: Marks | null;
  /** What a suggestion is put into; null if that cannot be written now. */
  draft: IDraft | null;
  host: IHost;
  node: Ref<HTMLLIElement>;
}

export function Thread(props: IProps): JSX.Element {
  const { comment, replies, marks, host } = props;
  const { trans } = host;
  const settled = comment.state !== 'open';
  const [opened, setOpened] = useState(false);
  const place = marks?.places.get(comment.id);
  const chosen = marks?.chosen.id === comment.id;
  const name = `jp-hitl-thread${settled ? ' jp-mod-settled' : ''}${chosen ? ' jp-mod-chosen' : ''}`;
  return (
    <li ref={props.node} className={name} tabIndex={-1}>
      <Who comment={comment} host={host} />
      {settled && (
        <p className="jp-hitl-note">
          {became(comment, host)}{' '}
          <button
            type="button"
            className="jp-hitl-link"
            aria-expanded={opened}
            onClick={() => setOpened(!opened)}
          >
            {opened ? trans.__('Hide') : trans.__('Show')}
          </button>
        </p>
      )}
      {(!settled || opened) && (
        <>
          {comment.suggestion === null ? (
            <About quote={comment.quote} place={place} host={host} onShow={() => marks!.show(comment.id)} />
          ) : (
            <Suggestion {...props} place={place} />
          )}
          <Text comment={comment} people={props.people} />
          {replies.length > 0 && (
            <ol className="jp-hitl-replies" aria-label={trans.__('Replies')}>
              {replies.map(one => (
                <li key={one.id}>
                  <Who comment={one} host={host} />
                  <Text comment={one} people={props.people} />
                </li>
              ))}
            </ol>
          )}
        </>
      )}
      <Ways {...props} place={place} />
    </li>
  );
}

/** What can be done about it. */
function Ways(props: IProps & { place: IStanding | null | undefined }): JSX.Element {
  const { comment, discussion, draft, host, place } = props;
  const { trans } = host;
  const [replying, setReplying] = useState(false);
  const [sending, send] = useSending();
  const reply = useRef<HTMLButtonElement>(null);
  const blocked = sending || host.readOnly !== null;
  const suggests = comment.suggestion !== null;
  const mark = (state: IComment['state']) => (): void => void send(() => discussion.mark(comment, state));
  const mine = comment.state_by === host.status?.user.username;
  return (
    <>
      <div className="jp-hitl-buttons">
        {comment.state === 'open' && suggests && (
          <>
            <button
              type="button"
              className="jp-mod-accept"
              disabled={blocked || draft === null || !place}
              onClick={() => void send(() => discussion.accept(comment, draft!))}
            >
              {trans.__('Accept')}
            </button>
            <button type="button" disabled={blocked} onClick={mark('dismissed')}>
              {trans.__('Dismiss')}
            </button>
          </>
        )}
        {comment.state === 'open' && !suggests && (
          <button type="button" disabled={blocked} onClick={mark('resolved')}>
            {trans.__('Resolve')}
          </button>
        )}
        {(comment.state === 'resolved' || (comment.state === 'dismissed' && mine)) && (
          <button type="button" disabled={blocked} onClick={mark('open')}>
            {trans.__('Reopen')}
          </button>
        )}
        {comment.state === 'open' && !replying && (
          <button type="button" ref={reply} disabled={blocked} onClick={() => setReplying(true)}>
            {trans.__('Reply')}
          </button>
        )}
      </div>
      {replying && (
        <Reply
          discussion={discussion}
          people={props.people}
          host={host}
          thread={comment.id}
          onDone={() => {
            setReplying(false);
            setTimeout(() => reply.current?.focus());
          }}
        />
      )}
    </>
  );
}

/** What stands there, and what should. */
function Suggestion(props: IProps & { place: IStanding | null | undefined }): JSX.Element {
  const { comment, marks, host, place } = props;
  const { trans } = host;
  const old = place?.text ?? comment.quote;
  return (
    <>
      {old !== '' && (
        <p className="jp-hitl-suggestion">
          <b>{comment.state === 'open' && place ? trans.__('Now:') : trans.__('Then:')}</b>{' '}
          <del>{visible(old)}</del>
        </p>
      )}
      <p className="jp-hitl-suggestion">
        <b>{trans.__('Suggested:')}</b>{' '}
        {comment.suggestion === '' ? (
          <em>{trans.__('nothing, it is to be deleted')}</em>
        ) : (
          <ins>{visible(comment.suggestion!)}</ins>
        )}
      </p>
      {place === null && <p className="jp-hitl-note">{trans.__('The text it was about is gone.')}</p>}
      {place && (
        <button type="button" className="jp-hitl-link" onClick={() => marks!.show(comment.id)}>
          {trans.__('Show in the text')}
        </button>
      )}
    </>
  );
}

/** Who said it, when, and whether it calls this person. */
function Who({ comment, host }: { comment: IComment; host: IHost }): JSX.Element {
  const me = host.status?.user.username;
  return (
    <>
      <strong>{speaker(comment.author, comment.author_name, comment.known, host)}</strong>{' '}
      <time dateTime={comment.at}>{when(comment.at)}</time>
      {me !== undefined && comment.mentions.includes(me) && (
        <span className="jp-hitl-called">{host.trans.__('calls you')}</span>
      )}
    </>
  );
}

/** What was said, the people whom it calls marked. */
function Text(props: { comment: IComment; people: readonly ISomebody[] }): JSX.Element | null {
  const { text, mentions } = props.comment;
  if (text === '') {
    return null;
  }
  const called = props.people.filter(one => mentions.includes(one.username));
  return (
    <p>
      {parts(text, called).map((part, i) =>
        part.who ? (
          <b key={i} className="jp-hitl-mention">
            {visible(part.text)}
          </b>
        ) : (
          <Fragment key={i}>{visible(part.text)}</Fragment>
        )
      )}
    </p>
  );
}

function became(comment: IComment, host: IHost): string {
  const { state, state_by, state_by_name, state_at, state_known } = comment;
  const { trans } = host;
  const by = speaker(state_by, state_by_name, state_known ?? 'unsigned', host);
  const at = when(state_at ?? '');
  switch (state) {
    case 'accepted':
      return trans.__('Accepted by %1, %2', by, at);
    case 'dismissed':
      return trans.__('Dismissed by %1, %2', by, at);
    default:
      return trans.__('Resolved by %1, %2', by, at);
  }
}
