/**
 * One comment with its answers: its quote, its suggestion, its state, and who set the state.
 */

import { Fragment, type Ref, useRef, useState } from 'react';
import type { IComment, IMentionableUser } from '../../api/types';
import type { IQuoteRange, CommentMarks } from '../../codemirror/comment-marks';
import type { IDraft } from '../../drafts/draft';
import type { IDiscussion } from '../../models/discussion';
import { unsentTexts } from '../../models/unsent-texts';
import type { IHost } from '../host';
import { Age } from '../controls/age';
import { formatSpeaker } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { splitMentions } from './mentions';
import { QuoteLink } from './quote';
import { ReplyForm, useSend } from './comment-form';

interface IProps {
  comment: IComment;
  replies: readonly IComment[];
  discussion: IDiscussion;
  people: readonly IMentionableUser[];
  marks: CommentMarks | null;
  /** The draft that a suggestion is applied to; null if it cannot be edited now. */
  draft: IDraft | null;
  host: IHost;
  node: Ref<HTMLLIElement>;
}

/** A comment with its answers and its buttons. A settled comment is folded. */
export function CommentThread(props: IProps): JSX.Element {
  const { comment, replies, marks, host } = props;
  const { trans } = host;
  const settled = comment.state !== 'open';
  const [opened, setOpened] = useState(false);
  const place = marks?.places.get(comment.id);
  const number = marks?.numbers.get(comment.id);
  const chosen = marks?.chosen.id === comment.id;
  const name = `jp-hitl-thread${settled ? ' jp-mod-settled' : ''}${chosen ? ' jp-mod-chosen' : ''}`;
  return (
    <li ref={props.node} className={name} tabIndex={-1}>
      {number !== undefined && (
        <span className="jp-hitl-thread-number" title={trans.__('Number %1 in the text', number)}>
          {number}
        </span>
      )}
      <CommentAuthor comment={comment} host={host} />
      {settled && (
        <p className="jp-hitl-note">
          {stateSentence(comment, host)}
          {comment.state_at && (
            <>
              , <Age at={comment.state_at} host={host} />
            </>
          )}{' '}
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
            <QuoteLink
              quote={comment.quote}
              place={place}
              host={host}
              onShow={() => marks!.show(comment.id)}
            />
          ) : (
            <SuggestionView {...props} place={place} />
          )}
          <CommentText comment={comment} people={props.people} />
          {replies.length > 0 && (
            <ol className="jp-hitl-replies" aria-label={trans.__('Replies')}>
              {replies.map(one => (
                <li key={one.id}>
                  <CommentAuthor comment={one} host={host} />
                  <CommentText comment={one} people={props.people} />
                </li>
              ))}
            </ol>
          )}
        </>
      )}
      <ThreadActions {...props} place={place} />
    </li>
  );
}

/** The buttons of a comment, and the form for an answer. */
function ThreadActions(props: IProps & { place: IQuoteRange | null | undefined }): JSX.Element {
  const { comment, discussion, draft, host, place } = props;
  const { trans } = host;
  const unsent = unsentTexts(host).getText(discussion.document, `reply ${comment.id}`) !== undefined;
  const [replying, setReplying] = useState<'pressed' | 'kept' | null>(unsent ? 'kept' : null);
  const [sending, send] = useSend();
  const reply = useRef<HTMLButtonElement>(null);
  const blocked = sending || host.readOnly !== null;
  const suggests = comment.suggestion !== null;
  const mark = (state: IComment['state']) => (): void =>
    void send(() => discussion.changeState(comment, state));
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
          <button type="button" ref={reply} disabled={blocked} onClick={() => setReplying('pressed')}>
            {trans.__('Reply')}
          </button>
        )}
      </div>
      {replying && (
        <ReplyForm
          discussion={discussion}
          people={props.people}
          host={host}
          thread={comment.id}
          focused={replying === 'pressed'}
          onDone={() => {
            setReplying(null);
            setTimeout(() => reply.current?.focus());
          }}
        />
      )}
    </>
  );
}

/** The current text and the suggested one. */
function SuggestionView(props: IProps & { place: IQuoteRange | null | undefined }): JSX.Element {
  const { comment, marks, host, place } = props;
  const { trans } = host;
  const old = place?.text ?? comment.quote;
  return (
    <>
      {old !== '' && (
        <p className="jp-hitl-suggestion">
          <b>{comment.state === 'open' && place ? trans.__('Now:') : trans.__('Then:')}</b>{' '}
          <del>{showHiddenCharacters(old)}</del>
        </p>
      )}
      <p className="jp-hitl-suggestion">
        <b>{trans.__('Suggested:')}</b>{' '}
        {comment.suggestion === '' ? (
          <em>{trans.__('nothing (delete the text)')}</em>
        ) : (
          <ins>{showHiddenCharacters(comment.suggestion!)}</ins>
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

/** Author and time of a comment, and whether it mentions the current user. */
function CommentAuthor({ comment, host }: { comment: IComment; host: IHost }): JSX.Element {
  const me = host.status?.user.username;
  return (
    <>
      <strong>{formatSpeaker(comment.author, comment.author_name, comment.known, host)}</strong>{' '}
      <Age at={comment.at} host={host} />
      {me !== undefined && comment.mentions.includes(me) && (
        <span className="jp-hitl-called">{host.trans.__('mentions you')}</span>
      )}
    </>
  );
}

/** Text of a comment, in which the mentioned people are highlighted. */
function CommentText(props: { comment: IComment; people: readonly IMentionableUser[] }): JSX.Element | null {
  const { text, mentions } = props.comment;
  if (text === '') {
    return null;
  }
  const called = props.people.filter(one => mentions.includes(one.username));
  return (
    <p>
      {splitMentions(text, called).map((part, i) =>
        part.who ? (
          <b key={i} className="jp-hitl-mention">
            {showHiddenCharacters(part.text)}
          </b>
        ) : (
          <Fragment key={i}>{showHiddenCharacters(part.text)}</Fragment>
        )
      )}
    </p>
  );
}

function stateSentence(comment: IComment, host: IHost): string {
  const { state, state_by, state_by_name, state_known } = comment;
  const { trans } = host;
  const by = formatSpeaker(state_by, state_by_name, state_known ?? 'unsigned', host);
  switch (state) {
    case 'accepted':
      return trans.__('Accepted by %1', by);
    case 'dismissed':
      return trans.__('Dismissed by %1', by);
    default:
      return trans.__('Resolved by %1', by);
  }
}
