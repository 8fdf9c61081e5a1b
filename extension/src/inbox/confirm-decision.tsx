/**
 * The confirmation of a decision: the proposals that it is about, and the reason.
 */

import { useId, useLayoutEffect, useRef, useState } from 'react';
import type { IHost } from '../components/host';
import { isAboutWorkspace } from '../components/proposal-status';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IConfirmation, InboxModel } from './inbox-model';

/** Lists the proposals of a decision and asks for a reason. */
export function ConfirmDecision(props: {
  asked: IConfirmation;
  model: InboxModel;
  host: IHost;
  onConfirm: (reason: string) => void;
  onCancel: () => void;
}): JSX.Element {
  const { asked, model, host, onConfirm, onCancel } = props;
  const { proposals, action, hidden } = asked;
  const { trans } = host;
  const [reason, setReason] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const about = useId();
  useLayoutEffect(() => field.current?.focus(), []);
  const count = proposals.length;
  const name =
    action === 'approve'
      ? trans._n(
          'Approve %1 proposal as it was proposed',
          'Approve %1 proposals as they were proposed',
          count
        )
      : trans._n('Reject %1 proposal', 'Reject %1 proposals', count);
  const fates = {
    same: '',
    changed: trans.__('changed since it was shown here'),
    gone: trans.__('no longer waits')
  };
  const templates = action === 'reject' ? collectReasons(asked) : [];
  return (
    <form
      className="jp-hitl-confirm"
      aria-label={name}
      onSubmit={event => {
        event.preventDefault();
        if (!model.deciding) {
          onConfirm(reason.trim());
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && !model.deciding) {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <ul>
        {proposals.map(p => {
          const fate = model.deciding ? '' : fates[model.compareWithShown(p)];
          return (
            <li key={p.id}>
              {showHiddenCharacters(p.title)}
              {fate && <strong className="jp-hitl-error"> ⚠ {fate}</strong>}
              {action === 'approve' && isAboutWorkspace(p) && (
                <strong> ⚠ {trans.__('what people wrote there since the agent asked is left out')}</strong>
              )}
            </li>
          );
        })}
      </ul>
      {hidden > 0 && (
        <p className="jp-hitl-note">
          {trans._n(
            '%1 selected proposal cannot be seen in the list: it is left as it is.',
            '%1 selected proposals cannot be seen in the list: they are left as they are.',
            hidden
          )}
        </p>
      )}
      <label>
        {trans.__('Reason')}
        <input
          ref={field}
          type="text"
          value={reason}
          readOnly={model.deciding}
          aria-describedby={action === 'reject' ? about : undefined}
          onChange={event => setReason(event.target.value)}
        />
      </label>
      {action === 'reject' && (
        <p id={about} className="jp-hitl-note">
          {trans.__('Why is it rejected? The agent continues with what you write here.')}
        </p>
      )}
      {templates.length > 0 && (
        <div className="jp-hitl-reasons" role="group" aria-label={trans.__('Reasons to choose from')}>
          {templates.map(template => (
            <button
              key={template}
              type="button"
              disabled={model.deciding}
              onClick={() => {
                setReason(template);
                field.current?.focus();
              }}
            >
              {showHiddenCharacters(template)}
            </button>
          ))}
        </div>
      )}
      <div className="jp-hitl-buttons">
        <button type="submit" disabled={model.deciding}>
          {name}
        </button>
        <button type="button" disabled={model.deciding} onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
        <span role="status">{model.deciding ? trans.__('Deciding …') : ''}</span>
      </div>
    </form>
  );
}

/** Collect the reasons that the notebooks' authors offer, without duplicates. An older server sends none. */
function collectReasons({ proposals }: IConfirmation): string[] {
  return [...new Set(proposals.flatMap(p => (p.reasons as string[] | undefined) ?? []))];
}
