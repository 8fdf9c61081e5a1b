/**
 * The inbox: what waits, one row a proposal, driven by the keyboard. Only the rows in sight are drawn.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { KeyboardEvent, ReactNode, useEffect, useReducer, useRef, useState } from 'react';
import type { ISummary } from '../api/types';
import { duration } from '../view/duration';
import type { IHost } from '../view/host';
import { visible } from '../view/visible';
import type { InboxModel } from './model';

const ROW = 46;

export function Inbox(props: {
  model: InboxModel;
  host: IHost;
  renderCard: (id: string) => ReactNode;
  onOpenCell?: (proposal: ISummary) => void;
}): JSX.Element {
  const { model, host } = props;
  const { trans } = host;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [current, setCurrent] = useState(0);
  const [open, setOpen] = useState<string | null>(null);
  const [asking, setAsking] = useState<'approve' | 'reject' | null>(null);
  const [help, setHelp] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    model.changed.connect(redraw);
    return () => {
      model.changed.disconnect(redraw);
    };
  }, [model]);

  const rows = model.shown;
  const at = Math.min(current, rows.length - 1);
  const chosen = rows[at] as ISummary | undefined;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => list.current,
    estimateSize: () => ROW,
    overscan: 10
  });
  const go = (row: number): void => {
    const to = Math.max(0, Math.min(row, rows.length - 1));
    setCurrent(to);
    virtual.scrollToIndex(to);
  };
  const meant = model.selection.length > 0 ? model.selection : chosen ? [chosen] : [];
  const pressed = (event: KeyboardEvent): void => {
    const keys: { [key: string]: () => void } = {
      j: () => go(at + 1),
      ArrowDown: () => go(at + 1),
      k: () => go(at - 1),
      ArrowUp: () => go(at - 1),
      x: () => chosen && model.toggle(chosen.id),
      a: () => meant.length > 0 && setAsking('approve'),
      r: () => meant.length > 0 && setAsking('reject'),
      e: () => chosen && setOpen(chosen.id),
      Enter: () => chosen && setOpen(chosen.id),
      o: () => chosen && props.onOpenCell?.(chosen),
      Escape: () => setOpen(null),
      '?': () => setHelp(!help)
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };

  return (
    <section className="jp-hitl-inbox" aria-label={trans.__('Inbox')}>
      <div className="jp-hitl-tools">
        <input
          type="search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search proposals')}
          value={model.search}
          onChange={event => (model.search = event.target.value)}
        />
        <span role="status">{trans.__('%1 of %2', rows.length, model.total)}</span>
      </div>
      {model.problem && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(model.problem)}
        </p>
      )}
      {asking && (
        <Confirm
          proposals={meant}
          action={asking}
          host={host}
          onDone={async reason => {
            setAsking(null);
            if (reason !== null) {
              await model.decide(meant, asking, reason || undefined);
              setOpen(null);
            }
            list.current?.focus();
          }}
        />
      )}
      {help && (
        <p>
          {trans.__(
            'j/k move, x select, Enter or e open, a approve, r reject, o go to the cell, Escape close'
          )}
        </p>
      )}
      <div
        ref={list}
        className="jp-hitl-list"
        role="listbox"
        tabIndex={0}
        aria-label={trans.__('Proposals that wait')}
        aria-multiselectable="true"
        aria-activedescendant={chosen ? `hitl-row-${chosen.id}` : undefined}
        onKeyDown={pressed}
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start }) => (
            <Row
              key={rows[index].id}
              proposal={rows[index]}
              current={index === at}
              selected={model.isSelected(rows[index].id)}
              top={start}
              host={host}
              onClick={() => {
                setCurrent(index);
                setOpen(rows[index].id);
              }}
            />
          ))}
        </div>
        {rows.length === 0 && <p className="jp-hitl-note">{trans.__('Nothing waits for a decision.')}</p>}
      </div>
      {open !== null && (
        <div className="jp-hitl-detail">
          <div className="jp-hitl-buttons">
            {props.onOpenCell && chosen && (
              <button type="button" onClick={() => props.onOpenCell?.(chosen)}>
                {trans.__('Go to the cell')}
              </button>
            )}
            {host.openTimeline && chosen && (
              <button type="button" onClick={() => host.openTimeline?.(chosen.run)}>
                {trans.__('Timeline')}
              </button>
            )}
            <button type="button" onClick={() => setOpen(null)}>
              {trans.__('Close')}
            </button>
          </div>
          {props.renderCard(open)}
        </div>
      )}
    </section>
  );
}

function Row(props: {
  proposal: ISummary;
  current: boolean;
  selected: boolean;
  top: number;
  host: IHost;
  onClick: () => void;
}): JSX.Element {
  const { proposal, current, selected, top } = props;
  const age = Math.max(0, (Date.now() - Date.parse(proposal.created_at)) / 1000);
  return (
    <div
      id={`hitl-row-${proposal.id}`}
      role="option"
      aria-selected={selected}
      className={`jp-hitl-item${current ? ' jp-mod-current' : ''}${selected ? ' jp-mod-selected' : ''}`}
      style={{ transform: `translateY(${top}px)`, height: ROW }}
      onClick={props.onClick}
    >
      <strong>
        {selected && '✓ '}
        {visible(proposal.title)}
      </strong>
      <span>
        {visible(`${proposal.path ?? proposal.notebook} · ${proposal.agent}`)} · {duration(age)}
      </span>
    </div>
  );
}

/** One summary of what is about to be decided, and the reason. */
function Confirm(props: {
  proposals: ISummary[];
  action: 'approve' | 'reject';
  host: IHost;
  onDone: (reason: string | null) => void;
}): JSX.Element {
  const { proposals, action, host, onDone } = props;
  const { trans } = host;
  const [reason, setReason] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const name =
    action === 'approve'
      ? trans._n(
          'Approve %1 proposal as it was proposed',
          'Approve %1 proposals as they were proposed',
          proposals.length
        )
      : trans._n('Reject %1 proposal', 'Reject %1 proposals', proposals.length);
  return (
    <form
      className="jp-hitl-confirm"
      aria-label={name}
      onSubmit={event => {
        event.preventDefault();
        onDone(reason.trim());
      }}
      onKeyDown={event => event.key === 'Escape' && onDone(null)}
    >
      <ul>
        {proposals.map(p => (
          <li key={p.id}>{visible(p.title)}</li>
        ))}
      </ul>
      <label>
        {trans.__('Reason')}
        <input ref={field} type="text" value={reason} onChange={event => setReason(event.target.value)} />
      </label>
      <div className="jp-hitl-buttons">
        <button type="submit">{name}</button>
        <button type="button" onClick={() => onDone(null)}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
