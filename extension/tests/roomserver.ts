/**
 * A fake server with one room, which speaks the protocol of `hitl_nb/server/live/room.py`, and its sockets.
 */

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as awarenessProtocol from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { SharedDraftRegistry } from '../src/drafts/shared-draft';

/** Messages of the server stay in transit until `deliver` is called on a socket. */
export class Server {
  doc = new Y.Doc();
  sockets: Socket[] = [];
  paths: string[] = [];
  /** Whether updates are written to the log and acknowledged. */
  keeps = true;
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

  hear(from: Socket, message: Uint8Array): void {
    const decoder = decoding.createDecoder(message);
    if (decoding.readVarUint(decoder) === 1) {
      const update = decoding.readVarUint8Array(decoder);
      const named = awarenessProtocol.modifyAwarenessUpdate(update, (state: object | null) =>
        state ? { ...state, user: { username: from.username, name: from.username.toUpperCase() } } : null
      );
      this.sockets.forEach(socket => socket.says(1, out => encoding.writeVarUint8Array(out, named)));
      return;
    }
    const kind = decoding.peekVarUint(decoder);
    if (kind !== 0 && !this.keeps) {
      return;
    }
    const before = Y.encodeStateVector(this.doc);
    from.says(0, out => sync.readSyncMessage(decoder, out, this.doc, from));
    if (kind !== 0) {
      from.kept++;
      from.says(64, out => encoding.writeVarUint(out, from.kept));
      const news = Y.encodeStateAsUpdate(this.doc, before);
      this.sockets
        .filter(socket => socket !== from)
        .forEach(socket => socket.says(0, out => sync.writeUpdate(out, news)));
    }
  }

  /** Edit the document as another person. */
  write(work: (doc: Y.Doc) => void): void {
    const before = Y.encodeStateVector(this.doc);
    work(this.doc);
    const news = Y.encodeStateAsUpdate(this.doc, before);
    this.sockets.forEach(socket => socket.says(0, out => sync.writeUpdate(out, news)));
  }
}

export class Socket {
  static readonly OPEN = 1;
  readonly OPEN = 1;
  readyState = 0;
  kept = 0;
  onopen: () => void = () => undefined;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: Uint8Array }) => void) | null = null;
  constructor(
    private _server: Server,
    readonly username: string
  ) {}

  /** Open the connection; the server requests the updates that it lacks. */
  opens(): void {
    this.readyState = 1;
    this.onopen();
    this.says(0, out => sync.writeSyncStep1(out, this._server.doc));
    this.deliver();
  }

  send(data: Uint8Array): void {
    this._sent.push(data.slice());
  }

  says(type: number, write: (out: encoding.Encoder) => void): void {
    const out = encoding.createEncoder();
    encoding.writeVarUint(out, type);
    write(out);
    if (encoding.length(out) > 1 && this.readyState === 1) {
      this._said.push(encoding.toUint8Array(out));
    }
  }

  /** Deliver all messages in transit, and those that they cause. */
  deliver(): void {
    while (this._sent.length > 0 || this._said.length > 0) {
      this._sent.splice(0).forEach(message => this._server.hear(this, message));
      this._said.splice(0).forEach(data => this.onmessage?.({ data }));
    }
  }

  /** Lose the connection, with the messages in transit. */
  loseConnection(code = 1006, reason = ''): void {
    this._sent = [];
    this._said = [];
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  close(): void {
    this.readyState = 3;
  }

  private _sent: Uint8Array[] = [];
  private _said: Uint8Array[] = [];
}
