/**
 * The cards of proposals in the outputs of a notebook. A window that did not execute the cell itself may show an older
 * output, without the newest cards.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { IProposalModel } from '../../models/interfaces';

/** One card in an output. It may be out of the page, as JupyterLab takes cells out that are not to be seen. */
export interface IShownCard {
  readonly model: IProposalModel;
  /** The element of the output. */
  readonly node: HTMLElement;
}

/** The cards in one notebook, and how many outputs show each proposal. */
export class CardCounts {
  /** Return true if an output shows the card of this proposal. */
  has(id: string): boolean {
    return this._cards.some(card => card.model.proposal.id === id);
  }

  /** All cards, in the order in which they were added. */
  get cards(): readonly IShownCard[] {
    return this._cards;
  }

  get changed(): ISignal<CardCounts, void> {
    return this._changed;
  }

  /** Add the card that an output shows. */
  add(card: IShownCard): void {
    this._cards.push(card);
    this._changed.emit();
  }

  /** Remove a card that was added. */
  remove(card: IShownCard): void {
    this._cards = this._cards.filter(one => one !== card);
    this._changed.emit();
  }

  private _cards: IShownCard[] = [];
  private _changed = new Signal<CardCounts, void>(this);
}
