/**
 * The controls for deciding an open proposal, and the result of a decided one.
 */

import { useEffect, useId, useRef, useState } from 'react';
import type { Action } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';
import type { CommandArgs, CommandHandlers } from '../review-commands';
import { approveLabel } from '../terms-sentences';
import { isAboutWorkspace } from '../proposal-status';
import type { IUndoer } from '../undo-keys';
import { useCardCommands } from '../use-card-commands';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Delay before the status of saving is shown, in milliseconds. */
const SAVING_DELAY_MS = 700;

interface IProps {
  model: IProposalModel;
  host: IHost;
}

/**
 * The fields and buttons for a decision.
 *
 * @param onUndo - redraws the editor, so that typed text that is not a valid value is removed.
 */
export function DecisionBar({ model, host, onUndo }: IProps & { onUndo: () => void }): JSX.Element {
  const { trans } = host;
  const [reason, setReason] = useState('');
  const [message, setMessage] = useState('');
  const templates = useId();
  const { proposal } = model;
  const sound = !model.invalidReason && Object.keys(model.fields).length === 0;
  const whole = isAboutWorkspace(proposal);
  // If only edits are allowed, to agree with another person's edit is also an edit.
  const agreed = proposal.candidate !== undefined && !proposal.allow.includes('approve');
  const names: [Action, string, boolean][] = [
    ['approve', approveLabel(trans.__('Approve'), proposal, host), !model.hasEdits && !model.invalidReason],
    ['edit', trans.__('Approve with edits'), (model.hasEdits || agreed) && sound],
    ['reject', trans.__('Reject'), true],
    ['respond', trans.__('Respond'), message.trim() !== '']
  ];
  const ways = whole ? [doneAction(model, host), ...names.slice(2)] : names;
  const reachable = model.saveStatus === 'saved' || model.saveStatus === 'saving';
  const blocked = model.isDeciding || host.readOnly !== null || !reachable;
  const { may } = proposal;
  const why = useId();
  const isAllowed = (action: Action): boolean => may?.actions.includes(action) ?? true;
  const settling = !!proposal.settles_at;
  const shown = ways
    .filter(([action]) => proposal.allow.includes(action))
    .filter(([action]) => !settling || isAllowed(action))
    .map(([action, name, ready]) => ({ action, name, able: !blocked && ready && isAllowed(action) }));
  const decide = (action: Action): Promise<boolean> =>
    model.decide(action, { reason: reason.trim() || undefined, message });
  const node = useRef<HTMLElement>(null);
  const chosen = ({ action }: CommandArgs): (typeof shown)[number] | undefined =>
    shown.find(one => (action === undefined ? one.able && isApproval(one.action) : one.action === action));
  useCardCommands(host, proposal.id, node, {
    'hitl-nb:decide-proposal': {
      isEnabled: args => chosen(args)?.able ?? false,
      execute: args => {
        const one = chosen(args);
        return one?.able ? decide(one.action) : false;
      }
    },
    ...makeEditHandlers(model, host, onUndo)
  });
  return (
    <footer ref={node} className="jp-hitl-decision-bar">
      <label>
        {trans.__('Reason')}
        <input
          type="text"
          list={templates}
          value={reason}
          onChange={event => setReason(event.target.value)}
        />
      </label>
      <datalist id={templates}>
        {proposal.reasons.map(one => (
          <option key={one} value={showHiddenCharacters(one)} />
        ))}
      </datalist>
      {proposal.allow.includes('respond') && (
        <label>
          {trans.__('Response')}
          <input type="text" value={message} onChange={event => setMessage(event.target.value)} />
        </label>
      )}
      <div className="jp-hitl-buttons">
        {shown.map(({ action, name, able }) => (
          <button
            key={action}
            type="button"
            className={isApproval(action) ? 'jp-mod-accept' : action === 'reject' ? 'jp-mod-warn' : ''}
            disabled={!able}
            aria-describedby={isAllowed(action) ? undefined : why}
            onClick={() => void decide(action)}
          >
            {name}
          </button>
        ))}
        <UndoApproval model={model} host={host} onUndo={onUndo} />
        <SaveStatus saved={model.saveStatus} host={host} />
      </div>
      {whole && model.hasEdits && !proposal.allow.includes('edit') && (
        <p className="jp-hitl-note">
          {trans.__(
            'The text was changed since the agent asked, and the agent takes no changes: undo them, or reject.'
          )}
        </p>
      )}
      {may?.why_not && !settling && (
        <p id={why} className="jp-hitl-note">
          {showHiddenCharacters(may.why_not)}
        </p>
      )}
      {host.readOnly !== null && <p className="jp-hitl-note">{host.readOnly}</p>}
      {host.status && host.status.authn !== 'login' && (
        <p className="jp-hitl-note">
          {trans.__('You are not authenticated as a person: the server knows only your token.')}
        </p>
      )}
    </footer>
  );
}

/**
 * Return the one action for a finished workspace. People mean the current text, no matter who wrote it. If the
 * text has changed since the agent asked, the action is an edit.
 */
