"""Show text exactly: make characters visible that hide text or change its reading order."""

from __future__ import annotations

import unicodedata

_PIECE_CHARS = 100_000


def show_hidden_characters(text: str) -> str:
    """Return `text` with bidirectional, zero-width and control characters written as ⟨U+202E⟩.

    Line breaks and tabs are not changed.
    """
    # Translate the text in pieces, because all other threads wait during each call of `translate`.
    return "".join(
        text[at : at + _PIECE_CHARS].translate(_SHOWN_CHARACTERS) for at in range(0, len(text), _PIECE_CHARS)
    )


class _ShownCharacters(dict[int, str]):
    """Code point -> text to show. An entry is computed when the character first occurs."""

    def __missing__(self, code: int) -> str:
        shown = chr(code) if code in (9, 10) else _show_character(chr(code))
        self[code] = shown
        return shown


_SHOWN_CHARACTERS = _ShownCharacters()


def _show_character(character: str) -> str:
    # Hangul fillers, the grapheme joiner and variation selectors hide text too; U+FE0F alone only picks emoji style.
    blank = character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0" or "\ufe00" <= character <= "\ufe0e"
    hidden = blank or "\U000e0100" <= character <= "\U000e01ef"
    if hidden or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character
