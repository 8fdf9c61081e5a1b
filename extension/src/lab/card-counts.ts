/**
 * Which proposals have their card in the outputs of a notebook. A window that did not execute the cell itself may show
 * an older output of it, without them.
 */

import { ISignal, Signal } from '@lumino/signaling';

export class CardCounts {
  has(id: string): boolean {
    return this._counts.has(id);
  }

  get changed(): ISignal<CardCounts, void> {
    return this._changed;
  }

  /** One more output shows the card. */
  add(id: string): void {
    this._counts.set(id, (this._counts.get(id) ?? 0) + 1);
    this._changed.emit();
  }

  /** One output fewer shows the card. */
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
