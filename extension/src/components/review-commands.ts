/**
 * The commands of reviews: the actions of the inbox and of a card, with their keys. JupyterLab and the review page
 * register this table. The keys in `schema/shortcuts.json` are those of the table. Buttons and the sheet of keys read
 * them from it.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

/** Arguments of a command. */
export type CommandArgs = ReadonlyPartialJSONObject;

/** Selector of the inbox's list: its keys act while the focus is in it. */
export const LIST_SELECTOR = '.jp-hitl-list';

/** Selectors of an open card, and of a decided one that is collapsed. */
export const CARD_SELECTOR = '.jp-hitl-card';
export const DECIDED_SELECTOR = '.jp-hitl-decided';

/** Selector of both. */
const CARDS_SELECTOR = `${CARD_SELECTOR}, ${DECIDED_SELECTOR}`;

/** The key that ends typing: in a pop-up it sends the text, in a field of a card it leads to the primary button. */
export const SEND_KEY = 'Accel Enter';

/** Where the keys of a command act. */
const SELECTORS = { list: [LIST_SELECTOR], card: [CARD_SELECTOR], cards: [CARD_SELECTOR, DECIDED_SELECTOR] };

interface IReviewCommand {
  /** `hitl-nb:<verb>-<noun>`. */
  readonly id: string;
  readonly label: (trans: TranslationBundle) => string;
  /** Keys in the spelling of `@lumino/commands`, by the place where they act; each of them runs the command. */
  readonly keys?: { readonly [place in keyof typeof SELECTORS]?: readonly string[] };
  /** A few words about the key; the sheet of keys has the commands with such words. */
  readonly hint?: (trans: TranslationBundle) => string;
  /** Whether the key decides: it does not act for a card that has just come under the keys. */
  readonly decides?: boolean;
  /** Whether a key that is held down runs the command again and again. */
  readonly repeats?: boolean;
  /** The arguments, as the properties of a JSON Schema; all of them are optional. */
  readonly args?: ReadonlyJSONObject;
}

const PROPOSAL = {
  proposal: { type: 'string', description: 'Id of a proposal; the current one by default.' }
};

const ON = {
  on: { type: 'boolean', description: 'True or false; the opposite of the current state by default.' }
};

type More = Partial<Omit<IReviewCommand, 'id' | 'label' | 'keys'>>;

const rowCommand = (
  verb: string,
  label: IReviewCommand['label'],
  list: string[],
  more: More = {}
): IReviewCommand => ({ id: `hitl-nb:${verb}`, label, keys: { list }, ...more });

const cardCommand = (
  verb: string,
  label: IReviewCommand['label'],
  card: string[],
  more: More = {}
): IReviewCommand => ({ id: `hitl-nb:${verb}`, label, keys: { card }, args: PROPOSAL, ...more });

/** A command of a card that acts in the list too: on the card of the current row. */
const rowCardCommand = (
  verb: string,
  label: IReviewCommand['label'],
  keys: string[],
  more: More = {}
): IReviewCommand => ({ ...cardCommand(verb, label, keys, more), keys: { card: keys, list: keys } });

