import type { IDraft } from '../../src/drafts/draft';
import type { IDraftSource } from '../../src/drafts/shared-draft';
import { begin } from '../drafts';
import { Server, type Socket } from '../roomserver';

// The clock by which y-websocket notices that nothing arrives.
jest.mock('lib0/time', () => ({
  ...jest.requireActual<object>('lib0/time'),
  getUnixTime: (): number => Date.now()
}));

const NAMES = ['p', 'q', 'r'];

let server: Server;
let drafts: IDraft[];

function source(document: string): IDraftSource {
  return { document, kind: 'text', value: `Dear ${document}` };
}

function open(...names: string[]): IDraft[] {
  const opened = names.map(name => server.rooms.open(source(name)));
  drafts.push(...opened);
  return opened;
}

/** Let a WebSocket that is open tell a new channel that it is open. */
async function openLate(...names: string[]): Promise<IDraft[]> {
  const opened = open(...names);
  await Promise.resolve();
  server.socket.deliver();
  return opened;
}

function readText(name: string): string {
  return server.docOf(name).getText('source').toString();
}

function draftsOn(socket: Socket): string[] {
  return socket.channels.map(one => one.draft);
}

/** Wait until all drafts have tried again to connect. */
function retry(): void {
  jest.advanceTimersByTime(10_000);
}

beforeEach(() => {
  jest.useFakeTimers();
  server = new Server();
  drafts = [];
  NAMES.forEach(name => begin(server.docOf(name), source(name)));
});

afterEach(() => {
  server.sockets.forEach(socket => socket.loseConnection(4404, 'it is over'));
  drafts.forEach(draft => draft.dispose());
  jest.clearAllTimers();
  jest.useRealTimers();
});

test('all drafts of a window use one WebSocket', async () => {
  const [p, q] = open('p', 'q');
  expect(p.isLoaded).toBe(false);
  server.socket.opens();
  const [r] = await openLate('r');
  expect(server.paths).toEqual(['drafts/rooms']);
  expect([p, q, r].map(one => one.value)).toEqual(['Dear p', 'Dear q', 'Dear r']);
  p.edit('Dear Ann');
  r.edit('Dear Cy');
  expect([p, q, r].map(one => one.isSaved)).toEqual([false, true, false]);
  server.socket.deliver();
  expect([p, q, r].map(one => one.isSaved)).toEqual([true, true, true]);
  expect(NAMES.map(readText)).toEqual(['Dear Ann', 'Dear q', 'Dear Cy']);
});

test('it is closed with the last draft, and opened again with the next', async () => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  p.dispose();
  server.socket.deliver();
  expect([draftsOn(server.socket), server.socket.readyState]).toEqual([['q'], 1]);
  server.write(doc => doc.getText('source').insert(0, 'My '), 'q');
  server.socket.deliver();
  jest.advanceTimersByTime(100);
  expect(q.value).toBe('My Dear q');
  q.dispose();
  expect(server.socket.readyState).toBe(3);
  const [r] = open('r');
  server.socket.opens();
  expect([server.sockets.length, r.value]).toEqual([2, 'Dear r']);
});

test('a draft that is closed while the WebSocket connects is not asked for', () => {
  const [p] = open('p', 'q');
  p.dispose();
  server.socket.opens();
  expect(draftsOn(server.socket)).toEqual(['q']);
});

test.each([4403, 4404, 4409, 4413])('a draft that is closed with %i stays closed, others do not', code => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  server.socket.channelOf('p')!.closes(code, 'Ann approved it');
  server.socket.deliver();
  expect([p.closeReason, p.isSynced, q.closeReason, q.isSynced]).toEqual([
    'Ann approved it',
    false,
    '',
    true
  ]);
  retry();
  expect([server.sockets.length, draftsOn(server.socket)]).toEqual([1, ['q']]);
});

