/**
 * The connection of a document to its room on the server. Typed text counts as saved when the server has confirmed
 * it. Both sides count the messages that carry content, and compare the counts. After a gap, the answer to the
 * server's request for missing updates counts too.
 */

import { ISignal, Signal } from '@lumino/signaling';
import * as decoding from 'lib0/decoding';
import type { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import type * as Y from 'yjs';
import type { DraftChannels, IDraftChannel } from '../api/draft-channels';
import type { IDraftReader } from './draft';

/** Message types, and the subtypes of messages about the document. */
const SYNC = 0;
const AWARENESS = 1;
const SAVED = 64;
const READERS = 65;
const ANSWER = 1;
const UPDATE = 2;

/** Close codes after which connecting again makes sense, although the server refused. */
const RETRY_CODES = [4400, 4429];

/** Longest message that the server accepts, in bytes. A longer one would be sent and refused again and again. */
const MAX_MESSAGE_BYTES = 16 << 20;

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RETRY_MS = 10_000;

/** Milliseconds without a confirmation after which the connection counts as lost. */
const STALL_MS = 15_000;

/** State of a document's connection to its room. */
export interface IDraftConnection {
  /** Whether the document equals that of the server. */
  readonly isSynced: boolean;
  /** Whether everything that was typed here is saved on the server. */
  readonly isSaved: boolean;
  /** Why there will be no further connection, in a sentence, or "". */
  readonly closeReason: string;
  readonly readers: readonly IDraftReader[];
  /** This person's identity as the server sends it to others; null until the server has sent it. */
  readonly me: { [name: string]: unknown } | null;
  readonly changed: ISignal<IDraftConnection, void>;
  /** Try to connect now. */
  reconnect(): void;
  dispose(): void;
}

/** Connection of a document to its room, over a channel that is opened again by itself. */
export class DraftConnection implements IDraftConnection {
  /**
   * @param _channels - the channels of this window.
   * @param _draft - id of the document.
   */
  constructor(
    private _doc: Y.Doc,
    private _awareness: Awareness,
    private _channels: DraftChannels,
    private _draft: string
  ) {
    _doc.on('update', this._onUpdate);
    this._provider = new WebsocketProvider('room:', '', _doc, {
      awareness: _awareness,
      disableBc: true,
      connect: false,
      maxBackoffTime: MAX_RETRY_MS,
      WebSocketPolyfill: this._channelClass(),
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
    this._provider.on('connection-close', event => {
      if (event === null && this._provider.shouldConnect) {
        this._abandon(); // the provider gave up, because no message came for too long
      }
    });
    window.addEventListener('online', this._checkStalled);
    window.addEventListener('offline', this._checkStalled);
    this._provider.connect();
  }

  get isSynced(): boolean {
    return this._provider.synced;
  }

  get isSaved(): boolean {
    return this._saved;
  }

  get closeReason(): string {
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

  reconnect(): void {
    if (!this._closed) {
      this._abandon();
      this._provider.disconnect();
      this._provider.connect();
    }
  }

  dispose(): void {
    clearInterval(this._stalled);
    window.removeEventListener('online', this._checkStalled);
    window.removeEventListener('offline', this._checkStalled);
    this._doc.off('update', this._onUpdate);
    this._provider.destroy();
    Signal.clearData(this);
  }

  /** The WebSocket class for the provider. The message counts start again with each channel. */
  private _channelClass(): typeof WebSocket {
    const make = (): IDraftChannel => {
      const channel = (this._channel = this._channels.open(this._draft));
      this._sent = this._kept = 0;
      this._answered = false;
      const send = channel.send.bind(channel);
      channel.send = data => {
        const [type, kind] = data;
        if (data.byteLength > MAX_MESSAGE_BYTES) {
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
      return channel;
    };
    return class {
      constructor() {
        return make();
      }
    } as unknown as typeof WebSocket;
  }

  /** Let the next channel have another connection, because this one may be dead. */
  private _abandon(): void {
    if (this._channel) {
      this._channels.abandonConnection(this._channel);
    }
  }

  private _settle(): void {
    // The server logs an update only after the updates that it builds on. So nothing is saved before they were sent.
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

  /** Find this person's own state in an awareness message. The awareness protocol itself ignores the own state. */
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

  /** Connect again, because the network has changed or lost messages. A socket alone notices that much later. */
  private _checkStalled = (): void => this.reconnect();

  private _provider: WebsocketProvider;
  private _channel: IDraftChannel | null = null;
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
