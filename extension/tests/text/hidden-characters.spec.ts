import { showHiddenCharacters } from '../../src/text/hidden-characters';

test.each([
  ['pay \u202e001', 'pay ⟨U+202E⟩001'],
  ['a\u200bb', 'a⟨U+200B⟩b'],
  ['a\r\n\tb', 'a⟨U+000D⟩\n\tb'],
  ['x\u3164y', 'x⟨U+3164⟩y'],
  ['tag \u{e0041}', 'tag ⟨U+E0041⟩'],
  ['lone \ud800', 'lone ⟨U+D800⟩'],
  ['Grüße, 你好 😀', 'Grüße, 你好 😀']
])('%j is shown as %j', (text, shown) => {
  expect(showHiddenCharacters(text)).toBe(shown);
});
