/**
 * Counts the cards of proposals in the outputs of a notebook. A window that did not execute the cell itself may show
 * an older output, without the newest cards.
 */

import { ISignal, Signal } from '@lumino/signaling';

/** Number of cards for each proposal in one notebook. */
export class CardCounts {
  /** Return true if an output shows the card of this proposal. */
  has(id: string): boolean {
    return this._counts.has(id);
  }

  get changed(): ISignal<CardCounts, void> {
    return this._changed;
  }

  /** Count one more output that shows the card. */
  add(id: string): void {
    this._counts.set(id, (this._counts.get(id) ?? 0) + 1);
    this._changed.emit();
  }

  /** Count one output fewer that shows the card. */
  remove(id: string): void {
    const left = (this._counts.get(id) ?? 0) - 1;
    if (left > 0) {
      this._counts.set(id, left);
    } else {
      this._counts.delete(id);
    }
    this._changed.emit();
  }

  private _counts = new Map<string, number>();
  private _changed = new Signal<CardCounts, void>(this);
}
