/**
 * One row of the inbox, and the header of a group. They are drawn again only if one of their props changes.
 */

import { memo, type MouseEvent } from 'react';
import type { IProposalSummary } from '../../api/types';
import { Face, initialsOf } from '../../components/controls/face';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IListGroup } from '../stores/list-layout';
import { changedSummary, changesOf, commentsOf, editorsOf, isEdited } from '../stores/row-facts';
import type { IRowTime } from './row-texts';

/** Height of a row, in pixels. */
export const ROW_HEIGHT_PX = 54;
/** Height of a group's header, in pixels. */
export const HEADER_HEIGHT_PX = 30;

/** Props of a row. */
export interface IRowProps {
  proposal: IProposalSummary;
  current: boolean;
  selected: boolean;
  top: number;
  /** Position among the rows, from 1, and the number of rows. */
  position: number;
  size: number;
  /** The text about the value. */
  summary: string;
  /** Time left, time late, or the age; "Approved" and the like after it ended. */
  time: string;
  urgency: IRowTime['urgency'];
  /** The state of its review, such as "1 of 2 votes", or "". */
  facts: string;
  /** Whether its notebook is shown. */
  placed: boolean;
  ended: boolean;
  host: IHost;
  onOpen: (proposal: IProposalSummary) => void;
  /** Called with true to select all rows up to this one. */
  onToggle: (id: string, range: boolean) => void;
}

/** A row of the list. The check box is for the pointer; for screen readers the option itself has the selected state. */
export const ProposalRow = memo(function Row(props: IRowProps): JSX.Element {
  const { proposal, current, selected, host, ended, onToggle } = props;
  const { trans } = host;
  const summary = changedSummary(props.summary, changesOf(proposal));
  const place = props.placed ? showHiddenCharacters(proposal.path ?? proposal.notebook) : '';
  const classes = [
    'jp-hitl-item',
    current && 'jp-mod-current',
    selected && 'jp-mod-selected',
    ended && 'jp-mod-ended'
  ];
  return (
    <div
      role="presentation"
      className={classes.filter(Boolean).join(' ')}
      style={{ transform: `translateY(${props.top}px)`, height: ROW_HEIGHT_PX }}
      onClick={event => (event.shiftKey ? onToggle(proposal.id, true) : props.onOpen(proposal))}
    >
      <label
        className="jp-hitl-item-check"
        aria-hidden="true"
        title={proposal.doubt ? trans.__('In doubt: it is decided on its card alone') : undefined}
        onMouseDown={event => event.preventDefault()}
        onClick={(event: MouseEvent) => event.stopPropagation()}
      >
        <input
          type="checkbox"
          tabIndex={-1}
          checked={selected}
          disabled={!!proposal.doubt || ended}
          onChange={event => onToggle(proposal.id, (event.nativeEvent as globalThis.MouseEvent).shiftKey)}
        />
      </label>
      <div
        id={`hitl-row-${proposal.id}`}
        role="option"
        aria-selected={selected}
        aria-disabled={ended || undefined}
        aria-posinset={props.position}
        aria-setsize={props.size}
        className="jp-hitl-item-body"
      >
        <strong>{showHiddenCharacters(proposal.title)}</strong>
        <time className={`jp-mod-${props.urgency}`}>{props.time}</time>
        <span className="jp-hitl-item-summary">
          {showHiddenCharacters(summary)}
          <span className="jp-hitl-muted">
            {[place, props.facts].filter(Boolean).map(text => (
              <span key={text}> · {text}</span>
            ))}
          </span>
        </span>
        <RowSigns proposal={proposal} host={host} />
      </div>
    </div>
  );
});

/** The signs at the end of a row: in doubt, edited, comments, who edited. */
function RowSigns({ proposal, host }: { proposal: IProposalSummary; host: IHost }): JSX.Element {
  const { trans } = host;
  const editors = editorsOf(proposal).slice(0, 3);
  const comments = commentsOf(proposal);
  return (
    <span className="jp-hitl-item-signs">
      {proposal.doubt && <Sign icon="warning" label={trans.__('In doubt')} />}
      {isEdited(proposal) && <Sign icon="pencil" label={trans.__('Edited')} />}
      {comments > 0 && (
        <Sign icon="comment" label={trans._n('%1 comment', '%1 comments', comments)} count={comments} />
      )}
      {editors.length > 0 && (
        <span className="jp-hitl-faces">
          {editors.map(name => (
            <EditorFace key={name} name={name} host={host} />
          ))}
        </span>
      )}
    </span>
  );
}

/** The face of a person who edited the draft. The server names people by their display names here. */
function EditorFace({ name, host }: { name: string; host: IHost }): JSX.Element {
  const { trans, status } = host;
  return name === status?.user.display_name ? (
    <Face initials={trans.__('You')} label={trans.__('You have edited this')} />
  ) : (
    <Face initials={initialsOf(name)} label={trans.__('%1 has edited this', showHiddenCharacters(name))} />
  );
}

function Sign(props: { icon: 'warning' | 'pencil' | 'comment'; label: string; count?: number }): JSX.Element {
  return (
    <span role="img" aria-label={props.label} title={props.label}>
      <Icon name={props.icon} />
      {props.count}
    </span>
  );
}

/**
 * Header of a group with its count. A click collapses or expands the group; the list has keys for that. It is no part
 * of the list box for screen readers, which hear the group's name; a button above the card opens the table, too.
 */
export const GroupHeader = memo(function Header(props: {
  group: IListGroup;
  label: string;
  top: number;
  shown: boolean;
  host: IHost;
  onToggle: (key: string) => void;
  onTable: (key: string) => void;
}): JSX.Element {
  const { group, host } = props;
  const { trans } = host;
  return (
    <div
      aria-hidden="true"
      className={`jp-hitl-group-head${props.shown ? ' jp-mod-current' : ''}`}
      style={{ transform: `translateY(${props.top}px)`, height: HEADER_HEIGHT_PX }}
    >
      <span className="jp-hitl-group-toggle" onClick={() => props.onToggle(group.key)}>
        <Icon name={group.collapsed ? 'right' : 'down'} />
        <strong>{props.label}</strong>
        <span className="jp-hitl-muted">
          {group.alike.length > 1 ? trans.__('%1 alike', group.count) : group.count}
          {group.place && <span className="jp-hitl-group-place"> · {showHiddenCharacters(group.place)}</span>}
        </span>
      </span>
      {group.alike.length > 1 && (
        <span
          className="jp-hitl-link jp-hitl-small"
          onMouseDown={event => event.preventDefault()}
          onClick={() => props.onTable(group.key)}
        >
          {trans.__('As a table')}
        </span>
      )}
    </div>
  );
});
