import { Feed } from '../../src/api/feed';
import type { FeedMessage } from '../../src/api/types';

class Socket {
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;

  close(): void {
    this.closed = true;
  }

  says(message: FeedMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let sockets: Socket[];

function feed(): Feed {
  sockets = [];
  return new Feed(() => {
    sockets.push(new Socket());
    return sockets[sockets.length - 1] as unknown as WebSocket;
  });
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test('tells which proposals and runs changed', () => {
  const heard: unknown[] = [];
  const live = feed();
  live.changed.connect((_, changed) => heard.push(changed));
  sockets[0].says({ type: 'hello', browser: 'b1', head: 3 });
  sockets[0].says({ type: 'changed', proposals: ['p'], runs: ['r'], head: 4 });
  expect(live.browser).toBe('b1');
  expect(heard).toMatchObject([{ proposals: ['p'], runs: ['r'] }]);
});

test('after a gap in which something happened anything may have changed', () => {
  const heard: unknown[] = [];
  const live = feed();
  live.changed.connect((_, changed) => heard.push(changed));
  sockets[0].says({ type: 'hello', browser: 'b1', head: 3 });
  sockets[0].onclose?.({ code: 1006 });
  expect(live.connected).toBe(false);
  jest.runOnlyPendingTimers();
  sockets[1].says({ type: 'hello', browser: 'b2', head: 5 });
  expect(live.connected).toBe(true);
  expect(heard).toEqual([null]);
});

test('a lost connection is one that was there before, and can be made anew at once', () => {
  const live = feed();
  expect(live.lost).toBe(false);
  live.reconnect(); // the first attempt goes on
  expect(sockets).toHaveLength(1);
  sockets[0].says({ type: 'hello', browser: 'b1', head: 3 });
  sockets[0].onclose?.({ code: 1006 });
  expect(live.lost).toBe(true);
  live.reconnect();
  live.reconnect();
  expect(sockets).toHaveLength(2);
  sockets[1].says({ type: 'hello', browser: 'b2', head: 3 });
  expect(live.lost).toBe(false);
  jest.runOnlyPendingTimers();
  expect(sockets).toHaveLength(2);
});

test('once disposed it opens no further socket', () => {
  const live = feed();
  live.dispose();
  sockets[0].onclose?.({ code: 1006 });
  jest.runOnlyPendingTimers();
  expect(sockets).toHaveLength(1);
  expect(sockets[0].closed).toBe(true);
});

test('somebody who may not read any more is cut off once, and nothing is tried again', () => {
  const told: boolean[] = [];
  const live = feed();
  live.connectedChanged.connect((_, connected) => told.push(connected));
  sockets[0].says({ type: 'hello', browser: 'b1', head: 3 });
  sockets[0].onclose?.({ code: 4403 });
  jest.runAllTimers();
  expect(sockets).toHaveLength(1);
  expect([live.forbidden, live.connected]).toEqual([true, false]);
  expect(told).toEqual([true, false]);
});
