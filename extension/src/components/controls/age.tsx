/**
 * The age of something, with the exact time in its tooltip.
 */

import { formatAge } from '../../text/times';
import { MINUTE_MS, useClock } from '../hooks/use-clock';
import type { IHost } from '../host';
import { formatWhen } from '../proposal-status';

/** "4 min ago". */
export function Age({ at, host }: { at: string; host: IHost }): JSX.Element {
  const now = useClock(MINUTE_MS);
  return (
    <time dateTime={at} title={formatWhen(at)}>
      {formatAge(at, now, host.trans)}
    </time>
  );
}
