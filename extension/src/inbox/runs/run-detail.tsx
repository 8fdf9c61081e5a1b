/**
 * The open run: its state, what can be done with it now, and its timeline.
 */

import type { IRunRow } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import type { IHost } from '../../components/host';
import { useRedraw } from '../../components/use-redraw';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { TimelineView } from '../../timeline/timeline-view';
import { ExportMenu } from './export-menu';
import { runWord } from './run-state';

/** One run. */
export function RunDetail({ run, host }: { run: IRunRow; host: IHost }): JSX.Element {
  const { text, tone, icon } = runWord(run.state, host, run.gone);
  return (
    <>
      <div className="jp-hitl-detail-bar">
        <h3>{showHiddenCharacters(run.agent)}</h3>
        <Chip tone={tone} icon={icon}>
          {text}
        </Chip>
        <span className="jp-hitl-grow" />
        <RunButtons run={run} host={host} />
      </div>
      {run.state === 'failed' && run.error && (
        <p className="jp-hitl-error">{showHiddenCharacters(run.error)}</p>
      )}
      <TimelineView run={run.id} host={host} hidesName />
    </>
  );
}

/** The actions that a run allows in its state. Cancel and Start over ask first. */
function RunButtons({ run, host }: { run: IRunRow; host: IHost }): JSX.Element {
  const { trans } = host;
  useRedraw(host.changed && { changed: host.changed });
  const actions = host.runActions?.(run) ?? null;
  const busy = actions?.busy ?? false;
  return (
    <>
      {host.openNotebook && run.path !== null && run.gone !== 'notebook' && (
        <Button small icon="open" onClick={() => void host.openNotebook?.(run)}>
          {trans.__('Open the notebook')}
        </Button>
      )}
      {actions?.startKernel && (
        <Button small icon="play" disabled={busy} onClick={() => void actions.startKernel?.()}>
          {trans.__('Continue')}
        </Button>
      )}
      {actions?.runOnServer && !actions.startKernel && (
        <Button small icon="play" disabled={busy} onClick={() => void actions.runOnServer?.()}>
          {trans.__('Continue on the server')}
        </Button>
      )}
      {actions?.restoreCell && (
        <Button small icon="undo" disabled={busy} onClick={() => void actions.restoreCell?.()}>
          {trans.__('Put the cell back')}
        </Button>
      )}
      {actions?.stopRun && (
        <Button small icon="stop" disabled={busy} onClick={() => void actions.stopRun?.()}>
          {trans.__('Stop it')}
        </Button>
      )}
      {actions?.cancelRun && (
        <Button
          small
          icon="cross"
          variant="danger"
          disabled={busy}
          onClick={() => void actions.cancelRun?.()}
        >
          {trans.__('Cancel the run…')}
        </Button>
      )}
      {actions?.restartRun && (
        <Button small icon="restart" disabled={busy} onClick={() => void actions.restartRun?.()}>
          {trans.__('Start over…')}
        </Button>
      )}
      <ExportMenu run={run} host={host} />
      {actions?.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(actions.problem)}
        </p>
      )}
    </>
  );
}
