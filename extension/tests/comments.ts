/**
 * A fake server for comments, which behaves as `hitl_nb/server/api/comments.py` does.
 */

import { Client } from '../src/api/client';
import type { CommentState, IComment, ICommentRequest, IMentionableUser } from '../src/api/types';

export const BLANK: IComment = {
  ...{ id: 'c0', proposal: 'p', author: 'bo', author_name: '', text: '', at: '2026-01-31T10:00:00Z' },
  ...{ anchor: null, quote: '', prefix: '', suffix: '', thread: '', suggestion: null, mentions: [] },
  ...{ state: 'open', state_by: '', state_by_name: '', state_at: null, known: 'login', state_known: 'login' }
};

export class Comments {
  comments: IComment[] = [];
  people: IMentionableUser[] = [
    { username: 'ann', name: 'Ann Lee' },
    { username: 'bo', name: 'Bo\u202e' }
  ];
  /** The answer to all calls, if it is set. */
  refusal: { status: number; body: unknown } | null = null;
  calls: string[] = [];

  /** Return the server's client as one person has it. */
  client(username: string): Client {
    return new Client(async (path, init) => {
      const body = init.body === undefined ? null : (JSON.parse(String(init.body)) as unknown);
      this.calls.push(`${init.method} ${path}`);
      const { status, body: answer } = this.refusal ?? this._answer(username, path, body);
      return { ok: status === 200, status, json: async () => answer } as Response;
    });
  }

  /** Add a comment by another person. */
  say(author: string, said: Partial<IComment>): IComment {
    const n = this.comments.length;
    const id = `c${n + 1}`;
    const made = { ...BLANK, id, author, author_name: author.toUpperCase(), ...said };
    this.comments.push(made);
    return made;
  }

  private _answer(username: string, path: string, body: unknown): { status: number; body: unknown } {
    if (path.startsWith('comments/')) {
      return this._mark(username, path.split('/')[1], (body as { state: CommentState }).state);
    }
    if (path.includes('/history')) {
      return { status: 200, body: { entries: [], next: null } };
    }
    if (body !== null) {
      return { status: 200, body: { comment: this.say(username, body as ICommentRequest) } };
    }
    return { status: 200, body: { comments: this.comments, people: this.people } };
  }

  private _mark(username: string, id: string, state: CommentState): { status: number; body: unknown } {
    const at = this.comments.findIndex(one => one.id === id);
    const comment = this.comments[at];
    if (['accepted', 'dismissed'].includes(comment.state) && comment.state_by !== username) {
      const message = `${comment.state_by} has already ${comment.state} this suggestion`;
      return { status: 409, body: { error: 'AlreadySettled', message, comment } };
    }
    const changed = comment.state !== state;
    if (changed) {
      const state_at = `2026-01-31T11:00:${String(this._marks++).padStart(2, '0')}Z`;
      this.comments[at] = { ...comment, state, state_by: username, state_at };
    }
    return { status: 200, body: { comment: this.comments[at], changed } };
  }

  private _marks = 10;
}
