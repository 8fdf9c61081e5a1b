import type { Json } from '../../src/api/types';
import { mergeJson } from '../../src/drafts/json-merge';
import { patchJsonText } from '../../src/drafts/json-text-patch';

/** Return the text after it was patched. */
function patchText(text: string, value: Json): string {
  for (const { start, end, text: put } of patchJsonText(text, value)) {
    text = text.slice(0, start) + put + text.slice(end);
  }
  expect(JSON.parse(text)).toEqual(value);
  return text;
}

test.each<[string, Json, string]>([
  ['{"a":1,  "b" : [2, 3.0]}', { a: 1, b: [2, 3] }, '{"a":1,  "b" : [2, 3.0]}'],
  ['{"a":1,  "b" : [2, 3.0]}', { a: 1, b: [9, 3] }, '{"a":1,  "b" : [9, 3.0]}'],
  ['{"a{\\"":{"b}":"]"},"c":null}', { 'a{"': { 'b}': 'x' }, c: true }, '{"a{\\"":{"b}":"x"},"c":true}'],
  ['{\n  "a": [1],\n  "b": 2\n}', { a: [1, 2], b: 2 }, '{\n  "a": [\n    1,\n    2\n  ],\n  "b": 2\n}'],
  ['[1, 2]', {}, '{}'],
  ['  7 ', 8, '  8 '],
  ['[]', [], '[]']
])('%s that means %j is %s', (text, value, expected) => {
  expect(patchText(text, value)).toBe(expected);
});

test('what is no JSON cannot be respelled', () => {
  expect(() => patchJsonText('[1,', [1])).toThrow(SyntaxError);
});

test.each<[string, Json, Json, Json, Json]>([
  ['fields of two', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 }],
  ['one that is added, one that goes', { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }, { b: 1 }, { b: 1, c: 1 }],
  ['the same field', { a: 1 }, { a: 2 }, { a: 3 }, { a: 2 }],
  ['items of one list', [1, 2, 3], [9, 2, 3], [1, 2, 8], [9, 2, 8]],
  ['nothing of mine', [1], [1], [1, 2], [1, 2]],
  ['nothing of theirs', [1], [1, 2], [1], [1, 2]],
  ['lists that grew', [1], [1, 2], [1, 3], [1, 2]]
])('of %s both changes are kept where they can be', (_, base, mine, theirs, expected) => {
  expect(mergeJson(base, mine, theirs)).toEqual(expected);
});
