/**
 * Whether a value can be edited, and how its last edit is undone.
 */

import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';

/** Undo the last edit of this window. */
export function undoTyping(model: IProposalModel, onUndo: () => void): void {
  const broken = model.invalidReason !== '';
  model.undo();
  if (broken && !model.invalidReason) {
    onUndo();
  }
}

/** Return true if the value may be edited, and can be edited here and now. */
export function isEditable(model: IProposalModel, host: IHost): boolean {
  const { draft, proposal } = model;
  return (
    draft !== null &&
    proposal.allow.includes('edit') &&
    draft.isLoaded &&
    !draft.closeReason &&
    !model.isDeciding &&
    host.readOnly === null
  );
}
