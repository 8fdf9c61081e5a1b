/**
 * The dialog of a decision on several proposals: each row with what changes, what becomes of edits, and the reason.
 */

import { RefObject, useId, useMemo, useRef } from 'react';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import { Popover } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { isAboutWorkspace } from '../../components/proposal-status';
import { allOf } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { Batch, IBatchRow } from '../stores/batch';
import { useSeenLines } from './seen-lines';
import { ValueChanges } from './value-changes';

interface IProps {
  batch: Batch;
  host: IHost;
  anchor: RefObject<HTMLElement>;
  /** The text that was typed so far; it survives closing. */
  reason: string;
  onReason: (text: string) => void;
  onConfirm: () => void;
  onCancel: () => void;
}

/** The dialog. Its proposals and their revisions are those of the moment at which it was asked. */
export function BatchDialog(props: IProps): JSX.Element {
  const { batch, host, anchor, onCancel } = props;
  const { trans } = host;
  const { rows, taken, action, deciding, ready } = batch;
  const box = useRef<HTMLDivElement>(null);
  const sentence = useId();
  const lines = useMemo(() => (ready ? rows.map(row => row.proposal.id) : []), [rows, ready]);
  const seen = useSeenLines(box, lines);
  const unseen = taken.filter(row => !seen.has(row.proposal.id));
  const showNext = (): void => revealLine(box.current, unseen[0].proposal.id);
  const confirm = (): void => {
    if (!deciding && ready && taken.length > 0) {
      (unseen.length > 0 ? showNext : props.onConfirm)();
    }
  };
  const approves = action === 'approve';
  const name = approves
    ? trans._n('Approve %1 proposal', 'Approve %1 proposals', rows.length)
    : trans._n('Reject %1 proposal', 'Reject %1 proposals', rows.length);
  const edited = rows.filter(row => row.draft.state === 'edited' && row.draft.allowed);
  return (
    <Popover
      anchor={anchor}
      title={name}
      onClose={() => {
        if (!deciding) {
          onCancel();
        }
      }}
      onSubmit={confirm}
      footer={
        <>
          <Button
            icon={approves ? 'check' : 'cross'}
            variant={approves ? 'primary' : 'danger-primary'}
            disabled={deciding || !ready || taken.length === 0}
            blockedBy={unseen.length > 0 ? sentence : null}
            onClick={confirm}
          >
            {approves ? trans.__('Approve %1', taken.length) : trans.__('Reject %1', taken.length)}
          </Button>
          <Button variant="quiet" disabled={deciding} onClick={onCancel}>
            {trans.__('Cancel')}
          </Button>
          <span id={sentence} className="jp-hitl-end jp-hitl-small jp-hitl-muted" role="status">
            {statusSentence(batch, unseen.length, host)}
          </span>
          {unseen.length > 0 && (
            <Button small variant="quiet" icon="down" onClick={showNext}>
              {trans.__('Show the next rows')}
            </Button>
          )}
        </>
      }
    >
      <div
        ref={box}
        className="jp-hitl-batch-rows"
        tabIndex={0}
        role="group"
        aria-label={trans.__('Proposals')}
      >
        <table>
          <tbody>
            {rows.map(row => (
              <BatchLine key={row.proposal.id} row={row} batch={batch} host={host} />
            ))}
          </tbody>
        </table>
      </div>
      {batch.hidden > 0 && (
        <p className="jp-hitl-note">
          {trans._n(
            '%1 selected proposal cannot be seen in the list: it is left as it is.',
            '%1 selected proposals cannot be seen in the list: they are left as they are.',
            batch.hidden
          )}
        </p>
      )}
      {approves &&
        edited.map(row => <EditChoice key={row.proposal.id} row={row} batch={batch} host={host} />)}
      <ReasonField {...props} confirm={confirm} />
    </Popover>
  );
}

/** One proposal: its title, what changes, and what is to be known before it is decided. */
function BatchLine({ row, batch, host }: { row: IBatchRow; batch: Batch; host: IHost }): JSX.Element {
  const { trans } = host;
  const { proposal, draft } = row;
  const fate = batch.deciding ? 'same' : batch.fateOf(row);
  const by = draft.state === 'edited' ? editorNames(draft.by, host) : '';
  return (
    <tr
      data-line={proposal.id}
      className={batch.isTaken(row) || batch.deciding ? undefined : 'jp-mod-left-out'}
    >
      <th scope="row">{showHiddenCharacters(proposal.title)}</th>
      <td>
        {draft.state === 'edited' || draft.state === 'candidate' ? (
          <ValueChanges
            before={draft.before}
            after={draft.value}
            changes={draft.state === 'edited' ? draft.changes : []}
            host={host}
          />
        ) : (
          <span className="jp-hitl-muted">{showHiddenCharacters(proposal.summary)}</span>
        )}
      </td>
      <td>
        {draft.state === 'edited' && (
          <Chip tone="warn" icon="pencil">
            {by ? trans.__('edited by %1', by) : trans.__('edited')}
          </Chip>
        )}
        {draft.state === 'candidate' && (
          <Chip tone="warn" icon="pencil">
            {trans.__('changed by a vote')}
          </Chip>
        )}
        {draft.state === 'edited' && !draft.allowed && (
          <strong>{trans.__('Edits cannot be approved here: left out')}</strong>
        )}
        {draft.state === 'failed' && <strong>{showHiddenCharacters(draft.why)}</strong>}
        {fate === 'changed' && (
          <Chip tone="bad" icon="warning">
            {trans.__('changed since it was shown here')}
          </Chip>
        )}
        {fate === 'gone' && (
          <Chip tone="bad" icon="warning">
            {trans.__('no longer waits')}
          </Chip>
        )}
        {batch.action === 'approve' && isAboutWorkspace(proposal) && draft.state === 'none' && (
          <strong>{trans.__('what people wrote there since the agent asked is left out')}</strong>
        )}
      </td>
    </tr>
  );
}

