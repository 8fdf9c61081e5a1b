/**
 * The server's live feed: which proposals and runs changed. A hint, never a source: whoever hears it reads again.
 *
 * The socket is opened again, with growing pauses, when it was lost, and everybody reads again then. It is not after the
 * server cut off somebody who may not read any more.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { FeedMessage, INotice } from './types';

const MAX_RETRY_MS = 30_000;

/** Close code for somebody who may not read any more. */
const FORBIDDEN_CODE = 4403;

/** By id: what changed, and `drafts`, the proposals of which only the draft did. Null: anything may have. */
export type FeedChange = {
  proposals: string[];
  runs: string[];
  drafts: string[];
  workspaces?: string[];
  notices?: INotice[];
} | null;

export class Feed {
  /** @param open - makes a socket to `hitl_nb/api/feed`. */
  constructor(private _open: () => WebSocket) {
    this._connect();
  }

  /** What changed; null after a gap. */
  get changed(): ISignal<this, FeedChange> {
    return this._changed;
  }

  /** What the server's headless runs do. */
  get headless(): ISignal<this, Extract<FeedMessage, { type: 'headless' }>> {
    return this._headless;
  }

  /** Whether the socket is open; emitted when that changes. */
  get connectedChanged(): ISignal<this, boolean> {
    return this._connectedChanged;
  }

  get connected(): boolean {
    return this._connected;
  }

  /** Whether the server cut this window off, for good: the person may not read any more. */
  get forbidden(): boolean {
    return this._forbidden;
  }

  /** The server's name for this browser window, once connected. */
  get browser(): string {
    return this._browser;
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._retryTimer);
    this._socket?.close();
    Signal.clearData(this);
  }

  private _connect(): void {
    const socket = (this._socket = this._open());
    socket.onmessage = event => this._onMessage(JSON.parse(event.data as string) as FeedMessage);
    socket.onclose = ({ code }) => {
      if (this._disposed) {
        return;
      }
      this._forbidden = code === FORBIDDEN_CODE;
      this._setConnected(false);
      if (this._forbidden) {
        return;
      }
      this._retryMs = Math.min(this._retryMs * 2, MAX_RETRY_MS);
      this._retryTimer = setTimeout(() => this._connect(), this._retryMs * (0.5 + Math.random() / 2));
    };
  }

  private _onMessage(message: FeedMessage): void {
    if (message.type === 'hello') {
      this._browser = message.browser;
      this._retryMs = 500;
      this._setConnected(true);
      if (this._head !== -1 && message.head !== this._head) {
        this._changed.emit(null);
      }
      this._head = message.head;
    } else if (message.type === 'changed') {
      this._head = message.head;
      this._changed.emit(message);
    } else {
      this._headless.emit(message);
    }
  }

  private _setConnected(connected: boolean): void {
    if (connected !== this._connected) {
      this._connected = connected;
      this._connectedChanged.emit(connected);
    }
  }

  private _changed = new Signal<this, FeedChange>(this);
  private _headless = new Signal<this, Extract<FeedMessage, { type: 'headless' }>>(this);
  private _connectedChanged = new Signal<this, boolean>(this);
  private _connected = false;
  private _forbidden = false;
  private _disposed = false;
  private _browser = '';
  private _head = -1;
  private _retryMs = 500;
  private _retryTimer = 0 as unknown as ReturnType<typeof setTimeout>;
  private _socket: WebSocket | null = null;
}
