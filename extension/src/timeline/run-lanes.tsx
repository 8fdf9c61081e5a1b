/**
 * The lanes of a run over one time axis: when it worked, when it waited, its steps, and what a policy decided.
 */

import type { ITimelineEntry } from '../api/types';
import type { IHost } from '../components/host';
import { formatDuration } from '../text/duration';
import { showHiddenCharacters } from '../text/hidden-characters';
import { makeBars, type Lane, sumTotals } from './lanes';

/** The lanes. For screen readers they are one picture; the list below has the same. */
export function RunLanes(props: {
  entries: ITimelineEntry[];
  /** The current time, in milliseconds. */
  now: number;
  host: IHost;
}): JSX.Element {
  const { entries, now, host } = props;
  const { trans } = host;
  const names: [Lane, string][] = [
    ['working', trans.__('worked')],
    ['waiting', trans.__('waited')],
    ['steps', trans.__('steps')],
    ['policy', trans.__('policy')]
  ];
  const bars = makeBars(entries, now);
  // Most runs have no policy, so the lane is shown only if it has bars.
  const drawn = names.filter(([lane]) => lane !== 'policy' || bars.some(bar => bar.lane === lane));
  return (
    <div
      className="jp-hitl-lanes"
      role="img"
      aria-label={trans.__('%1; the list below has the same', spentTime(entries, now, host))}
    >
      {drawn.map(([lane, name]) => (
        <div className="jp-hitl-lane" key={lane} data-lane={lane}>
          <span>{name}</span>
          <div>
            {bars
              .filter(bar => bar.lane === lane)
              .map((bar, i) => (
                <span
                  key={i}
                  className={`jp-hitl-bar jp-mod-${bar.entry.type}`}
                  style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
                  title={showHiddenCharacters(bar.entry.what)}
                />
              ))}
          </div>
        </div>
      ))}
    </div>
  );
}

/** "worked 12 s, waited 41 min" */
export function spentTime(entries: ITimelineEntry[], now: number, { trans }: IHost): string {
  const { working, waiting } = sumTotals(entries, now);
  return trans.__('worked %1, waited %2', formatDuration(working), formatDuration(waiting));
}
