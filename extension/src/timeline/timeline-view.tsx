/**
 * The timeline of a run: lanes over one time axis, and a list of what happened.
 */

import { useEffect, useMemo, useState } from 'react';
import type { IRun, ITimelineEntry } from '../api/types';
import { SegmentedControl } from '../components/controls/segmented-control';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import { formatClock } from '../text/times';
import { EntryList } from './entry-list';
import { EntryFilter, groupEntries, isShown } from './entry-words';
import { LogCheck } from './log-check';
import { RunLanes, spentTime } from './run-lanes';

interface IProps {
  /** Id of the run. */
  run: string;
  host: IHost;
  /** Whether the agent's name is not shown, because it is shown above. */
  hidesName?: boolean;
}

interface ITimeline {
  run: IRun;
  entries: ITimelineEntry[];
  /** The time at which it was read, in milliseconds. */
  now: number;
}

/** The timeline of a run, updated by the feed. */
export function TimelineView({ run: id, host, hidesName }: IProps): JSX.Element {
  const { trans } = host;
  const { timeline, problem } = useTimeline(id, host);
  const [filter, setFilter] = useState<EntryFilter>('all');
  const entries = timeline?.entries;
  const groups = useMemo(
    () => groupEntries((entries ?? []).filter(entry => isShown(entry, filter))),
    [entries, filter]
  );
  if (problem) {
    return <p role="alert">{showHiddenCharacters(problem)}</p>;
  }
  if (!timeline) {
    return <p className="jp-hitl-muted">{trans.__('Loading …')}</p>;
  }
  const { run, now } = timeline;
  const name = showHiddenCharacters(run.agent);
  return (
    <section className="jp-hitl-timeline jp-hitl-root" aria-label={trans.__('Timeline of %1', name)}>
      {!hidesName && <h2>{name}</h2>}
      <p className="jp-hitl-small jp-hitl-muted">{describeRun(timeline, host)}</p>
      <RunLanes entries={timeline.entries} now={now} host={host} />
      <div className="jp-hitl-timeline-bar">
        <SegmentedControl
          label={trans.__('Show')}
          options={[
            { value: 'all', text: trans.__('All') },
            { value: 'decisions', text: trans.__('Decisions') },
            { value: 'steps', text: trans.__('Steps') }
          ]}
          chosen={filter}
          onChoose={setFilter}
        />
        <LogCheck run={id} host={host} />
      </div>
      {groups.length > 0 ? (
        <EntryList key={filter} groups={groups} host={host} />
      ) : (
        <p className="jp-hitl-muted">
          {filter === 'decisions'
            ? trans.__('Nothing was asked or decided.')
            : trans.__('No step was recorded.')}
        </p>
      )}
    </section>
  );
}

/** "refunds.ipynb · run 1 of 28 Nov, 21:44 · worked 12 s, waited 41 min" */
export function describeRun({ run, entries, now }: ITimeline, host: IHost): string {
  const { trans } = host;
  const { path, notebook, key, generation, created_at: began } = run;
  return [
    showHiddenCharacters(path ?? notebook),
    showHiddenCharacters(key),
    trans.__('run %1 of %2', generation, formatClock(began, now)),
    spentTime(entries, now, host)
  ]
    .filter(Boolean)
    .join(' · ');
}

function useTimeline(id: string, host: IHost): { timeline: ITimeline | null; problem: string } {
  const { client, feed } = host;
  const [timeline, setTimeline] = useState<ITimeline | null>(null);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      try {
        const answer = await client.getTimeline(id);
        if (!gone) {
          setTimeline({ ...answer, now: Date.now() });
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
  return { timeline, problem };
}
