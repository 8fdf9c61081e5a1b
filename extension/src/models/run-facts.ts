/**
 * Facts about runs that their records do not have: whether the process is gone, and where the run stands. They are read
 * when a view asks. A run that executes is read again at an interval, because a
 * process that dies leaves no message.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { FeedChange, Feed } from '../api/feed';
import { SingleFlight } from '../api/single-flight';
import type { IRun, IRunDetail } from '../api/types';

/** Interval at which an executing run is read again, in milliseconds. */
const POLL_MS = 5000;

/** A run with its state for people, and the permissions of the current user. */
export type IRunFacts = Pick<IRunDetail, 'run' | 'may'>;

/** States of a run whose process is gone. */
const DEAD_STATES: readonly IRunFacts['run']['state'][] = ['interrupted', 'in_doubt', 'orphaned'];

interface IEntry {
  /** The answer; null before the first one. */
  facts: IRunFacts | null;
  /** Status and time of the record when it was read, to notice that a view has a newer one. */
  version: string;
  reading: SingleFlight;
  timer?: ReturnType<typeof setTimeout>;
}

/** The facts about the runs that views asked for. */
export class RunFactReader {
  constructor(
    private _client: Client,
    private _feed: Feed
  ) {
    _feed.changed.connect(this._onFeed, this);
  }

  /** Emitted when the facts about a run have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Return the last known facts about a run; null before they are read. Reading is started if it is necessary. */
  find(run: IRun): IRunFacts | null {
    const version = versionOf(run);
    const entry = this._entries.get(run.id);
    if (!entry) {
      const reading = new SingleFlight(() => this._readNow(run.id));
      this._entries.set(run.id, { facts: null, version, reading });
      void this._read(run.id);
    } else if (entry.version !== version) {
      entry.version = version;
      void this._read(run.id);
    }
    return this._entries.get(run.id)?.facts ?? null;
  }

  /** Read a run again. */
  async refresh(id: string): Promise<void> {
    await this._read(id);
  }

  dispose(): void {
    this._feed.changed.disconnect(this._onFeed, this);
    this._entries.forEach(({ timer }) => clearTimeout(timer));
    this._entries.clear();
    Signal.clearData(this);
  }

  private _onFeed(_: unknown, change: FeedChange): void {
    const changed = change === null ? [...this._entries.keys()] : change.runs;
    changed.filter(id => this._entries.has(id)).forEach(id => void this._read(id));
  }

  /** Read a run. If it changes during the read, it is read once more. */
  private async _read(id: string): Promise<void> {
    await this._entries.get(id)?.reading.run();
  }

  private async _readNow(id: string): Promise<void> {
    const entry = this._entries.get(id);
    if (!entry) {
      return;
    }
    clearTimeout(entry.timer);
    let facts: IRunFacts | null = entry.facts;
    try {
      const { run, may } = await this._client.getRun(id);
      facts = { run, may };
    } catch {
      // The card shows errors of the server; this is tried again with the next change.
    }
    if (this._entries.get(id) !== entry) {
      return;
    }
    const isNew = summarize(facts) !== summarize(entry.facts);
    entry.facts = facts;
    if (facts?.run.status === 'running' && !DEAD_STATES.includes(facts.run.state)) {
      entry.timer = setTimeout(() => void this._read(id), POLL_MS);
    }
    if (isNew) {
      this._changed.emit();
    }
  }

  private _entries = new Map<string, IEntry>();
  private _changed = new Signal<this, void>(this);
}

function versionOf({ status, updated_at }: IRun): string {
  return `${status} ${updated_at}`;
}

/** Return the facts that views show as one text. The times of a run that executes change all the time. */
function summarize(facts: IRunFacts | null): string {
  const { state, gone, where, interrupted_at, status, updated_at } = facts?.run ?? {};
  return JSON.stringify([state, gone, where, interrupted_at, status, updated_at, facts?.may]);
}
