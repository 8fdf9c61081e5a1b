/**
 * The bars of a finished run: after its last card, and in a cell whose agent had finished before it was executed again.
 */

import { useEffect, useState } from 'react';
import type { IRun, ITimelineEntry } from '../../api/types';
import { formatDuration } from '../../text/duration';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatClock } from '../../text/times';
import { Alert } from '../controls/alert';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { useRedraw } from '../use-redraw';

interface IProps {
  run: IRun;
  host: IHost;
}

/** "Finished. 9 questions: 5 passed by policy, 4 approved. Ran 12 s, waited 41 min.", with the timeline. */
export function FinishedBar({ run, host }: IProps): JSX.Element {
  const { trans, openTimeline } = host;
  const [entries, setEntries] = useState<ITimelineEntry[]>([]);
  useEffect(() => {
    let gone = false;
    host.client.getTimeline(run.id).then(
      answer => !gone && setEntries(answer.entries),
      () => undefined // then the bar says only that it is finished
    );
    return () => {
      gone = true;
    };
  }, [run.id, run.updated_at, host]);
  const timeline = openTimeline && (
    <Button small icon="chart" onClick={() => openTimeline(run.id)}>
      {trans.__('Timeline')}
    </Button>
  );
  return (
    <div className="jp-hitl-root jp-hitl-bar-alone">
      <Alert tone="good" actions={timeline}>
        <b>{trans.__('Finished.')}</b> {describeRun(entries, host)}
      </Alert>
    </div>
  );
}

/** The bar of an agent that had finished before its cell was executed again. */
export function FinishedBeforeBar({ run, host }: IProps): JSX.Element {
  const { trans } = host;
  useRedraw(host.changed && { changed: host.changed });
  const actions = host.runActions?.(run);
  const { restartRun } = actions ?? {};
  const again = restartRun && (
    <Button small icon="restart" disabled={actions?.busy} onClick={() => void restartRun.call(actions)}>
      {trans.__('Start over…')}
    </Button>
  );
  return (
    <div className="jp-hitl-root jp-hitl-bar-alone">
      <Alert tone="brand" icon="history" actions={again}>
        <b>{trans.__('This agent has finished before')}</b>{' '}
        {trans.__(
          '(%1). All that you see is its record: nothing was called again.',
          formatClock(run.updated_at, Date.now())
        )}
      </Alert>
      {actions?.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(actions.problem)}
        </p>
      )}
    </div>
  );
}

/** Describe the decisions and the times of a run; "" without entries. */
function describeRun(entries: readonly ITimelineEntry[], host: IHost): string {
  const { trans } = host;
  const counts = new Map<string, number>();
  entries
    .map(entry => outcomeOf(entry, host))
    .forEach(word => word && counts.set(word, (counts.get(word) ?? 0) + 1));
  const asked = [...counts.values()].reduce((sum, one) => sum + one, 0);
  const parts = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  const said = asked > 0 ? [`${trans._n('%1 question', '%1 questions', asked)}: ${parts}.`] : [];
  const [ran, waited] = [secondsOf(entries, 'working'), secondsOf(entries, 'waiting')];
  if (ran > 0) {
    said.push(
      waited > 0
        ? trans.__('Ran %1, waited %2.', formatDuration(ran), formatDuration(waited))
        : trans.__('Ran %1.', formatDuration(ran))
    );
  }
  return said.join(' ');
}

/** Return what became of a question, as a word for a count; null for any other entry. */
function outcomeOf({ type, detail }: ITimelineEntry, { trans }: IHost): string | null {
  if (type === 'policy' && 'action' in detail) {
    return detail['action'] === 'reject' ? trans.__('blocked by policy') : trans.__('passed by policy');
  }
  if (type !== 'decision') {
    return null;
  }
  const words: { [action: string]: string } = {
    approve: trans.__('approved'),
    edit: trans.__('approved with edits'),
    reject: trans.__('rejected'),
    respond: trans.__('answered')
  };
  const word = words[String(detail['action'])] ?? trans.__('decided');
  return detail['by'] === 'deadline' ? trans.__('%1 by the deadline', word) : word;
}

function secondsOf(entries: readonly ITimelineEntry[], type: ITimelineEntry['type']): number {
  return entries.filter(entry => entry.type === type).reduce((sum, { seconds }) => sum + (seconds ?? 0), 0);
}
