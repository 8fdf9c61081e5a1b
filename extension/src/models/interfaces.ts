/**
 * One proposal as the views see it: the server's record, the shared draft, and the ways to decide.
 */

import type { ISignal } from '@lumino/signaling';
import type { Action, IProposal, IRun, Json } from '../api/types';
import type { IDraft } from '../drafts/draft';
import type { IDiscussion } from './discussion';

/** A decision that was refused, or typing that was too late: the proposal as it was shown, and as it is now. */
export interface IDecisionConflict {
  shown: IProposal;
  now: IProposal;
  /** Time of this window's refused decision, in milliseconds. */
  refusedAt?: number;
  /** If the draft differs: its value as shown here, and its value now or as decided. */
  draft?: { shown: Json; now: Json };
}

/**
 * Parts of a decision. `message`: the text of an answer ("respond"). `value`: for an "edit" whose value is not the
 * draft. `withoutDraft`: approve the agent's version, although the draft has edits.
 */
export interface IDecisionOptions {
  reason?: string;
  message?: string;
  value?: Json;
  withoutDraft?: boolean;
}

/** A proposal with its draft, and the actions on it. */
export interface IProposalModel {
  /** The record as last read. */
  readonly proposal: IProposal;
  /** The proposal's run, where known. */
  readonly run: IRun | null;
  /** The shared draft; null if there is nothing to decide. */
  readonly draft: IDraft | null;
  /** The discussion; null if the server has no comments. */
  readonly discussion: IDiscussion | null;
  /** The value in the editor: the draft, or the value as it was proposed. */
  readonly value: Json;
  /** Why the text in the editor is not a valid value yet (for example, invalid JSON), or "". */
  readonly invalidReason: string;
  /** Whether the value differs from the one that people vote on: the proposed value, or an edited one. */
  readonly hasEdits: boolean;
  /** One message of the server for each field of the value that is not valid; "" is the whole value. */
  readonly fields: { [path: string]: string };
  /** Error of the last call, as a sentence for people, or "". */
  readonly problem: string;
  /** Set if somebody decided, or the proposal changed, while it was shown. */
  readonly conflict: IDecisionConflict | null;
  /** Whether a decision is being sent. */
  readonly isDeciding: boolean;
  /**
   * Save status of the draft: "saved", "saving", "loading" or "offline". If it is closed: the reason, as a sentence.
   */
  readonly saveStatus: string;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IProposalModel, void>;

  /**
   * Put a value into the draft. It is checked shortly after.
   *
   * @param value - the new value.
   * @param base - the value that it was made from; the current value by default.
   */
  edit(value: Json, base?: Json): void;
  /** Keep a typed text that is not a valid value, as the draft. It cannot be decided until the next `edit`. */
  cannotEdit(text: string, why: string): void;
  /** Replace the draft by the agent's version. */
  startOver(): void;
  /** Undo the last edit of this window. Text that is not a valid value is dropped first. */
  undo(): void;
  redo(): void;
  /**
   * Decide as shown, after the draft is saved. Resolves to true if the decision was made, or the vote recorded.
   * Otherwise the reason is in `problem`, `fields`, `conflict` or `saveStatus`.
   */
  decide(action: Action, options: IDecisionOptions): Promise<boolean>;
  /** Assign the proposal to a user, or to nobody (null). Resolves to true if that was done. */
  assign(assignee: string | null): Promise<boolean>;
  /** Take back the approval that is about to become the decision. Resolves to true if that was done. */
  takeBack(): Promise<boolean>;
  /** Read the record again. */
  refresh(): Promise<void>;
  dispose(): void;
}
