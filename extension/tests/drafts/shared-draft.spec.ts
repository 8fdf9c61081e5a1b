import * as encoding from 'lib0/encoding';
import * as sync from 'y-protocols/sync';
import type { IDraft } from '../../src/drafts/draft';
import { SharedDraftRegistry, type IDraftSource } from '../../src/drafts/shared-draft';
import { begin } from '../drafts';
import { Server } from '../roomserver';

const LETTER: IDraftSource = { document: 'p', kind: 'text', value: 'Dear Ann' };

let server: Server;
let draft: IDraft;
function openDraft(): void {
  draft = server.rooms.open(LETTER);
  server.socket.opens();
}

function state(): { [name: string]: unknown } {
  const { value, isLoaded: loaded, isSynced: synced, isSaved: saved, closeReason: closed } = draft;
  return { value, loaded, synced, saved, closed };
}

/** Wait until the next attempt to connect. */
function reconnect(): void {
  const tried = server.sockets.length;
  for (let i = 0; i < 10 && server.sockets.length === tried; i++) {
    jest.advanceTimersByTime(10_000);
  }
}

beforeEach(() => {
  jest.useFakeTimers();
  server = new Server();
  begin(server.doc, LETTER);
});

afterEach(() => {
  server.sockets.forEach(socket => socket.loseConnection(4404, 'it is over'));
  draft.dispose();
  jest.clearAllTimers();
  jest.useRealTimers();
});

test('a draft is loaded once it came from the server, and not written before', () => {
  draft = server.rooms.open(LETTER);
  draft.edit('Dear Bo');
  expect(state()).toEqual({ value: '', loaded: false, synced: false, saved: true, closed: '' });
  server.socket.opens();
  expect(state()).toEqual({ value: 'Dear Ann', loaded: true, synced: true, saved: true, closed: '' });
  expect(server.paths).toEqual(['drafts/rooms']);
});

test('what is typed is safe when the server said so', () => {
  openDraft();
  draft.edit('Dear Bo');
  expect(draft.isSaved).toBe(false);
  server.socket.deliver();
  expect([draft.isSaved, server.doc.getText('source').toString()]).toEqual([true, 'Dear Bo']);
});

test('of two edits that are on their way the last one counts', () => {
  openDraft();
  server.keeps = false;
  draft.edit('Dear Bo');
  server.socket.deliver();
  server.keeps = true;
  draft.edit('Dear Bob');
  server.socket.deliver();
  expect(draft.isSaved).toBe(false);
});

test('what is typed without a connection is kept, merged and not safe until it arrived', () => {
  openDraft();
  draft.edit('Dear Ann, hello');
  server.socket.loseConnection();
  draft.edit('Dear Ann, hello there');
  server.write(doc => doc.getText('source').insert(0, 'My '));
  expect(state()).toMatchObject({
    value: 'Dear Ann, hello there',
    loaded: true,
    synced: false,
    saved: false
  });
  reconnect();
  draft.edit('Dear Ann, hello there!');
  server.socket.opens();
  expect(state()).toMatchObject({ value: 'My Dear Ann, hello there!', synced: true, saved: true });
  expect(server.doc.getText('source').toString()).toBe('My Dear Ann, hello there!');
});

test('an edit that builds on what the server lacks is not safe before that', () => {
  openDraft();
  server.socket.loseConnection();
  draft.edit('Dear Ann!');
  reconnect();
  const { socket } = server;
  server.asks = false;
  socket.readyState = 1;
  socket.onopen?.();
  draft.edit('Dear Ann!!');
  socket.deliver();
  expect([draft.isSynced, draft.isSaved]).toEqual([true, false]);
  socket.channel.says(0, out => sync.writeSyncStep1(out, server.doc));
  socket.deliver();
  expect(draft.isSaved).toBe(true);
});

test.each([4400, 4429, 1011, 1006])('after %i it connects again', code => {
  openDraft();
  server.socket.loseConnection(code, 'so it is');
  expect(draft.isSynced).toBe(false);
  reconnect();
  server.socket.opens();
  expect(state()).toMatchObject({ synced: true, closed: '' });
});

