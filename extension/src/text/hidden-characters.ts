/**
 * Text as it really is: characters that hide, reorder or fake text are spelled out, as `values.showHiddenCharacters` does in Python.
 */

/** One hidden character. */
export const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0e\u{e0100}-\u{e01ef}]/gu;

/** `text` with bidi, zero-width and control characters as ⟨U+202E⟩; newline and tab stay. */
export function showHiddenCharacters(text: string): string {
  return text.replace(HIDDEN, character =>
    character === '\n' || character === '\t'
      ? character
      : `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`
  );
}