function doneAction({ proposal, hasEdits }: IProposalModel, { trans }: IHost): [Action, string, boolean] {
  const action = hasEdits || !proposal.allow.includes('approve') ? 'edit' : 'approve';
  return [action, trans.__('Done'), true];
}

function isApproval(action: Action): boolean {
  return action === 'approve' || action === 'edit';
}

/** Make the handlers of the commands that take edits back, as the buttons do. */
function makeEditHandlers(model: IProposalModel, host: IHost, onUndo: () => void): CommandHandlers {
  const able = isEditable(model, host);
  const changed = !isAboutWorkspace(model.proposal) && (model.hasEdits || !!model.invalidReason);
  return {
    'hitl-nb:undo-edit': {
      isEnabled: () => able && model.canUndo,
      execute: () => undoTyping(model, onUndo)
    },
    'hitl-nb:redo-edit': { isEnabled: () => able && model.canRedo, execute: () => model.redo() },
    'hitl-nb:reset-draft': {
      isEnabled: () => able && changed,
      execute: () => {
        model.startOver();
        onUndo();
      }
    }
  };
}

function UndoApproval({ model, host, onUndo }: IProps & { onUndo: () => void }): JSX.Element {
  const { trans } = host;
  const blocked = !isEditable(model, host);
  return (
    <>
      <UndoRedoButtons
        canUndo={!blocked && model.canUndo}
        canRedo={!blocked && model.canRedo}
        undoer={{ undo: () => undoTyping(model, onUndo), redo: () => model.redo() }}
        host={host}
      />
      {/* In a workspace it would undo the edits of all people. */}
      {!isAboutWorkspace(model.proposal) && (
        <button
          type="button"
          disabled={blocked || (!model.hasEdits && !model.invalidReason)}
          title={trans.__('Restore the agent’s version')}
          onClick={() => {
            model.startOver();
            onUndo();
          }}
        >
          {trans.__('Undo edits')}
        </button>
      )}
    </>
  );
}

/** Buttons to undo and redo the edits of this window. */
export function UndoRedoButtons(props: {
  canUndo: boolean;
  canRedo: boolean;
  undoer: IUndoer;
  host: IHost;
}): JSX.Element {
  const { canUndo, canRedo, undoer, host } = props;
  const { trans } = host;
  return (
    <>
      <button
        type="button"
        disabled={!canUndo}
        title={trans.__('Undo your last edit')}
        onClick={() => undoer.undo()}
      >
        {trans.__('Undo')}
      </button>
      <button type="button" disabled={!canRedo} onClick={() => undoer.redo()}>
        {trans.__('Redo')}
      </button>
    </>
  );
}

/** Undo the last edit of this window. */
export function undoTyping(model: IProposalModel, onUndo: () => void): void {
  const broken = model.invalidReason !== '';
  model.undo();
  if (broken && !model.invalidReason) {
    onUndo();
  }
}

/** Return true if the value can be edited here and now. */
export function isEditable(model: IProposalModel, host: IHost): boolean {
  const { draft } = model;
  return (
    draft !== null && draft.isLoaded && !draft.closeReason && !model.isDeciding && host.readOnly === null
  );
}

/** Save status of the draft. Other states than "saved" are shown only after 700 ms, to avoid flicker. */
export function SaveStatus({ saved: now, host }: { saved: string; host: IHost }): JSX.Element {
  const { trans } = host;
  const saved = useDelayed(now);
  const said: { [state: string]: string } = {
    saved: '',
    saving: trans.__('Saving …'),
    loading: trans.__('Opening the draft …'),
    offline: trans.__('Not connected: your edits are kept here and sent when the server is available again.')
  };
  return (
    <span className="jp-hitl-saved" role="status">
      {said[saved] ?? showHiddenCharacters(saved)}
    </span>
  );
}

/** Return the state after it has lasted for the delay; "saved" is returned at once. */
function useDelayed(state: string): string {
  const [late, setLate] = useState('saved');
  useEffect(() => {
    const timer = setTimeout(() => setLate(state), state === 'saved' ? 0 : SAVING_DELAY_MS);
    return () => clearTimeout(timer);
  }, [state]);
  return state === 'saved' ? state : late;
}

/** The result of a decided proposal: answer, reason, and the next action for its run. */
export function DecisionLine({ model, host }: IProps): JSX.Element {
  const { proposal, run } = model;
  const { decision } = proposal;
  const next = run && host.resumeAction?.(run, proposal);
  return (
    <footer className="jp-hitl-decision-bar" aria-live="polite">
      {decision?.action === 'respond' && <p>{showHiddenCharacters(String(decision.value))}</p>}
      {decision?.reason && <p>{host.trans.__('Reason: %1', showHiddenCharacters(decision.reason))}</p>}
      {next && (
        <p>
          {next.text}{' '}
          {next.label && (
            <button type="button" disabled={next.busy} onClick={() => void next.run?.()}>
              {next.label}
            </button>
          )}
        </p>
      )}
    </footer>
  );
}
