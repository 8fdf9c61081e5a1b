/**
 * The rows of the inbox: what waits, how it is searched, filtered and grouped, and which row is current.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { Feed } from '../api/feed';
import type { IProposalSummary } from '../api/types';
import { arrangeList, Facet, Filters, GroupingMode, IListLayout, IListRequest } from './list-layout';
import { ProposalStore } from './proposal-store';

export class ListModel {
  constructor(client: Client, feed: Feed) {
    this._waiting = new ProposalStore(client, feed);
    this._waiting.changed.connect(this._listChanged, this);
  }

  /** Emitted after any change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How many wait, whatever is searched for. */
  get total(): number {
    return this._waiting.all.length;
  }

  /** Whether it is known what waits. */
  get loaded(): boolean {
    return this._waiting.loaded;
  }

  /** What is to be drawn; another object after every change of it. */
  get view(): IListLayout {
    return this._view;
  }

  /** The proposals that can be seen. */
  get shown(): readonly IProposalSummary[] {
    return this._view.rows;
  }

  /** What is searched for: words that all must stand in title, agent, notebook or summary. */
  get search(): string {
    return this._search;
  }

  set search(text: string) {
    this._search = text;
    this._arrange();
    this._onAction();
  }

  get filters(): Filters {
    return this._filters;
  }

  /** Show only those with this value; null shows all. */
  filter(facet: Facet, value: string | null): void {
    this._filters = { ...this._filters, [facet]: value };
    this._arrange();
    this._onAction();
  }

  /** Whose proposals alone are shown: those that this user may decide; null shows all. */
  get mine(): string | null {
    return this._mine;
  }

  set mine(user: string | null) {
    this._mine = user;
    this._arrange();
    this._onAction();
  }

  get grouping(): GroupingMode {
    return this._grouping;
  }

  set grouping(by: GroupingMode) {
    this._grouping = by;
    this._arrange();
    this._onAction();
  }

  /** Hide or show the rows of a group. */
  toggleGroup(key: string): void {
    this._setCollapsed([key], !this._collapsed.has(key));
  }

  collapseAll(on: boolean): void {
    this._setCollapsed(
      this._view.groups.map(group => group.key),
      on
    );
  }

  /** Hide the rows of the current row's group. */
  collapse(): void {
    const place = this._view.places.get(this._current ?? '');
    const group = place && this._view.lines[place.line].group;
    if (group) {
      this._setCollapsed([group.key], true);
    }
  }

  /** Show the rows of the nearest hidden group: the one before the current row, or else the first after it. */
  expand(): void {
    const { lines, places } = this._view;
    const at = places.get(this._current ?? '')?.line ?? 0;
    const hidden = lines.map((line, i) => ({ ...line, i })).filter(line => line.group?.collapsed);
    const group = (hidden.filter(line => line.i < at).pop() ?? hidden[0])?.group;
    if (group) {
      this._setCollapsed([group.key], false);
      this._current = this._view.lines.find(
        line => line.group?.key === group.key && line.proposal
      )!.proposal!.id;
      this._changed.emit();
    }
  }

  /** The id of the current row; null if there is no row. */
  get current(): string | null {
    return this._current;
  }

  get currentProposal(): IProposalSummary | null {
    const place = this._view.places.get(this._current ?? '');
    return place ? this._view.rows[place.row] : null;
  }

  /** Make a row current, if it can be seen. */
  goTo(id: string): void {
    this._current = this._view.places.has(id) ? id : this._current;
    this._onAction();
  }

  /** Make the row current that is so many rows further down. */
  move(by: number): void {
    const { rows, places } = this._view;
    const from = places.get(this._current ?? '')?.row ?? 0;
    const to = Math.max(0, Math.min(from + by, rows.length - 1));
    this._current = rows.length > 0 ? rows[to].id : null;
    this._onAction();
  }

  /** What a person is to know: why something was not done, until they do something else; or what is wrong, or "". */
  get problem(): string {
    return this._shownProblem || this._waiting.trouble;
  }

  /** Say why something is not done. */
  showProblem(why: string): void {
    this._shownProblem = why;
    this._changed.emit();
  }

  /** Read all that waits again. */
  refresh(): Promise<void> {
    return this._waiting.refresh();
  }

  dispose(): void {
    this._waiting.dispose();
    Signal.clearData(this);
  }

  /** A person did something: what was said is over. */
  protected _onAction(): void {
    this._shownProblem = '';
    this._changed.emit();
  }

  /** What waits is another. */
  protected _listChanged(): void {
    this._arrange();
    this._changed.emit();
  }

  private _setCollapsed(keys: readonly string[], on: boolean): void {
    this._collapsed = new Set([...this._collapsed].filter(key => !keys.includes(key)));
    if (on) {
      keys.forEach(key => this._collapsed.add(key));
    }
    this._arrange();
    this._onAction();
  }

  /** Arrange anew. If the current row is not there any more, the one at its place is current. */
  private _arrange(): void {
    const before = this._view;
    this._view = arrangeList(this._waiting.all, this._wanted);
    const { rows, places } = this._view;
    if (this._current === null || !places.has(this._current)) {
      const from = before.places.get(this._current ?? '')?.row ?? 0;
      const next =
        before.rows.slice(from).find(p => places.has(p.id)) ?? rows[before.rows.length ? rows.length - 1 : 0];
      this._current = (next as IProposalSummary | undefined)?.id ?? null;
    }
  }

  protected _waiting: ProposalStore;
  protected _changed = new Signal<this, void>(this);
  private _shownProblem = '';
  private _search = '';
  private _filters: Filters = { agent: null, notebook: null, kind: null, assignee: null };
  private _mine: string | null = null;
  private _grouping: GroupingMode = 'none';
  private _collapsed = new Set<string>();
  private _current: string | null = null;
  private _view = arrangeList([], this._wanted);

  private get _wanted(): IListRequest {
    return {
      search: this._search,
      filters: this._filters,
      grouping: this._grouping,
      mine: this._mine,
      collapsed: this._collapsed
    };
  }
}
