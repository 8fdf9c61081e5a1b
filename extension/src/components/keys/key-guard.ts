/**
 * Keeps keys and presses from deciding by accident. A key decides nothing if it is held down, if it was meant for
 * another card, or if the card was not read. A press on the button decides nothing if the card was not read.
 */

import type { ISignal } from '@lumino/signaling';
import type { CommandTargets } from '../review-commands';

/** Milliseconds after another card came under the keys, in which no key decides. */
export const NEW_CARD_MS = 400;

/** Pixels of a card's end that may be missing on the screen. */
const END_PX = 16;

/** Steps of the visible part of a card at which the browser reports it. */
const STEPS = Array.from({ length: 101 }, (_, i) => i / 100);

/** Why a key does not decide: it is held down, another card came just now, or the card was not read to its end. */
export type KeyRefusal = 'held' | 'new' | 'unread';

/** Decides whether a key may decide now. */
export class KeyGuard {
  /** @param _now - returns the time in milliseconds. */
  constructor(private _now: () => number = () => performance.now()) {
    this._ends =
      typeof IntersectionObserver === 'undefined'
        ? null
        : new IntersectionObserver(entries => this._onSeen(entries), { threshold: STEPS });
  }

  /** Note which proposal the keys act on now, by its id; null if it is none. */
  moveTo(proposal: string | null): void {
    if (proposal !== this._current) {
      this._current = proposal;
      this._since = this._now();
    }
  }

  /** Watch whether the end of each card that is added was on the screen. */
  watchCards(added: ISignal<CommandTargets, HTMLElement>): void {
    added.connect((_, card) => this._ends?.observe(card));
  }

  /**
   * Check a key that would decide. Returns why it must not, or null.
   *
   * @param isHeld - whether the key is held down.
   * @param card - null for a row whose card is not shown.
   */
  check(isHeld: boolean, card: HTMLElement | null): KeyRefusal | null {
    if (isHeld) {
      return 'held';
    }
    if (this._now() - this._since < NEW_CARD_MS) {
      return 'new';
    }
    return card !== null && this.isUnread(card) ? 'unread' : null;
  }

  /** Return true if the end of a card was never on the screen; only once for each card. */
  isUnread(card: HTMLElement): boolean {
    if (this._read.has(card) || isEndVisible(card)) {
      return false;
    }
    this._read.add(card);
    return true;
  }

  private _onSeen(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, intersectionRect, boundingClientRect } of entries) {
      if (isIntersecting && boundingClientRect.bottom - intersectionRect.bottom <= END_PX) {
        this._read.add(target);
        this._ends?.unobserve(target);
      }
    }
  }

  private _current: string | null = null;
  private _since = -Infinity;
  private _read = new WeakSet<Element>();
  private _ends: IntersectionObserver | null;
}

/** Return true if the end of a card is on the screen now, not cut off by a scrolled view around it. */
function isEndVisible(card: HTMLElement): boolean {
  const { bottom } = card.getBoundingClientRect();
  let lowest = window.innerHeight;
  for (let view = card.parentElement; view !== null; view = view.parentElement) {
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(view).overflowY)) {
      lowest = Math.min(lowest, view.getBoundingClientRect().bottom);
    }
  }
  return bottom <= lowest + END_PX;
}
