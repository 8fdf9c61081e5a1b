/**
 * The state of the inbox: its view, its rows, the selected ones, the open card, and the decision to confirm. The panel
 * draws it.
 */

import type { Client } from '../../api/client';
import type { Feed, FeedChange } from '../../api/feed';
import type { IProposalSummary } from '../../api/types';
import { NEW_CARD_MS } from '../../components/keys/key-guard';
import { Batch, BatchAction, Fate, IBatchResult } from './batch';
import { ListModel } from './list-model';

/** Most proposals that the server decides together. */
export const MAX_BULK = 500;

/** The views of the inbox. "mine": what this person may decide. */
export const INBOX_VIEWS = ['mine', 'all', 'passed', 'decided', 'runs'] as const;

/** A view of the inbox. */
export type InboxView = (typeof INBOX_VIEWS)[number];

/** The inbox: its views, its list, the selection, the open card, and decisions. */
export class InboxModel extends ListModel {
  constructor(
    private _client: Client,
    private _feed: Feed
  ) {
    super(_client, _feed);
    _feed.changed.connect(this._onFeed, this);
  }

  /** The view that is shown. */
  get shownView(): InboxView {
    return this._shownView;
  }

  /** Show a view. Cards of other views are closed. */
  showView(view: InboxView): void {
    if (view !== this._shownView) {
      this._shownView = view;
      this._opened = null;
      this._table = null;
      this._limitToUser();
      this._onAction();
    }
  }

  /** The name under which this person decides; null while it is not known. */
  set user(name: string | null) {
    if (name !== this._user) {
      this._user = name;
      this._limitToUser();
    }
  }

  /** Whether a list of waiting proposals is shown. */
  get showsWaiting(): boolean {
    return this._shownView === 'mine' || this._shownView === 'all';
  }

  /** Whether list and card are side by side. Then the current row's card is always open. */
  get wide(): boolean {
    return this._wide;
  }

  set wide(on: boolean) {
    if (on !== this._wide) {
      this._wide = on;
      this._onAction();
    }
  }

  isSelected(id: string): boolean {
    return this._selected.has(id);
  }

  /** The selected proposals that are shown in the list. */
  get selection(): IProposalSummary[] {
    return this._selected.size === 0 ? [] : this.selectable.filter(p => this._selected.has(p.id));
  }

  /**
   * The proposals that can be decided together. An effect in doubt must be looked up, and is answered on its card.
   */
  get selectable(): IProposalSummary[] {
    return this.shown.filter(p => !p.doubt);
  }

  /** How many proposals are selected, shown or not. */
  get selected(): number {
    return this._selected.size;
  }

  /** Whether all shown proposals are selected. */
  get allSelected(): boolean {
    const shown = this.selectable;
    return (
      shown.length > 0 && shown.length <= this._selected.size && shown.every(p => this._selected.has(p.id))
    );
  }

  /** Select a proposal, or deselect it. */
  toggle(id: string): void {
    if (!this._selected.has(id) && !this.selectable.some(p => p.id === id)) {
      return;
    }
    if (!this._selected.delete(id)) {
      this._selected.add(id);
    }
    this._anchor = id;
    this._onAction();
  }

  /** Select all from the row that was selected last up to this one. */
  selectTo(id: string): void {
    this.selectBetween(this._anchor ?? id, id);
  }

  /** Select two rows and all between them. */
  selectBetween(one: string, other: string): void {
    const rows = this.shown;
    const from = rows.findIndex(p => p.id === one);
    const to = rows.findIndex(p => p.id === other);
    if (from >= 0 && to >= 0) {
      rows
        .slice(Math.min(from, to), Math.max(from, to) + 1)
        .filter(p => !p.doubt)
        .forEach(p => this._selected.add(p.id));
    }
    this._onAction();
  }

  /** Select exactly these proposals. */
  select(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    this._selected = new Set(this.selectable.map(p => p.id).filter(id => wanted.has(id)));
    this._onAction();
  }

