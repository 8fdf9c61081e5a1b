/**
 * The connection of a document to its room on the server. What was typed is safe when the server said so: it counts the
 * messages that brought something, and so does this side. After a gap that includes the answer to what the server lacks.
 */

import { ISignal, Signal } from '@lumino/signaling';
import * as decoding from 'lib0/decoding';
import type { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import type * as Y from 'yjs';
import type { IDraftReader } from './draft';

/** Types of messages, and kinds of those about the document. */
const SYNC = 0;
const AWARENESS = 1;
const SAVED = 64;
const READERS = 65;
const ANSWER = 1;
const UPDATE = 2;

/** Close codes after which it makes sense to connect again although the server refused. */
const RETRY_CODES = [4400, 4429];

/** Longest message that the server takes, in bytes. It would be sent, and refused, again and again. */
const MAX_MESSAGE_BYTES = 16 << 20;

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RETRY_MS = 10_000;

/** Milliseconds after which a connection that did not save what was typed is taken for lost. */
const STALL_MS = 15_000;

/** How a room hears from the server and tells it what is typed. */
export interface IDraftConnection {
  /** The document is what the server has. */
  readonly synced: boolean;
  /** All that was typed here is on the server. */
  readonly saved: boolean;
  /** Why there will be no connection any more, or "". */
  readonly closed: string;
  readonly readers: readonly IDraftReader[];
  /** Who this person is, as the server tells others; null before it did. */
  readonly me: { [name: string]: unknown } | null;
  readonly changed: ISignal<IDraftConnection, void>;
  dispose(): void;
}

export class DraftConnection implements IDraftConnection {
  /** @param _open - makes a socket to the document's room. */
  constructor(
    private _doc: Y.Doc,
    private _awareness: Awareness,
    private _open: () => WebSocket
  ) {
    _doc.on('update', this._onUpdate);
    this._provider = new WebsocketProvider('room:', '', _doc, {
      awareness: _awareness,
      disableBc: true,
      connect: false,
      maxBackoffTime: MAX_RETRY_MS,
      WebSocketPolyfill: this._sockets(),
      shouldReconnect: ({ code }) => code < 4400 || code >= 4500 || RETRY_CODES.includes(code)
    });
    const heard = this._provider.messageHandlers;
    const present = heard[AWARENESS];
    heard[AWARENESS] = (encoder, decoder, ...rest) => {
      this._onReaders(decoding.clone(decoder));
      present(encoder, decoder, ...rest);
    };
    heard[SAVED] = (_, decoder) => {
      this._kept = decoding.readVarUint(decoder);
      this._settle();
    };
    heard[READERS] = (_, decoder) => {
      this._readers = JSON.parse(decoding.readVarString(decoder)) as IDraftReader[];
      this._changed.emit();
    };
    this._provider.on('sync', () => this._changed.emit());
    this._provider.on('status', () => this._changed.emit());
    this._provider.on('closed', ({ reason }) => {
      this._closed = reason || 'the server closed this draft';
      this._changed.emit();
    });
    window.addEventListener('online', this._checkStalled);
    window.addEventListener('offline', this._checkStalled);
    this._provider.connect();
  }

  get synced(): boolean {
    return this._provider.synced;
  }

  get saved(): boolean {
    return this._saved;
  }

  get closed(): string {
    return this._closed;
  }

  get readers(): readonly IDraftReader[] {
    return this._readers;
  }

  get me(): { [name: string]: unknown } | null {
    return this._me;
  }

  get changed(): ISignal<IDraftConnection, void> {
    return this._changed;
  }

  dispose(): void {
    clearInterval(this._stalled);
    window.removeEventListener('online', this._checkStalled);
    window.removeEventListener('offline', this._checkStalled);
    this._doc.off('update', this._onUpdate);
    this._provider.destroy();
    Signal.clearData(this);
  }

  /** What the provider makes its sockets with: each of them is counted from its beginning. */
  private _sockets(): typeof WebSocket {
    const make = (): WebSocket => {
      const socket = this._open();
      this._sent = this._kept = 0;
      this._answered = false;
      const send = socket.send.bind(socket);
      socket.send = data => {
        const [type, kind] = data as Uint8Array;
        if ((data as Uint8Array).byteLength > MAX_MESSAGE_BYTES) {
          this._closed = 'what was typed here is more than 16 MB at once: it cannot be kept on the server';
          this._provider.disconnect();
          this._changed.emit();
          return;
        }
        if (type === SYNC && (kind === ANSWER || kind === UPDATE)) {
          this._sent++;
          this._answered ||= kind === ANSWER;
        }
        send(data);
      };
      return socket;
    };
    return class {
      constructor() {
        return make();
      }
    } as unknown as typeof WebSocket;
  }

  private _settle(): void {
    // An update that builds on what the server lacks is not in the log before that is.
    if (!this._saved && this._answered && this._kept === this._sent) {
      this._saved = true;
      clearInterval(this._stalled);
      this._changed.emit();
    }
  }

  private _onUpdate = (_: Uint8Array, origin: unknown): void => {
    if (origin !== this._provider && this._saved) {
      this._saved = false;
      this._stalled = setInterval(() => this._provider.wsconnected && this._checkStalled(), STALL_MS);
      this._changed.emit();
    }
  };

  /** Look for this person among those that the server names: the awareness itself passes over its own state. */
  private _onReaders(outer: decoding.Decoder): void {
    const decoder = decoding.createDecoder(decoding.readVarUint8Array(outer));
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const client = decoding.readVarUint(decoder);
      decoding.readVarUint(decoder);
      const state = JSON.parse(decoding.readVarString(decoder)) as {
        user?: { [name: string]: unknown };
      } | null;
      if (client === this._awareness.clientID && state?.user && this._me === null) {
        this._me = state.user;
        this._changed.emit();
      }
    }
  }

  /** Connect anew: the network has changed, or lost what was sent. Sockets notice that much later. */
  private _checkStalled = (): void => {
    if (!this._closed) {
      this._provider.disconnect();
      this._provider.connect();
    }
  };

  private _provider: WebsocketProvider;
  private _saved = true;
  private _closed = '';
  private _readers: readonly IDraftReader[] = [];
  private _me: { [name: string]: unknown } | null = null;
  private _sent = 0;
  private _kept = 0;
  private _answered = false;
  private _stalled: ReturnType<typeof setInterval> | undefined;
  private _changed = new Signal<this, void>(this);
}
