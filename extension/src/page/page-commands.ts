/**
 * The commands of reviews on the page of its own, which has no settings: the keys are those of the table.
 */

import { CommandRegistry } from '@lumino/commands';
import { KeyGuard } from '../components/keys/key-guard';
import { KeyListener } from '../components/keys/key-listener';
import { KEY_BINDINGS, registerReviewCommands } from '../components/review-commands';
import type { PageHost } from './page-host';

/** Name in the browser's storage under which it is kept that keys of one letter are switched off. */
const LETTER_KEYS = 'hitl-nb:keys';

/**
 * Register the commands in a registry of the page, and listen to their keys. Returns a function that stops listening.
 */
export function startCommands(
  host: Pick<PageHost, 'trans' | 'commandTargets'>,
  guard = new KeyGuard()
): () => void {
  const { commandTargets: targets } = host;
  const commands = new CommandRegistry();
  registerReviewCommands(commands, host.trans, targets);
  KEY_BINDINGS.forEach(binding => commands.addKeyBinding(binding));
  targets.letterKeys = localStorage.getItem(LETTER_KEYS) !== 'off';
  targets.letterKeysChanged.connect((_, on) => localStorage.setItem(LETTER_KEYS, on ? 'on' : 'off'));
  return new KeyListener(targets, host.trans, guard).watch(document.body);
}
