/**
 * One proposal: what is proposed and why a person is asked, the value in its editor, and the ways to decide.
 */

import { useEffect, useId, useReducer, useState } from 'react';
import type { Action, JsonObject } from '../api/types';
import type { IProposalModel } from '../model';
import { Changes } from './changes';
import { Comments } from './comments';
import { Editor } from './editors';
import type { IHost } from './host';
import { Markdown } from './markdown';
import { outcome, state } from './state';
import { Surprise } from './surprise';
import { visible } from './visible';

export function Card({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    model.changed.connect(redraw);
    host.changed?.connect(redraw);
    redraw(); // an editor may have told the model something before
    return () => {
      model.changed.disconnect(redraw);
      host.changed?.disconnect(redraw);
    };
  }, [model, host]);
  // Another number draws the editor anew: what was typed in it and is no value goes too.
  const [round, anew] = useReducer((n: number) => n + 1, 0);
  const { proposal } = model;
  const heading = useId();
  const open = proposal.status === 'open';
  return (
    <article className={`jp-hitl-card jp-mod-${proposal.status}`} aria-labelledby={heading}>
      <header>
        <h3 id={heading}>{visible(proposal.title)}</h3>
        <span className="jp-hitl-state" aria-live="polite">
          {state(proposal, host)}
        </span>
      </header>
      <Context context={proposal.context} />
      <Editor
        key={`value ${proposal.id} ${round}`}
        proposal={proposal}
        value={open ? model.value : outcome(proposal)}
        fields={model.fields}
        readOnly={!open || model.deciding || host.readOnly !== null}
        host={host}
        onEdit={value => model.edit(value)}
        onUnfinished={(text, why) => model.cannotEdit(text, why)}
      />
      {open && model.unfinished && <p className="jp-hitl-wrong">⚠ {visible(model.unfinished)}</p>}
      {model.fields[''] && <p className="jp-hitl-wrong">⚠ {visible(model.fields[''])}</p>}
      <Changes
        proposal={proposal}
        value={open ? model.value : outcome(proposal)}
        text={open ? model.changes : proposal.changes}
        host={host}
      />
      {model.surprise ? (
        <Surprise surprise={model.surprise} problem={model.problem} host={host} />
      ) : (
        model.problem && (
          <p className="jp-hitl-wrong" role="alert">
            {visible(model.problem)}
          </p>
        )
      )}
      {open ? (
        <Ways key={`ways ${proposal.id}`} model={model} host={host} onUndo={anew} />
      ) : (
        <Decided model={model} host={host} />
      )}
      <Comments key={`comments ${proposal.id}`} model={model} host={host} />
    </article>
  );
}

function Context({ context }: { context: string | JsonObject | null }): JSX.Element | null {
  if (context === null) {
    return null;
  }
  if (typeof context === 'string') {
    return <Markdown text={context} />;
  }
  return (
    <dl className="jp-hitl-context">
      {Object.entries(context).map(([name, item]) => (
        <div key={name}>
          <dt>{visible(name)}</dt>
          <dd>{visible(typeof item === 'string' ? item : JSON.stringify(item))}</dd>
        </div>
      ))}
    </dl>
  );
}

function Ways({
  model,
  host,
  onUndo
}: {
  model: IProposalModel;
  host: IHost;
  onUndo: () => void;
}): JSX.Element {
  const { trans } = host;
  const [reason, setReason] = useState('');
  const [message, setMessage] = useState('');
  const templates = useId();
  const { proposal } = model;
  const sound = !model.unfinished && Object.keys(model.fields).length === 0;
  const names: [Action, string, boolean][] = [
    ['approve', trans.__('Approve'), !model.edited && !model.unfinished],
    ['edit', trans.__('Approve with edits'), model.edited && sound],
    ['reject', trans.__('Reject'), true],
    ['respond', trans.__('Respond'), message.trim() !== '']
  ];
  const blocked = model.deciding || host.readOnly !== null;
  return (
    <footer className="jp-hitl-ways">
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
          <option key={one} value={visible(one)} />
        ))}
      </datalist>
      {proposal.allow.includes('respond') && (
        <label>
          {trans.__('Answer')}
          <input type="text" value={message} onChange={event => setMessage(event.target.value)} />
        </label>
      )}
      <div className="jp-hitl-buttons">
        {names
          .filter(([action]) => proposal.allow.includes(action))
          .map(([action, name, ready]) => (
            <button
              key={action}
              type="button"
              className={action === 'reject' ? 'jp-mod-warn' : action === 'respond' ? '' : 'jp-mod-accept'}
              disabled={blocked || !ready}
              onClick={() => void model.decide(action, { reason: reason.trim() || undefined, message })}
            >
              {name}
            </button>
          ))}
        <button
          type="button"
          disabled={blocked || (!model.edited && !model.unfinished)}
          onClick={() => {
            model.startOver();
            onUndo();
          }}
        >
          {trans.__('Undo edits')}
        </button>
        <span className="jp-hitl-saved" role="status">
          {model.saved === 'saving'
            ? trans.__('Saving …')
            : model.saved === 'saved'
              ? ''
              : visible(model.saved)}
        </span>
      </div>
      {host.readOnly !== null && <p className="jp-hitl-note">{host.readOnly}</p>}
      {host.status && host.status.authn !== 'login' && (
        <p className="jp-hitl-note">
          {trans.__('You are not authenticated as a person: the server knows you by its token alone.')}
        </p>
      )}
    </footer>
  );
}

function Decided({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const { proposal, run } = model;
  const { decision } = proposal;
  const next = run && host.goingOn?.(run, proposal);
  return (
    <footer className="jp-hitl-ways" aria-live="polite">
      {decision?.action === 'respond' && <p>{visible(String(decision.value))}</p>}
      {decision?.reason && <p>{host.trans.__('Reason: %1', visible(decision.reason))}</p>}
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
