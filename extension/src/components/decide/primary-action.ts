/**
 * The one primary action of a card: its label says what happens now, or a sentence says why nothing can be decided.
 */

import type { Action } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';
import { approveLabel } from '../terms-sentences';
import { isAboutWorkspace } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { valueUnit } from '../../api/value-units';

/** The primary action of a card. */
export interface IPrimaryAction {
  action: Action;
  label: string;
  /** Why it cannot be done now, as a sentence; null if it can. */
  blocked: string | null;
}

/**
 * Return the primary action; null if neither an approval nor an edit is possible for the agent and this person.
 *
 * @param sending - the decision that is being sent, or null.
 */
export function primaryAction(
  model: IProposalModel,
  host: IHost,
  sending: Action | null = null
): IPrimaryAction | null {
  const { proposal, hasEdits } = model;
  const { allow, may } = proposal;
  const isPossible = (action: Action): boolean =>
    allow.includes(action) && (may?.actions.includes(action) ?? true);
  if (!isPossible('approve') && !isPossible('edit')) {
    return null;
  }
  // If only edits are allowed, to agree with another person's edit is also an edit.
  const agreed = proposal.candidate !== undefined && !allow.includes('approve');
  const whole = isAboutWorkspace(proposal);
  const edits = hasEdits || agreed || (whole && !allow.includes('approve'));
  const action: Action = edits && allow.includes('edit') ? 'edit' : 'approve';
  return {
    action,
    label: primaryLabel(model, action, sending, host),
    blocked: whyBlocked(model, action, host)
  };
}

function primaryLabel(
  { proposal, hasEdits }: IProposalModel,
  action: Action,
  sending: Action | null,
  host: IHost
): string {
  const { trans } = host;
  const isSent = sending === 'approve' || sending === 'edit';
  if (isAboutWorkspace(proposal)) {
    return isSent ? trans.__('Marking as done …') : trans.__('Done');
  }
  if (isSent) {
    return trans.__('Approving …');
  }
  if (action === 'edit' && (hasEdits || !proposal.allow.includes('approve'))) {
    return trans.__('Approve with edits');
  }
  return approveLabel(trans.__('Approve'), proposal, host);
}

/** Return why the primary action cannot be done now; null if it can. */
function whyBlocked(model: IProposalModel, action: Action, host: IHost): string | null {
  const { trans } = host;
  const { proposal, hasEdits } = model;
  if (model.isDeciding) {
    return '';
  }
  if (proposal.may && !proposal.may.actions.includes(action)) {
    return showHiddenCharacters(proposal.may.why_not ?? trans.__('You may not approve this.'));
  }
  const unready = whyUndecidable(model, host);
  if (unready !== null) {
    return unready;
  }
  const invalid = whyInvalid(model, host);
  if (invalid !== null) {
    return invalid;
  }
  if (hasEdits && !proposal.allow.includes('edit')) {
    return isAboutWorkspace(proposal)
      ? trans.__(
          'The text was changed since the agent asked, and the agent takes no changes: undo them, or reject.'
        )
      : trans.__('The agent takes no changes: take them back, or reject.');
  }
  const nothing = action === 'approve' && !proposal.allow.includes('approve');
  return nothing ? trans.__('The agent asks for a change: edit the value first.') : null;
}

/** Return why nothing at all can be decided here now; null if something can. */
export function whyUndecidable({ saveStatus }: IProposalModel, host: IHost): string | null {
  const { trans } = host;
  if (host.readOnly !== null) {
    return host.readOnly;
  }
  switch (saveStatus) {
    case 'saved':
    case 'saving':
      return null;
    case 'loading':
      return trans.__('Opening the draft …');
    case 'offline':
      return trans.__('Deciding waits for the connection.');
    default:
      return showHiddenCharacters(saveStatus);
  }
}

/** Return what must be corrected before the value can be decided; null if nothing. */
export function whyInvalid(
  { invalidReason, fields, proposal }: IProposalModel,
  { trans }: IHost
): string | null {
  if (invalidReason) {
    return trans.__('The text is not a valid value yet.');
  }
  const count = Object.keys(fields).length;
  if (count === 0) {
    return null;
  }
  return valueUnit(proposal.kind) === 'cells'
    ? trans._n('%1 cell must be fixed first.', '%1 cells must be fixed first.', count)
    : trans._n('%1 field must be fixed first.', '%1 fields must be fixed first.', count);
}