test('what is not saved in time is sent again over a new connection', () => {
  openDraft();
  server.keeps = false;
  draft.edit('Dear Bo');
  server.socket.deliver();
  jest.advanceTimersByTime(20_000);
  expect([server.sockets.length, draft.isSynced]).toEqual([2, false]);
  server.keeps = true;
  server.socket.opens();
  expect([draft.isSaved, server.doc.getText('source').toString()]).toEqual([true, 'Dear Bo']);
});

test('when the network goes it is known at once, and tried again when it is back', () => {
  openDraft();
  window.dispatchEvent(new Event('offline'));
  expect([draft.isSynced, server.sockets.length]).toEqual([false, 2]);
  server.socket.loseConnection();
  window.dispatchEvent(new Event('online'));
  expect(server.sockets).toHaveLength(3);
  server.socket.opens();
  expect(draft.isSynced).toBe(true);
});

test('a window does not close on what only it has', () => {
  openDraft();
  const isCloseStopped = (): boolean => {
    const event = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(isCloseStopped()).toBe(false);
  draft.edit('Dear Bo');
  expect(isCloseStopped()).toBe(true);
  server.socket.deliver();
  expect(isCloseStopped()).toBe(false);
});

test.each([4403, 4404, 4409, 4413])('after %i it does not, and says why', code => {
  openDraft();
  server.socket.loseConnection(code, 'Ann approved it');
  reconnect();
  expect(server.sockets).toHaveLength(1);
  expect(state()).toMatchObject({ synced: false, closed: 'Ann approved it' });
});

test('two places of one window share a room, which ends with the last of them', () => {
  openDraft();
  const other = server.rooms.open(LETTER);
  expect(other).toBe(draft);
  other.dispose();
  expect(server.socket.readyState).toBe(1);
  draft.dispose();
  expect(server.socket.readyState).toBe(3);
  server.rooms.open(LETTER);
  expect(server.sockets).toHaveLength(2);
});

test('a room is not left before what was typed is safe', () => {
  openDraft();
  draft.edit('Dear Bo');
  draft.dispose();
  expect(server.rooms.open(LETTER)).toBe(draft);
  draft.dispose();
  server.socket.deliver();
  expect([server.socket.readyState, server.doc.getText('source').toString()]).toEqual([3, 'Dear Bo']);
});

test('a room that was closed is opened anew', () => {
  openDraft();
  server.socket.loseConnection(4403, 'not any more');
  expect(server.rooms.open(LETTER)).not.toBe(draft);
});

test('who has read it is told', () => {
  openDraft();
  const readers = [{ username: 'bo', name: 'Bo', at: '2026-01-31T10:00:00Z' }];
  server.socket.channel.says(65, out => encoding.writeVarString(out, JSON.stringify(readers)));
  server.socket.deliver();
  expect(draft.readers).toEqual(readers);
});

test('people are who the server says they are, and type for a moment', () => {
  openDraft();
  const bo = new SharedDraftRegistry(path => server.connect(path, 'bo')).open(LETTER);
  server.socket.opens();
  server.sockets[0].deliver();
  bo.focus('amount');
  bo.edit('Dear Bo');
  const heard: boolean[] = [];
  draft.changed.connect((_, { value, remote }) => value && heard.push(remote));
  [1, 0].forEach(i => server.sockets[i].deliver());
  expect(draft.value).toBe('Dear Bo');
  jest.advanceTimersByTime(100);
  expect(heard).toEqual([true]);
  expect(draft.people).toMatchObject([
    { username: 'ann', name: 'ANN', initials: 'A', me: true, typing: false },
    { username: 'bo', name: 'BO', me: false, typing: true, focus: 'amount' }
  ]);
  jest.advanceTimersByTime(2900);
  [1, 0].forEach(i => server.sockets[i].deliver());
  expect(draft.people[1].typing).toBe(false);
  server.sockets[0].loseConnection();
  expect(draft.people.map(one => one.me)).toEqual([true]);
});

test('a draft is before somebody’s eyes if one of the places shows it', () => {
  openDraft();
  const [card, inbox] = [{}, {}];
  const visible = (): unknown => draft.awareness.getLocalState()?.visible;
  draft.show(card, true);
  draft.show(inbox, true);
  draft.show(card, false);
  expect(visible()).toBe(true);
  draft.show(inbox, false);
  expect(visible()).toBe(false);
});
