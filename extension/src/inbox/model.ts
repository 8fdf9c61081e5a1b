/**
 * Everything that waits, over all notebooks of the server's store, kept up to date through the feed.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { Feed } from '../api/feed';
import type { Action, ISummary } from '../api/types';

const PAGE = 500;

export class InboxModel {
  constructor(
    private _client: Client,
    private _feed: Feed
  ) {
    _feed.changed.connect(this._heard, this);
    void this.refresh();
  }

  /** Emitted after any change. */
  get changed(): ISignal<InboxModel, void> {
    return this._changed;
  }

  /** How many wait, whatever is searched for. */
  get total(): number {
    return this._all.length;
  }

  /** What is searched for: words that all must stand in title, agent, notebook or summary. */
  get search(): string {
    return this._search;
  }

  set search(text: string) {
    this._search = text;
    this._changed.emit();
  }

  /** The proposals that are shown, oldest first. */
  get shown(): ISummary[] {
    const words = this._search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) {
      return this._all;
    }
    return this._all.filter(p => {
      const text = `${p.title}\n${p.agent}\n${p.path ?? p.notebook}\n${p.summary}`.toLowerCase();
      return words.every(word => text.includes(word));
    });
  }

  /** What went wrong with the last call, or "". */
  get problem(): string {
    return this._problem;
  }

  isSelected(id: string): boolean {
    return this._selected.has(id);
  }

  /** The selected proposals that still wait. */
  get selection(): ISummary[] {
    return this._all.filter(p => this._selected.has(p.id));
  }

  toggle(id: string): void {
    if (!this._selected.delete(id)) {
      this._selected.add(id);
    }
    this._changed.emit();
  }

  /** Decide proposals as they are shown; all of them, or none. True if it was done. */
  async decide(proposals: ISummary[], action: Action, reason?: string): Promise<boolean> {
    try {
      await this._client.decideMany(proposals, { action, reason });
      this._problem = '';
      const decided = new Set(proposals.map(p => p.id));
      this._all = this._all.filter(p => !decided.has(p.id));
      this._selected.clear();
      return true;
    } catch (reason_) {
      this._problem = reason_ instanceof Error ? reason_.message : String(reason_);
      return false;
    } finally {
      this._changed.emit();
    }
  }

  /** Read all that waits. Calls that overlap become one more reading. */
  async refresh(): Promise<void> {
    if (this._reading) {
      this._again = true;
      return;
    }
    this._reading = true;
    try {
      const found: ISummary[] = [];
      let cursor: string | undefined;
      do {
        const page = await this._client.proposals({}, PAGE, cursor);
        found.push(...page.proposals);
        cursor = page.next ?? undefined;
      } while (cursor);
      this._all = found;
      this._problem = '';
    } catch (reason) {
      this._problem = reason instanceof Error ? reason.message : String(reason);
    }
    this._reading = false;
    this._changed.emit();
    if (this._again) {
      this._again = false;
      await this.refresh();
    }
  }

  dispose(): void {
    this._feed.changed.disconnect(this._heard, this);
    Signal.clearData(this);
  }

  private _heard(_: unknown, changed: { proposals: string[]; runs: string[] } | null): void {
    void this._take(changed);
  }

  /** A decision takes its row away at once; anything else is read again. */
  private async _take(changed: { proposals: string[]; runs: string[] } | null): Promise<void> {
    if (changed !== null && changed.proposals.length === 1) {
      const id = changed.proposals[0];
      if (this._all.some(p => p.id === id)) {
        this._all = this._all.filter(p => p.id !== id);
        this._changed.emit();
      }
    }
    await this.refresh();
  }

  private _all: ISummary[] = [];
  private _selected = new Set<string>();
  private _search = '';
  private _problem = '';
  private _reading = false;
  private _again = false;
  private _changed = new Signal<InboxModel, void>(this);
}
