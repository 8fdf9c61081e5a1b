/**
 * The commands of reviews on the page of its own, which has no settings: the keys are those of the table.
 */

import { CommandRegistry } from '@lumino/commands';
import { KeyGuard } from '../components/keys/key-guard';
import { KeyListener } from '../components/keys/key-listener';
import { KEY_BINDINGS, registerReviewCommands } from '../components/review-commands';
import { recallChoice, rememberChoice } from '../text/remembered-choice';
import type { PageHost } from './page-host';

/** Name of the choice, kept in this browser, whether keys of one letter act. */
const LETTER_KEYS = 'keys';

/**
 * Register the commands in a registry of the page, and listen to their keys. Returns a function that stops listening.
 */
export function startCommands(
  host: Pick<PageHost, 'trans' | 'commandTargets'> & Partial<Pick<PageHost, 'goBy'>>,
  guard = new KeyGuard()
): () => void {
  const { commandTargets: targets } = host;
  const commands = new CommandRegistry();
  registerReviewCommands(commands, host.trans, targets);
  KEY_BINDINGS.forEach(binding => commands.addKeyBinding(binding));
  targets.letterKeys = recallChoice(LETTER_KEYS) !== 'off';
  targets.letterKeysChanged.connect((_, on) => rememberChoice(LETTER_KEYS, on ? 'on' : 'off'));
  return new KeyListener(targets, host.trans, guard).watch(document.body, {
    move: (_, by) => host.goBy?.(by),
    leave: () => (document.activeElement as HTMLElement | null)?.blur()
  });
}
