/**
 * The bar below the list while rows are selected, and the line that says what a batch did.
 */

import { useRef, useState } from 'react';
import { Button, IconButton } from '../../components/controls/button';
import type { IHost } from '../../components/host';
import { formatDeciderName } from '../../components/proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IBatchResult, ILeftOut } from '../stores/batch';
import type { InboxModel } from '../stores/inbox-model';
import { isEdited } from '../stores/row-facts';
import { BatchButtons } from './batch-buttons';
import { BatchMore } from './batch-more';

interface IProps {
  model: InboxModel;
  host: IHost;
  /** Runs a command of the inbox. */
  run: (id: string) => void;
}

/** The bar with the number of the selected rows and what can be done with them. */
export function BatchBar({ model, host, run }: IProps): JSX.Element | null {
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const more = useRef<HTMLButtonElement>(null);
  const { selected, selection } = model;
  if (selected === 0) {
    return null;
  }
  const edited = selection.filter(p => isEdited(p)).length;
  const hidden = selected - selection.length;
  const count = selection.length;
  return (
    <div className="jp-hitl-batch" role="toolbar" aria-label={trans.__('Selected proposals')}>
      <div className="jp-hitl-batch-count">
        <b>{trans.__('%1 selected', selected)}</b>
        <span className="jp-hitl-muted jp-hitl-small">
          {[
            edited > 0 ? trans.__('%1 with edits', edited) : '',
            hidden > 0 ? trans.__('%1 not shown', hidden) : ''
          ]
            .filter(Boolean)
            .join(', ')}
        </span>
        <Button variant="quiet" small onClick={() => model.selectAll(false)}>
          {trans.__('Clear')}
        </Button>
      </div>
      <BatchButtons count={count} host={host} run={run} />
      <IconButton
        ref={more}
        icon="more"
        label={trans.__('More for the selected')}
        opens="menu"
        expanded={open}
        onClick={() => setOpen(!open)}
      />
      {open && <BatchMore model={model} host={host} anchor={more} onClose={() => setOpen(false)} />}
    </div>
  );
}

/** The result of the last batch, in one line; "Show" names what was left out. */
export function BatchResult(props: {
  result: IBatchResult;
  host: IHost;
  onOpen: (left: ILeftOut) => void;
  onClose: () => void;
}): JSX.Element {
  const { result, host, onOpen, onClose } = props;
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const { leftOut } = result;
  return (
    <div className="jp-hitl-batch-result">
      <p role="status">{resultSentence(result, host)}</p>
      {leftOut.length > 0 && (
        <Button small expanded={open} onClick={() => setOpen(!open)}>
          {open ? trans.__('Hide') : trans.__('Show')}
        </Button>
      )}
      <IconButton small icon="cross" label={trans.__('Close')} onClick={onClose} />
      {open && (
        <ul aria-label={trans.__('Left out')}>
          {leftOut.map(one => (
            <li key={one.proposal.id}>
              <button type="button" className="jp-hitl-link" onClick={() => onOpen(one)}>
                {showHiddenCharacters(one.proposal.title)}
              </button>{' '}
              <span className="jp-hitl-muted">{leftOutSentence(one, host)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** "2 approved, 1 with edits. 1 was decided by Bo meanwhile." */
export function resultSentence(result: IBatchResult, host: IHost): string {
  const { trans } = host;
  const { decided, open, withEdits, leftOut, action, problem } = result;
  const done = decided.length;
  const parts: string[] = [];
  if (done > 0 || open.length === 0) {
    parts.push(action === 'approve' ? trans.__('%1 approved', done) : trans.__('%1 rejected', done));
  }
  if (open.length > 0) {
    parts.push(trans._n('%1 has your vote', '%1 have your vote', open.length));
  }
  if (withEdits > 0) {
    parts.push(trans.__('%1 with edits', withEdits));
  }
  const counts = new Map<string, number>();
  for (const one of leftOut) {
    const why = leftOutSentence(one, host);
    counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  counts.forEach((count, why) => parts.push(`${count} ${why}`));
  return [parts.join(', '), showHiddenCharacters(problem)].filter(Boolean).join('. ');
}

/** Why a proposal was left out, as the end of a sentence about it. */
function leftOutSentence({ why, now }: ILeftOut, host: IHost): string {
  const { trans } = host;
  const decision = now?.decision;
  const who = decision ? formatDeciderName(decision, host) : '';
  switch (why) {
    case 'decided':
      return who && decision?.by === 'person'
        ? trans.__('was decided by %1 meanwhile', who)
        : trans.__('no longer waits');
    case 'stale':
      return trans.__('was changed meanwhile');
    case 'invalid':
      return trans.__('has edits that cannot be approved');
    case 'unread':
      return trans.__('could not be read');
    default:
      return trans.__('was left out');
  }
}
