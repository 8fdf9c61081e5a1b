/**
 * Moves between the cards of a notebook, by keys and after a decision. JupyterLab takes cells out of the page that are
 * not in view. So the notebook is scrolled to a cell before its card gets the focus.
 */

import type { ICodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { decisionWord } from '../../components/states/decision-word';
import type { IHost } from '../../components/host';
import { announce } from '../../components/keys/announcer';
import { focusCard, type ICardSurroundings, isFocusFree } from '../../components/keys/card-focus';
import type { IProposalModel } from '../../models/interfaces';
import type { CardCounts, IShownCard } from './card-counts';

/** Milliseconds to wait for a card after its cell came into the page. */
const WAIT_MS = 5000;

/** A card, or a cell whose card was never drawn. */
interface IPlace {
  cell: number;
  card: IShownCard | null;
}

/** The cards of one notebook. */
export class NotebookCards implements ICardSurroundings {
  /** @param _mimeTypes - outputs that show cards. */
  constructor(
    private _host: IHost,
    private _panel: NotebookPanel,
    private _cards: CardCounts,
    private _mimeTypes: readonly string[]
  ) {
    _cards.changed.connect(() => this._follow());
  }

  /** Move to the next open card (1), or the one before (-1). */
  move = (card: HTMLElement, by: 1 | -1): void => {
    const places = this._places();
    const at = this._indexOf(places, card);
    void this._goToFirst(by > 0 ? places.slice(at + 1) : places.slice(0, Math.max(at, 0)).reverse());
  };

  /** Make the card's cell the active one, in command mode. */
  leave = (card: HTMLElement): void => {
    const { content } = this._panel;
    const at = content.widgets.findIndex(cell => cell.node.contains(card));
    if (at >= 0) {
      content.activeCellIndex = at;
      content.mode = 'command';
      content.widgets[at].node.focus({ preventScroll: true });
    }
  };

  /**
   * Move on after a decision that was taken in this notebook: to the next open card, or else to the decided card. The
   * focus of a person who works elsewhere by now, also in another card of the same pause, is left alone.
   */
  moveOn(model: IProposalModel): void {
    const places = this._places();
    const at = places.findIndex(one => one.card?.model === model);
    const decided = places[at]?.card;
    void this._sayDecided(model);
    const isFree = (): boolean => isFocusFree(model.proposal.id);
    if (!decided || !isFree()) {
      return;
    }
    const others = [...places.slice(at + 1), ...places.slice(0, at)];
    const next = others.find(one => one.card === null || isAwaited(one.card));
    if (next) {
      void this._goToFirst(others, isAwaited, isFree);
      return;
    }
    void this._stay(decided, places[at].cell);
  }

  /** Give the collapsed card the focus, until the agent's next question comes in the same cell. */
  private async _stay({ model, node }: IShownCard, cell: number): Promise<void> {
    const { id, status } = model.proposal;
    if (status === 'open') {
      return; // it waits for other people, or can still be taken back
    }
    const isOwn = (one: HTMLElement): boolean => one.dataset.proposal === id;
    const shown = await waitFor(node, () => {
      const all = [...node.querySelectorAll<HTMLElement>('.jp-hitl-decided')];
      return all.find(isOwn) ?? node.querySelector<HTMLElement>('.jp-hitl-decided-fold');
    });
    if (shown && isFocusFree(id)) {
      focusCard(shown);
      this._followed = { cell, focused: document.activeElement };
    }
  }

  /** Say what was decided, and how much is left. */
  private async _sayDecided({ proposal, run }: IProposalModel): Promise<void> {
    if (proposal.status === 'open') {
      return;
    }
    const { trans } = this._host;
    const { text } = decisionWord(proposal, this._host);
    const more = await this._countWaiting(proposal.notebook);
    const continues = run?.status === 'ready' || run?.status === 'running';
    announce(
      more > 0
        ? trans._n('%2. %1 more waits in this notebook.', '%2. %1 more wait in this notebook.', more, text)
        : continues
          ? trans.__('%1. The agent continues.', text)
          : `${text}.`
    );
  }

  /** Return how many proposals wait in a notebook; 0 if the server does not say. */
  private async _countWaiting(notebook: string): Promise<number> {
    try {
      return (await this._host.client.listProposals({ notebook })).proposals.length;
    } catch (reason) {
      console.warn('hitl_nb: the proposals that wait cannot be counted', reason);
      return 0;
    }
  }

  private _follow(): void {
    const followed = this._followed;
    if (!followed) {
      return;
    }
    const { activeElement } = document;
    if (activeElement !== followed.focused && activeElement !== document.body && activeElement !== null) {
      this._followed = null;
      return;
    }
    const next = this._places().filter(
      one => one.cell === followed.cell && one.card !== null && isAwaited(one.card)
    );
    if (next.length > 0) {
      this._followed = null;
      void this._goToFirst(next);
    }
  }

  /** All cards in the order of the notebook, and the cells that have cards which were never drawn. */
  private _places(): IPlace[] {
    const { widgets } = this._panel.content;
    const cellOf = ({ node }: IShownCard): number => widgets.findIndex(cell => cell.node.contains(node));
    const drawn = this._cards.cards.map(card => ({ cell: cellOf(card), card }));
    const places: IPlace[] = drawn.filter(({ cell }) => cell >= 0);
    widgets.forEach((widget, cell) => {
      if (!drawn.some(one => one.cell === cell) && this._hasCards(widget.model)) {
        places.push({ cell, card: null });
      }
    });
    return places.sort((one, other) => one.cell - other.cell);
  }

  private _hasCards(model: { type: string }): boolean {
    if (model.type !== 'code') {
      return false;
    }
    const { outputs } = model as ICodeCellModel;
    for (let i = 0; i < outputs.length; i++) {
      if (this._mimeTypes.some(type => type in outputs.get(i).data)) {
        return true;
      }
    }
    return false;
  }

  private _indexOf(places: IPlace[], card: HTMLElement): number {
    const { proposal } = card.dataset;
    const same = places.findIndex(
      one => one.card?.model.proposal.id === proposal && one.card?.node.contains(card)
    );
    return same >= 0 ? same : places.findIndex(one => one.card?.node.contains(card));
  }

  /**
   * Go to the first place with a card that fits. The one that is in the page gets the focus at once, another one if
   * `isFree` by then.
   */
  private async _goToFirst(
    places: IPlace[],
    fits: (card: IShownCard) => boolean = isOpen,
    isFree: () => boolean = () => true
  ): Promise<void> {
    const round = ++this._round;
    for (const { cell, card } of places) {
      if (card !== null && !fits(card)) {
        continue;
      }
      const id = card?.model.proposal.id;
      const shown = (id && this._element(id)) || (await this._scrollTo(cell, id, fits));
      if (round !== this._round || !isFree()) {
        return; // another key was pressed meanwhile, or the person works elsewhere
      }
      if (shown) {
        focusCard(shown);
        return;
      }
    }
  }

  /** Scroll to a cell, and wait for its card. */
  private async _scrollTo(
    cell: number,
    id: string | undefined,
    fits: (card: IShownCard) => boolean
  ): Promise<HTMLElement | null> {
    const { content } = this._panel;
    await content.scrollToItem(cell, 'smart');
    const find = (): HTMLElement | null => {
      const here = this._places().find(one => one.cell === cell && one.card !== null && fits(one.card));
      const found = id ?? here?.card?.model.proposal.id;
      return found === undefined ? null : this._element(found);
    };
    return waitFor(content.node, find);
  }

  private _element(id: string): HTMLElement | null {
    const all = this._panel.content.node.querySelectorAll<HTMLElement>('.jp-hitl-card');
    return [...all].find(card => card.dataset.proposal === id) ?? null;
  }

  private _followed: { cell: number; focused: Element | null } | null = null;
  private _round = 0;
}

function isOpen({ model }: IShownCard): boolean {
  return model.proposal.status === 'open';
}

/** Return true if this person can decide the proposal now. */
function isAwaited({ model: { proposal } }: IShownCard): boolean {
  return proposal.status === 'open' && !proposal.settles_at && (proposal.may?.decide ?? true);
}

/** Wait until something is found in an element; null if it does not come. */
function waitFor(node: HTMLElement, find: () => HTMLElement | null): Promise<HTMLElement | null> {
  return new Promise(resolve => {
    const end = (found: HTMLElement | null): void => {
      clearTimeout(timer);
      observer.disconnect();
      resolve(found);
    };
    const look = (): void => {
      const found = find();
      if (found) {
        end(found);
      }
    };
    const observer = new MutationObserver(look);
    const timer = setTimeout(() => end(null), WAIT_MS);
    observer.observe(node, { childList: true, subtree: true, attributeFilter: ['data-proposal'] });
    look();
  });
}
