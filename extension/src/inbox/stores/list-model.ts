/**
 * The list of the inbox: the waiting proposals, the search, the filters, the groups, and the current row.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../../api/client';
import type { Feed } from '../../api/feed';
import type { IProposalSummary } from '../../api/types';
import { hasSeat } from '../../components/terms-sentences';
import { Facet, Filters, NO_FILTERS } from './list-facets';
import { arrangeList, GroupingMode, IListLayout, IListRequest, SortMode } from './list-layout';
import { ProposalStore } from './proposal-store';
import { ServerSearch } from './server-search';

/** The search, filters, order and groups of the list. They can be kept as a view of one's own. */
export interface IListChoice {
  readonly search: string;
  readonly filters: Filters;
  readonly sort: SortMode;
  readonly grouping: GroupingMode;
}

const NOTHING_CHOSEN: IListChoice = { search: '', filters: NO_FILTERS, sort: 'due', grouping: 'alike' };

/** The waiting proposals as a list with search, filters and groups. */
export class ListModel {
  constructor(client: Client, feed: Feed) {
    this._waiting = new ProposalStore(client, feed);
    this._waiting.changed.connect(this._listChanged, this);
    this._serverSearch = new ServerSearch(client, () => {
      this._arrange();
      this._afterArranging();
      this._changed.emit();
    });
  }

  /** Emitted after any change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How many proposals wait, without search and filters. */
  get total(): number {
    return this._waiting.all.length;
  }

  /** The waiting proposals that this person may decide, oldest first, without search and filters. */
  get forYou(): readonly IProposalSummary[] {
    return this._waiting.all.filter(hasSeat);
  }

  /** Number of the waiting proposals that this person may decide, without search and filters. */
  get mineTotal(): number {
    return this._mineTotal;
  }

  /** Whether the waiting proposals were read once. */
  get loaded(): boolean {
    return this._waiting.loaded;
  }

  /** The visible list. It is a new object after every change. */
  get view(): IListLayout {
    return this._view;
  }

  /** The shown proposals in order. */
  get shown(): readonly IProposalSummary[] {
    return this._view.rows;
  }

  /** Search, filters, order and groups. */
  get choice(): IListChoice {
    return this._choice;
  }

  set choice(choice: IListChoice) {
    this._choice = choice;
    this._serverSearch.look(choice.search);
    this._showAll();
  }

  /** The searched words. All of them must occur in a text of the proposal. */
  get search(): string {
    return this._choice.search;
  }

  set search(search: string) {
    this.choice = { ...this._choice, search };
  }

  /** The chosen value of each filter. */
  get filters(): Filters {
    return this._choice.filters;
  }

  /** Show only proposals with this value; null shows all. */
  filter(facet: Facet, value: string | null): void {
    this.choice = { ...this._choice, filters: { ...this.filters, [facet]: value } };
  }

  /** How the list is sorted. */
  get sort(): SortMode {
    return this._choice.sort;
  }

  set sort(sort: SortMode) {
    this.choice = { ...this._choice, sort };
  }

  /** How the list is grouped. */
  get grouping(): GroupingMode {
    return this._choice.grouping;
  }

  set grouping(grouping: GroupingMode) {
    this.choice = { ...this._choice, grouping };
  }

  /** User name, if only the proposals are shown that this user may decide; null shows all. */
  get mine(): string | null {
    return this._mine;
  }

  set mine(user: string | null) {
    if (user !== this._mine) {
      this._mine = user;
      this._showAll();
    }
  }

  /** How many new proposals are not in the list yet, because a person uses it. */
  get arrivals(): number {
    return this._accepted === null
      ? 0
      : this._waiting.all.filter(p => !this._accepted!.has(p.id) && (this._mine === null || hasSeat(p)))
          .length;
  }

  /** Put the new proposals in the list. */
  showArrivals(): void {
    this._showAll();
  }

  /** Whether a person uses the list. Meanwhile its rows keep their order, and new ones wait. */
  set busy(on: boolean) {
    if (on !== this._busy) {
      this._busy = on;
      if (on) {
        this._accepted = new Set(this._waiting.all.map(p => p.id));
      } else {
        this._release();
      }
    }
  }

