/**
 * The waiting proposals, kept up to date with the server. The feed names the changed ones. A few of them are read one
 * by one. All are read again only after a gap, or if proposals are new, or if many have changed.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../../api/client';
import { ApiError } from '../../api/errors';
import type { FeedChange, Feed } from '../../api/feed';
import type { IProposal, IProposalSummary } from '../../api/types';

const PAGE_SIZE = 500;

/** Most proposals that are read one by one. */
const MAX_SINGLE_READS = 10;

/** Delay before a failed read is tried again, in milliseconds. */
const RETRY_MS = 5000;

/** Delay after which rows are read again because people type in their drafts, in milliseconds. */
const DRAFTS_MS = 3000;

/** All waiting proposals. */
export class ProposalStore {
  constructor(
    private _client: Client,
    private _feed: Feed
  ) {
    _feed.changed.connect(this._onFeed, this);
    void this.refresh();
  }

  /** Emitted when a proposal appears, ends or changes, and when reading fails. */
  get changed(): ISignal<ProposalStore, void> {
    return this._changed;
  }

  /** All waiting proposals, oldest first. */
  get all(): readonly IProposalSummary[] {
    return this._all;
  }

  /** Whether all were read once. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Error of the last read, or "". */
  get trouble(): string {
    return this._trouble;
  }

  /** Whether the server did not answer the last read. */
  get offline(): boolean {
    return this._offline;
  }

  /** Return a proposal that no longer waits, as it ended, if that was read here; otherwise undefined. */
  findEnded(id: string): IProposalSummary | undefined {
    return this._ended?.id === id ? this._ended : undefined;
  }

  /** Return a waiting proposal, or undefined. */
  find(id: string): IProposalSummary | undefined {
    return this._byId.get(id);
  }

  /** Remove proposals that were decided in this window. */
  remove(ids: readonly string[]): void {
    const left = new Map(this._byId);
    ids.forEach(id => left.delete(id));
    this._removeEnded(ids);
    this._replaceAll(left);
  }

  /** Read these proposals again. */
  async check(ids: readonly string[]): Promise<void> {
    if (ids.length > MAX_SINGLE_READS || this._reading) {
      await this.refresh();
    } else {
      await this._readProposals(ids);
    }
  }

