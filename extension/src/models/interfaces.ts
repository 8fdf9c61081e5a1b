/**
 * One proposal as the views see it: the server's record, the draft over it, and the ways to decide.
 */

import type { ISignal } from '@lumino/signaling';
import type { Action, IProposal, IRun, Json } from '../api/types';
import type { IDraft } from '../drafts/draft';
import type { IDiscussion } from './discussion';

/** A decision that was not taken, or typing that came too late: what was shown, and what there is. */
export interface IDecisionConflict {
  shown: IProposal;
  now: IProposal;
  /** If it is about the draft: what it said here, and what it says, or was decided. */
  draft?: { shown: string; now: string };
}

/** What goes with a decision: for "respond" the message, for an "edit" that is not the draft the value. */
export interface IDecisionOptions {
  reason?: string;
  message?: string;
  value?: Json;
}

export interface IProposalModel {
  /** The record as last read. */
  readonly proposal: IProposal;
  /** Its run, where known. */
  readonly run: IRun | null;
  /** What everybody who edits it writes; null if there is nothing to decide. */
  readonly draft: IDraft | null;
  /** What people said about it; null if the server knows no comments. */
  readonly discussion: IDiscussion | null;
  /** What is in the editor: the draft, or the value as it was proposed. */
  readonly value: Json;
  /** What is in the editor is not yet a value (text that is no JSON, say): why, or "". */
  readonly unfinished: string;
  /** Whether the value differs from what people vote on: what was proposed, or what somebody has made of it. */
  readonly edited: boolean;
  /** One message for each field of the value that does not fit, from the server; "" is the whole. */
  readonly fields: { [path: string]: string };
  /** Unified diff from the agent's version to the value, hidden characters visible; "" if equal. */
  readonly changes: string;
  /** What went wrong with the last call, for people, or "". */
  readonly problem: string;
  /** Somebody decided, or the proposal changed, while it was shown: what it was then. */
  readonly conflict: IDecisionConflict | null;
  /** Whether a decision is under way. */
  readonly deciding: boolean;
  /** The draft is "saved" on the server, or just "saving", "loading" or "offline"; or why it is closed, a sentence. */
  readonly saved: string;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IProposalModel, void>;

  /** Put another value, which was made from `base` (what is there now, if not given), into the draft; checked shortly after. */
  edit(value: Json, base?: Json): void;
  /** What is typed is no value: nothing can be decided with it until `edit`. The text is kept as the draft. */
  cannotEdit(text: string, why: string): void;
  /** Take the agent's version again. */
  startOver(): void;
  /** Undo what was typed here last: what is no value first. */
  undo(): void;
  redo(): void;
  /** Decide what is shown, once it is saved; what went wrong is in `problem`, `fields`, `conflict` or `saved`. True if it was decided, or the vote recorded. */
  decide(action: Action, options: IDecisionOptions): Promise<boolean>;
  assign(assignee: string | null): Promise<boolean>;
  /** Take back the approval that is about to become the decision. True if it was. */
  takeBack(): Promise<boolean>;
  /** Read the record again. */
  refresh(): Promise<void>;
  dispose(): void;
}
