/**
 * The state of the inbox: its rows, the selected ones, the open card, and the decision to confirm. The panel draws
 * it.
 */

import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { Feed } from '../api/feed';
import type { Action, IProposalSummary } from '../api/types';
import { ListModel } from './list-model';

/** Most proposals that the server decides together. */
export const MAX_BULK = 500;

/** A decision to confirm. It has exactly the proposals that were shown when the key was pressed. */
export interface IConfirmation {
  readonly action: 'approve' | 'reject';
  readonly proposals: readonly IProposalSummary[];
  /** How many selected proposals are not shown in the list; they are not decided. */
  readonly hidden: number;
}

/** The inbox: its list, the selection, the open card, and decisions. */
export class InboxModel extends ListModel {
  constructor(
    private _client: Client,
    feed: Feed
  ) {
    super(_client, feed);
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
    this._onAction();
  }

  /** Select all shown proposals, or deselect everything. */
  selectAll(on: boolean): void {
    this._selected = new Set(on ? this.selectable.map(p => p.id) : []);
    this._onAction();
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

  /** Whether the questions that a policy decided are shown, in place of those that wait. */
  get passed(): boolean {
    return this._passed;
  }

  set passed(on: boolean) {
    this._passed = on;
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
    this.goTo(proposal.id);
    this._opened = proposal;
    this._edits += edit ? 1 : 0;
    this._onAction();
  }

  /** Open the card of a waiting proposal; others are ignored. */
  openById(id: string): void {
    const found = this._waiting.find(id);
    if (found) {
      this.open(found);
    }
  }

  /** Open the card of a proposal that is not waiting. */
  show(proposal: IProposalSummary): void {
    this._opened = proposal;
    this._onAction();
  }

  /** Close the open card. */
  close(): void {
    this._opened = null;
    this._onAction();
  }

  /** The proposals that an action is about: the shown selected ones, or else the current row. */
  get targets(): IProposalSummary[] {
    const { selection, currentProposal } = this;
    return selection.length > 0 ? selection : currentProposal ? [currentProposal] : [];
  }

  /** The decision to confirm, or null. */
  get confirmation(): IConfirmation | null {
    return this._asked;
  }

  /** Ask to confirm a decision on the current targets. Exactly these proposals are decided then. */
  askConfirmation(action: IConfirmation['action']): void {
    const proposals = this.targets;
    const seen = this._selected.size === 0 ? 0 : this.selection.length;
    this._asked = proposals.length > 0 ? { action, proposals, hidden: this._selected.size - seen } : null;
    this._onAction();
  }

  /** Drop the decision to confirm. */
  cancel(): void {
    this._asked = null;
    this._onAction();
  }

  /**
   * Make the confirmed decision. Resolves to true if it was made. Otherwise it can be tried again, unless the
   * proposals have changed.
   */
  async confirm(reason: string): Promise<boolean> {
    const asked = this._asked;
    if (asked === null || this._deciding) {
      return false;
    }
    const done = await this.decide(asked.proposals, asked.action, reason || undefined);
    if (this._asked === asked && (done || this._refused)) {
      this._asked = null;
      this._changed.emit();
    }
    return done;
  }

  /** Whether a decision is being sent. */
  get deciding(): boolean {
    return this._deciding;
  }

  /** Compare a shown proposal with the current one: "same", "changed", or "gone" if it no longer waits. */
  compareWithShown(shown: IProposalSummary): 'same' | 'changed' | 'gone' {
    const now = this._waiting.find(shown.id);
    const same = now?.revision === shown.revision && now.fingerprint === shown.fingerprint;
    return same ? 'same' : now ? 'changed' : 'gone';
  }

  /** Decide proposals as they are shown: all of them, or none. Resolves to true if that was done. */
  async decide(proposals: readonly IProposalSummary[], action: Action, reason?: string): Promise<boolean> {
    const ids = proposals.map(p => p.id);
    this._deciding = true;
    this._onAction();
    try {
      const answer = await this._client.decideMany([...proposals], { action, reason });
      // Proposals that need more votes, or can still be taken back, stay in the list.
      const open = answer.proposals.filter(p => p.status === 'open').map(p => p.id);
      const decided = ids.filter(id => !open.includes(id));
      if (this._opened && decided.includes(this._opened.id)) {
        this._opened = null;
      }
      this._waiting.remove(decided);
      if (open.length > 0) {
        open.forEach(id => this._selected.delete(id));
        void this._waiting.check(open);
      }
      return true;
    } catch (problem) {
      this.showProblem(problem instanceof Error ? problem.message : String(problem));
      this._refused = problem instanceof ApiError && problem.status >= 400 && problem.status < 500;
      if (this._refused) {
        void this._waiting.check(ids);
      }
      return false;
    } finally {
      this._deciding = false;
      this._changed.emit();
    }
  }

  protected override _onAction(): void {
    this._refused = false;
    super._onAction();
  }

  protected override _listChanged(): void {
    this._selected.forEach(id => this._waiting.find(id) ?? this._selected.delete(id));
    this._opened = (this._opened && this._waiting.find(this._opened.id)) ?? this._opened;
    super._listChanged();
  }

  private _selected = new Set<string>();
  private _opened: IProposalSummary | null = null;
  private _edits = 0;
  private _help = false;
  private _passed = false;
  private _asked: IConfirmation | null = null;
  private _deciding = false;
  private _refused = false;
}
