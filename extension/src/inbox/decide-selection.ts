/**
 * What stands between a key and a decision: who may decide, how many at once, and the sentences that say so.
 */

import type { IHost } from '../components/host';
import { visible } from '../text/hidden-characters';
import { InboxModel, MOST } from './inbox-model';

/** Why nothing can be decided here, or null. */
export function barred(host: IHost): string | null {
  if (host.readOnly !== null) {
    return host.readOnly;
  }
  if (host.status?.may.decide === false) {
    return host.status.decide_refused ?? host.trans.__('You may not decide on this server.');
  }
  return null;
}

/** Ask for a confirmation of what is meant now, or say why not. */
export function ask(model: InboxModel, host: IHost, action: 'approve' | 'reject'): void {
  const { trans } = host;
  const why = barred(host);
  if (why !== null) {
    model.say(why);
  } else if (model.deciding) {
    model.say(trans.__('A decision is still under way.'));
  } else if (model.meant.some(p => p.doubt)) {
    model.say(trans.__('No key decides whether an effect happened: open it, and say what you found out.'));
  } else {
    const count = model.meant.length;
    const without = model.meant.find(p => p.may?.actions.includes(action) === false);
    const batch = Math.min(...model.meant.map(p => p.batch ?? Infinity));
    if (without) {
      model.say(
        trans.__(
          '%1: %2',
          visible(without.title),
          visible(without.may?.why_not ?? '') || trans.__('you may not decide it')
        )
      );
    } else if (count > 1 && count > batch) {
      model.say(
        trans._n(
          'A policy lets no two of these be decided in one go, and %2 are selected: nothing was decided. Decide them one by one.',
          'A policy lets at most %1 of these be decided in one go, and %2 are selected: nothing was decided. Select fewer.',
          batch,
          count
        )
      );
    } else if (count > MOST) {
      model.say(
        trans.__(
          'At most %1 proposals can be decided in one go, and %2 are selected: nothing was decided. Select fewer.',
          MOST,
          count
        )
      );
    } else {
      model.ask(action);
    }
  }
}

/** Decide what was confirmed, or say why not. */
export async function confirm(model: InboxModel, host: IHost, reason: string): Promise<void> {
  const why = barred(host);
  if (why !== null) {
    model.say(why);
  } else {
    await model.confirm(reason);
  }
}