test.each([4400, 4429, 1011])('a draft that is closed with %i is opened again, others stay', async code => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  const before = server.socket.channelOf('q');
  server.socket.channelOf('p')!.closes(code, 'not now');
  server.socket.deliver();
  p.edit('Dear Ann');
  expect([p.isSynced, p.closeReason, q.isSynced]).toEqual([false, '', true]);
  retry();
  await Promise.resolve();
  server.socket.deliver();
  expect([server.sockets.length, server.socket.channelOf('q')]).toEqual([1, before]);
  expect([p.isSynced, p.isSaved, readText('p')]).toEqual([true, true, 'Dear Ann']);
});

test('when the WebSocket is lost all drafts are told, and meet again over one new WebSocket', () => {
  const [p, q, r] = open('p', 'q', 'r');
  server.socket.opens();
  server.socket.loseConnection();
  expect([p, q, r].map(one => one.isSynced)).toEqual([false, false, false]);
  q.edit('Dear Bob');
  retry();
  expect(server.sockets).toHaveLength(2);
  server.socket.opens();
  expect(draftsOn(server.socket).sort()).toEqual(NAMES);
  expect([p, q, r].map(one => one.isSynced && one.isSaved)).toEqual([true, true, true]);
  expect(readText('q')).toBe('Dear Bob');
});

test('who may not read any more is told so in all drafts', () => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  server.socket.loseConnection(4403, 'you may not read this draft any more');
  retry();
  expect([p, q].map(one => one.closeReason)).toEqual(Array(2).fill('you may not read this draft any more'));
  expect(server.sockets).toHaveLength(1);
});

test('a draft that is not saved in time tries a new WebSocket, and others stay where they are', () => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  const [old] = server.sockets;
  p.edit('Dear Ann');
  jest.advanceTimersByTime(16_000); // the WebSocket is dead: nothing of this arrives
  expect(server.sockets).toHaveLength(2);
  server.socket.opens();
  expect([p.isSaved, readText('p'), draftsOn(server.socket)]).toEqual([true, 'Dear Ann', ['p']]);
  expect([q.isSynced, old.readyState]).toEqual([true, 1]);
  q.edit('Dear Bob');
  jest.advanceTimersByTime(16_000); // it notices by itself, and meets the other one
  expect([server.sockets.length, old.readyState]).toEqual([2, 3]);
});

test('a WebSocket on which nothing arrives is given up by all drafts', () => {
  open('p', 'q');
  server.socket.opens();
  jest.advanceTimersByTime(60_000);
  expect([server.sockets.length, server.sockets[0].readyState]).toEqual([2, 3]);
  server.socket.opens();
  expect(draftsOn(server.socket).sort()).toEqual(['p', 'q']);
});

test.each(['online', 'offline'])('when the network changes (%s) all drafts use one new WebSocket', type => {
  const [p, q, r] = open('p', 'q', 'r');
  server.socket.opens();
  window.dispatchEvent(new Event(type));
  expect([server.sockets.length, server.sockets[0].readyState]).toEqual([2, 3]);
  server.socket.opens();
  expect([p, q, r].map(one => one.isSynced)).toEqual([true, true, true]);
});

test('a person who tries again gets a new WebSocket', () => {
  const [p, q] = open('p', 'q');
  server.socket.opens();
  p.reconnect();
  expect([server.sockets.length, p.isSynced, q.isSynced]).toEqual([2, false, true]);
  server.socket.opens();
  expect([p.isSynced, draftsOn(server.socket)]).toEqual([true, ['p']]);
});

test('an attempt that fails is made again with one WebSocket for all drafts', () => {
  open('p', 'q', 'r');
  server.socket.loseConnection();
  jest.advanceTimersByTime(250);
  expect(server.sockets).toHaveLength(2);
  server.socket.loseConnection();
  jest.advanceTimersByTime(250);
  expect(server.sockets).toHaveLength(2);
  jest.advanceTimersByTime(250);
  expect(server.sockets).toHaveLength(3);
});
