/**
 * The button that shows the sheet of keys, in a card's decision bar.
 */

import { useRef, useState } from 'react';
import { IconButton } from '../controls/button';
import type { IHost } from '../host';
import { useCardCommands } from '../use-card-commands';
import { keyHint, keyShortcuts, useKeyHints } from './key-hints';
import { KeysSheet } from './keys-sheet';

/** The button, and the command that does the same. Nothing is drawn where there are no commands. */
export function KeysButton({ host, proposal }: { host: IHost; proposal: string }): JSX.Element | null {
  const node = useRef<HTMLButtonElement>(null);
  const [shown, setShown] = useState(false);
  const toggle = (): void => setShown(before => !before);
  useCardCommands(host, proposal, node, {
    'hitl-nb:show-keys': { isEnabled: () => true, execute: toggle }
  });
  useKeyHints(host);
  if (!host.commandTargets) {
    return null;
  }
  return (
    <>
      <IconButton
        ref={node}
        icon="keyboard"
        label={host.trans.__('Keys')}
        opens="dialog"
        expanded={shown}
        keyHint={keyHint(host, 'hitl-nb:show-keys')}
        shortcuts={keyShortcuts(host, 'hitl-nb:show-keys')}
        onClick={toggle}
      />
      {shown && <KeysSheet anchor={node} host={host} onClose={() => setShown(false)} />}
    </>
  );
}
