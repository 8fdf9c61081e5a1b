/**
 * The commands of reviews on the page of its own, which has no settings: the keys are those of the table.
 */

import { CommandRegistry } from '@lumino/commands';
import { KEY_BINDINGS, registerReviewCommands } from '../components/review-commands';
import type { PageHost } from './page-host';

/**
 * Register the commands in a registry of the page, and listen to their keys. Returns a function that stops listening.
 */
export function startCommands(host: Pick<PageHost, 'trans' | 'commandTargets'>): () => void {
  const commands = new CommandRegistry();
  registerReviewCommands(commands, host.trans, host.commandTargets);
  KEY_BINDINGS.forEach(binding => commands.addKeyBinding(binding));
  const onKeyDown = (event: KeyboardEvent): void => commands.processKeydownEvent(event);
  document.addEventListener('keydown', onKeyDown);
  return () => document.removeEventListener('keydown', onKeyDown);
}
