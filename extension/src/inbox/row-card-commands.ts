/**
 * The commands of cards as keys of the list: they act on the card of the current row.
 */

import type { IHost } from '../components/host';
import { type CommandHandlers, type ICommandHandler, LIST_SELECTOR } from '../components/review-commands';
import type { InboxModel } from './stores/inbox-model';

/** Ids of the commands of cards that have keys in the list. */
const CARD_COMMANDS = [
  'approve-with-reason',
  'answer-proposal',
  'toggle-changes',
  'comment-proposal',
  'undo-approval',
  'copy-link'
].map(verb => `hitl-nb:${verb}`);

/** Longest wait for the card that a key has opened, in milliseconds. */
const CARD_WAIT_MS = 5000;

/**
 * Make the handlers of the list for commands of cards. If the card of the current row is not shown, it is opened first.
 *
 * @param getPanel - returns the element of the inbox.
 */
export function makeRowCardHandlers(
  model: InboxModel,
  host: IHost,
  getPanel: () => Element | null
): CommandHandlers {
  return Object.fromEntries(CARD_COMMANDS.map(id => [id, makeHandler(id, model, host, getPanel)]));
}

function makeHandler(
  id: string,
  model: InboxModel,
  host: IHost,
  getPanel: () => Element | null
): ICommandHandler {
  const find = (): ICommandHandler | undefined => {
    const { currentProposal, opened } = model;
    const panel = getPanel();
    return panel && currentProposal && opened?.id === currentProposal.id
      ? host.commandTargets?.findWithin(panel, id, currentProposal.id)
      : undefined;
  };
  const hasFocus = (): boolean => {
    const list = document.activeElement?.closest(LIST_SELECTOR);
    return !!list && (getPanel()?.contains(list) ?? false);
  };
  const canOpen = (): boolean => !model.wide && model.opened === null && model.currentProposal !== null;
  return {
    isEnabled: args => hasFocus() && (find()?.isEnabled(args) ?? canOpen()),
    execute: args => {
      const shown = find();
      if (shown) {
        return shown.execute(args);
      }
      model.open(model.currentProposal!);
      runWhenShown(host, find);
    },
    whyNot: () => find()?.whyNot?.() ?? ''
  };
}

/** Run a command as soon as the card that was opened has it. */
function runWhenShown({ commandTargets: targets }: IHost, find: () => ICommandHandler | undefined): void {
  const stop = (): void => {
    clearTimeout(timer);
    targets?.cardAdded.disconnect(look);
  };
  const look = (): void => {
    const found = find();
    if (found) {
      stop();
      if (found.isEnabled({})) {
        found.execute({});
      }
    }
  };
  const timer = setTimeout(stop, CARD_WAIT_MS);
  targets?.cardAdded.connect(look);
}
