/**
 * Text with its hidden characters spelled out: those that hide, reorder or imitate text. The same as
 * `show_hidden_characters` in `hitl_nb/kinds/questions.py`.
 */

/** Matches one hidden character. */
export const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0e\u{e0100}-\u{e01ef}]/gu;

/** Replace bidi, zero-width and control characters by their code, such as ⟨U+202E⟩. Newlines and tabs stay. */
export function showHiddenCharacters(text: string): string {
  return text.replace(HIDDEN, character =>
    character === '\n' || character === '\t'
      ? character
      : `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`
  );
}
