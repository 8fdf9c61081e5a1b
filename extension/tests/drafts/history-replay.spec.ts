import * as Y from 'yjs';
import { TextAuthors } from '../../src/drafts/text-authors';
import { HistoryReplay } from '../../src/drafts/history-replay';

/** A peer of the document, whose edits become updates. */
class Peer {
  doc = new Y.Doc();
  text = this.doc.getText('source');
  constructor(readonly by: string) {}

  write(work: (doc: Y.Doc) => void): { data: Uint8Array; by: string } {
    const before = Y.encodeStateVector(this.doc);
    const made: Uint8Array[] = [];
    const onUpdate = (update: Uint8Array): void => void made.push(update);
    this.doc.on('update', onUpdate);
    this.doc.transact(() => work(this.doc));
    this.doc.off('update', onUpdate);
    return { data: made[0] ?? Y.encodeStateAsUpdate(this.doc, before), by: this.by };
  }

  hear(...updates: { data: Uint8Array }[]): void {
    updates.forEach(one => Y.applyUpdate(this.doc, one.data));
  }
}

test('pieces are whose update brought them', () => {
  const [agent, ann, bo] = ['', 'ann', 'bo'].map(by => new Peer(by));
  const first = agent.write(() => agent.text.insert(0, 'Dear Ann'));
  ann.hear(first);
  bo.hear(first);
  const second = ann.write(() => ann.text.insert(5, 'old '));
  const third = bo.write(() => bo.text.insert(8, '!'));
  agent.hear(second, third);
  const authors = new TextAuthors();
  [first, second, third].forEach(one => authors.add(one.data, one.by));
  expect(authors.splitByAuthor(agent.text)).toEqual([
    { text: 'Dear ', by: '' },
    { text: 'old ', by: 'ann' },
    { text: 'Ann', by: '' },
    { text: '!', by: 'bo' }
  ]);
});

test('what one window wrote may be of several authors, and what is known stays', () => {
  const peer = new Peer('ann');
  const authors = new TextAuthors();
  const [one, two, three] = ['ab', 'cd', 'ef'].map(text =>
    peer.write(() => peer.text.insert(peer.text.length, text))
  );
  authors.add(three.data, 'cy');
  authors.add(one.data, 'ann');
  // The whole document at once, as after a gap. Only the middle is new.
  authors.add(Y.encodeStateAsUpdate(peer.doc), 'bo');
  authors.add(two.data, 'dan');
  expect(authors.splitByAuthor(peer.text)).toEqual([
    { text: 'ab', by: 'ann' },
    { text: 'cd', by: 'bo' },
    { text: 'ef', by: 'cy' }
  ]);
});

test('what no update has brought yet is of whoever is that peer', () => {
  const peer = new Peer('ann');
  peer.text.insert(0, 'ab');
  const authors = new TextAuthors();
  expect(authors.splitByAuthor(peer.text)).toEqual([{ text: 'ab', by: null }]);
  expect(authors.splitByAuthor(peer.text, client => (client === peer.doc.clientID ? 'ann' : null))).toEqual([
    { text: 'ab', by: 'ann' }
  ]);
});

/** Make a log of `size` random edits by two people, with the text after each of them. */
function log(size: number): { updates: { data: Uint8Array; by: string }[]; texts: string[] } {
  const peer = new Peer('ann');
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  const updates: { data: Uint8Array; by: string }[] = [];
  const texts = [''];
  for (let i = 0; i < size; i++) {
    updates.push(
      peer.write(() => {
        const { length } = peer.text;
        if (length > 5 && random(4) === 0) {
          peer.text.delete(random(length - 2), 2);
        } else {
          peer.text.insert(random(length + 1), String.fromCharCode(97 + random(26)));
        }
      })
    );
    texts.push(peer.text.toString());
  }
  return { updates, texts };
}

test('a text is what it was after any update, forwards and backwards', () => {
  const { updates, texts } = log(1234);
  const replay = new HistoryReplay({ kind: 'text', value: '' });
  replay.add(updates.slice(0, 700));
  replay.add(updates.slice(700));
  for (const n of [1234, 1, 0, 499, 500, 501, 1000, 3, 1233, 1234]) {
    expect(replay.documentAt(n).value).toBe(texts[n]);
  }
  replay.documentAt(10);
  replay.add(log(1).updates);
  expect([replay.length, replay.documentAt(1234).value]).toEqual([1235, texts[1234]]);
});

test('a long log keeps every moment', () => {
  const peer = new Peer('ann');
  const updates: { data: Uint8Array; by: string }[] = [];
  peer.doc.on('update', (data: Uint8Array) => updates.push({ data, by: 'ann' }));
  for (let i = 0; i < 17_000; i++) {
    peer.text.insert(i, String.fromCharCode(97 + (i % 26)));
  }
  const replay = new HistoryReplay({ kind: 'text', value: '' });
  for (let at = 0; at < updates.length; at += 500) {
    replay.add(updates.slice(at, at + 500));
  }
  for (const n of [17_000, 16_500, 9_999, 700]) {
    expect(replay.documentAt(n).value).toBe(peer.text.toString().slice(0, n));
  }
});

test('values are what they were too', () => {
  const peer = new Peer('ann');
  const value = { amount: 1 };
  const first = peer.write(doc => doc.getMap('value').set('v', new Y.Map([['amount', '1']])));
  const second = peer.write(doc => (doc.getMap('value').get('v') as Y.Map<string>).set('amount', '2'));
  const replay = new HistoryReplay({ kind: 'json', value });
  replay.add([first, second]);
  expect([replay.documentAt(2).value, replay.documentAt(1).value]).toEqual([{ amount: 2 }, { amount: 1 }]);
});
