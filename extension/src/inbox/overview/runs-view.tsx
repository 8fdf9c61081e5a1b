/**
 * The runs, newest first: their state, what was decided, and what happened in them.
 */

import { useCallback, useMemo, useState } from 'react';
import type { IRun } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import { useClock, MINUTE_MS } from '../../components/hooks/use-clock';
import type { IHost } from '../../components/host';
import { formatAge } from '../../text/times';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { TimelineView } from '../../timeline/timeline-view';
import { SearchField } from '../views/find-bar';
import { ChoicePill } from './choice-pill';
import { whenChoices } from './decided-view';
import { HalfView } from './half-view';
import { ListEnd } from './list-end';
import { IPage, usePages } from './pages';
import { runState, RUN_STATES } from './run-state';

const PAGE_SIZE = 100;

interface IProps {
  host: IHost;
  wide: boolean;
}

/** The list of the runs, and the open one. */
export function RunsView({ host, wide }: IProps): JSX.Element {
  const { client, feed, trans } = host;
  const [typed, setTyped] = useState('');
  const [state, setState] = useState('');
  const [hours, setHours] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const now = useClock(MINUTE_MS);
  const read = useCallback(
    async (cursor?: string): Promise<IPage<IRun>> => {
      const { runs, next } = await client.listRuns(PAGE_SIZE, cursor);
      return { items: runs, next };
    },
    [client]
  );
  const pages = usePages(read, feed);
  const shown = useMemo(() => {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    return pages.items.filter(run => {
      const text = `${run.agent} ${run.path ?? run.notebook} ${run.error ?? ''} ${run.requesters.join(' ')}`;
      return (
        words.every(word => text.toLowerCase().includes(word)) &&
        (!state || runState(run, host).state === state) &&
        (!hours || now - Date.parse(run.updated_at) <= Number(hours) * 3_600_000)
      );
    });
  }, [pages.items, typed, state, hours, now, host]);
  const run = shown.find(one => one.id === chosen) ?? (wide ? shown[0] : undefined);
  const states = RUN_STATES.map((one): [string, string] => [one, stateText(one, host)]);
  return (
    <HalfView
      host={host}
      wide={wide}
      onBack={() => setChosen(null)}
      find={
        <div className="jp-hitl-find">
          <SearchField label={trans.__('Search runs, people, reasons')} value={typed} onChange={setTyped} />
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
        </div>
      }
      list={
        <>
          {shown.length > 0 && (
            <RunTable runs={shown} current={run?.id ?? null} now={now} host={host} onChoose={setChosen} />
          )}
          <ListEnd
            pages={pages}
            shown={shown.length}
            host={host}
            empty={trans.__('No run fits the search and the filters.')}
          />
        </>
      }
      detail={run === undefined ? null : <RunDetail key={run.id} run={run} host={host} />}
    />
  );
}

function stateText(state: (typeof RUN_STATES)[number], host: IHost): string {
  return runState({ state }, host).text;
}

function RunTable(props: {
  runs: readonly IRun[];
  current: string | null;
  now: number;
  host: IHost;
  onChoose: (id: string) => void;
}): JSX.Element {
  const { runs, current, now, host, onChoose } = props;
  const { trans } = host;
  return (
    <table className="jp-hitl-overview-table">
      <thead>
        <tr>
          <th scope="col">{trans.__('State')}</th>
          <th scope="col">{trans.__('Run')}</th>
          <th scope="col" className="jp-mod-number">
            {trans.__('Changed')}
          </th>
        </tr>
      </thead>
      <tbody>
        {runs.map(run => {
          const { text, tone, icon } = runState(run, host);
          const place = [run.path ?? run.notebook, run.key, trans.__('run %1', run.generation)];
          return (
            <tr key={run.id} className={run.id === current ? 'jp-mod-current' : undefined}>
              <td>
                <Chip tone={tone} icon={icon}>
                  {text}
                </Chip>
              </td>
              <td>
                <button
                  type="button"
                  className="jp-hitl-overview-name"
                  aria-current={run.id === current || undefined}
                  onClick={() => onChoose(run.id)}
                >
                  {showHiddenCharacters(run.agent)}
                </button>
                <div className="jp-hitl-small jp-hitl-muted">
                  {showHiddenCharacters([...place, run.error ?? ''].filter(Boolean).join(' · '))}
                </div>
              </td>
              <td className="jp-mod-number">
                <time dateTime={run.updated_at} title={new Date(run.updated_at).toLocaleString()}>
                  {formatAge(run.updated_at, now, trans)}
                </time>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** The open run: what can be done with it, and its timeline. */
function RunDetail({ run, host }: { run: IRun; host: IHost }): JSX.Element {
  const { trans } = host;
  const { text, tone, icon } = runState(run, host);
  const actions = host.runActions?.(run) ?? null;
  return (
    <>
      <div className="jp-hitl-detail-bar">
        <h3>{showHiddenCharacters(run.agent)}</h3>
        <Chip tone={tone} icon={icon}>
          {text}
        </Chip>
        <span className="jp-hitl-grow" />
        {host.openNotebook && run.path !== null && (
          <Button small icon="open" onClick={() => void host.openNotebook?.(run)}>
            {trans.__('Open the notebook')}
          </Button>
        )}
        {actions?.startKernel && (
          <Button small icon="play" disabled={actions.busy} onClick={() => void actions.startKernel?.()}>
            {trans.__('Continue')}
          </Button>
        )}
        {actions?.cancelRun && (
          <Button
            small
            icon="stop"
            variant="danger"
            disabled={actions.busy}
            onClick={() => void actions.cancelRun?.()}
          >
            {trans.__('Cancel the run…')}
          </Button>
        )}
        {actions?.restartRun && (
          <Button small icon="restart" disabled={actions.busy} onClick={() => void actions.restartRun?.()}>
            {trans.__('Start over…')}
          </Button>
        )}
      </div>
      {actions?.problem && <p role="alert">{showHiddenCharacters(actions.problem)}</p>}
      <TimelineView run={run.id} host={host} />
    </>
  );
}
