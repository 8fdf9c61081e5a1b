import * as Y from 'yjs';
import type { ICommentTarget, IComment } from '../../src/api/types';
import { makeCommentTarget, applySuggestion, locateQuote } from '../../src/drafts/comment-anchor';
import type { IDraft } from '../../src/drafts/draft';

function makeText(text: string): Y.Text {
  const made = new Y.Doc().getText('source');
  made.insert(0, text);
  return made;
}

/** Make the target of a comment, as the server sends it back. */
function on(text: Y.Text, quote: string): ICommentTarget {
  const start = text.toString().indexOf(quote);
  return JSON.parse(
    JSON.stringify(makeCommentTarget(text, { start, end: start + quote.length }))
  ) as ICommentTarget;
}

/** Return the text that a comment is about now; null if it is gone. */
function now(text: Y.Text, found: ICommentTarget): string | null {
  const range = locateQuote(text, found);
  return range && text.toString().slice(range.start, range.end);
}

test('an anchor names the quote and what stands around it', () => {
  const text = makeText(`${'x'.repeat(70)}\nDear Ann, hello.`);
  const { quote, prefix, suffix, anchor } = on(text, 'Ann');
  expect([quote, prefix.length, suffix]).toEqual(['Ann', 60, ', hello.']);
  expect([anchor!.start.assoc, anchor!.end.assoc]).toEqual([0, -1]);
});

test('a long quote is cut, and no character in half', () => {
  const text = makeText(`${'a'.repeat(1999)}😀${'b'.repeat(59)}😀`);
  expect(makeCommentTarget(text, { start: 0, end: text.length }).quote).toBe('a'.repeat(1999));
  expect(makeCommentTarget(text, { start: 1, end: text.length }).quote).toBe(`${'a'.repeat(1998)}😀`);
  expect(makeCommentTarget(text, { start: 0, end: 2001 }).suffix).toBe('b'.repeat(59));
  expect(makeCommentTarget(text, { start: 2061, end: 2062 }).prefix).toBe('b'.repeat(59));
});

test('the range moves with the text, and what is typed at its edges is not in it', () => {
  const text = makeText('Dear Ann, hello.');
  const found = on(text, 'Ann');
  text.insert(0, 'My ');
  text.insert(8, 'old ');
  text.insert(text.toString().indexOf('Ann') + 3, 'a');
  expect([text.toString(), now(text, found)]).toEqual(['My Dear old Anna, hello.', 'Ann']);
  text.insert(text.toString().indexOf('Ann') + 1, '-');
  expect(now(text, found)).toBe('A-nn');
});

test.each(['Dear Ann, hello.', 'Dear', 'hello.'])('of "%s" both ends are found', quote => {
  const text = makeText('Dear Ann, hello.');
  expect(now(text, on(text, quote))).toBe(quote);
});

test('a text that is deleted or typed over is gone, and comes back when that is undone', () => {
  const text = makeText('Dear Ann, hello.');
  const found = on(text, 'Ann');
  const undoing = new Y.UndoManager(text);
  text.delete(5, 3);
  expect(now(text, found)).toBeNull();
  text.insert(5, 'Bo');
  expect(now(text, found)).toBeNull();
  undoing.undo();
  expect(now(text, found)).toBe('Ann');
});

test('what is left of a text still stands', () => {
  const text = makeText('Dear Ann, hello.');
  const found = on(text, 'Ann, hello');
  text.delete(5, 5);
  expect(now(text, found)).toBe('hello');
});

test('others find the same range', () => {
  const text = makeText('Dear Ann, hello.');
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(text.doc!));
  expect(now(other.getText('source'), on(text, 'Ann'))).toBe('Ann');
});

test('without an anchor the quote is looked for, if it is in one place', () => {
  const text = makeText('a b a');
  const at = (quote: string) => locateQuote(text, { anchor: null, quote });
  expect([at('b'), at('a'), at('c'), at('')]).toEqual([{ start: 2, end: 3 }, null, null, null]);
});

test.each([{}, { item: 'x' }, { item: { client: 1, clock: 99 } }, { tname: 'typed' }])(
  'an anchor that is no place here is gone: %j',
  place => {
    const anchor = { start: place, end: place } as unknown as IComment['anchor'];
    expect(locateQuote(makeText('Dear'), { anchor, quote: 'Dear' })).toBeNull();
  }
);

test('a suggestion is what the draft would say with it', () => {
  const text = makeText('Dear Ann, hello.');
  const draft = { file: { ysource: text } } as unknown as IDraft;
  const comment = (quote: string, suggestion: string | null) =>
    ({ ...on(text, quote), suggestion }) as unknown as IComment;
  expect(applySuggestion(draft, comment('Ann', 'Bo'))).toBe('Dear Bo, hello.');
  expect(applySuggestion(draft, comment(', hello', ''))).toBe('Dear Ann.');
  expect(applySuggestion(draft, comment('Ann', null))).toBeNull();
  const { start } = on(text, 'Ann').anchor!;
  const insertion = { anchor: { start, end: start }, quote: '', suggestion: 'old ' } as unknown as IComment;
  expect(applySuggestion(draft, insertion)).toBe('Dear old Ann, hello.');
  expect(applySuggestion({ file: null } as unknown as IDraft, comment('Ann', 'Bo'))).toBeNull();
});