  /** Select all shown proposals, or deselect everything. */
  selectAll(on: boolean): void {
    this.select(on ? this.selectable.map(p => p.id) : []);
  }

  /** The waiting proposal, or the open one, with this id; null if there is none. */
  find(id: string): IProposalSummary | null {
    return this._opened?.id === id ? this._opened : (this._waiting.find(id) ?? null);
  }

  /** Whether the list of the keys is shown. */
  get help(): boolean {
    return this._help;
  }

  set help(on: boolean) {
    this._help = on;
    this._changed.emit();
  }

  /** The proposal whose card is open, as last read. It stays open after it is decided. */
  get opened(): IProposalSummary | null {
    return this._opened;
  }

  /** Counter of requests to focus the open card's editor. */
  get edits(): number {
    return this._edits;
  }

  /** Open a proposal's card. If `edit`, its editor gets the focus. */
  open(proposal: IProposalSummary, edit = false): void {
    this._table = null;
    this._opened = proposal;
    this._edits += edit ? 1 : 0;
    this.goTo(proposal.id);
  }

  /**
   * Open the card of a waiting proposal; all that waits is shown then. One that the list does not have yet is opened
   * when the list has it, unless the person goes to a row before.
   */
  openById(id: string): void {
    const found = this._waiting.find(id);
    this._awaited = found ? null : { id, moves: this.moves };
    if (found) {
      if (!this.showsWaiting || !this.shown.some(p => p.id === id)) {
        this.showView('all');
        this.showEverything();
      }
      this.open(found);
    }
  }

  /** Open the card of a proposal that may not wait any more. It stays until the person goes to a row. */
  show(proposal: IProposalSummary): void {
    if (this._waiting.find(proposal.id)) {
      this.openById(proposal.id);
      return;
    }
    this._table = null;
    this._opened = proposal;
    this._pinned = { proposal, moves: this.moves };
    this._onAction();
  }

  /** Close the open card, or the table. Side by side with the list, the card of the current row stays. */
  close(): void {
    this._opened = this._pinned = null;
    this._table = null;
    this._onAction();
  }

  /** Key of the group of alike proposals that is shown as a table; null if none is. */
  get table(): string | null {
    return this._table;
  }

  /** Show a group of alike proposals as a table; null shows the current row's card again. */
  showTable(key: string | null): void {
    this._table = key;
    this._onAction();
  }

  /** How many selected rows of the shown table were not on screen yet. The table keeps this up to date. */
  unseen = 0;

  /** The proposals that an action is about: the shown selected ones, or else the current row. */
  get targets(): IProposalSummary[] {
    const { selection, currentProposal } = this;
    return selection.length > 0 ? selection : currentProposal ? [currentProposal] : [];
  }

  /** Whether a key may decide now: the card must have been under the keys for a moment. */
  get acceptsKeys(): boolean {
    return Date.now() - this._movedAt >= NEW_CARD_MS;
  }

  /** The decision to confirm, or null. */
  get batch(): Batch | null {
    return this._batch;
  }

  /** Ask to confirm a decision on the current targets. Exactly these proposals are decided then. */
  askConfirmation(action: BatchAction): void {
    const proposals = this.targets;
    const seen = this._selected.size === 0 ? 0 : this.selection.length;
    const tell = (): void => this._changed.emit();
    const fateOf = (shown: IProposalSummary): Fate => this.compareWithShown(shown);
    this._result = null;
    this._batch =
      proposals.length > 0
        ? new Batch(this._client, action, proposals, this._selected.size - seen, fateOf, tell)
        : null;
    this._onAction();
  }

  /** Drop the decision to confirm. */
  cancel(): void {
    this._batch = null;
    this._onAction();
  }

