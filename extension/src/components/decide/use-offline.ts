/**
 * Whether a card has lost its connection: that of the draft, or that of the feed.
 */

import type { IProposalModel } from '../../models/interfaces';
import { SAVING_DELAY_MS } from './save-status';
import { useDelayed } from '../hooks/use-delayed';
import type { IHost } from '../host';

/**
 * Return true if the connection has been lost for some time, so that the server's news do not come. The card is drawn
 * again when the host changes, and so when the connection does.
 */
export function useOffline({ saveStatus }: IProposalModel, { feed }: IHost): boolean {
  return useDelayed(saveStatus === 'offline' || feed?.lost === true, false, SAVING_DELAY_MS);
}
