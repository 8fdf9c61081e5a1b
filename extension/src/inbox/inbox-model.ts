/**
 * The state of the inbox: its rows, which are selected, which card is open, and what is about to be decided. The panel
 * draws it.
 */

import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { Feed } from '../api/feed';
import type { Action, ISummary } from '../api/types';
import { Rows } from './list-model';

/** Most proposals that the server decides in one go. */
export const MOST = 500;

/** What a person is asked to confirm: the very proposals that were shown when a key asked for it. */
export interface IAsked {
  readonly action: 'approve' | 'reject';
  readonly proposals: readonly ISummary[];
  /** How many are selected and cannot be seen; they are not decided. */
  readonly hidden: number;
}

export class InboxModel extends Rows {
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
  get selection(): ISummary[] {
    return this._selected.size === 0 ? [] : this.selectable.filter(p => this._selected.has(p.id));
  }

  /** What can be decided together: each effect in doubt is looked up, and answered on its card. */
  get selectable(): ISummary[] {
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
    this._act();
  }

  /** Select all that can be seen, or nothing at all. */
  selectAll(on: boolean): void {
    this._selected = new Set(on ? this.selectable.map(p => p.id) : []);
    this._act();
  }

  /** The proposal whose card is open, as last seen; it stays when it is decided. */
  get opened(): ISummary | null {
    return this._opened;
  }

  /** Goes up when the open card's editor is to have the focus. */
  get edits(): number {
    return this._edits;
  }

  /** Open a proposal's card, to edit it at once if `edit`. */
  open(proposal: ISummary, edit = false): void {
    this.goTo(proposal.id);
    this._opened = proposal;
    this._edits += edit ? 1 : 0;
    this._act();
  }

  /** Open the card of one that waits. */
  openById(id: string): void {
    const found = this._waiting.find(id);
    if (found) {
      this.open(found);
    }
  }

  /** Open the card of a proposal that is not among those that wait. */
  show(proposal: ISummary): void {
    this._opened = proposal;
    this._act();
  }

  close(): void {
    this._opened = null;
    this._act();
  }

  /** What an action is about: what is selected and can be seen, or else the current row. */
  get meant(): ISummary[] {
    const { selection, currentProposal } = this;
    return selection.length > 0 ? selection : currentProposal ? [currentProposal] : [];
  }

  /** What a person is asked to confirm, or null. */
  get asked(): IAsked | null {
    return this._asked;
  }

  /** Ask for a confirmation of what is meant now; exactly that is decided then. */
  ask(action: IAsked['action']): void {
    const proposals = this.meant;
    const seen = this._selected.size === 0 ? 0 : this.selection.length;
    this._asked = proposals.length > 0 ? { action, proposals, hidden: this._selected.size - seen } : null;
    this._act();
  }

  cancel(): void {
    this._asked = null;
    this._act();
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
  fate(shown: ISummary): 'same' | 'changed' | 'gone' {
    const now = this._waiting.find(shown.id);
    const same = now?.revision === shown.revision && now.fingerprint === shown.fingerprint;
    return same ? 'same' : now ? 'changed' : 'gone';
  }

  /** Decide proposals as they are shown; all of them, or none. True if it was done. */
  async decide(proposals: readonly ISummary[], action: Action, reason?: string): Promise<boolean> {
    const ids = proposals.map(p => p.id);
    this._deciding = true;
    this._act();
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
      this.say(problem instanceof Error ? problem.message : String(problem));
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

  protected override _act(): void {
    this._refused = false;
    super._act();
  }

  protected override _listChanged(): void {
    this._selected.forEach(id => this._waiting.find(id) ?? this._selected.delete(id));
    this._opened = (this._opened && this._waiting.find(this._opened.id)) ?? this._opened;
    super._listChanged();
  }

  private _selected = new Set<string>();
  private _opened: ISummary | null = null;
  private _edits = 0;
  private _asked: IAsked | null = null;
  private _deciding = false;
  private _refused = false;
}
