/**
 * The server's live feed: ids of the proposals and runs that changed. It is only a hint: to know the new state, read
 * the record again.
 *
 * If the socket closes, it is opened again after a pause, and each pause is longer than the one before. After that
 * everything is read again. If the server closed the socket because this user may not read any more, it stays closed.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { FeedMessage, INotice } from './types';

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RETRY_MS = 30_000;

/** Close code for a user who may not read any more. */
const FORBIDDEN_CODE = 4403;

/**
 * Ids of the changed objects. `drafts` has the proposals of which only the draft changed. Null: anything may have
 * changed.
 */
export type FeedChange = {
  proposals: string[];
  runs: string[];
  drafts: string[];
  workspaces?: string[];
  notices?: INotice[];
} | null;

/** The socket of the live feed, which connects again by itself. */
export class Feed {
  /** @param open - makes a socket to `hitl_nb/api/feed`. */
  constructor(private _open: () => WebSocket) {
    this._connect();
  }

  /** Emits the changed ids; null after a gap, when messages may have been missed. */
  get changed(): ISignal<this, FeedChange> {
    return this._changed;
  }

  /** Emits the progress of runs that the server itself executes. */
  get headless(): ISignal<this, Extract<FeedMessage, { type: 'headless' }>> {
    return this._headless;
  }

  /** Emits whether the socket is open, each time that changes. */
  get connectedChanged(): ISignal<this, boolean> {
    return this._connectedChanged;
  }

  /** Whether the socket is open. */
  get connected(): boolean {
    return this._connected;
  }

  /** Whether the server has closed the feed for good, because this user may not read any more. */
  get forbidden(): boolean {
    return this._forbidden;
  }

  /** The server's id for this browser window; "" before the first connection. */
  get browser(): string {
    return this._browser;
  }

  /** Whether the socket was open before and is not now, and is opened again. */
  get lost(): boolean {
    return !this._connected && !this._forbidden && this._browser !== '';
  }

  /** Connect now, without waiting for the next attempt. */
  reconnect(): void {
    if (this._waits) {
      clearTimeout(this._retryTimer);
      this._connect();
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._retryTimer);
    this._socket?.close();
    Signal.clearData(this);
  }

  private _connect(): void {
    this._waits = false;
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
      this._waits = true;
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
  /** Whether the next attempt to connect waits for its time. */
  private _waits = false;
  private _retryMs = 500;
  private _retryTimer = 0 as unknown as ReturnType<typeof setTimeout>;
  private _socket: WebSocket | null = null;
}
