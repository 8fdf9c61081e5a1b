/**
 * Where the focus goes within a card and out of it.
 */

import {
  CARD_SELECTOR,
  type CommandHandlers,
  DECIDED_SELECTOR,
  type ICommandHandler
} from '../review-commands';

/** The actions of the view around cards for the card with the focus. */
export interface ICardSurroundings {
  /** Move to the card after (1) or before (-1) this one. */
  move?(card: HTMLElement, by: 1 | -1): void;
  /** Take the focus from the card. */
  leave?(card: HTMLElement): void;
}

/** Inputs that take no text. */
const NO_TEXT =
  'input:is([type=checkbox], [type=radio], [type=button], [type=submit], [type=reset], [type=file])';

/** The button that decides. It is not filled while another action comes first. */
const DECIDING = '.jp-hitl-decision-bar :is(.jp-hitl-split > button, .jp-mod-primary)';

/** Return true if what is typed there is text. */
export function isField(target: Element): boolean {
  const { isContentEditable } = target as HTMLElement;
  return (
    isContentEditable ||
    target.closest('[contenteditable="true"]') !== null ||
    target.matches(`input:not(${NO_TEXT}), textarea, select, [role=textbox], [role=combobox]`)
  );
}

/** Pixels of a card's head that must be in view, so that it need not be scrolled to. */
const HEAD_PX = 80;

/** Give a card the focus, or the button of a decided one. It is scrolled to only if its head is out of sight. */
export function focusCard(card: HTMLElement): void {
  const target = card.matches(CARD_SELECTOR)
    ? card
    : (card.querySelector<HTMLElement>('button:not(.jp-hitl-flag)') ?? card);
  target.focus({ preventScroll: true });
  const { top } = card.getBoundingClientRect();
  const view = scrolledView(card)?.getBoundingClientRect() ?? { top: 0, bottom: window.innerHeight };
  if (top < view.top || top + HEAD_PX > view.bottom) {
    card.scrollIntoView?.({ block: top < view.top ? 'start' : 'nearest' });
  }
}

/** Return true if the focus is nowhere, or in the card of this proposal: it may move on after its decision. */
export function isFocusFree(proposal: string): boolean {
  const { activeElement } = document;
  return (
    activeElement === null ||
    activeElement === document.body ||
    activeElement.closest<HTMLElement>('[data-proposal]')?.dataset.proposal === proposal
  );
}

/** The nearest element around another that scrolls; null if only the window does. */
function scrolledView(node: HTMLElement): HTMLElement | null {
  let view = node.parentElement;
  while (view !== null && !/auto|scroll/.test(getComputedStyle(view).overflowY)) {
    view = view.parentElement;
  }
  return view;
}

/** The commands that are the same for all cards: they move the focus. */
export function makeCardHandlers(around: ICardSurroundings): CommandHandlers {
  const forCard = (act: (card: HTMLElement) => void, able = true): ICommandHandler => ({
    isEnabled: () => able && currentCard() !== null,
    execute: () => {
      const card = currentCard();
      if (card) {
        act(card);
      }
    }
  });
  return {
    'hitl-nb:focus-next-card': forCard(card => around.move?.(card, 1), around.move !== undefined),
    'hitl-nb:focus-previous-card': forCard(card => around.move?.(card, -1), around.move !== undefined),
    'hitl-nb:leave-card': forCard(card => {
      if (card.matches(CARD_SELECTOR) && document.activeElement !== card) {
        card.focus({ preventScroll: true });
      } else {
        around.leave?.(card);
      }
    }),
    'hitl-nb:focus-decision': forCard(card => card.querySelector<HTMLElement>(DECIDING)?.focus())
  };
}

function currentCard(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>(`${CARD_SELECTOR}, ${DECIDED_SELECTOR}`) ?? null;
}
