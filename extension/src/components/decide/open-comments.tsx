/**
 * The pop-up before an approval while suggestions or comments are open.
 */

import type { RefObject } from 'react';
import type { IComment } from '../../api/types';
import { Button } from '../controls/button';
import { Popover } from '../controls/popover';
import type { IHost } from '../host';
import { formatSpeaker } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Most comments that are named. */
const MAX_NAMED = 3;

/** Longest text of a comment in the list, in characters. */
const MAX_CHARS = 80;

interface IProps {
  anchor: RefObject<HTMLElement>;
  comments: readonly IComment[];
  /** The reason that is sent with the approval, if there is one. */
  reason?: string;
  onLook: () => void;
  onApprove: () => void;
  onClose: () => void;
  host: IHost;
}

/** Return the comments and suggestions that are open; answers to them are not counted. */
export function openThreads(comments: readonly IComment[] = []): IComment[] {
  return comments.filter(one => !one.thread && one.state === 'open');
}

/** Asks what to do about open suggestions and comments. */
export function OpenCommentsPopover(props: IProps): JSX.Element {
  const { comments, reason, host } = props;
  const { trans } = host;
  return (
    <Popover
      anchor={props.anchor}
      title={openSentence(comments, host)}
      onClose={props.onClose}
      footer={
        <>
          <Button variant="primary" onClick={props.onLook}>
            {trans.__('Look at them')}
          </Button>
          <Button onClick={props.onApprove}>{trans.__('Approve without them')}</Button>
          <Button variant="quiet" onClick={props.onClose}>
            {trans.__('Cancel')}
          </Button>
        </>
      }
    >
      {comments.slice(0, MAX_NAMED).map(comment => (
        <p key={comment.id}>
          {formatSpeaker(comment.author, comment.author_name, comment.known, host)}:{' '}
          {comment.suggestion === null ? (
            `“${shorten(comment.text)}”`
          ) : (
            <>
              {comment.quote && <del className="jp-hitl-del">{shorten(comment.quote)}</del>}{' '}
              <ins className="jp-hitl-ins">{shorten(comment.suggestion)}</ins>
            </>
          )}
        </p>
      ))}
      {reason && <p>{trans.__('Your reason: “%1”', showHiddenCharacters(reason))}</p>}
      <p className="jp-hitl-small jp-hitl-muted">
        {trans.__('They stay in the record; the agent does not get them.')}
      </p>
    </Popover>
  );
}

function openSentence(comments: readonly IComment[], { trans }: IHost): string {
  const suggestions = comments.filter(one => one.suggestion !== null).length;
  const others = comments.length - suggestions;
  const parts = [
    ...(suggestions > 0 ? [trans._n('%1 suggestion', '%1 suggestions', suggestions)] : []),
    ...(others > 0 ? [trans._n('%1 comment', '%1 comments', others)] : [])
  ];
  const all = parts.join(` ${trans.__('and')} `);
  return comments.length === 1 ? trans.__('%1 is open', all) : trans.__('%1 are open', all);
}

function shorten(text: string): string {
  const shown = showHiddenCharacters(text);
  return shown.length > MAX_CHARS ? `${shown.slice(0, MAX_CHARS)} …` : shown;
}
