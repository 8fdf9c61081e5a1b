/**
 * The commands of reviews: the actions of the inbox and of a card. JupyterLab and the review page register this table,
 * and the keys in `schema/shortcuts.json` are those of the table.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** Arguments of a command. */
export type CommandArgs = ReadonlyPartialJSONObject;

/** Selector of the inbox's list: its keys act while the focus is in it. */
export const LIST_SELECTOR = '.jp-hitl-list';

interface IReviewCommand {
  /** `hitl-nb:<verb>-<noun>`. */
  readonly id: string;
  readonly label: (trans: TranslationBundle) => string;
  /** Keys in the spelling of `@lumino/commands`; each of them runs the command. */
  readonly keys?: readonly string[];
  /** Where the keys act. */
  readonly selector?: string;
  /** The arguments, as the properties of a JSON Schema; all of them are optional. */
  readonly args?: ReadonlyJSONObject;
}

const PROPOSAL = {
  proposal: { type: 'string', description: 'Id of a proposal; the current one by default.' }
};

const ON = {
  on: { type: 'boolean', description: 'True or false; the opposite of the current state by default.' }
};

const rowCommand = (verb: string, label: IReviewCommand['label'], ...keys: string[]): IReviewCommand => ({
  id: `hitl-nb:${verb}`,
  label,
  keys,
  selector: LIST_SELECTOR
});

/** All commands, in the order in which settings show them. */
export const REVIEW_COMMANDS: readonly IReviewCommand[] = [
  rowCommand('focus-next-row', trans => trans.__('Next Proposal'), 'J', 'ArrowDown'),
  rowCommand('focus-previous-row', trans => trans.__('Previous Proposal'), 'K', 'ArrowUp'),
  rowCommand('focus-first-row', trans => trans.__('First Proposal'), 'Home'),
  rowCommand('focus-last-row', trans => trans.__('Last Proposal'), 'End'),
  rowCommand('collapse-group', trans => trans.__('Collapse the Group of Proposals'), 'ArrowLeft'),
  rowCommand('expand-group', trans => trans.__('Expand a Group of Proposals'), 'ArrowRight'),
  {
    ...rowCommand('select-proposal', trans => trans.__('Select or Deselect the Proposal'), 'X', 'Space'),
    args: PROPOSAL
  },
  rowCommand('approve-proposals', trans => trans.__('Approve the Selected Proposals…'), 'A'),
  rowCommand('reject-proposals', trans => trans.__('Reject the Selected Proposals…'), 'R'),
  { ...rowCommand('open-proposal', trans => trans.__('Open the Proposal'), 'Enter'), args: PROPOSAL },
  { ...rowCommand('edit-proposal', trans => trans.__('Open the Proposal and Edit It'), 'E'), args: PROPOSAL },
  { ...rowCommand('open-cell', trans => trans.__('Go to the Proposal’s Cell'), 'O'), args: PROPOSAL },
  rowCommand('close-proposal', trans => trans.__('Cancel the Decision, or Close the Proposal'), 'Escape'),
  rowCommand('show-keys', trans => trans.__('Show or Hide the Keys of the Inbox'), 'Shift /'),
  {
    id: 'hitl-nb:select-all',
    label: trans => trans.__('Select or Deselect All Shown Proposals'),
    args: ON
  },
  {
    id: 'hitl-nb:collapse-all',
    label: trans => trans.__('Collapse or Expand All Groups of Proposals'),
    args: ON
  },
  {
    id: 'hitl-nb:show-view',
    label: trans => trans.__('Show a View of the Inbox'),
    args: { view: { enum: ['all', 'mine', 'passed'], description: 'All by default.' } }
  },
  {
    id: 'hitl-nb:decide-proposal',
    label: trans => trans.__('Decide the Proposal of the Card'),
    args: {
      ...PROPOSAL,
      action: {
        enum: ['approve', 'edit', 'reject', 'respond'],
        description: 'The button to press, with what its fields have; the one that approves by default.'
      }
    }
  },
  { id: 'hitl-nb:undo-edit', label: trans => trans.__('Undo the Last Edit of the Proposal'), args: PROPOSAL },
  { id: 'hitl-nb:redo-edit', label: trans => trans.__('Redo the Edit of the Proposal'), args: PROPOSAL },
  { id: 'hitl-nb:reset-draft', label: trans => trans.__('Take the Agent’s Version Again'), args: PROPOSAL },
  { id: 'hitl-nb:undo-approval', label: trans => trans.__('Take Back the Approval'), args: PROPOSAL }
];

