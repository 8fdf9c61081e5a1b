/**
 * A fake server with a room for each draft, which speaks the protocol of `hitl_nb/server/live/room.py`, and its
 * sockets with their channels.
 */

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as awarenessProtocol from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { SharedDraftRegistry } from '../src/drafts/shared-draft';

/** Messages of the server stay in transit until `deliver` is called on a socket. */
export class Server {
  sockets: Socket[] = [];
  paths: string[] = [];
  /** Whether updates are written to the log and acknowledged. */
  keeps = true;
  /** Whether the server requests the updates that it lacks when a channel is opened. */
  asks = true;
  rooms = new SharedDraftRegistry(path => this.connect(path));

  connect(path: string, username = 'ann'): WebSocket {
    this.paths.push(path);
    const socket = new Socket(this, username);
    this.sockets.push(socket);
    return socket as unknown as WebSocket;
  }

  get socket(): Socket {
    return this.sockets[this.sockets.length - 1];
  }

  /** The document of the draft "p". */
  get doc(): Y.Doc {
    return this.docOf('p');
  }

  docOf(draft: string): Y.Doc {
    const found = this._docs.get(draft) ?? new Y.Doc();
    this._docs.set(draft, found);
    return found;
  }

  hear(from: Channel, message: Uint8Array): void {
    const decoder = decoding.createDecoder(message);
    if (decoding.readVarUint(decoder) === 1) {
      const { username } = from.socket;
      const update = decoding.readVarUint8Array(decoder);
      const named = awarenessProtocol.modifyAwarenessUpdate(update, (state: object | null) =>
        state ? { ...state, user: { username, name: username.toUpperCase() } } : null
      );
      this._membersOf(from.draft).forEach(one => one.says(1, out => encoding.writeVarUint8Array(out, named)));
      return;
    }
    const kind = decoding.peekVarUint(decoder);
    if (kind !== 0 && !this.keeps) {
      return;
    }
    const doc = this.docOf(from.draft);
    const before = Y.encodeStateVector(doc);
    from.says(0, out => sync.readSyncMessage(decoder, out, doc, from));
    if (kind !== 0) {
      from.kept++;
      from.says(64, out => encoding.writeVarUint(out, from.kept));
      const news = Y.encodeStateAsUpdate(doc, before);
      this._membersOf(from.draft)
        .filter(one => one !== from)
        .forEach(one => one.says(0, out => sync.writeUpdate(out, news)));
    }
  }

  /** Edit a document as another person. */
  write(work: (doc: Y.Doc) => void, draft = 'p'): void {
    const doc = this.docOf(draft);
    const before = Y.encodeStateVector(doc);
    work(doc);
    const news = Y.encodeStateAsUpdate(doc, before);
    this._membersOf(draft).forEach(one => one.says(0, out => sync.writeUpdate(out, news)));
  }

  private _membersOf(draft: string): Channel[] {
    return this.sockets.flatMap(socket => socket.channels).filter(one => one.draft === draft);
  }

  private _docs = new Map<string, Y.Doc>();
}

/** A channel of a socket: one draft that is open in the window. */
export class Channel {
  kept = 0;

  constructor(
    readonly socket: Socket,
    readonly number: number,
    readonly draft: string
  ) {}

  says(type: number, write: (out: encoding.Encoder) => void): void {
    const out = encoding.createEncoder();
    encoding.writeVarUint(out, type);
    write(out);
    if (encoding.length(out) > 1) {
      const frame = encoding.createEncoder();
      encoding.writeVarUint(frame, this.number);
      encoding.writeUint8Array(frame, encoding.toUint8Array(out));
      this.socket.says(encoding.toUint8Array(frame));
    }
  }

  /** Close the channel, as the server does. */
  closes(code: number, reason: string): void {
    this.socket.channels = this.socket.channels.filter(one => one !== this);
    this.socket.says(JSON.stringify({ type: 'closed', channel: this.number, code, reason }));
  }
}

export class Socket {
  static readonly OPEN = 1;
  readonly OPEN = 1;
  readyState = 0;
  /** The open channels, in the order in which they were opened. */
  channels: Channel[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: string | Uint8Array }) => void) | null = null;
  constructor(
    private _server: Server,
    readonly username: string
  ) {}

  /** The channel that was opened last. */
  get channel(): Channel {
    return this.channels[this.channels.length - 1];
  }

  /** The open channel of a draft. */
  channelOf(draft: string): Channel | undefined {
    return this.channels.find(one => one.draft === draft);
  }

  /** Open the connection; the server opens the channels, and requests the updates that it lacks. */
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
    this.deliver();
  }

  send(data: string | Uint8Array): void {
    this._sent.push(typeof data === 'string' ? data : data.slice());
  }

  says(data: string | Uint8Array): void {
    if (this.readyState === 1) {
      this._said.push(data);
    }
  }

  /** Deliver all messages in transit, and those that they cause. */
  deliver(): void {
    while (this._sent.length > 0 || this._said.length > 0) {
      this._sent.splice(0).forEach(message => this._hear(message));
      this._said.splice(0).forEach(data => this.onmessage?.({ data }));
    }
  }

  /** Lose the connection, with the messages in transit. */
  loseConnection(code = 1006, reason = ''): void {
    this._sent = [];
    this._said = [];
    this.channels = [];
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  close(): void {
    this.channels = [];
    this.readyState = 3;
  }

  private _hear(message: string | Uint8Array): void {
    if (typeof message !== 'string') {
      const decoder = decoding.createDecoder(message);
      const number = decoding.readVarUint(decoder);
      const channel = this.channels.find(one => one.number === number);
      if (channel) {
        this._server.hear(channel, decoding.readTailAsUint8Array(decoder));
      }
      return;
    }
    const said = JSON.parse(message) as { type: string; channel: number; draft: string };
    if (said.type === 'open') {
      this._open(said.channel, said.draft);
    } else {
      this.channels = this.channels.filter(one => one.number !== said.channel);
    }
  }

  private _open(number: number, draft: string): void {
    if (number <= this._last) {
      throw new Error(`channel ${number} was opened before`);
    }
    this._last = number;
    const channel = new Channel(this, number, draft);
    this.channels.push(channel);
    if (this._server.asks) {
      channel.says(0, out => sync.writeSyncStep1(out, this._server.docOf(draft)));
    }
  }

  private _last = 0;
  private _sent: (string | Uint8Array)[] = [];
  private _said: (string | Uint8Array)[] = [];
}