  /**
   * Make the confirmed decision. Resolves to true if it was made, at least for some. Otherwise it can be tried again.
   */
  async confirm(reason: string): Promise<boolean> {
    const batch = this._batch;
    const result = await batch?.decide(reason || undefined);
    if (!batch || !result) {
      return false;
    }
    const done = result.decided.length + result.open.length > 0;
    if (result.problem) {
      this.showProblem(result.problem);
    }
    if (done || !result.problem) {
      this._batch = this._batch === batch ? null : this._batch;
      this._result = result;
    }
    [...result.decided, ...result.open].forEach(id => this._selected.delete(id));
    this._waiting.remove(result.decided);
    if (this.current !== null && this.current === this.ended?.id) {
      this.moveOn();
    }
    const unsure = [...result.open, ...result.leftOut.map(one => one.proposal.id)];
    if (unsure.length > 0) {
      void this._waiting.check(unsure);
    }
    this._changed.emit();
    return done;
  }

  /** Whether a decision is being sent. */
  get deciding(): boolean {
    return this._batch?.deciding ?? false;
  }

  /** The result of the last batch; null if there was none, or its message was closed. */
  get result(): IBatchResult | null {
    return this._result;
  }

  /** Close the message about the last batch. */
  closeResult(): void {
    this._result = null;
    this._onAction();
  }

  /** Compare a shown proposal with the current one: "same", "changed", or "gone" if it no longer waits. */
  compareWithShown(shown: IProposalSummary): Fate {
    const now = this._waiting.find(shown.id);
    const same = now?.revision === shown.revision && now.fingerprint === shown.fingerprint;
    return same ? 'same' : now ? 'changed' : 'gone';
  }

  /** Go to the next row. In a narrow panel its card takes the place of the open one. */
  override moveOn(): void {
    super.moveOn();
    if (!this._wide && this._opened) {
      this._opened = this.currentProposal ?? this._opened;
      this._changed.emit();
    }
  }

  override dispose(): void {
    this._feed.changed.disconnect(this._onFeed, this);
    super.dispose();
  }

  /** A draft that is edited while its decision is confirmed must not be decided: the dialog marks it. */
  private _onFeed(_: unknown, changed: FeedChange): void {
    this._batch?.checkDrafts(changed && changed.drafts).catch((reason: unknown) => {
      this.showProblem(reason instanceof Error ? reason.message : String(reason));
    });
  }

  protected override _onAction(): void {
    this._follow();
    super._onAction();
  }

  protected override _listChanged(): void {
    this._selected.forEach(id => this._waiting.find(id) ?? this._selected.delete(id));
    const before = this._opened;
    this._opened = (before && this._waiting.find(before.id)) ?? before;
    super._listChanged();
    const awaited = this._awaited;
    if (awaited && this._waiting.find(awaited.id) && awaited.moves === this.moves) {
      this.openById(awaited.id);
    }
  }

  protected override _afterArranging(): void {
    if (!this.view.groups.some(group => group.key === this._table)) {
      this._table = null; // its last row was decided
    }
    this._follow();
  }

  /** Side by side with the list, the card of the current row is open. */
  private _follow(): void {
    if (this._wide && this.showsWaiting) {
      const pinned = this._pinned?.moves === this.moves ? this._pinned.proposal : null;
      this._opened = pinned ?? this.currentProposal ?? this.ended;
    }
    if (this._opened?.id !== this._followed) {
      this._followed = this._opened?.id;
      this._movedAt = Date.now();
    }
  }

  private _limitToUser(): void {
    this.mine = this._shownView === 'mine' ? this._user : null;
  }

  private _selected = new Set<string>();
  /** The row that was selected last, from which a range begins. */
  private _anchor: string | null = null;
  private _opened: IProposalSummary | null = null;
  /** The proposal of `show`, and the number of moves when it was shown. */
  private _pinned: { proposal: IProposalSummary; moves: number } | null = null;
  /** The proposal that `openById` did not find, and the number of moves at that time. */
  private _awaited: { id: string; moves: number } | null = null;
  private _followed: string | undefined;
  private _movedAt = 0;
  private _edits = 0;
  private _help = false;
  private _shownView: InboxView = 'mine';
  private _user: string | null = null;
  private _wide = false;
  private _table: string | null = null;
  private _batch: Batch | null = null;
  private _result: IBatchResult | null = null;
}
