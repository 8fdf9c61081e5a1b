/**
 * The discussion of a document: comments, answers, suggestions, and their states. Comments are never deleted, so an
 * old answer of the server removes nothing that is known here.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { CommentState, IComment, ICommentRequest, ICommentTarget, IMentionableUser } from '../api/types';
import type { IDraft } from '../drafts/draft';
import { applySuggestion } from '../drafts/comment-anchor';

/** A comment that a person is about to write. */
export interface ICommentDraft extends ICommentTarget {
  /** The whole selected text; a quote may be shortened. */
  text: string;
  /** Whether the person wants to suggest a replacement. */
  suggests: boolean;
}

/** The comments on one document, and the calls that change them. */
export interface IDiscussion {
  /** Id of the document. */
  readonly document: string;
  /** Comments and answers, oldest first. */
  readonly comments: readonly IComment[];
  /** Users who may be mentioned, as far as they are known. */
  readonly people: readonly IMentionableUser[];
  /** Error of the last call, as a sentence for people, or "". */
  readonly problem: string;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IDiscussion, void>;

  /** Read the comments, and the users who may be mentioned. */
  read(): Promise<void>;
  /** Post a comment. Resolves to true if it was posted; otherwise `problem` has the reason. */
  addComment(said: ICommentRequest): Promise<boolean>;
  /** Set the state of a comment. Resolves to true if the comment has this state now. */
  changeState(comment: IComment, state: CommentState): Promise<boolean>;
  /**
   * Put a suggestion into the draft, unless somebody else did already. Resolves to true if the draft contains it now.
   */
  accept(comment: IComment, draft: IDraft): Promise<boolean>;
}

/** Error message for a suggestion whose range cannot be found any more. */
const GONE_MESSAGE = 'The text that this suggestion is about is gone; nothing was changed.';

/** The discussion of a document over the REST API. */
export class Discussion implements IDiscussion {
  /** @param _comments - comments that are known already. */
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

  /** Add comments that the server has sent. */
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
      // If several people accept it at once, the server reports the change to one of them. Only that window edits the
      // draft.
      if (!(await this._changeState(comment, 'accepted'))) {
        return;
      }
      const text = draft.closeReason ? null : applySuggestion(draft, comment);
      if (text === null) {
        await this._changeState(comment, 'open');
        throw new Error(draft.closeReason || GONE_MESSAGE);
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

/** Return the reading of a comment that has the later state. */
function chooseNewer(known: IComment | undefined, found: IComment): IComment {
  return known && (known.state_at ?? '') > (found.state_at ?? '') ? known : found;
}
