/**
 * Advice about the person's own votes, if they look hurried. It prevents nothing.
 */

import { useEffect, useState } from 'react';
import type { IFigures } from '../../api/types';
import { formatDuration } from '../../text/duration';
import type { IHost } from '../../components/host';

/** Least number of votes for which statistics are shown. */
const MIN_VOTES = 10;

/** Statistics of the person's own votes, shown only to this person. */
export function VotingFigures({ host }: { host: IHost }): JSX.Element | null {
  const { client, trans } = host;
  const [figures, setFigures] = useState<IFigures | null>(null);
  useEffect(() => {
    let gone = false;
    const read = (): void =>
      void client.getFigures().then(
        found => {
          if (!gone) {
            setFigures(found);
          }
        },
        () => undefined // the advice is optional
      );
    client.decided.connect(read);
    read();
    return () => {
      gone = true;
      client.decided.disconnect(read);
    };
  }, [client]);
  const said = figures && figures.votes >= MIN_VOTES ? figureSentences(figures, trans) : [];
  return said.length > 0 ? (
    <p className="jp-hitl-note jp-hitl-figures">{trans.__('Only you see this: %1', said.join(' '))}</p>
  ) : null;
}

function figureSentences(figures: IFigures, trans: IHost['trans']): string[] {
  const { votes, median_seconds: median, fast, approvals_in_a_row: row, chance, last_hour: hour } = figures;
  const said: string[] = [];
  if (median !== null) {
    said.push(trans.__('half of your last %1 votes took less than %2.', votes, formatDuration(median)));
  }
  if (fast !== null && fast > 0) {
    said.push(trans.__('%1 % took less time than reading does.', Math.round(fast * 100)));
  }
  if (chance !== null && row > chance) {
    said.push(
      trans.__('Your last %1 votes are approvals: more in a row than chance explains (%2).', row, chance)
    );
  }
  if (hour > 0) {
    said.push(trans._n('%1 vote in the last hour.', '%1 votes in the last hour.', hour));
  }
  return said;
}