/** All commands, in the order in which settings show them. */
export const REVIEW_COMMANDS: readonly IReviewCommand[] = [
  rowCommand('focus-next-row', trans => trans.__('Next Proposal'), ['J', 'ArrowDown'], {
    hint: trans => trans.__('next'),
    repeats: true
  }),
  rowCommand('focus-previous-row', trans => trans.__('Previous Proposal'), ['K', 'ArrowUp'], {
    hint: trans => trans.__('previous'),
    repeats: true
  }),
  {
    id: 'hitl-nb:focus-next-card',
    label: trans => trans.__('Next Card'),
    keys: { cards: ['J', 'ArrowDown'] },
    repeats: true
  },
  {
    id: 'hitl-nb:focus-previous-card',
    label: trans => trans.__('Previous Card'),
    keys: { cards: ['K', 'ArrowUp'] },
    repeats: true
  },
  cardCommand('approve-proposal', trans => trans.__('Approve the Proposal'), ['A'], {
    hint: trans => trans.__('approve'),
    decides: true
  }),
  rowCardCommand(
    'approve-with-reason',
    trans => trans.__('Approve the Proposal with a Reason…'),
    ['Shift A'],
    {
      hint: trans => trans.__('approve with a reason')
    }
  ),
  cardCommand('reject-proposal', trans => trans.__('Reject the Proposal…'), ['R'], {
    hint: trans => trans.__('reject …')
  }),
  rowCardCommand('answer-proposal', trans => trans.__('Answer Instead of Deciding…'), ['M'], {
    hint: trans => trans.__('answer …')
  }),
  cardCommand('edit-value', trans => trans.__('Edit the Proposal’s Value'), ['E', 'Enter'], {
    hint: trans => trans.__('edit')
  }),
  {
    id: 'hitl-nb:leave-card',
    label: trans => trans.__('Leave the Field, Then the Card'),
    keys: { cards: ['Escape'] },
    hint: trans => trans.__('out of the field, then of the card')
  },
  rowCardCommand('toggle-changes', trans => trans.__('Show or Hide the Changes'), ['D'], {
    hint: trans => trans.__('changes on, off')
  }),
  rowCardCommand('comment-proposal', trans => trans.__('Comment on the Selection or the Proposal'), ['C'], {
    hint: trans => trans.__('comment')
  }),
  rowCommand('focus-first-row', trans => trans.__('First Proposal'), ['Home']),
  rowCommand('focus-last-row', trans => trans.__('Last Proposal'), ['End']),
  rowCommand('collapse-group', trans => trans.__('Collapse the Group of Proposals'), ['ArrowLeft']),
  rowCommand('expand-group', trans => trans.__('Expand a Group of Proposals'), ['ArrowRight']),
  rowCommand('select-proposal', trans => trans.__('Select or Deselect the Proposal'), ['X', 'Space'], {
    hint: trans => trans.__('select'),
    args: PROPOSAL
  }),
  rowCommand('select-to-proposal', trans => trans.__('Select All up to the Proposal'), ['Shift X'], {
    hint: trans => trans.__('select to here'),
    args: PROPOSAL
  }),
  rowCommand('select-next-row', trans => trans.__('Select the Next Proposal Too'), ['Shift ArrowDown'], {
    hint: trans => trans.__('select the next, too'),
    repeats: true
  }),
  rowCommand(
    'select-previous-row',
    trans => trans.__('Select the Previous Proposal Too'),
    ['Shift ArrowUp'],
    {
      hint: trans => trans.__('select the previous, too'),
      repeats: true
    }
  ),
  rowCommand('search-proposals', trans => trans.__('Search Proposals'), ['/'], {
    hint: trans => trans.__('search')
  }),
  rowCardCommand('undo-approval', trans => trans.__('Take Back the Approval'), ['U'], {
    hint: trans => trans.__('take back')
  }),
  rowCommand('approve-proposals', trans => trans.__('Approve the Selected Proposals…'), ['A'], {
    decides: true
  }),
  rowCommand('reject-proposals', trans => trans.__('Reject the Selected Proposals…'), ['R']),
  { id: 'hitl-nb:open-proposal', label: trans => trans.__('Open the Proposal'), args: PROPOSAL },
  rowCommand('edit-proposal', trans => trans.__('Open the Proposal and Edit It'), ['E', 'Enter'], {
    args: PROPOSAL
  }),
  {
    id: 'hitl-nb:open-cell',
    label: trans => trans.__('Go to the Proposal’s Cell'),
    keys: { list: ['O'], cards: ['O'] },
    hint: trans => trans.__('go to the cell'),
    args: PROPOSAL
  },
  {
    id: 'hitl-nb:copy-link',
    label: trans => trans.__('Copy a Link to the Proposal'),
    keys: { cards: ['Y'], list: ['Y'] },
    hint: trans => trans.__('copy the link'),
    args: PROPOSAL
  },
  rowCommand('close-proposal', trans => trans.__('Cancel the Decision, or Close the Proposal'), ['Escape']),
  {
    id: 'hitl-nb:show-keys',
    label: trans => trans.__('Show or Hide the Keys of the Card and the Inbox'),
    keys: { list: ['Shift /'], card: ['Shift /'] },
    hint: trans => trans.__('these keys')
  },
  {
    id: 'hitl-nb:focus-decision',
    label: trans => trans.__('Go to the Button That Decides'),
    keys: { card: [SEND_KEY] },
    hint: trans => trans.__('to the button that decides; in a pop-up: send')
  },
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
    args: { view: { enum: ['all', 'mine', 'passed', 'decided', 'runs'], description: 'All by default.' } }
  },
  {
    id: 'hitl-nb:decide-proposal',
    label: trans => trans.__('Decide the Proposal of the Card'),
    args: {
      ...PROPOSAL,
      action: {
        enum: ['approve', 'edit', 'reject', 'respond'],
        description: 'The button to press; the one that approves by default.'
      }
    }
  },
  { id: 'hitl-nb:undo-edit', label: trans => trans.__('Undo the Last Edit of the Proposal'), args: PROPOSAL },
  { id: 'hitl-nb:redo-edit', label: trans => trans.__('Redo the Edit of the Proposal'), args: PROPOSAL },
  { id: 'hitl-nb:reset-draft', label: trans => trans.__('Take the Agent’s Version Again'), args: PROPOSAL }
];

/** The keys of all commands, in the form of JupyterLab's settings. */
export const KEY_BINDINGS = REVIEW_COMMANDS.flatMap(({ id, keys = {} }) =>
  Object.entries(keys).flatMap(([place, some]) =>
    some.flatMap(key =>
      SELECTORS[place as keyof typeof SELECTORS].map(selector => ({ command: id, keys: [key], selector }))
    )
  )
);

