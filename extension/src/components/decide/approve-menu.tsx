/**
 * The menu beside the primary button: other ways to approve.
 */

import type { RefObject } from 'react';
import { Menu } from '../controls/popover';
import { MenuItem } from '../controls/menu-item';
import type { IHost } from '../host';
import { keyHint } from '../keys/key-hints';
import type { IPrimaryAction } from './primary-action';

interface IProps {
  anchor: RefObject<HTMLElement>;
  primary: IPrimaryAction;
  /** Number of changes that the agent's version would leave out; 0 if there are none. */
  changes: number;
  /** Whether the agent's version may be approved. */
  canApprove: boolean;
  onClose: () => void;
  onApprove: () => void;
  onReason: () => void;
  onAgentsVersion: () => void;
  /** Answer instead of deciding; absent if the answer has a button of its own, or is not allowed. */
  onAnswer?: () => void;
  /** Approve and stay at this card; absent if no other card would be shown. */
  onStay?: () => void;
  host: IHost;
}

/** The ways to approve. */
export function ApproveMenu(props: IProps): JSX.Element {
  const { primary, changes, host, onAnswer, onStay } = props;
  const { trans } = host;
  const blocked = primary.blocked !== null;
  const closing = (act: () => void) => () => {
    props.onClose();
    act();
  };
  return (
    <Menu anchor={props.anchor} label={trans.__('Ways to approve')} onClose={props.onClose}>
      <MenuItem
        icon="check"
        keyHint={keyHint(host, 'hitl-nb:approve-proposal')}
        disabled={blocked}
        onClick={closing(props.onApprove)}
      >
        {primary.label}
      </MenuItem>
      <MenuItem
        icon="comment"
        keyHint={keyHint(host, 'hitl-nb:approve-with-reason')}
        disabled={blocked}
        onClick={props.onReason}
      >
        {trans.__('%1 with a reason…', primary.label)}
      </MenuItem>
      {changes > 0 && props.canApprove && (
        <MenuItem
          icon="undo"
          hint={trans._n('Leaves out your %1 change', 'Leaves out your %1 changes', changes)}
          onClick={props.onAgentsVersion}
        >
          {trans.__('Approve the agent’s version…')}
        </MenuItem>
      )}
      {onAnswer && (
        <MenuItem icon="answer" onClick={onAnswer}>
          {trans.__('Answer…')}
        </MenuItem>
      )}
      {onStay && (
        <>
          <hr />
          <MenuItem icon="right" disabled={blocked} onClick={closing(onStay)}>
            {trans.__('%1 and stay here', primary.label)}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
