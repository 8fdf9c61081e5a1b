"""Changes of texts: by word within paragraphs, and by line for code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hitl_nb.kinds.changes.model import Changes, Part, Sign, Span, count_groups, count_of
from hitl_nb.values.text_diff import match_opcodes

_WORD = re.compile(r"\w+(?:[.,'’]\w+)*|\s|[^\w\s]")
_MAX_WORD_CHARS = 60_000
"""Maximum length of texts that are compared by word. Longer texts are compared by line."""
_MAX_PAIRS = 4_000_000
"""Maximum number of pairs of words that one comparison looks at, so that it takes no more than a second."""
_MIN_ALIKE = 0.25
"""Smallest share of equal characters with which the words of changed lines of code are marked."""


def word_spans(before: str, after: str) -> tuple[Span, ...]:
    """Compare two texts by word. Within each change, what was removed comes first.

    Texts with more than `_MAX_WORD_CHARS` characters are compared by line.
    """
    by_line = max(len(before), len(after)) > _MAX_WORD_CHARS
    old, new = (text.splitlines(keepends=True) if by_line else _WORD.findall(text) for text in (before, after))
    spans: list[Span] = []
    for tag, i, i_end, j, j_end in match_opcodes(old, new, _MAX_PAIRS):
        if tag == "equal":
            spans.append(Span("same", "".join(old[i:i_end])))
        else:
            spans += [Span("removed", "".join(old[i:i_end])), Span("added", "".join(new[j:j_end]))]
    return tuple(_join_spans([span for span in spans if span.text]))


def _join_spans(spans: Sequence[Span]) -> Iterator[Span]:
    """Join changes with only spaces between them, so that a changed sentence is one change and not ten."""
    removed = added = ""
    for at, span in enumerate(spans):
        inside = 0 < at < len(spans) - 1 and "same" not in (spans[at - 1].mark, spans[at + 1].mark)
        if span.mark == "same" and not (inside and not span.text.strip() and "\n" not in span.text):
            yield from (one for one in (Span("removed", removed), Span("added", added)) if one.text)
            removed = added = ""
            yield span
            continue
        removed += span.text if span.mark != "added" else ""
        added += span.text if span.mark != "removed" else ""
    yield from (one for one in (Span("removed", removed), Span("added", added)) if one.text)


def shorten_spans(spans: Sequence[Span], most: int = 60) -> tuple[Span, ...]:
    """Shorten text without changes to at most `most` characters beside a change, with "…" for what is left out."""
    shown: list[Span] = []
    for at, span in enumerate(spans):
        if span.mark != "same" or len(span.text) <= 2 * most + 1:
            shown.append(span)
            continue
        # A piece of spaces alone has no word.
        start = (span.text[:most].rsplit(None, 1) or [""])[0] + " " if at else ""
        end = " " + (span.text[-most:].split(None, 1) or [""])[-1] if at < len(spans) - 1 else ""
        shown.append(Span("same", re.sub(r"\s*\n\s*", " ", f"{start}…{end}")))
    return tuple(shown)


def text_changes(before: str, after: str) -> Changes:
    """Compare two texts for reading: the changed paragraphs with their words; the others are only counted."""
    spans = word_spans(before, after)
    parts: list[Part] = []
    same = 0
    for paragraph in _split_paragraphs(spans):
        if all(span.mark == "same" for span in paragraph):
            same += 1
            continue
        parts.append(Part("", tuple(paragraph)))
    rest = f"{count_of(same, 'paragraph')} without changes" if same else ""
    return Changes(count_groups(spans), tuple(parts), rest)


def _split_paragraphs(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Split spans where both texts have a blank line; where none has one, at each line break."""
    blank = r"(\n[^\S\n]*\n\s*)"
    gap = blank if any(re.search(blank, span.text) for span in spans if span.mark == "same") else r"(\n)"
    paragraph: list[Span] = []
    for span in spans:
        pieces = re.split(gap, span.text) if span.mark == "same" else [span.text]
        for at, piece in enumerate(pieces):
            if at % 2:  # the gap itself
                if paragraph:
                    yield paragraph
                paragraph = []
            elif piece:
                paragraph.append(Span(span.mark, piece))
    if paragraph:
        yield paragraph


def code_changes(before: str, after: str, context: int = 3) -> Changes:
    """Compare two texts by line, for code. Words that differ within changed lines are marked.

    Args:
        before: The old text.
        after: The new text.
        context: Number of lines without changes to list before and after each change.
    """
    old, new = before.split("\n"), after.split("\n")
    opcodes = list(match_opcodes(old, new, _MAX_PAIRS))
    parts: list[Part] = []
    hidden = 0
    for at, (tag, i, i_end, j, j_end) in enumerate(opcodes):
        if tag != "equal":
            parts += _changed_lines(old[i:i_end], new[j:j_end], i, j)
            continue
        first = i + context if at else i
        last = i_end - context if at < len(opcodes) - 1 else i_end
        shown = range(i, i_end) if first >= last else [*range(i, first), *range(last, i_end)]
        hidden += i_end - i - len(shown)
        parts += (Part(str(n + 1), (Span("same", old[n]),)) for n in shown)
    rest = f"{count_of(hidden, 'line')} without changes not shown" if hidden else ""
    return Changes(sum(tag != "equal" for tag, *_ in opcodes), tuple(parts), rest, exact=True)


def _changed_lines(old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Part]:
    """Yield the removed lines and then the added lines of one change.

    Args:
        old: The removed lines.
        new: The added lines.
        i: Index of the first removed line.
        j: Index of the first added line.
    """
    spans = word_spans("\n".join(old), "\n".join(new)) if old and new else ()
    alike = sum(len(span.text.strip()) for span in spans if span.mark == "same")
    marked = alike > _MIN_ALIKE * min(len("".join(old)), len("".join(new)))
    sides: tuple[tuple[Sign, Sequence[str], int], ...] = (("−", old, i), ("+", new, j))
    for sign, lines, first in sides:
        other = "added" if sign == "−" else "removed"
        whole = (Span("same", "\n".join(lines)),)
        mine = [span for span in spans if span.mark != other] if marked else whole
        for n, line in enumerate(_split_lines(mine) if lines else []):
            yield Part(str(first + n + 1), tuple(line), sign)


def _split_lines(spans: Sequence[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for span in spans:
        for n, piece in enumerate(span.text.split("\n")):
            if n:
                lines.append([])
            if piece:
                lines[-1].append(Span(span.mark, piece))
    return lines