/** Find a command of the table by its id. */
export function findReviewCommand(id: string): IReviewCommand | undefined {
  return REVIEW_COMMANDS.find(one => one.id === id);
}

/** The action of a command in one view, and a test whether the view allows it now. */
export interface ICommandHandler {
  isEnabled(args: CommandArgs): boolean;
  execute(args: CommandArgs): unknown;
  /** Of a command whose key decides: false if it only asks for now. It decides by default. */
  isDecision?(): boolean;
  /** Why it is not enabled, as a sentence; "" if there is nothing to say. */
  whyNot?(): string;
}

/** The handlers of one view, by the id of the command. */
export type CommandHandlers = { readonly [id: string]: ICommandHandler };

interface ICardEntry {
  proposal: string;
  /** A part of the card. */
  node: HTMLElement;
  handlers: () => CommandHandlers;
}

/** A view around cards, such as a notebook, and what it does for the card with the focus. */
interface ISurroundingsEntry {
  node: HTMLElement;
  handlers: CommandHandlers;
}

/**
 * The views that commands act on: the inbox, the cards that are shown, and what is around them.
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
    this._cardAdded.emit(cardOf(node));
    return () => {
      this._cards = this._cards.filter(one => one !== entry);
    };
  }

  /** Emits the element of a card that was added. */
  get cardAdded(): ISignal<CommandTargets, HTMLElement> {
    return this._cardAdded;
  }

  /** Add what a view does for the cards in it. Returns a function that removes it. */
  addSurroundings(node: HTMLElement, handlers: CommandHandlers): () => void {
    const entry = { node, handlers };
    this._surroundings.push(entry);
    return () => {
      this._surroundings = this._surroundings.filter(one => one !== entry);
    };
  }

  /**
   * Find the handler of a command; undefined if no view has one. First comes the card with the focus, then what is
   * around it. If the arguments name a proposal, its card comes before the inbox.
   */
  find(id: string, args: CommandArgs): ICommandHandler | undefined {
    const focused = this._focusedCard;
    const isNamed = typeof args['proposal'] === 'string';
    const around =
      focused === null ? undefined : this._surroundings.find(({ node }) => node.contains(focused));
    return (
      (focused && !isNamed ? this._handlerOf(focused, id) : undefined) ??
      around?.handlers[id] ??
      (isNamed ? this._findCard(args, id)?.handlers()[id] : undefined) ??
      this.inbox?.[id] ??
      this._findCard(args, id)?.handlers()[id]
    );
  }

  /** Find the handler of a command of a proposal's card that is shown within an element. */
  findWithin(node: Element, id: string, proposal: string): ICommandHandler | undefined {
    return this._cards
      .find(card => card.proposal === proposal && node.contains(card.node) && id in card.handlers())
      ?.handlers()[id];
  }

  /** The keys of a command: those of the settings, once the commands are registered. */
  keysOf(id: string): string[] {
    const bindings = this.registry?.keyBindings ?? KEY_BINDINGS;
    return [...new Set(bindings.filter(one => one.command === id).map(one => one.keys.join(' ')))];
  }

  /** The registry that has the commands, once they are registered. */
  registry: CommandRegistry | null = null;

  /** Whether keys of one letter act. If not, only Tab, Enter, Escape and the arrows do. */
  get letterKeys(): boolean {
    return this._letterKeys;
  }

  set letterKeys(on: boolean) {
    if (on !== this._letterKeys) {
      this._letterKeys = on;
      this._letterKeysChanged.emit(on);
    }
  }

  /** Emitted when the keys of one letter were switched on or off. */
  get letterKeysChanged(): ISignal<CommandTargets, boolean> {
    return this._letterKeysChanged;
  }

  /** The card with the focus, open or decided. */
  private get _focusedCard(): HTMLElement | null {
    return document.activeElement?.closest<HTMLElement>(CARDS_SELECTOR) ?? null;
  }

  private _handlerOf(card: HTMLElement, id: string): ICommandHandler | undefined {
    return this._cards.find(one => card.contains(one.node) && id in one.handlers())?.handlers()[id];
  }

  private _findCard({ proposal }: CommandArgs, id: string): ICardEntry | undefined {
    const able = this._cards.filter(card => id in card.handlers());
    const focused = able.find(card => cardOf(card.node).contains(document.activeElement));
    if (typeof proposal === 'string') {
      return focused?.proposal === proposal ? focused : able.find(card => card.proposal === proposal);
    }
    return focused ?? (this.inbox === null && able.length === 1 ? able[0] : undefined);
  }

  private _cards: ICardEntry[] = [];
  private _surroundings: ISurroundingsEntry[] = [];
  private _letterKeys = true;
  private _letterKeysChanged = new Signal<CommandTargets, boolean>(this);
  private _cardAdded = new Signal<CommandTargets, HTMLElement>(this);
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

function cardOf(node: HTMLElement): HTMLElement {
  return node.closest<HTMLElement>(CARD_SELECTOR) ?? node;
}
