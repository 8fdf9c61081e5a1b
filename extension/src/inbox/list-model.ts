/**
 * The list of the inbox: the waiting proposals, the search, the filters, the groups, and the current row.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { Feed } from '../api/feed';
import type { IProposalSummary } from '../api/types';
import { hasSeat } from '../components/terms-sentences';
import { arrangeList, Facet, Filters, GroupingMode, IListLayout, IListRequest } from './list-layout';
import { ProposalStore } from './stores/proposal-store';

/** The waiting proposals as a list with search, filters and groups. */
export class ListModel {
  constructor(client: Client, feed: Feed) {
    this._waiting = new ProposalStore(client, feed);
    this._waiting.changed.connect(this._listChanged, this);
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

  /** The searched words. All of them must occur in title, agent, notebook or summary. */
  get search(): string {
    return this._search;
  }

  set search(text: string) {
    this._search = text;
    this._arrange();
    this._onAction();
  }

  /** The chosen value of each filter. */
  get filters(): Filters {
    return this._filters;
  }

  /** Show only proposals with this value; null shows all. */
  filter(facet: Facet, value: string | null): void {
    this._filters = { ...this._filters, [facet]: value };
    this._arrange();
    this._onAction();
  }

  /** User name, if only the proposals are shown that this user may decide; null shows all. */
  get mine(): string | null {
    return this._mine;
  }

  set mine(user: string | null) {
    this._mine = user;
    this._arrange();
    this._onAction();
  }

  /** How the list is grouped. */
  get grouping(): GroupingMode {
    return this._grouping;
  }

  set grouping(by: GroupingMode) {
    this._grouping = by;
    this._arrange();
    this._onAction();
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

  /** The proposal of the current row; null if there is no row. */
  get currentProposal(): IProposalSummary | null {
    const place = this._view.places.get(this._current ?? '');
    return place ? this._view.rows[place.row] : null;
  }

  /** Make a row current, if it is shown. */
  goTo(id: string): void {
    this._current = this._view.places.has(id) ? id : this._current;
    this._onAction();
  }

  /** Move the current row down by `by` rows; negative numbers move up. */
  move(by: number): void {
    const { rows, places } = this._view;
    const from = places.get(this._current ?? '')?.row ?? 0;
    const to = Math.max(0, Math.min(from + by, rows.length - 1));
    this._current = rows.length > 0 ? rows[to].id : null;
    this._onAction();
  }

  /** Emitted when the current row must be in sight. */
  get revealRequested(): ISignal<this, void> {
    return this._revealRequested;
  }

  /** Ask the view to scroll to the current row. */
  revealCurrent(): void {
    this._revealRequested.emit();
  }

  /** A message for the person, or "": why an action was refused, until the next action; or an error of reading. */
  get problem(): string {
    return this._shownProblem || this._waiting.trouble;
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

  /** Compute the visible list again. If the current row is gone, the row at its place becomes the current one. */
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
  private _revealRequested = new Signal<this, void>(this);
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