/** The keys of all commands, in the form of JupyterLab's settings. */
export const KEY_BINDINGS = REVIEW_COMMANDS.flatMap(({ id, keys = [], selector = '' }) =>
  keys.map(key => ({ command: id, keys: [key], selector }))
);

/** The action of a command in one view, and a test whether the view allows it now. */
export interface ICommandHandler {
  isEnabled(args: CommandArgs): boolean;
  execute(args: CommandArgs): unknown;
}

/** The handlers of one view, by the id of the command. */
export type CommandHandlers = { readonly [id: string]: ICommandHandler };

interface ICardEntry {
  proposal: string;
  /** A part of the card. */
  node: HTMLElement;
  handlers: () => CommandHandlers;
}

/**
 * The views that commands act on: the inbox, and the cards that are shown.
 *
 * A command about a card acts on the card of its argument `proposal`. Without this argument it acts on the card with the
 * focus. If there is no inbox and only one card, as on the review page, it acts on that card.
 */
export class CommandTargets {
  /** The handlers of the inbox; null while there is none. */
  inbox: CommandHandlers | null = null;

  /** Add a part of a card with its handlers. Returns a function that removes it. */
  addCard(proposal: string, node: HTMLElement, handlers: () => CommandHandlers): () => void {
    const entry = { proposal, node, handlers };
    this._cards.push(entry);
    return () => {
      this._cards = this._cards.filter(one => one !== entry);
    };
  }

  /** Find the handler of a command; undefined if no view has one. */
  find(id: string, args: CommandArgs): ICommandHandler | undefined {
    return this.inbox?.[id] ?? this._findCard(args, id)?.handlers()[id];
  }

  /** The keys of a command: those of the settings, once the commands are registered. */
  keysOf(id: string): string[] {
    const bindings = this.registry?.keyBindings ?? KEY_BINDINGS;
    return bindings.filter(one => one.command === id).map(one => one.keys.join(' '));
  }

  /** The registry that has the commands, once they are registered. */
  registry: CommandRegistry | null = null;

  private _findCard({ proposal }: CommandArgs, id: string): ICardEntry | undefined {
    const able = this._cards.filter(card => id in card.handlers());
    const focused = able.find(card => cardOf(card.node).contains(document.activeElement));
    if (typeof proposal === 'string') {
      return focused?.proposal === proposal ? focused : able.find(card => card.proposal === proposal);
    }
    return focused ?? (this.inbox === null && able.length === 1 ? able[0] : undefined);
  }

  private _cards: ICardEntry[] = [];
}

/** Register all commands. They are disabled while no view handles them. */
export function registerReviewCommands(
  registry: CommandRegistry,
  trans: TranslationBundle,
  targets: CommandTargets
): void {
  targets.registry = registry;
  for (const { id, label, args: properties } of REVIEW_COMMANDS) {
    registry.addCommand(id, {
      label: label(trans),
      describedBy: { args: { type: 'object', properties: properties ?? {} } },
      isEnabled: args => targets.find(id, args)?.isEnabled(args) ?? false,
      execute: args => targets.find(id, args)?.execute(args)
    });
  }
}

function cardOf(node: HTMLElement): Element {
  return node.closest('.jp-hitl-card') ?? node;
}
