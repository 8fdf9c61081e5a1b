/**
 * The keys of cards and of the inbox. They run the commands of the table. They do not reach JupyterLab, whose keys would
 * cut, insert and run cells.
 *
 * JupyterLab listens on the document after all elements, Notebook 7 before them. So the target of such a key gets
 * JupyterLab's own mark for "no keys" before any listener sees the key. Ctrl S and the like get no mark.
 */

import { CommandRegistry } from '@lumino/commands';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CARD_SELECTOR, type CommandTargets, findReviewCommand, KEY_BINDINGS } from '../review-commands';
import { announce } from './announcer';
import { makeCardHandlers, type ICardSurroundings, isField } from './card-focus';
import { KeyGuard } from './key-guard';
import { formatKey, isLetterKey } from './key-hints';

/** JupyterLab's mark of an element whose keys run no commands. */
const NO_COMMANDS = 'data-lm-suppress-shortcuts';

/**
 * Parts of a card with keys of their own. In the editor of a value, letters are meant for its fields. A person
 * may type after Tab while the focus is on a button between two fields, and must not decide by that.
 */
const OWN_KEYS =
  '[role=grid], [role=menu], [role=listbox], [role=tree], [role=dialog], [role=radiogroup], .jp-hitl-value';

/** Controls that Enter and the space bar press. */
const PRESSED =
  'button, a[href], summary, input, select, [role=button], [role=radio], [role=tab], [role=option]';

/** The button that approves. A workspace is approved by those who write in it, wherever they are in its text. */
const APPROVING =
  '.jp-hitl-card:not(.jp-mod-workspace) > .jp-hitl-decision-bar > .jp-hitl-split > button:first-child:not([aria-disabled])';

/** A binding of a key to a command. */
interface IBinding {
  readonly command: string;
  readonly keys: readonly string[];
  readonly selector: string;
  readonly args?: CommandRegistry.IKeyBinding['args'];
}

/** Listens to the keys of all cards and lists of one window. */
export class KeyListener {
  constructor(
    private _targets: CommandTargets,
    private _trans: TranslationBundle,
    private _guard = new KeyGuard()
  ) {
    _guard.watchCards(_targets.cardAdded);
  }

  /**
   * Handle the keys in an element, which must be above the root of the React elements in it: they see keys first.
   *
   * @param around - what the view around the cards does for them.
   * @returns a function that ends this.
   */
  watch(node: HTMLElement, around: ICardSurroundings = {}): () => void {
    const removeHandlers = this._targets.addSurroundings(node, makeCardHandlers(around));
    const onKeyDown = (event: KeyboardEvent): void => this._onKeyDown(event, node);
    const onFocus = ({ target }: FocusEvent): void => this._guard.moveTo(subjectOf(target as Element));
    const onAnyKeyDown = (event: KeyboardEvent): void => {
      if (node.contains(event.target as Node)) {
        this._mark(event);
      }
    };
    // In a list with the focus another row becomes the current one without a new focus.
    const rows = new MutationObserver(changes =>
      changes.forEach(({ target }) => {
        if (target === document.activeElement) {
          this._guard.moveTo(subjectOf(target as Element));
        }
      })
    );
    const onClick = (event: MouseEvent): void => this._onClick(event);
    window.addEventListener('keydown', onAnyKeyDown, true);
    node.addEventListener('click', onClick, true);
    node.addEventListener('keydown', onKeyDown);
    node.addEventListener('focusin', onFocus);
    rows.observe(node, { attributeFilter: ['aria-activedescendant'], subtree: true });
    return () => {
      removeHandlers();
      window.removeEventListener('keydown', onAnyKeyDown, true);
      node.removeEventListener('click', onClick, true);
      node.removeEventListener('keydown', onKeyDown);
      node.removeEventListener('focusin', onFocus);
      rows.disconnect();
    };
  }

  /** Mark the target of a key that is not for JupyterLab, and no other element. */
  private _mark(event: KeyboardEvent): void {
    this._marked?.removeAttribute(NO_COMMANDS);
    const target = event.target as Element;
    // An editor watches the attributes of its own elements.
    this._marked = target.closest('.cm-editor')?.parentElement ?? target;
    this._marked.toggleAttribute(NO_COMMANDS, isForCards(event));
  }

  private _onKeyDown(event: KeyboardEvent, node: HTMLElement): void {
    const target = event.target as Element;
    if (event.repeat && ['Enter', ' '].includes(event.key) && target.matches('button, [role=button]')) {
      event.preventDefault(); // a button that is pressed by a held key would decide again and again
    }
    const binding = event.defaultPrevented || event.isComposing ? undefined : this._find(event, node);
    if (binding && this._targets.registry?.isEnabled(binding.command, binding.args ?? {})) {
      event.preventDefault();
      event.stopPropagation();
      this._run(binding, event, target);
    } else if (isForCards(event)) {
      event.stopPropagation();
      this._sayWhyNot(binding, event);
    }
  }

  /** Say why a key does nothing now. */
  private _sayWhyNot(binding: IBinding | undefined, { repeat }: KeyboardEvent): void {
    const handler = binding && !repeat && this._targets.find(binding.command, binding.args ?? {});
    const why = (handler && handler.whyNot?.()) || '';
    if (why) {
      announce(why, true);
    }
  }

