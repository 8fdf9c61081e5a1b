/**
 * One row of the inbox, and the header of a group. They are drawn again only if one of their props changes.
 */

import { memo } from 'react';
import type { IProposalSummary } from '../api/types';
import { formatDuration } from '../text/duration';
import type { IHost } from '../components/host';
import { ownVote, needProgress, waitsFor } from '../components/terms-sentences';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IListGroup } from './list-layout';

/** Height of a row, in pixels. */
export const ROW_HEIGHT_PX = 46;
/** Height of a group's header, in pixels. */
export const HEADER_HEIGHT_PX = 28;

/** Props of a row. */
export interface IRowProps {
  proposal: IProposalSummary;
  current: boolean;
  selected: boolean;
  top: number;
  /** Position among the rows, from 1, and the number of rows. */
  position: number;
  size: number;
  age: string;
  /** The deadline as text, or "". */
  due: string;
  late: boolean;
  /** The state of its review: what it waits for, and how many votes there are. */
  facts: string;
  /** A warning: nobody can decide it, or it is overdue. */
  pressing: string;
  host: IHost;
  onOpen: (proposal: IProposalSummary) => void;
  onToggle: (id: string) => void;
}

/** Format how long a proposal has waited, in whole minutes. */
export function formatAge(proposal: IProposalSummary, now: number, host: IHost): string {
  const minutes = Math.floor((now - Date.parse(proposal.created_at)) / 60_000);
  return minutes >= 1 ? formatDuration(minutes * 60) : host.trans.__('just now');
}

/** Format when a proposal must be decided, and whether it is late. */
export function formatDue(
  proposal: IProposalSummary,
  now: number,
  host: IHost
): { due: string; late: boolean } {
  const { timer } = proposal;
  const next = timer?.does === 'escalate' || timer?.does === 'overdue' ? timer.at : null;
  const at = proposal.deadline ?? next;
  const minutes = at ? Math.floor((Date.parse(at) - now) / 60_000) : NaN;
  if (Number.isNaN(minutes)) {
    return { due: '', late: false };
  }
  const late = minutes < 0;
  if (minutes === 0) {
    return { due: host.trans.__('due now'), late };
  }
  const length = formatDuration(Math.abs(minutes) * 60);
  return { due: late ? host.trans.__('%1 late', length) : host.trans.__('due in %1', length), late };
}

/** Collect the state of a proposal's review for a row. */
export function collectFacts(proposal: IProposalSummary, host: IHost): { facts: string; pressing: string } {
  const { trans } = host;
  const counted = needProgress(proposal);
  const waiting = waitsFor(proposal, host) ?? '';
  const votes =
    counted && counted.count > 1 && !proposal.settles_at && !ownVote(proposal)
      ? trans.__('%1 of %2', counted.have, counted.count)
      : '';
  const { stuck, overdue } = proposal;
  return {
    facts: [stuck ? '' : waiting, votes].filter(Boolean).join(', '),
    pressing: [stuck ? waiting : '', overdue ? trans.__('Overdue') : ''].filter(Boolean).join(', ')
  };
}

/** A row of the list. The check box is for the pointer; for screen readers the option itself has the selected state. */
export const ProposalRow = memo(function Row(props: IRowProps): JSX.Element {
  const { proposal, current, selected, host } = props;
  const place = showHiddenCharacters(`${proposal.path ?? proposal.notebook} · ${proposal.agent}`);
  return (
    <div
      role="presentation"
      className={`jp-hitl-item${current ? ' jp-mod-current' : ''}${selected ? ' jp-mod-selected' : ''}`}
      style={{ transform: `translateY(${props.top}px)`, height: ROW_HEIGHT_PX }}
      onClick={() => props.onOpen(proposal)}
    >
      <input
        type="checkbox"
        tabIndex={-1}
        aria-hidden="true"
        checked={selected}
        disabled={!!proposal.doubt}
        onMouseDown={event => event.preventDefault()}
        onClick={event => event.stopPropagation()}
        onChange={() => props.onToggle(proposal.id)}
      />
      <div
        id={`hitl-row-${proposal.id}`}
        role="option"
        aria-selected={selected}
        aria-posinset={props.position}
        aria-setsize={props.size}
        className="jp-hitl-item-body"
      >
        <strong>{showHiddenCharacters(proposal.title)}</strong>
        <span>
          {proposal.doubt && (
            <>
              <em>{host.trans.__('In doubt')}</em>
              {' · '}
            </>
          )}
          {props.pressing && (
            <>
              <em className="jp-mod-late">{props.pressing}</em>
              {' · '}
            </>
          )}
          {props.facts && (
            <>
              <em>{props.facts}</em>
              {' · '}
            </>
          )}
          {props.due && (
            <>
              <em className={props.late ? 'jp-mod-late' : ''}>{props.due}</em>
              {' · '}
            </>
          )}
          {props.age}
          {proposal.assignee &&
            ` · ${host.trans.__('for %1', showHiddenCharacters(proposal.assignee))}`} · {place}
        </span>
      </div>
    </div>
  );
});

/** Header of a group with its count. A click collapses or expands the group; the list has keys for that. */
export const GroupHeader = memo(function Header(props: {
  group: IListGroup;
  top: number;
  onToggle: (key: string) => void;
}): JSX.Element {
  const { group } = props;
  return (
    <div
      aria-hidden="true"
      className="jp-hitl-group-head"
      style={{ transform: `translateY(${props.top}px)`, height: HEADER_HEIGHT_PX }}
      onClick={() => props.onToggle(group.key)}
    >
      <span>{group.collapsed ? '▸' : '▾'}</span>
      <strong>{showHiddenCharacters(group.label)}</strong>
      <span>{group.count}</span>
    </div>
  );
});
