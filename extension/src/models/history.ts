/**
 * How a document came about: its log from the server, a page at a time, played again here. Nothing is asked for before
 * somebody wants to see it.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { SingleFlight } from '../api/single-flight';
import type { IDraftUpdate } from '../api/types';
import type { IInitialValue } from '../drafts/shared-document';
import { HistoryReplay } from '../drafts/history-replay';

/** Updates of a page: the most that the server gives. */
const PAGE_SIZE = 5000;

/** What the author of an agent's updates begins with. */
const AGENT_PREFIX = 'agent:';

/** Milliseconds, at least, from one look for what is new to the next. */
const DELAY_MS = 1000;

/** One update: who made it, and when. */
export type IMoment = Pick<IDraftUpdate, 'at' | 'by' | 'by_name'>;

export class DraftHistory {
  constructor(
    private _client: Client,
    private _document: string,
    begun: IInitialValue
  ) {
    this.replay = new HistoryReplay(begun);
  }

  readonly replay: HistoryReplay;

  /** All updates that were read, the first first. */
  get moments(): readonly IMoment[] {
    return this._moments;
  }

  /** Who wrote, in the order in which they came, by what they are called; the agent is "". */
  get names(): ReadonlyMap<string, string> {
    return this._names;
  }

  /** Whether there may be more that is not read yet. */
  get reading(): boolean {
    return this._isReading;
  }

  /** What went wrong with reading it, for people, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<DraftHistory, void> {
    return this._changed;
  }

  /** Read what is new. */
  read(): Promise<void> {
    return this._latest.run();
  }

  /** Somebody wrote: read what is new soon, together with what else they write. */
  scheduleRead(): void {
    this._timer ??= setTimeout(() => {
      this._timer = undefined;
      void this.read();
    }, DELAY_MS);
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this.replay.dispose();
    Signal.clearData(this);
  }

  private async _read(): Promise<void> {
    this._isReading = true;
    this._problem = '';
    try {
      for (let more = true; more && !this._disposed;) {
        const { entries, next } = await this._client.getHistory(this._document, this._last, PAGE_SIZE);
        more = next !== null;
        if (!this._disposed && entries.length > 0) {
          this._addEntries(entries);
          this._changed.emit();
        }
      }
    } catch (reason) {
      this._problem = reason instanceof Error ? reason.message : String(reason);
    }
    this._isReading = false;
    this._changed.emit();
  }

  private _addEntries(entries: readonly IDraftUpdate[]): void {
    this.replay.add(entries.map(({ update, by }) => ({ data: decodeBase64(update), by: authorName(by) })));
    for (const { n, at, by_name, ...one } of entries) {
      const by = authorName(one.by);
      this._moments.push({ at, by, by_name });
      this._names.set(by, by_name || this._names.get(by) || by);
      this._last = n;
    }
  }

  private _moments: IMoment[] = [];
  private _names = new Map<string, string>();
  private _last = 0;
  private _isReading = false;
  private _problem = '';
  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _latest = new SingleFlight(() => this._read());
  private _changed = new Signal<DraftHistory, void>(this);
}

/** Who an update is by: "" is the agent, whether it proposed the document or writes in it. */
function authorName(by: string): string {
  return by.startsWith(AGENT_PREFIX) ? '' : by;
}

function decodeBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}