  /** Read all waiting proposals. Calls during a read cause one more read after it. */
  async refresh(): Promise<void> {
    if (this._reading) {
      this._again = true;
      return;
    }
    this._reading = true;
    this._gone.clear();
    clearTimeout(this._timer);
    clearTimeout(this._draftTimer);
    this._draftTimer = undefined;
    try {
      const found = new Map<string, IProposalSummary>();
      let cursor: string | undefined;
      do {
        const page = await this._client.listProposals({}, PAGE_SIZE, cursor);
        page.proposals.forEach(p => found.set(p.id, p));
        cursor = page.next ?? undefined;
        if (cursor && !this._loaded) {
          this._replaceAll(new Map(found)); // show the first page at once
        }
      } while (cursor && !this._disposed);
      this._trouble = '';
      this._offline = false;
      this._loaded = true;
      this._gone.forEach(id => found.delete(id));
      this._lists++;
      this._replaceAll(found);
    } catch (reason) {
      this._onFailure(reason);
    }
    this._reading = false;
    if (this._again && !this._disposed) {
      this._again = false;
      await this.refresh();
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    clearTimeout(this._draftTimer);
    this._feed.changed.disconnect(this._onFeed, this);
    Signal.clearData(this);
  }

  private _onFeed(_: unknown, changed: FeedChange): void {
    void this._applyChange(changed);
  }

  private async _applyChange(changed: FeedChange): Promise<void> {
    if (changed === null || changed.proposals.length > MAX_SINGLE_READS || this._reading) {
      await this.refresh();
      return;
    }
    if (changed.drafts.some(id => this._byId.has(id))) {
      this._draftTimer ??= setTimeout(() => void this.refresh(), DRAFTS_MS);
    }
    const ids = [...new Set(changed.proposals)];
    const { open } = await this._readProposals(ids);
    // A cancelled run ends all of its proposals but reports none of them. So one of them is checked for each run.
    const witnesses = this._oneOfEach(changed.runs.filter(run => !open.has(run)));
    if (witnesses.length > MAX_SINGLE_READS || (await this._readProposals(witnesses)).moved) {
      await this.refresh();
    }
  }

  /** Return one waiting proposal of each of these runs, if there is any. */
  private _oneOfEach(runs: readonly string[]): string[] {
    const left = new Set(runs);
    return left.size === 0 ? [] : this._all.filter(p => left.delete(p.run)).map(p => p.id);
  }

  /** Read some proposals. Returns whether the list has changed, and the runs that still have one of them open. */
  private async _readProposals(ids: readonly string[]): Promise<{ moved: boolean; open: Set<string> }> {
    const lists = this._lists;
    const now = await Promise.all(ids.map(id => this._readProposal(id)));
    const isLate = lists !== this._lists;
    const left = new Map(this._byId);
    const open = new Set<string>();
    let moved = false;
    let born = false;
    now.forEach((found, i) => {
      const known = left.get(ids[i]);
      if (found === undefined) {
        return;
      }
      if (found === null || found.status !== 'open') {
        moved = left.delete(ids[i]) || moved;
        this._ended =
          found && known ? { ...known, status: found.status, decision: found.decision } : this._ended;
        this._removeEnded([ids[i]]);
        return;
      }
      open.add(found.run);
      if (!known || isLate) {
        born = true; // a late answer may be older than the list that was read meanwhile
      } else if (found.revision >= known.revision) {
        const summary = summarize(found, known);
        if (!isSameInList(summary, known)) {
          left.set(known.id, summary);
          moved = true;
        }
      }
    });
    this._again = this._again || (this._reading && moved);
    if (moved) {
      this._replaceAll(left);
    }
    if (born) {
      await this.refresh();
    }
    return { moved, open };
  }

  /**
   * Read one proposal. Returns null if it does not exist, and undefined if reading failed or is in progress already.
   */
  private async _readProposal(id: string): Promise<IProposal | null | undefined> {
    if (this._asked.has(id)) {
      this._asked.set(id, true);
      return undefined;
    }
    try {
      let found: IProposal;
      do {
        this._asked.set(id, false);
        found = await this._client.getProposal(id);
      } while (this._asked.get(id) === true && !this._disposed);
      return found;
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 404) {
        return null;
      }
      this._onFailure(reason);
      return undefined;
    } finally {
      this._asked.delete(id);
    }
  }

  /** Report a failed read. The known proposals stay, and reading is tried again soon. */
  private _onFailure(reason: unknown): void {
    this._trouble = reason instanceof Error ? reason.message : String(reason);
    this._offline = reason instanceof ApiError && reason.status === 0;
    clearTimeout(this._timer);
    if (!this._disposed) {
      this._timer = setTimeout(() => void this.refresh(), RETRY_MS);
      this._changed.emit();
    }
  }

  /** Remember proposals that ended during a read of all, since its result may still contain them. */
  private _removeEnded(ids: readonly string[]): void {
    if (this._reading) {
      this._again = true;
      ids.forEach(id => this._gone.add(id));
    }
  }

  private _replaceAll(byId: Map<string, IProposalSummary>): void {
    if (!this._disposed) {
      this._byId = byId;
      this._all = [...byId.values()];
      this._changed.emit();
    }
  }

  private _byId = new Map<string, IProposalSummary>();
  private _all: readonly IProposalSummary[] = [];
  private _loaded = false;
  private _trouble = '';
  private _offline = false;
  /** The proposal that ended last. */
  private _ended: IProposalSummary | undefined;
  private _reading = false;
  /** Number of reads of the whole list. */
  private _lists = 0;
  private _again = false;
  /** Proposals that are being read one by one, and whether they changed again during that time. */
  private _asked = new Map<string, boolean>();
  /** Proposals that ended during a read of all. */
  private _gone = new Set<string>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _draftTimer: ReturnType<typeof setTimeout> | undefined;
  private _disposed = false;
  private _changed = new Signal<ProposalStore, void>(this);
}

/** Convert a full proposal to its form in a list. */
function summarize(found: IProposal, known: IProposalSummary): IProposalSummary {
  const names = Object.keys(known).filter(name => name in found) as (keyof IProposalSummary &
    keyof IProposal)[];
  return {
    ...known,
    ...Object.fromEntries(names.map(name => [name, found[name]]))
  };
}

/** Return true if two proposals look the same in a list. Lists show nothing about drafts. */
function isSameInList(one: IProposalSummary, other: IProposalSummary): boolean {
  return JSON.stringify({ ...one, has_draft: false }) === JSON.stringify({ ...other, has_draft: false });
}
