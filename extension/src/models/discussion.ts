/**
 * What people say about a document: comments and answers, suggestions, and what became of them. Comments are only ever
 * added, so an answer of the server that is older than what is known here takes nothing away.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { CommentState, IComment, ISaid, ISomebody } from '../api/types';
import type { IDraft } from '../drafts/draft';
import { replaced } from '../drafts/comment-anchor';

export interface IDiscussion {
  /** The document's id. */
  readonly document: string;
  /** Oldest first, answers too. */
  readonly comments: readonly IComment[];
  /** Who may be mentioned, as far as is known. */
  readonly people: readonly ISomebody[];
  /** What went wrong with the last call, for people, or "". */
  readonly problem: string;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IDiscussion, void>;

  /** Ask the server for the comments, and who may be mentioned. */
  read(): Promise<void>;
  /** True if it was said; else `problem` tells why not. */
  say(said: ISaid): Promise<boolean>;
  /** Say what became of a comment: whether it is so now. */
  mark(comment: IComment, state: CommentState): Promise<boolean>;
  /** Put a suggestion into the draft, unless somebody else did: whether it is there now. */
  accept(comment: IComment, draft: IDraft): Promise<boolean>;
}

/** Said of a suggestion whose range nobody can find any more. */
const GONE = 'The text that this suggestion is about is gone; nothing was changed.';

export class Discussion implements IDiscussion {
  constructor(
    private _client: Client,
    readonly document: string,
    private _comments: readonly IComment[] = []
  ) {}

  get comments(): readonly IComment[] {
    return this._comments;
  }

  get people(): readonly ISomebody[] {
    return this._people;
  }

  get problem(): string {
    return this._problem;
  }

  get changed(): ISignal<IDiscussion, void> {
    return this._changed;
  }

  /** The server has these comments. */
  take(found: readonly IComment[]): void {
    const known = new Map(this._comments.map(one => [one.id, one]));
    found.forEach(one => known.set(one.id, newer(known.get(one.id), one)));
    const comments = [...known.values()];
    if (JSON.stringify(comments) !== JSON.stringify(this._comments)) {
      this._comments = comments;
      this._changed.emit();
    }
  }

  async read(): Promise<void> {
    await this._tell(async () => {
      const { comments, people } = await this._client.comments(this.document);
      this._people = people;
      this.take(comments);
    });
  }

  say(said: ISaid): Promise<boolean> {
    return this._tell(async () => this.take([(await this._client.comment(this.document, said)).comment]));
  }

  mark(comment: IComment, state: CommentState): Promise<boolean> {
    return this._tell(async () => {
      await this._mark(comment, state);
    });
  }

  async accept(comment: IComment, draft: IDraft): Promise<boolean> {
    if (replaced(draft, comment) === null) {
      this._say(GONE);
      return false;
    }
    return this._tell(async () => {
      // Of all who accept it at once only one is told that it changed, and puts it in.
      if (!(await this._mark(comment, 'accepted'))) {
        return;
      }
      const text = draft.closed ? null : replaced(draft, comment);
      if (text === null) {
        await this._mark(comment, 'open');
        throw new Error(draft.closed || GONE);
      }
      draft.edit(text);
    });
  }

  private async _mark({ id }: IComment, state: CommentState): Promise<boolean> {
    const { comment, changed } = await this._client.mark(this.document, id, state);
    this.take([comment]);
    return changed;
  }

  private async _tell(call: () => Promise<void>): Promise<boolean> {
    let problem = '';
    try {
      await call();
    } catch (reason) {
      problem = reason instanceof Error ? reason.message : String(reason);
      if (reason instanceof ApiError && reason.details.comment) {
        this.take([reason.details.comment]);
      }
    }
    this._say(problem);
    return problem === '';
  }

  private _say(problem: string): void {
    this._problem = problem;
    this._changed.emit();
  }

  private _people: readonly ISomebody[] = [];
  private _problem = '';
  private _changed = new Signal<IDiscussion, void>(this);
}

/** Of two readings of a comment the one that knows the later state. */
function newer(known: IComment | undefined, found: IComment): IComment {
  return known && (known.state_at ?? '') > (found.state_at ?? '') ? known : found;
}
