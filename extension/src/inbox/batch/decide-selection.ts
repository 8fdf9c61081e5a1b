/**
 * Checks before a decision in the inbox: who may decide, how many at once, and the messages if that is not allowed.
 */

import type { ICommandHandler } from '../../components/review-commands';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { BatchAction } from '../stores/batch';
import { InboxModel, MAX_BULK } from '../stores/inbox-model';
import { commentsOf, isEdited } from '../stores/row-facts';

/** Return the reason why nothing can be decided here, or null. */
export function decisionRefusal(host: IHost): string | null {
  if (host.readOnly !== null) {
    return host.readOnly;
  }
  if (host.status?.may.decide === false) {
    return host.status.decide_refused ?? host.trans.__('You may not decide on this server.');
  }
  return null;
}

/** "2 selected rows were not on screen yet": nothing that was not in sight is decided. */
export function unseenSentence(count: number, { trans }: IHost): string {
  return trans._n('%1 selected row was not on screen yet', '%1 selected rows were not on screen yet', count);
}

/** Return the reason why these proposals cannot be decided together, or null. */
function selectionRefusal(model: InboxModel, host: IHost, action: BatchAction): string | null {
  const { trans } = host;
  const { targets } = model;
  const count = targets.length;
  const without = targets.find(p => p.may?.actions.includes(action) === false);
  const batch = Math.min(...targets.map(p => p.batch ?? Infinity));
  if (targets.some(p => p.doubt)) {
    return trans.__('No key decides whether an effect happened: open it, and say what you found out.');
  }
  if (model.unseen > 0) {
    return trans.__('%1: nothing was decided. Look at them first.', unseenSentence(model.unseen, host));
  }
  if (without) {
    return trans.__(
      '%1: %2',
      showHiddenCharacters(without.title),
      showHiddenCharacters(without.may?.why_not ?? '') || trans.__('you may not decide it')
    );
  }
  if (count > 1 && count > batch) {
    return trans._n(
      'A policy lets no two of these be decided together, and %2 are selected: nothing was decided. Decide them one by one.',
      'A policy lets at most %1 of these be decided together, and %2 are selected: nothing was decided. Select fewer.',
      batch,
      count
    );
  }
  if (count > MAX_BULK) {
    return trans.__(
      'At most %1 proposals can be decided together, and %2 are selected: nothing was decided. Select fewer.',
      MAX_BULK,
      count
    );
  }
  return null;
}

/** Ask to confirm a decision on the current targets, or show why that is not possible. */
export function askConfirmation(model: InboxModel, host: IHost, action: BatchAction): void {
  const why =
    decisionRefusal(host) ??
    (model.deciding ? host.trans.__('A decision is still under way.') : null) ??
    selectionRefusal(model, host, action);
  if (why !== null) {
    model.showProblem(why);
  } else {
    model.askConfirmation(action);
  }
}

/** The command of the card's primary button. */
const APPROVE_ON_CARD = 'hitl-nb:approve-proposal';

/**
 * Return the handler of the card that a key approves without a dialog. Null if rows are selected, if the current row's
 * card is not on screen in the inbox (`panel`), or if it has edits or comments. A notebook in a hidden tab may have a
 * card of the same proposal, which nobody sees.
 */
export function findCardApproval(
  model: InboxModel,
  host: IHost,
  panel: Element | null
): ICommandHandler | null {
  const proposal = model.currentProposal;
  const shown = model.wide && model.table === null && proposal !== null && model.opened?.id === proposal.id;
  const plain = shown && model.selected === 0 && isEdited(proposal) !== true && commentsOf(proposal) === 0;
  const handler =
    plain && panel ? host.commandTargets?.findWithin(panel, APPROVE_ON_CARD, proposal.id) : undefined;
  return handler && decisionRefusal(host) === null && handler.isEnabled({ proposal: proposal!.id })
    ? handler
    : null;
}

/**
 * Approve by a key: the card that is on screen approves, as its button does; otherwise a dialog asks first.
 *
 * @param repeated - whether the key is held.
 */
export function approveByKey(model: InboxModel, host: IHost, panel: Element | null, repeated: boolean): void {
  if (repeated) {
    return; // a held key decides one proposal alone
  }
  const onCard = findCardApproval(model, host, panel);
  if (onCard === null) {
    askConfirmation(model, host, 'approve');
  } else if (model.acceptsKeys) {
    void onCard.execute({ proposal: model.currentProposal!.id });
  }
}

/** Make the confirmed decision, or show why that is not possible. */
export async function confirmDecision(model: InboxModel, host: IHost, reason: string): Promise<void> {
  const why = decisionRefusal(host);
  if (why !== null) {
    model.showProblem(why);
  } else {
    await model.confirm(reason);
  }
}
