/**
 * The state of the inbox: its rows, which are selected, which card is open, and what is about to be decided. The panel
 * draws it.
 */

import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { Feed } from '../api/feed';
import type { Action, IProposalSummary } from '../api/types';
import { ListModel } from './list-model';

/** Most proposals that the server decides in one go. */
export const MAX_BULK = 500;

/** What a person is asked to confirm: the very proposals that were shown when a key asked for it. */
export interface IConfirmation {
  readonly action: 'approve' | 'reject';
  readonly proposals: readonly IProposalSummary[];
  /** How many are selected and cannot be seen; they are not decided. */
  readonly hidden: number;
}

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

  /** The selected proposals that can be seen. */
  get selection(): IProposalSummary[] {
    return this._selected.size === 0 ? [] : this.selectable.filter(p => this._selected.has(p.id));
  }

  /** What can be decided together: each effect in doubt is looked up, and answered on its card. */
  get selectable(): IProposalSummary[] {
    return this.shown.filter(p => !p.doubt);
  }

  /** How many are selected, seen or not. */
  get selected(): number {
    return this._selected.size;
  }

  /** Whether all that can be seen are selected. */
  get allSelected(): boolean {
    const shown = this.selectable;
    return (
      shown.length > 0 && shown.length <= this._selected.size && shown.every(p => this._selected.has(p.id))
    );
  }

  toggle(id: string): void {
    if (!this._selected.has(id) && !this.selectable.some(p => p.id === id)) {
      return;
    }
    if (!this._selected.delete(id)) {
      this._selected.add(id);
    }
    this._onAction();
  }

  /** Select all that can be seen, or nothing at all. */
  selectAll(on: boolean): void {
    this._selected = new Set(on ? this.selectable.map(p => p.id) : []);
    this._onAction();
  }

  /** The proposal whose card is open, as last seen; it stays when it is decided. */
  get opened(): IProposalSummary | null {
    return this._opened;
  }

  /** Goes up when the open card's editor is to have the focus. */
  get edits(): number {
    return this._edits;
  }

  /** Open a proposal's card, to edit it at once if `edit`. */
  open(proposal: IProposalSummary, edit = false): void {
    this.goTo(proposal.id);
    this._opened = proposal;
    this._edits += edit ? 1 : 0;
    this._onAction();
  }

  /** Open the card of one that waits. */
  openById(id: string): void {
    const found = this._waiting.find(id);
    if (found) {
      this.open(found);
    }
  }

  /** Open the card of a proposal that is not among those that wait. */
  show(proposal: IProposalSummary): void {
    this._opened = proposal;
    this._onAction();
  }

  close(): void {
    this._opened = null;
    this._onAction();
  }

  /** What an action is about: what is selected and can be seen, or else the current row. */
  get targets(): IProposalSummary[] {
    const { selection, currentProposal } = this;
    return selection.length > 0 ? selection : currentProposal ? [currentProposal] : [];
  }

  /** What a person is asked to confirm, or null. */
  get confirmation(): IConfirmation | null {
    return this._asked;
  }

  /** Ask for a confirmation of what is meant now; exactly that is decided then. */
  askConfirmation(action: IConfirmation['action']): void {
    const proposals = this.targets;
    const seen = this._selected.size === 0 ? 0 : this.selection.length;
    this._asked = proposals.length > 0 ? { action, proposals, hidden: this._selected.size - seen } : null;
    this._onAction();
  }

  cancel(): void {
    this._asked = null;
    this._onAction();
  }

  /** Decide what was asked. True if it was done; else it can be tried again, unless the server has something else. */
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

  /** Whether a decision is under way. */
  get deciding(): boolean {
    return this._deciding;
  }

  /** Whether a proposal that was shown still waits, and as it was. */
  compareWithShown(shown: IProposalSummary): 'same' | 'changed' | 'gone' {
    const now = this._waiting.find(shown.id);
    const same = now?.revision === shown.revision && now.fingerprint === shown.fingerprint;
    return same ? 'same' : now ? 'changed' : 'gone';
  }

  /** Decide proposals as they are shown; all of them, or none. True if it was done. */
  async decide(proposals: readonly IProposalSummary[], action: Action, reason?: string): Promise<boolean> {
    const ids = proposals.map(p => p.id);
    this._deciding = true;
    this._onAction();
    try {
      const answer = await this._client.decideMany([...proposals], { action, reason });
      // Those that need other votes, or may still be taken back, wait on.
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
  private _asked: IConfirmation | null = null;
  private _deciding = false;
  private _refused = false;
}
