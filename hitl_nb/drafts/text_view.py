"""A shared text with its places: where a piece stands now, which paragraph that is, and who has just been there.

Ranges count the characters of the text as Python's str does; pycrdt counts bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_nb.drafts import document
from hitl_nb.drafts import text_positions as places
from hitl_nb.drafts.crdt.update_validation import state_vector
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.text_positions import Span
from hitl_nb.ledger.documents.update_log import Update
from hitl_nb.records import AGENT, Anchor

if TYPE_CHECKING:
    from pycrdt import Doc, Text

_RECENT = 1000
"""Newest updates among which those of the last seconds are looked for."""
_BLANK = re.compile(r"\n[ \t]*\n\s*")


class Range(NamedTuple):
    """A part of the text."""

    start: int
    end: int


class Page:
    """A document that is a text, read from its log.

    Args:
        client: the CRDT peer that writes here; a new one if left out.
        since: from when on it is to be known where people wrote.
    """

    def __init__(self, draft: Draft, *, client: int | None = None, since: datetime | None = None) -> None:
        self._draft = draft
        self._touched: list[Span] = []
        self._mark: int | None = None
        self._since = since
        upto = None if since is None else _before(draft, since)
        loaded = draft.load(upto, client=client)
        self.doc: Doc[Any] = loaded.doc
        self.text: Text = document.source(loaded.doc)
        self.loose = loaded.loose
        self._n = loaded.n
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what others have written meanwhile. Raises StoreCorrupt."""
        changed: list[list[dict[str, Any]]] = []
        subscription = self.text.observe(lambda event: changed.append(event.delta))
        try:
            for n, one in self._draft.log.since(self._n):
                self._draft.apply(self.doc, n, one.data)
                self._n = n
                for delta in changed:
                    self._follow(delta, one)
                changed.clear()
        finally:
            self.text.unobserve(subscription)
        self.said = str(self.text)

    def _follow(self, delta: list[dict[str, Any]], one: Update) -> None:
        """Let what people touched and the mark move with a change, and take in what was touched by it."""
        self._touched, new = _followed(self._touched, delta)
        if self._mark is not None:
            self._mark = _moved(self._mark, delta)
        if self._since is not None and one.at >= self._since and one.author and not one.author.startswith(AGENT):
            self._touched += new

    # Where something stands

    def only(self, quote: str) -> Range | None:
        """Where `quote` stands, if it stands here exactly once."""
        at = self.said.find(quote) if quote else -1
        return None if at < 0 or self.said.find(quote, at + 1) >= 0 else Range(at, at + len(quote))

    def anchored(self, anchor: Anchor | None) -> Range | None:
        """The range of an anchor, if both of its ends are still there."""
        if anchor is None:
            return None
        start, end = places.place(self.doc, anchor.start), places.place(self.doc, anchor.end)
        return None if start is None or end is None or end < start else self._range(Span(start, end))

    def anchor(self, part: Range) -> Anchor | None:
        """An anchor for a range that is not empty."""
        if part.start == part.end:
            return None
        first, last = Range(part.start, part.start + 1), Range(part.end - 1, part.end)
        return places.anchor(self.doc, self._span(first), self._span(last))

    def of(self, client: int, first: int, behind: int) -> list[Range]:
        """What is left of the text of a peer from its clock `first` up to `behind`."""
        return [self._range(span) for span in places.standing(self.doc, client, first, behind - first)]

    def written_by(self, client: int) -> int:
        """The next clock of a peer; 0 if it has written nothing."""
        return state_vector(self.doc.get_state()).get(client, 0)

    def busy(self, parts: Iterable[Range]) -> bool:
        """Whether a person was in a paragraph of these ranges since the time that the page was made for."""
        around = [self._span(self.paragraph(part)) for part in parts]
        return any(one.start <= end and start <= one.end for one in around for start, end in self._touched)

    def paragraph(self, part: Range) -> Range:
        """The paragraphs that a range is in: up to the blank lines around it."""
        breaks = [Range(*found.span()) for found in _BLANK.finditer(self.said)]
        start = max((one.end for one in breaks if one.end <= part.start), default=0)
        end = min((one.start for one in breaks if one.start >= part.end), default=len(self.said))
        return Range(start, end)

    # Writing

    def mark(self, at: int | None) -> None:
        """Remember a place, which moves with the text; None forgets it."""
        self._mark = None if at is None else self._span(Range(at, at)).start

    def insert(self, text: str, *, at_mark: bool = False) -> None:
        """Write at the end, or at the mark, which is behind that then."""
        at = self._mark if at_mark and self._mark is not None else len(self.text)
        self.text.insert(at, text)
        self._mark = at + len(text.encode())
        self.said = str(self.text)

    @property
    def marked(self) -> bool:
        """Whether a place is remembered."""
        return self._mark is not None

    def replace(self, part: Range, text: str) -> None:
        """Put `text` in place of a range, changing only what differs."""
        document.write(self.doc, self._draft.kind, "", self.said[: part.start] + text + self.said[part.end :])
        self.said = str(self.text)

    def remove(self, parts: list[Range]) -> None:
        """Delete ranges, which are in order."""
        for start, end in [self._span(part) for part in reversed(parts)]:
            del self.text[start:end]
        self.said = str(self.text)

    # Units

    def _range(self, span: Span) -> Range:
        data = self.said.encode()
        return Range(*(len(data[:at].decode(errors="ignore")) for at in span))

    def _span(self, part: Range) -> Span:
        return Span(*(len(self.said[:at].encode()) for at in part))


def _before(draft: Draft, since: datetime) -> int:
    """The number of the last update that is older than `since`."""
    last = draft.log.last()
    recent = (n for n, one in draft.log.since(max(0, last - _RECENT)) if one.at >= since)
    return next(recent, last + 1) - 1


def units(text: str) -> int:
    """The length of a text in UTF-16 units, as clocks count."""
    return len(text.encode("utf-16-le")) // 2


def _followed(touched: list[Span], delta: list[dict[str, Any]]) -> tuple[list[Span], list[Span]]:
    """Where parts of a text are after a change, and the parts that it touched."""
    at, new = 0, list[Span]()
    for kind, size in places.steps(delta):
        if kind == "insert":
            touched = [Span(one + size * (one >= at), other + size * (other >= at)) for one, other in touched]
            new.append(Span(at, at + size))
        if kind == "delete":
            touched = [Span(_cut(one, at, size), _cut(other, at, size)) for one, other in touched]
            new.append(Span(at, at))
        else:
            at += size
    return touched, new


def _moved(mark: int, delta: list[dict[str, Any]]) -> int:
    """Where a mark is after a change. What is inserted right at it is behind it."""
    at = 0
    for kind, size in places.steps(delta):
        if kind == "insert" and at < mark:
            mark += size
        if kind == "delete":
            mark = _cut(mark, at, size)
        else:
            at += size
    return mark


def _cut(one: int, at: int, size: int) -> int:
    return one if one <= at else max(at, one - size)
