/**
 * The timeline of a run: lanes over one time axis, and a list of the entries with their details.
 */

import { useEffect, useState } from 'react';
import type { ITimelineEntry, IRun } from '../api/types';
import type { IHost } from '../components/host';
import { formatDuration } from '../text/duration';
import { showHiddenCharacters } from '../text/hidden-characters';
import { makeBars, Lane, sumTotals } from './lanes';

const TIME_FORMAT: Intl.DateTimeFormatOptions = {
  ...{ year: 'numeric', month: 'short', day: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }
};

/** Format a time to the millisecond, in the user's locale. */
function formatMoment(time: string): string {
  return new Date(time).toLocaleString(undefined, TIME_FORMAT);
}

/** The timeline of a run, updated by the feed. */
export function TimelineView({ run: id, host }: { run: string; host: IHost }): JSX.Element {
  const { trans, client, feed } = host;
  const [found, setFound] = useState<{ run: IRun; entries: ITimelineEntry[]; now: number } | null>(null);
  const [problem, setProblem] = useState('');
  const [open, setOpen] = useState<number | null>(null);

  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      try {
        const answer = await client.getTimeline(id);
        if (!gone) {
          setFound({ ...answer, now: Date.now() });
          setProblem('');
        }
      } catch (reason) {
        if (!gone) {
          setProblem(reason instanceof Error ? reason.message : String(reason));
        }
      }
    };
    const onFeed = (_: unknown, changed: { runs: string[] } | null): void => {
      if (changed === null || changed.runs.includes(id)) {
        void read();
      }
    };
    feed.changed.connect(onFeed);
    void read();
    return () => {
      gone = true;
      feed.changed.disconnect(onFeed);
    };
  }, [id, client, feed]);

  if (problem) {
    return <p role="alert">{problem}</p>;
  }
  if (!found) {
    return <p>{trans.__('Loading …')}</p>;
  }
  const { run, entries, now } = found;
  const spent = sumTotals(entries, now);
  const lanes: [Lane, string][] = [
    ['working', trans.__('Working')],
    ['steps', trans.__('Steps')],
    ['waiting', trans.__('Waiting')],
    ['policy', trans.__('Policy')],
    ['moments', trans.__('Events')]
  ];
  const placed = makeBars(entries, now);
  // Most runs have no policy, so the lane is shown only if it has bars.
  const drawn = lanes.filter(([lane]) => lane !== 'policy' || placed.some(bar => bar.lane === lane));
  return (
    <section
      className="jp-hitl-timeline"
      aria-label={trans.__('Timeline of %1', showHiddenCharacters(run.agent))}
    >
      <h2>{showHiddenCharacters(run.agent)}</h2>
      <p>
        {trans.__(
          'Run %1, %2. Worked %3, waited %4.',
          run.id,
          run.status,
          formatDuration(spent.working),
          formatDuration(spent.waiting)
        )}
      </p>
      <div
        className="jp-hitl-lanes"
        role="img"
        aria-label={trans.__('Working and waiting time; the list below has the same')}
      >
        {drawn.map(([lane, name]) => (
          <div className="jp-hitl-lane" key={lane}>
            <span className="jp-hitl-lane-name">{name}</span>
            <div className="jp-hitl-lane-bars">
              {placed
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
      <ol className="jp-hitl-entries">
        {entries.map((entry, i) => (
          <li key={i}>
            <button type="button" aria-expanded={open === i} onClick={() => setOpen(open === i ? null : i)}>
              <time dateTime={entry.at}>{formatMoment(entry.at)}</time>
              <strong>{showHiddenCharacters(entry.what)}</strong>
              {entry.seconds !== null && <span>{formatDuration(entry.seconds)}</span>}
              <span>{showHiddenCharacters(entry.actor)}</span>
            </button>
            {open === i && <pre>{showHiddenCharacters(JSON.stringify(entry.detail, null, 2))}</pre>}
          </li>
        ))}
      </ol>
    </section>
  );
}
