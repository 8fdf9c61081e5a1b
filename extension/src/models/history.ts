/**
 * The history of a document: its log, read from the server page by page and replayed here. Nothing is read before a
 * person opens the history.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { SingleFlight } from '../api/single-flight';
import type { IDraftUpdate } from '../api/types';
import type { IInitialValue } from '../drafts/shared-document';
import { HistoryReplay } from '../drafts/history-replay';

/** Page size in updates: the most that the server allows. */
const PAGE_SIZE = 5000;

/** Prefix of the author in an agent's updates. */
const AGENT_PREFIX = 'agent:';

/** Least time between two reads for new updates, in milliseconds. */
const DELAY_MS = 1000;

/** Author and time of one update. */
export type IMoment = Pick<IDraftUpdate, 'at' | 'by' | 'by_name'>;

/** The history of one document. */
export class DraftHistory {
  constructor(
    private _client: Client,
    private _document: string,
    begun: IInitialValue
  ) {
    this.replay = new HistoryReplay(begun);
  }

  /** The document as of any update. */
  readonly replay: HistoryReplay;

  /** All updates that were read, in order. */
  get moments(): readonly IMoment[] {
    return this._moments;
  }

  /** Names of the authors by user name, in the order of their first updates; the agent is "". */
  get names(): ReadonlyMap<string, string> {
    return this._names;
  }

  /** Whether a read is in progress. */
  get isReading(): boolean {
    return this._isReading;
  }

  /** Error of the last read, as a sentence for people, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<DraftHistory, void> {
    return this._changed;
  }

  /** Read the new updates. */
  read(): Promise<void> {
    return this._latest.run();
  }

  /** Read the new updates soon, together with others that follow shortly. */
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

/** Return the author of an update: "" for the agent, whether it proposed the document or writes in it. */
function authorName(by: string): string {
  return by.startsWith(AGENT_PREFIX) ? '' : by;
}

function decodeBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}
