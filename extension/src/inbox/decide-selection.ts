/**
 * Checks before a decision in the inbox: who may decide, how many at once, and the messages if that is not allowed.
 */

import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import { InboxModel, MAX_BULK } from './inbox-model';

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

/** Ask to confirm a decision on the current targets, or show why that is not possible. */
export function askConfirmation(model: InboxModel, host: IHost, action: 'approve' | 'reject'): void {
  const { trans } = host;
  const why = decisionRefusal(host);
  if (why !== null) {
    model.showProblem(why);
  } else if (model.deciding) {
    model.showProblem(trans.__('A decision is still under way.'));
  } else if (model.targets.some(p => p.doubt)) {
    model.showProblem(
      trans.__('No key decides whether an effect happened: open it, and say what you found out.')
    );
  } else {
    const count = model.targets.length;
    const without = model.targets.find(p => p.may?.actions.includes(action) === false);
    const batch = Math.min(...model.targets.map(p => p.batch ?? Infinity));
    if (without) {
      model.showProblem(
        trans.__(
          '%1: %2',
          showHiddenCharacters(without.title),
          showHiddenCharacters(without.may?.why_not ?? '') || trans.__('you may not decide it')
        )
      );
    } else if (count > 1 && count > batch) {
      model.showProblem(
        trans._n(
          'A policy lets no two of these be decided together, and %2 are selected: nothing was decided. Decide them one by one.',
          'A policy lets at most %1 of these be decided together, and %2 are selected: nothing was decided. Select fewer.',
          batch,
          count
        )
      );
    } else if (count > MAX_BULK) {
      model.showProblem(
        trans.__(
          'At most %1 proposals can be decided together, and %2 are selected: nothing was decided. Select fewer.',
          MAX_BULK,
          count
        )
      );
    } else {
      model.askConfirmation(action);
    }
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