  /** Drop the search and the filters, and expand all groups. */
  showEverything(): void {
    this._collapsed = new Set();
    this.choice = { ...this._choice, search: '', filters: NO_FILTERS };
  }

  /** Collapse a group, or expand it. */
  toggleGroup(key: string): void {
    this._setCollapsed([key], !this._collapsed.has(key));
  }

  /** Collapse all groups, or expand all. */
  collapseAll(on: boolean): void {
    this._setCollapsed(
      this._view.groups.map(group => group.key),
      on
    );
  }

  /** Collapse the group of the current row. */
  collapse(): void {
    const place = this._view.places.get(this._current ?? '');
    const group = place && this._view.lines[place.line].group;
    if (group) {
      this._setCollapsed([group.key], true);
    }
  }

  /** Expand the nearest collapsed group before the current row, or else the first one after it. */
  expand(): void {
    const { lines, places } = this._view;
    const at = places.get(this._current ?? '')?.line ?? 0;
    const hidden = lines.map((line, i) => ({ ...line, i })).filter(line => line.group?.collapsed);
    const group = (hidden.filter(line => line.i < at).pop() ?? hidden[0])?.group;
    if (group) {
      this._setCollapsed([group.key], false);
      const first = this._view.lines.find(line => line.group?.key === group.key && line.proposal);
      this._current = first?.proposal?.id ?? this._current;
      this._onAction();
    }
  }

  /** The id of the current row; null if there is no row. */
  get current(): string | null {
    return this._current;
  }

  /** The proposal of the current row; null if there is no row, or if it no longer waits. */
  get currentProposal(): IProposalSummary | null {
    const place = this._view.places.get(this._current ?? '');
    const found = place && this._view.rows[place.row];
    return found?.id === this._current ? found : null;
  }

  /** Make a row current, if it is shown. */
  goTo(id: string): void {
    this._moves += 1;
    this._dropEnded();
    this._current = this._view.places.has(id) ? id : this._current;
    this._onAction();
  }

  /** Move the current row down by `by` rows; negative numbers move up. */
  move(by: number): void {
    this._moves += 1;
    const stood = this._current !== null && this._current === this._ended?.id;
    this._dropEnded();
    const { rows, places } = this._view;
    const from = places.get(this._current ?? '')?.row ?? 0;
    // If the current row has ended, the one after it is now at its place.
    const to = Math.max(0, Math.min(from + (stood && by > 0 ? by - 1 : by), rows.length - 1));
    this._current = rows.length > 0 ? rows[to].id : null;
    this._onAction();
  }

  /** Counter of the person's moves to a row. */
  get moves(): number {
    return this._moves;
  }

  /** Go to the next row, because this person has decided the current one, which stays in sight. */
  moveOn(): void {
    const { rows, places } = this._view;
    const at = places.get(this._current ?? '')?.row ?? 0;
    if (this._current === this._ended?.id) {
      this._current = rows[Math.min(at, rows.length - 1)]?.id ?? null;
    } else {
      this._handled = this._current;
      this._current = (rows[at + 1] ?? rows[at - 1] ?? rows[at])?.id ?? null;
    }
    this._onAction();
    this.revealCurrent();
  }

  /** Emitted when the current row must be in sight. */
  get revealRequested(): ISignal<this, void> {
    return this._revealRequested;
  }

  /** Ask the view to scroll to the current row. */
  revealCurrent(): void {
    this._revealRequested.emit();
  }

  /** A proposal that no longer waits, and stays in the list until the next move; null if there is none. */
  get ended(): IProposalSummary | null {
    return this._ended;
  }

  /** A message for the person, or "": why an action was refused, until the next action; or an error of reading. */
  get problem(): string {
    return this._shownProblem || this._waiting.trouble;
  }

  /** Whether the message is about reading: the server does not answer. */
  get offline(): boolean {
    return this._shownProblem === '' && this._waiting.offline;
  }

  /** Show why an action was refused. */
  showProblem(why: string): void {
    this._shownProblem = why;
    this._changed.emit();
  }

  /** Read all waiting proposals again. */
  refresh(): Promise<void> {
    return this._waiting.refresh();
  }

  dispose(): void {
    this._serverSearch.dispose();
    this._waiting.dispose();
    Signal.clearData(this);
  }

