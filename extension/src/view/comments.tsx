/**
 * What people said about a proposal, and a form to say more. A server that knows no comments shows neither.
 */

import { useId, useState } from 'react';
import type { IComment } from '../api/types';
import type { IProposalModel } from '../model';
import type { IHost } from './host';
import { when } from './state';
import { visible } from './visible';

export function Comments({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const heading = useId();
  const [text, setText] = useState('');
  const [sending, setSending] = useState(false);
  const comments = model.proposal.comments as IComment[] | undefined;
  if (!comments) {
    return null;
  }
  const send = async (): Promise<void> => {
    setSending(true);
    try {
      if (await model.comment(text.trim())) {
        setText('');
      }
    } finally {
      setSending(false);
    }
  };
  const blocked = sending || host.readOnly !== null;
  return (
    <section className="jp-hitl-comments" aria-labelledby={heading}>
      <h4 id={heading}>{trans.__('Comments')}</h4>
      {comments.length > 0 && (
        <ol>
          {comments.map(comment => (
            <li key={comment.id}>
              <strong>{visible(comment.author_name || comment.author)}</strong>{' '}
              <time dateTime={comment.at}>{when(comment.at)}</time>
              <p>{visible(comment.text)}</p>
            </li>
          ))}
        </ol>
      )}
      <form
        onSubmit={event => {
          event.preventDefault();
          if (!blocked && text.trim() !== '') {
            void send();
          }
        }}
      >
        <textarea
          rows={1}
          value={text}
          disabled={blocked}
          aria-label={trans.__('Your comment')}
          onChange={event => setText(event.target.value)}
        />
        <button type="submit" disabled={blocked || text.trim() === ''}>
          {trans.__('Comment')}
        </button>
      </form>
    </section>
  );
}
