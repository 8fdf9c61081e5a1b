/**
 * One proposal as the views see it: the server's record, the draft over it, and the ways to decide.
 */

import type { ISignal } from '@lumino/signaling';
import type { Action, IProposal, IRun, Json } from '../api/types';

export interface IProposalModel {
  /** The record as last read. */
  readonly proposal: IProposal;
  /** Its run, where known. */
  readonly run: IRun | null;
  /** What is in the editor: the draft, or the value as it was proposed. */
  readonly value: Json;
  /** What is in the editor is not yet a value (text that is no JSON, say): why, or "". */
  readonly unfinished: string;
  /** Whether the value differs from what was proposed. */
  readonly edited: boolean;
  /** One message for each field of the value that does not fit, from the server; "" is the whole. */
  readonly fields: { [path: string]: string };
  /** Unified diff from the agent's version to the value, hidden characters visible; "" if equal. */
  readonly changes: string;
  /** What went wrong with the last call, for people, or "". */
  readonly problem: string;
  /** Somebody decided, or the proposal changed, while it was shown: what it was then. */
  readonly surprise: { shown: IProposal; now: IProposal } | null;
  /** Whether a decision is under way. */
  readonly deciding: boolean;
  /** Whether the draft is safe on the server: "saved", "saving", or why not. */
  readonly saved: string;
  /** Emitted after any change of the above. */
  readonly changed: ISignal<IProposalModel, void>;

  /** Put another value into the draft; saved and checked shortly after. */
  edit(value: Json): void;
  /** What is typed is no value: nothing can be decided with it until `edit`. The text is kept as the draft. */
  cannotEdit(text: string, why: string): void;
  /** Take the agent's version again. */
  startOver(): void;
  /** Decide; what went wrong is in `problem`, `fields` or `surprise`. True if it was decided. */
  decide(action: Action, options: { reason?: string; message?: string }): Promise<boolean>;
  comment(text: string): Promise<boolean>;
  assign(assignee: string | null): Promise<boolean>;
  /** Read the record again. */
  refresh(): Promise<void>;
  dispose(): void;
}
