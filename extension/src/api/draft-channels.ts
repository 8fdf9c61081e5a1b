/**
 * One WebSocket for all drafts of this browser window. Each open draft has a channel, which looks like a WebSocket of
 * its own. `hitl_nb/server/live/channel_protocol.py` describes the frames.
 */

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';

/** `readyState` of a closed WebSocket. */
const CLOSED = 3;

/** The end of a channel. */
export interface IChannelEnd {
  code: number;
  reason: string;
}

/** A channel to the room of one draft: the part of a WebSocket that y-websocket uses. */
export interface IDraftChannel {
  binaryType: string;
  readonly readyState: number;
  readonly OPEN: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: Uint8Array }) => void) | null;
  onclose: ((event: IChannelEnd) => void) | null;
  onerror: ((event: Event) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

/** The channels of this window. There is no connection while there is no channel. */
export class DraftChannels {
  /** @param _connect - makes a WebSocket to `hitl_nb/api/drafts/rooms`. */
  constructor(private _connect: () => WebSocket) {}

  /** Open a channel to the room of a draft. As a WebSocket, it is connecting at first. */
  open(draft: string): IDraftChannel {
    if (!this._connection?.isUsable) {
      this._connection = new RoomConnection(this._connect());
    }
    return this._connection.open(draft);
  }

  /**
   * Use another connection for the next channels, because that of `channel` may be dead, which a WebSocket notices only
   * after minutes. Other channels stay on the old connection as long as it works for them.
   */
  abandonConnection(channel: IDraftChannel): void {
    if (this._connection?.has(channel)) {
      this._connection = null;
    }
  }

  private _connection: RoomConnection | null = null;
}

/** A WebSocket and its channels. It is closed with the last channel. */
class RoomConnection {
  constructor(private _socket: WebSocket) {
    _socket.binaryType = 'arraybuffer';
    _socket.onopen = () => this._channels.forEach(channel => channel.start());
    _socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      typeof data === 'string' ? this._onControl(data) : this._onFrame(new Uint8Array(data));
    _socket.onclose = ({ code, reason }) => {
      const channels = [...this._channels.values()];
      this._end();
      channels.forEach(channel => channel.end({ code, reason }));
    };
  }

  /** Whether new channels can be opened. */
  get isUsable(): boolean {
    return !this._ended && this._socket.readyState <= this._socket.OPEN;
  }

  has(channel: IDraftChannel): boolean {
    return [...this._channels.values()].some(one => one === channel);
  }

  open(draft: string): DraftChannel {
    const number = ++this._last;
    const channel = new DraftChannel(
      () => this._tell({ type: 'open', channel: number, draft }),
      data => this._socket.send(joinFrame(number, data)),
      () => this._close(number)
    );
    this._channels.set(number, channel);
    if (this._socket.readyState === this._socket.OPEN) {
      // Later, as a WebSocket does: the caller sets its listeners first.
      void Promise.resolve().then(() => channel.start());
    }
    return channel;
  }

  /** Handle a message about a channel: the server has closed it. */
  private _onControl(text: string): void {
    const { channel: number, code, reason } = JSON.parse(text) as IChannelEnd & { channel: number };
    const channel = this._channels.get(number);
    this._remove(number);
    channel?.end({ code, reason });
  }

  private _onFrame(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    const channel = this._channels.get(decoding.readVarUint(decoder));
    channel?.onmessage?.({ data: decoding.readTailAsUint8Array(decoder) });
  }

  private _close(number: number): void {
    if (this._channels.get(number)?.readyState === this._socket.OPEN) {
      this._tell({ type: 'close', channel: number });
    }
    this._remove(number);
  }

  private _remove(number: number): void {
    this._channels.delete(number);
    if (this._channels.size === 0 && !this._ended) {
      this._end();
      this._socket.close();
    }
  }

  private _end(): void {
    this._ended = true;
    this._channels.clear();
    this._socket.onopen = this._socket.onmessage = this._socket.onclose = null;
  }

  private _tell(message: object): void {
    this._socket.send(JSON.stringify(message));
  }

  private _channels = new Map<number, DraftChannel>();
  /** The server requires that each channel has a larger number than those before. */
  private _last = 0;
  private _ended = false;
}

class DraftChannel implements IDraftChannel {
  constructor(
    private _open: () => void,
    private _send: (data: Uint8Array) => void,
    private _close: () => void
  ) {}

  readonly OPEN = 1;
  binaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: Uint8Array }) => void) | null = null;
  onclose: ((event: IChannelEnd) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;

  get readyState(): number {
    return this._state;
  }

  /** Ask for the room, because the connection is there. Messages may follow at once: the server keeps their order. */
  start(): void {
    if (this._state === 0) {
      this._state = this.OPEN;
      this._open();
      this.onopen?.();
    }
  }

  /** End the channel, because the server closed it or the connection is gone. */
  end(event: IChannelEnd): void {
    if (this._state !== CLOSED) {
      this._state = CLOSED;
      this.onclose?.(event);
    }
  }

  send(data: Uint8Array): void {
    if (this._state === this.OPEN) {
      this._send(data);
    }
  }

  /** Close the channel. Unlike a WebSocket, it does not call `onclose` after that. */
  close(): void {
    if (this._state !== CLOSED) {
      this._close();
      this._state = CLOSED;
    }
  }

  private _state = 0;
}

/** Put the number of its channel before a message. */
function joinFrame(channel: number, message: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, channel);
  encoding.writeUint8Array(encoder, message);
  return encoding.toUint8Array(encoder) as Uint8Array;
}
