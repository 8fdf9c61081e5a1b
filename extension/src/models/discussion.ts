/**
 * What people say about a document: comments and answers, suggestions, and what became of them. Comments are only ever
 * added, so an answer of the server that is older than what is known here takes nothing away.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { CommentState, IComment, ICommentRequest, IMentionableUser } from '../api/types';
import type { IDraft } from '../drafts/draft';
import { applySuggestion } from '../drafts/comment-anchor';

export interface IDiscussion {
  /** The document's id. */
  readonly document: string;
  /** Oldest first, answers too. */
  readonly comments: readonly IComment[];
  /** Who may be mentioned, as far as is known. */
  readonly people: readonly IMentionableUser[];
  /** What went wrong with the last call, for people, or "". */
  readonly problem: string;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IDiscussion, void>;

  /** Ask the server for the comments, and who may be mentioned. */
  read(): Promise<void>;
  /** True if it was said; else `problem` tells why not. */
  addComment(said: ICommentRequest): Promise<boolean>;
  /** Say what became of a comment: whether it is so now. */
  changeState(comment: IComment, state: CommentState): Promise<boolean>;
  /** Put a suggestion into the draft, unless somebody else did: whether it is there now. */
  accept(comment: IComment, draft: IDraft): Promise<boolean>;
}

/** Said of a suggestion whose range nobody can find any more. */
const GONE_MESSAGE = 'The text that this suggestion is about is gone; nothing was changed.';

export class Discussion implements IDiscussion {
  constructor(
    private _client: Client,
    readonly document: string,
    private _comments: readonly IComment[] = []
  ) {}

  get comments(): readonly IComment[] {
    return this._comments;
  }

  get people(): readonly IMentionableUser[] {
    return this._people;
  }

  get problem(): string {
    return this._problem;
  }

  get changed(): ISignal<IDiscussion, void> {
    return this._changed;
  }

  /** The server has these comments. */
  merge(found: readonly IComment[]): void {
    const known = new Map(this._comments.map(one => [one.id, one]));
    found.forEach(one => known.set(one.id, chooseNewer(known.get(one.id), one)));
    const comments = [...known.values()];
    if (JSON.stringify(comments) !== JSON.stringify(this._comments)) {
      this._comments = comments;
      this._changed.emit();
    }
  }

  async read(): Promise<void> {
    await this._runCall(async () => {
      const { comments, people } = await this._client.listComments(this.document);
      this._people = people;
      this.merge(comments);
    });
  }

  addComment(said: ICommentRequest): Promise<boolean> {
    return this._runCall(async () =>
      this.merge([(await this._client.addComment(this.document, said)).comment])
    );
  }

  changeState(comment: IComment, state: CommentState): Promise<boolean> {
    return this._runCall(async () => {
      await this._changeState(comment, state);
    });
  }

  async accept(comment: IComment, draft: IDraft): Promise<boolean> {
    if (applySuggestion(draft, comment) === null) {
      this._showProblem(GONE_MESSAGE);
      return false;
    }
    return this._runCall(async () => {
      // Of all who accept it at once only one is told that it changed, and puts it in.
      if (!(await this._changeState(comment, 'accepted'))) {
        return;
      }
      const text = draft.closed ? null : applySuggestion(draft, comment);
      if (text === null) {
        await this._changeState(comment, 'open');
        throw new Error(draft.closed || GONE_MESSAGE);
      }
      draft.edit(text);
    });
  }

  private async _changeState({ id }: IComment, state: CommentState): Promise<boolean> {
    const { comment, changed } = await this._client.changeCommentState(this.document, id, state);
    this.merge([comment]);
    return changed;
  }

  private async _runCall(call: () => Promise<void>): Promise<boolean> {
    let problem = '';
    try {
      await call();
    } catch (reason) {
      problem = reason instanceof Error ? reason.message : String(reason);
      if (reason instanceof ApiError && reason.details.comment) {
        this.merge([reason.details.comment]);
      }
    }
    this._showProblem(problem);
    return problem === '';
  }

  private _showProblem(problem: string): void {
    this._problem = problem;
    this._changed.emit();
  }

  private _people: readonly IMentionableUser[] = [];
  private _problem = '';
  private _changed = new Signal<IDiscussion, void>(this);
}

/** Of two readings of a comment the one that knows the later state. */
function chooseNewer(known: IComment | undefined, found: IComment): IComment {
  return known && (known.state_at ?? '') > (found.state_at ?? '') ? known : found;
}
