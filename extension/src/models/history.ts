/**
 * How a document came about: its log from the server, a page at a time, played again here. Nothing is asked for before
 * somebody wants to see it.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { Latest } from '../api/single-flight';
import type { IUpdate } from '../api/types';
import type { IBeginning } from '../drafts/shared-document';
import { Replay } from '../drafts/history-replay';

/** Updates of a page: the most that the server gives. */
const PAGE = 5000;

/** What the author of an agent's updates begins with. */
const AGENT = 'agent:';

/** Milliseconds, at least, from one look for what is new to the next. */
const PAUSE = 1000;

/** One update: who made it, and when. */
export type IMoment = Pick<IUpdate, 'at' | 'by' | 'by_name'>;

export class History {
  constructor(
    private _client: Client,
    private _document: string,
    begun: IBeginning
  ) {
    this.replay = new Replay(begun);
  }

  readonly replay: Replay;

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
  get changed(): ISignal<History, void> {
    return this._changed;
  }

  /** Read what is new. */
  read(): Promise<void> {
    return this._latest.run();
  }

  /** Somebody wrote: read what is new soon, together with what else they write. */
  soon(): void {
    this._timer ??= setTimeout(() => {
      this._timer = undefined;
      void this.read();
    }, PAUSE);
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
        const { entries, next } = await this._client.history(this._document, this._last, PAGE);
        more = next !== null;
        if (!this._disposed && entries.length > 0) {
          this._add(entries);
          this._changed.emit();
        }
      }
    } catch (reason) {
      this._problem = reason instanceof Error ? reason.message : String(reason);
    }
    this._isReading = false;
    this._changed.emit();
  }

  private _add(entries: readonly IUpdate[]): void {
    this.replay.add(entries.map(({ update, by }) => ({ data: bytes(update), by: author(by) })));
    for (const { n, at, by_name, ...one } of entries) {
      const by = author(one.by);
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
  private _latest = new Latest(() => this._read());
  private _changed = new Signal<History, void>(this);
}

/** Who an update is by: "" is the agent, whether it proposed the document or writes in it. */
function author(by: string): string {
  return by.startsWith(AGENT) ? '' : by;
}

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}
