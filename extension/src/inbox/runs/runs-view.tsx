/**
 * The runs, newest first: their state, what was decided, and what happened in them.
 */

import { useCallback, useMemo, useState } from 'react';
import type { IRunQuery } from '../../api/client';
import type { IRunRow, RunState } from '../../api/types';
import { Chip } from '../../components/controls/chip';
import { useClock, MINUTE_MS } from '../../components/hooks/use-clock';
import type { IHost } from '../../components/host';
import { formatWhen } from '../../components/proposal-status';
import { formatAge } from '../../text/times';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ChoicePill } from '../overview/choice-pill';
import { sinceOf, whenChoices } from '../overview/decided-view';
import { HalfView } from '../overview/half-view';
import { IOverviewColumn, OverviewName, OverviewTable } from '../overview/overview-table';
import { IPage, usePages } from '../overview/pages';
import { RunDetail } from './run-detail';
import { decidedCounts, runNote, runWord, RUN_STATES } from './run-state';
import { useDelayedText } from '../overview/use-delayed-text';

const PAGE_SIZE = 100;

interface IProps {
  host: IHost;
  wide: boolean;
  /** How many runs need a person, as the server counts: a kernel that dies tells nobody else. */
  counted?: number;
}

/** The list of the runs, and the open one. */
export function RunsView({ host, wide, counted }: IProps): JSX.Element {
  const { client, feed, trans } = host;
  const [typed, words, setTyped] = useDelayedText();
  const [state, setState] = useState('');
  const [hours, setHours] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const read = useCallback(
    async (cursor?: string): Promise<IPage<IRunRow>> => {
      const query: IRunQuery = {
        search: words || undefined,
        state: (state || undefined) as RunState | undefined,
        since: sinceOf(hours)
      };
      const { runs, next } = await client.listRuns(PAGE_SIZE, cursor, query);
      return { items: runs, next };
    },
    [client, words, state, hours]
  );
  const pages = usePages(read, feed, counted);
  const runs = pages.items;
  const run = runs.find(one => one.id === chosen) ?? (wide ? runs[0] : undefined);
  const states = RUN_STATES.map((one): [string, string] => [one, runWord(one, host).text]);
  const filtered = words !== '' || state !== '' || hours !== '';
  return (
    <HalfView
      host={host}
      wide={wide}
      onBack={() => setChosen(null)}
      search={{ label: trans.__('Search runs, people, reasons'), value: typed, onChange: setTyped }}
      filters={
        <>
          <ChoicePill
            label={trans.__('State')}
            value={state}
            choices={[['', trans.__('Any state')], ...states]}
            onChoose={setState}
          />
          <ChoicePill
            label={trans.__('When')}
            value={hours}
            choices={[['', trans.__('Any time')], ...whenChoices(host)]}
            onChoose={setHours}
          />
        </>
      }
      list={
        runs.length > 0 && <RunTable runs={runs} current={run?.id ?? null} host={host} onChoose={setChosen} />
      }
      pages={pages}
      shown={runs.length}
      empty={
        filtered
          ? trans.__('No run fits the search and the filters.')
          : trans.__('No agent has run here yet.')
      }
      detail={run === undefined ? null : <RunDetail key={run.id} run={run} host={host} />}
    />
  );
}

function RunTable(props: {
  runs: readonly IRunRow[];
  current: string | null;
  host: IHost;
  onChoose: (id: string) => void;
}): JSX.Element {
  const { runs, current, host, onChoose } = props;
  const { trans } = host;
  const now = useClock(MINUTE_MS);
  const columns = useMemo(
    (): IOverviewColumn<IRunRow>[] => [
      {
        name: 'state',
        title: trans.__('State'),
        cell: run => <RunChip run={run} host={host} />
      },
      {
        name: 'run',
        title: trans.__('Run'),
        cell: run => (
          <OverviewName
            name={showHiddenCharacters(run.agent)}
            note={runNote(run, host)}
            current={run.id === current}
            onChoose={() => onChoose(run.id)}
          />
        )
      },
      {
        name: 'decided',
        title: trans.__('Decided'),
        numeric: true,
        cell: run => {
          const { text, title } = decidedCounts(run, host);
          return <span title={title}>{text}</span>;
        }
      },
      {
        name: 'changed',
        title: trans.__('Changed'),
        numeric: true,
        cell: run => (
          <time dateTime={run.updated_at} title={formatWhen(run.updated_at)}>
            {formatAge(run.updated_at, now, trans)}
          </time>
        )
      }
    ],
    [trans, host, current, now, onChoose]
  );
  return (
    <OverviewTable
      label={trans.__('Runs')}
      columns={columns}
      rows={runs}
      idOf={run => run.id}
      current={current}
      onChoose={onChoose}
      lines
    />
  );
}

/** The state of a run as a chip. */
export function RunChip({ run, host }: { run: IRunRow; host: IHost }): JSX.Element {
  const { text, tone, icon } = runWord(run.state, host, run.gone);
  return (
    <Chip tone={tone} icon={icon}>
      {text}
    </Chip>
  );
}
