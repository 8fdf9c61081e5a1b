/**
 * The identity of the person at the browser, for decisions.
 */

import type { IHost } from '../../components/host';

/** The name under which this person decides; null if it is not known. */
export function votingName({ status }: IHost): string | null {
  return status?.votes_as ?? status?.user.username ?? null;
}
