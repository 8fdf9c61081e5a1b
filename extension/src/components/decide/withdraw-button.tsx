/**
 * The button that takes the person's own vote back, while the votes of other people are needed.
 */

import { useId, useRef } from 'react';
import type { IProposalModel } from '../../models/interfaces';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { keyHint, keyShortcuts } from '../keys/key-hints';
import { useCardCommands } from '../use-card-commands';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

/** "Take my vote back". Nothing if this person has no vote, or cannot take it back. */
export function WithdrawButton({ model, host }: IProps): JSX.Element | null {
  const { settles_at, may } = model.proposal;
  const shown = !settles_at && may?.undo === true && host.readOnly === null;
  return shown ? <Withdraw model={model} host={host} /> : null;
}

function Withdraw({ model, host }: IProps): JSX.Element {
  const { trans } = host;
  const { proposal, isDeciding } = model;
  const node = useRef<HTMLSpanElement>(null);
  const busy = useId();
  useCardCommands(host, proposal.id, node, {
    'hitl-nb:undo-approval': {
      isEnabled: () => !isDeciding,
      execute: () => (isDeciding ? false : model.takeBack())
    }
  });
  return (
    <span ref={node}>
      <Button
        icon="undo"
        keyHint={keyHint(host, 'hitl-nb:undo-approval')}
        shortcuts={keyShortcuts(host, 'hitl-nb:undo-approval')}
        blockedBy={isDeciding ? busy : null}
        onClick={() => void model.takeBack()}
      >
        {trans.__('Take my vote back')}
      </Button>
      <span id={busy} role="status" className="jp-hitl-visually-hidden">
        {isDeciding ? trans.__('A decision is still under way.') : ''}
      </span>
    </span>
  );
}
