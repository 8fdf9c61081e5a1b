/**
 * The decision bar while an approval can still be taken back.
 */

import { useId, useRef } from 'react';
import type { IProposalModel } from '../../models/interfaces';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { keyHint, keyShortcuts } from '../keys/key-hints';
import { announce } from '../keys/announcer';
import { formatTimeLeft } from '../terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatClock } from '../../text/times';
import { useCountdown } from '../hooks/use-clock';
import { useCardCommands } from '../use-card-commands';

interface IProps {
  model: IProposalModel;
  /** Time when the approval becomes the decision. */
  at: string;
  host: IHost;
}

/** The button that takes the approval back, with the time left, and what happens then. */
export function SettlingButton({ model, at, host }: IProps): JSX.Element {
  const { trans } = host;
  const { may, title } = model.proposal;
  const now = useCountdown(at, near => {
    if (may?.undo) {
      announce(
        trans.__('%1 left to take it back: %2', formatTimeLeft(at, near), showHiddenCharacters(title))
      );
    }
  });
  const sentence = useId();
  const rest = formatTimeLeft(at, now);
  const able = rest !== '' && !!may?.undo && !model.isDeciding;
  const node = useRef<HTMLSpanElement>(null);
  useCardCommands(host, model.proposal.id, node, {
    'hitl-nb:undo-approval': {
      isEnabled: () => able,
      execute: () => (able ? model.takeBack() : false)
    }
  });
  return (
    <span ref={node} className="jp-hitl-settling">
      {rest && may?.undo && (
        <Button
          icon="undo"
          keyHint={keyHint(host, 'hitl-nb:undo-approval')}
          shortcuts={keyShortcuts(host, 'hitl-nb:undo-approval')}
          blockedBy={model.isDeciding ? sentence : null}
          onClick={() => void model.takeBack()}
        >
          {trans.__('Take back')}
        </Button>
      )}
      <span id={sentence} className="jp-hitl-num">
        {rest
          ? trans.__(
              'It is sent to the agent at %1, in %2. Until then the agent waits.',
              formatClock(at, now),
              rest
            )
          : trans.__('It is sent to the agent now …')}
      </span>
    </span>
  );
}