/** The choice for the edits of one draft. */
function EditChoice({ row, batch, host }: { row: IBatchRow; batch: Batch; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const { proposal, draft, leftOut } = row;
  const name = useId();
  if (draft.state !== 'edited') {
    return null;
  }
  const title = showHiddenCharacters(proposal.title);
  const by = editorNames(draft.by, host);
  const options: [boolean, string][] = [
    [false, by ? trans.__('Approve with %1’s edits', by) : trans.__('Approve with the edits')],
    [true, trans.__('Leave “%1” out', title)]
  ];
  return (
    <fieldset className="jp-hitl-batch-choice" disabled={batch.deciding}>
      <legend>{trans.__('“%1” has edits', title)}</legend>
      {options.map(([out, text]) => (
        <label key={text}>
          <input
            type="radio"
            name={name}
            checked={leftOut === out}
            onChange={() => batch.leaveOut(proposal.id, out)}
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

/** The reason, with those that the notebooks' authors offer. */
function ReasonField(props: IProps & { confirm: () => void }): JSX.Element {
  const { batch, host, reason, onReason, confirm } = props;
  const { trans } = host;
  const field = useId();
  const about = useId();
  const rejects = batch.action === 'reject';
  const templates = rejects ? [...new Set(batch.rows.flatMap(row => reasonsOf(row)))] : [];
  return (
    <>
      <label htmlFor={field}>
        {rejects
          ? trans.__('Why? The agent continues with what you write.')
          : trans.__('Reason (may be left empty)')}
      </label>
      <input
        id={field}
        type="text"
        value={reason}
        readOnly={batch.deciding}
        aria-describedby={rejects ? about : undefined}
        onChange={event => onReason(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
            event.preventDefault();
            event.stopPropagation();
            if (!event.repeat) {
              confirm();
            }
          }
        }}
      />
      {templates.length > 0 && (
        <div className="jp-hitl-reasons" role="group" aria-label={trans.__('Reasons to choose from')}>
          {templates.map(template => (
            <button
              key={template}
              type="button"
              className="jp-hitl-filter"
              aria-pressed={reason === template}
              disabled={batch.deciding}
              onClick={() => onReason(template)}
            >
              {showHiddenCharacters(template)}
            </button>
          ))}
        </div>
      )}
      {rejects && (
        <p id={about} className="jp-hitl-small jp-hitl-muted">
          {trans.__('Edits stay in the history; the agent does not get them.')}
        </p>
      )}
    </>
  );
}

/** The reasons that a notebook's author offers. An older server sends none. */
function reasonsOf({ proposal }: IBatchRow): readonly string[] {
  return proposal.reasons ?? [];
}

function editorNames(by: readonly string[], { trans }: IHost): string {
  return allOf(by.slice(0, 3), trans);
}

/** Scroll to a line, so that it is whole in sight. */
function revealLine(box: HTMLElement | null, id: string): void {
  const lines = [...(box?.querySelectorAll<HTMLElement>('tr[data-line]') ?? [])];
  lines.find(line => line.dataset.line === id)?.scrollIntoView?.({ block: 'start' });
}

/** Return what the decision would do now, or why it is not sent. */
function statusSentence(batch: Batch, unseen: number, host: IHost): string {
  const { trans } = host;
  if (batch.deciding) {
    return trans.__('Deciding …');
  }
  if (!batch.ready) {
    return trans.__('Reading …');
  }
  return unseen > 0
    ? trans._n(
        'Read to the last row first: %1 was not on screen yet',
        'Read to the last row first: %1 were not on screen yet',
        unseen
      )
    : countSentence(batch, host);
}

function countSentence(batch: Batch, { trans }: IHost): string {
  const { taken, rows } = batch;
  const edited = taken.filter(({ draft }) => draft.state === 'edited' || draft.state === 'candidate').length;
  const left = rows.length - taken.length;
  const parts =
    batch.action === 'approve'
      ? [
          trans.__('%1 as proposed', taken.length - edited),
          ...(edited > 0 ? [trans.__('%1 with edits', edited)] : [])
        ]
      : [];
  return [...parts, ...(left > 0 ? [trans.__('%1 left out', left)] : [])].join(', ');
}