  /** Handle an action of the person: the last message is removed. */
  protected _onAction(): void {
    this._shownProblem = '';
    this._changed.emit();
  }

  /** Handle a change of the waiting proposals. */
  protected _listChanged(): void {
    const before = this.currentProposal;
    this._mineTotal = this._waiting.all.filter(hasSeat).length;
    this._serverSearch.repeat();
    if (!this._busy || this._view.rows.length === 0) {
      this._accepted = this._busy ? new Set(this._waiting.all.map(p => p.id)) : null;
    }
    this._keepEnded(before);
    this._arrange(this._busy);
    this._afterArranging();
    this._changed.emit();
  }

  /** Called after the list was changed by others. */
  protected _afterArranging(): void {}

  /** While a person uses the list, a row that ends there stays in sight. */
  private _keepEnded(current: IProposalSummary | null): void {
    const before = this._view;
    const handled = before.rows.find(p => p.id === this._handled);
    const gone = [handled, current].find(p => p && !this._waiting.find(p.id));
    if (this._busy && gone) {
      this._ended = this._waiting.findEnded(gone.id) ?? gone;
    }
  }

  private _setCollapsed(keys: readonly string[], on: boolean): void {
    this._collapsed = new Set([...this._collapsed].filter(key => !keys.includes(key)));
    if (on) {
      keys.forEach(key => this._collapsed.add(key));
    }
    this._arrange(this._busy);
    this._onAction();
  }

  /** Show all that waits, sorted: an action of the person changed the list as a whole. */
  private _showAll(): void {
    this._accepted = this._busy ? new Set(this._waiting.all.map(p => p.id)) : null;
    this._ended = null;
    this._arrange();
    this._onAction();
  }

  /** The person has left the list: show what came and went meanwhile. */
  private _release(): void {
    const same = this.arrivals === 0 && this._ended === null;
    this._accepted = null;
    this._ended = null;
    if (!same) {
      this._arrange();
      this._afterArranging();
      this._changed.emit();
    }
  }

  private _dropEnded(): void {
    this._handled = null;
    if (this._ended) {
      this._ended = null;
      this._arrange(true);
    }
  }

  /** Compute the visible list again. If the current row is gone, the row at its place becomes the current one. */
  private _arrange(keepsOrder = false): void {
    const before = this._view;
    const accepted = this._accepted;
    const all = accepted ? this._waiting.all.filter(p => accepted.has(p.id)) : this._waiting.all;
    const order = keepsOrder ? before.lines.flatMap(line => line.proposal?.id ?? []) : null;
    this._view = arrangeList(all, this._request(order && order.length > 0 ? order : null));
    const { rows, places } = this._view;
    if (this._current === null || !places.has(this._current)) {
      const from = before.places.get(this._current ?? '')?.row ?? 0;
      const next =
        before.rows.slice(from).find(p => places.has(p.id)) ?? rows[before.rows.length ? rows.length - 1 : 0];
      this._current = (next as IProposalSummary | undefined)?.id ?? null;
    }
  }

  private _request(order: readonly string[] | null): IListRequest {
    return {
      ...this._choice,
      hits: this._serverSearch.hits,
      mine: this._mine,
      collapsed: this._collapsed,
      order,
      ended: this._ended,
      now: Date.now()
    };
  }

  protected _waiting: ProposalStore;
  protected _changed = new Signal<this, void>(this);
  protected _current: string | null = null;
  private _serverSearch: ServerSearch;
  private _revealRequested = new Signal<this, void>(this);
  private _shownProblem = '';
  private _choice = NOTHING_CHOSEN;
  private _mine: string | null = null;
  private _mineTotal = 0;
  private _moves = 0;
  private _collapsed = new Set<string>();
  private _busy = false;
  /** Ids of the proposals that may be in the list while a person uses it; null: all. */
  private _accepted: ReadonlySet<string> | null = null;
  private _ended: IProposalSummary | null = null;
  /** Id of the row that this person has decided, until it ends. */
  private _handled: string | null = null;
  private _view: IListLayout = arrangeList([], {
    ...{ ...NOTHING_CHOSEN, hits: new Set(), mine: null, collapsed: new Set() },
    ...{ order: null, ended: null, now: 0 }
  });
}