  /** Find the binding of a key, in the settings or else in the table, that is nearest to the target. */
  private _find(event: KeyboardEvent, node: HTMLElement): IBinding | undefined {
    const { registry, letterKeys } = this._targets;
    const bindings: readonly IBinding[] = registry?.keyBindings ?? KEY_BINDINGS;
    const strokes = keystrokesOf(event);
    const target = event.target as Element;
    const fitting = bindings.filter(
      ({ command, keys }) =>
        keys.length === 1 &&
        findReviewCommand(command) !== undefined &&
        strokes.includes(CommandRegistry.normalizeKeystroke(keys[0])) &&
        (letterKeys || !isLetterKey(keys[0])) &&
        isFree(keys[0], target)
    );
    for (let at: Element | null = target; at !== null; at = at === node ? null : at.parentElement) {
      const here = at;
      const found = fitting.find(({ selector }) => here.matches(selector));
      if (found) {
        return hasOwnKeys(target, here) && !isLeaving(found, target) ? undefined : found;
      }
    }
    return undefined;
  }

  private _run({ command: id, args, keys }: IBinding, event: KeyboardEvent, target: Element): void {
    const { decides, repeats } = findReviewCommand(id) ?? {};
    if (event.repeat && !repeats) {
      return;
    }
    const subject = subjectOf(target);
    const card = cardOf(target, subject);
    const deciding = decides && (this._targets.find(id, args ?? {})?.isDecision?.() ?? true);
    const refused = deciding ? this._guard.check(event.repeat, card) : null;
    if (refused === null) {
      void this._targets.registry?.execute(id, args ?? {});
      return;
    }
    const key = formatKey(keys[0]);
    if (refused === 'unread') {
      this._showEnd(card, key);
    } else if (refused === 'new') {
      announce(this._trans.__('This is another proposal: press %1 again', key), true);
    }
  }

  /** Let no press approve a card whose end was never on the screen: the bar is there before the value is. */
  private _onClick(event: MouseEvent): void {
    const button = (event.target as Element).closest<HTMLElement>(APPROVING);
    const card = button?.closest<HTMLElement>(CARD_SELECTOR);
    if (button && card && this._guard.isUnread(card)) {
      event.stopPropagation();
      const words = [...button.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
      this._showEnd(card, words.map(node => node.textContent).join(''));
    }
  }

  /** Scroll to the end of a card, and say that it is to be read before `what` is pressed again. */
  private _showEnd(card: HTMLElement | null, what: string): void {
    card?.scrollIntoView({ block: 'end' });
    announce(this._trans.__('Read to the end, then press %1 again', what), true);
  }

  private _marked: Element | null = null;
}

/**
 * The keys of cards: all without Ctrl, Meta or Alt, and Enter with any of them, which runs cells.
 */
function isForCards({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return key === 'Enter' || !(ctrlKey || metaKey || altKey);
}

/**
 * The names of a key: by its place on the keyboard. "?" and "/" are named by what they type, since they are at other
 * places on other keyboards.
 */
function keystrokesOf(event: KeyboardEvent): string[] {
  switch (event.key) {
    case '?':
      return ['Shift /'];
    case '/':
      return ['/'];
    default:
      return [CommandRegistry.keystrokeForKeydownEvent(event)];
  }
}

/** Return true if the target has no use of its own for the key. */
function isFree(key: string, target: Element): boolean {
  if (isField(target)) {
    return key === 'Escape' || /^(Accel|Ctrl|Cmd|Alt) /.test(key);
  }
  return !['Enter', 'Space'].includes(key) || !target.matches(PRESSED);
}

/** Return true if the target is in a part of the card or list `within` that has keys of its own. */
function hasOwnKeys(target: Element, within: Element): boolean {
  const part = target.closest(`${OWN_KEYS}, input[type=radio], select`);
  return part !== null && part !== within && within.contains(part);
}

/** Return true if a key leaves a part with keys of its own: Escape, and in fields also the key that ends typing. */
function isLeaving({ command, keys }: IBinding, target: Element): boolean {
  const isPopup = target.closest('[role=dialog], [role=menu]') !== null;
  return keys[0] === 'Escape' || (command === 'hitl-nb:focus-decision' && !isPopup);
}

/** The id of the proposal that the keys act on; null if there is none. */
function subjectOf(target: Element): string | null {
  const card = target.closest<HTMLElement>('[data-proposal]');
  return (
    card?.dataset.proposal ?? target.getAttribute('aria-activedescendant')?.replace(/^hitl-row-/, '') ?? null
  );
}

/** The card with the focus, or that of the current row of a list. */
function cardOf(target: Element, subject: string | null): HTMLElement | null {
  const around = target.closest<HTMLElement>(CARD_SELECTOR);
  if (around !== null || subject === null) {
    return around;
  }
  const shown = target.closest('.jp-hitl-inbox')?.querySelectorAll<HTMLElement>(CARD_SELECTOR) ?? [];
  return [...shown].find(card => card.dataset.proposal === subject) ?? null;
}
