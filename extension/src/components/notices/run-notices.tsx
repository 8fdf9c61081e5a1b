/**
 * The notice of a run that does not continue by itself, or continues now. A card shows it in place of its proposal:
 * one sentence, and the buttons that mend it.
 */

import type { ReactNode } from 'react';
import type { IProposal, IRun } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatClock } from '../../text/times';
import { Alert } from '../controls/alert';
import { Button } from '../controls/button';
import { decisionWord } from '../states/decision-word';
import type { IHost, IRunActions } from '../host';

/** Names of the states that have a run notice. */
export type RunNoticeState = 'interrupted' | 'orphaned' | 'continues';

interface IProps {
  model: IProposalModel;
  host: IHost;
  state: RunNoticeState;
}

/** The alert of a run that is interrupted, has no cell any more, or continues now. */
export function RunNotice({ model, host, state }: IProps): JSX.Element {
  const { proposal, run } = model;
  const actions = (run && host.runActions?.(run)) || null;
  const props = { proposal, run, actions, host };
  const Shown = { interrupted: InterruptedPart, orphaned: OrphanedPart, continues: ContinuesPart }[state];
  return (
    <div className="jp-hitl-run-notice">
      <Shown {...props} />
      {actions?.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(actions.problem)}
        </p>
      )}
    </div>
  );
}

interface IPartProps {
  proposal: IProposal;
  run: IRun | null;
  actions: IRunActions | null;
  host: IHost;
}

function InterruptedPart({ actions, host }: IPartProps): JSX.Element {
  const { trans } = host;
  const { where = '', interruptedAt, trouble, startKernel, kernelAlive = false } = actions ?? {};
  return (
    <>
      <Alert tone="warn" icon="disconnected">
        {trouble === 'in-doubt' ? (
          <>
            <b>{trans.__('In doubt.')}</b>{' '}
            <WithCode
              text={trans.__(
                'The kernel is gone, and nobody knows whether %1 took effect. You are asked before it is called again; nothing before it is repeated.',
                CODE
              )}
              code={where}
            />
          </>
        ) : (
          <>
            <b>{trans.__('The run was interrupted')}</b>
            {interruptedAt
              ? trans.__(' at %1: the kernel is gone.', formatClock(interruptedAt, Date.now()))
              : trans.__(': the kernel is gone.')}{' '}
            <WithCode text={continuationSentence(where, host)} code={where.replace(AFTER, '')} />
          </>
        )}
      </Alert>
      <RunButtons actions={actions} host={host}>
        {startKernel && (
          <Button
            variant="primary"
            icon="play"
            disabled={actions?.busy}
            onClick={() => void startKernel.call(actions)}
          >
            {kernelAlive ? trans.__('Continue') : trans.__('Start a kernel and continue')}
          </Button>
        )}
      </RunButtons>
    </>
  );
}

/** The word before a call that had ended when the run was interrupted. */
const AFTER = /^after /;

/** The place of the code in a sentence. */
const CODE = '\0';

/** Say where an interrupted run continues. */
function continuationSentence(where: string, { trans }: IHost): string {
  if (!where) {
    return trans.__('It continues where it was, nothing before it is repeated.');
  }
  return AFTER.test(where)
    ? trans.__('It continues after %1, nothing before it is repeated.', CODE)
    : trans.__('It continues at %1, nothing before it is repeated.', CODE);
}

/** A sentence with a call as code in it. */
function WithCode({ text, code }: { text: string; code: string }): JSX.Element {
  const [before, after] = text.split(CODE);
  return (
    <>
      {before}
      {after !== undefined && <code className="jp-hitl-mono">{showHiddenCharacters(code)}</code>}
      {after}
    </>
  );
}

function OrphanedPart({ proposal, actions, host }: IPartProps): JSX.Element {
  const { trans } = host;
  const notebook = fileName(proposal);
  const { restoreCell } = actions ?? {};
  const isNotebookGone = actions?.trouble !== 'cell-gone';
  return (
    <>
      <Alert tone="warn" icon="warning">
        <b>
          {isNotebookGone
            ? trans.__('%1 is not there any more.', notebook)
            : trans.__('%1 has no cell of the agent “%2” any more.', notebook, shown(proposal.agent))}
        </b>{' '}
        {trans.__('A decision is kept, but nothing continues with it.')}
      </Alert>
      <RunButtons actions={actions} host={host}>
        {restoreCell && (
          <Button
            variant="primary"
            icon="add"
            disabled={actions?.busy}
            onClick={() => void restoreCell.call(actions)}
          >
            {trans.__('Put the cell back')}
          </Button>
        )}
      </RunButtons>
    </>
  );
}

/** The buttons of a run that does not continue: those of its state, and then those that every such run has. */
function RunButtons(props: {
  actions: IRunActions | null;
  host: IHost;
  children: ReactNode;
}): JSX.Element | null {
  const { actions, host, children } = props;
  if (actions === null) {
    return null;
  }
  const { runOnServer, cancelRun, busy } = actions;
  return (
    <div className="jp-hitl-run-buttons">
      {children}
      {runOnServer && (
        <Button icon="play" disabled={busy} onClick={() => void runOnServer.call(actions)}>
          {host.trans.__('Run it on the server')}
        </Button>
      )}
      {cancelRun && (
        <Button variant="danger" icon="stop" disabled={busy} onClick={() => void cancelRun.call(actions)}>
          {host.trans.__('Cancel the run…')}
        </Button>
      )}
    </div>
  );
}

function ContinuesPart({ proposal, run, actions, host }: IPartProps): JSX.Element {
  const { trans } = host;
  const next = (run && host.resumeAction?.(run, proposal)) || null;
  const { stopRun, where } = actions ?? {};
  const begin = next?.run;
  const buttons = (
    <>
      {next?.label && begin && (
        <Button small icon="play" disabled={next.busy} onClick={() => void begin()}>
          {next.label}
        </Button>
      )}
      {stopRun && (
        <Button small icon="stop" disabled={actions?.busy} onClick={() => void stopRun.call(actions)}>
          {trans.__('Stop it')}
        </Button>
      )}
    </>
  );
  return (
    <Alert tone="good" icon="play" actions={buttons}>
      <b>{`${decisionWord(proposal, host).text}.`}</b>{' '}
      {shown(next?.text ?? trans.__('The agent continues …'))}
      {!next && where && <span className="jp-hitl-muted"> {showHiddenCharacters(where)}</span>}
    </Alert>
  );
}

function fileName({ path, notebook }: IProposal): string {
  return shown((path ?? notebook).split('/').pop() ?? '');
}

const shown = showHiddenCharacters;
