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

/** Return true if the value can be edited here and now. */
export function isEditable(model: IProposalModel, host: IHost): boolean {
  const { draft } = model;
  return (
    draft !== null && draft.isLoaded && !draft.closeReason && !model.isDeciding && host.readOnly === null
  );
}
