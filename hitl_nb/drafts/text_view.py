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
from hitl_nb.drafts.text_positions import ByteSpan
from hitl_nb.ledger.documents.update_log import Update
from hitl_nb.records import AGENT, Anchor

if TYPE_CHECKING:
    from pycrdt import Doc, Text

_RECENT_UPDATES = 1000
"""Newest updates among which those of the last seconds are looked for."""
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


class TextRange(NamedTuple):
    """A part of the text."""

    start: int
    end: int


class TextPage:
    """A document that is a text, read from its log.

    Args:
        client: the CRDT peer that writes here; a new one if left out.
        since: from when on it is to be known where people wrote.
    """

    def __init__(self, draft: Draft, *, client: int | None = None, since: datetime | None = None) -> None:
        self._draft = draft
        self._touched: list[ByteSpan] = []
        self._insertion_point: int | None = None
        self._since = since
        upto = None if since is None else _last_update_before(draft, since)
        loaded = draft.load(upto, client=client)
        self.doc: Doc[Any] = loaded.doc
        self.text: Text = document.source_text(loaded.doc)
        self.uncompacted = loaded.uncompacted
        self._last_update = loaded.last_update
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what others have written meanwhile. Raises StoreCorrupt."""
        changed: list[list[dict[str, Any]]] = []
        subscription = self.text.observe(lambda event: changed.append(event.delta))
        try:
            for n, one in self._draft.log.updates_after(self._last_update):
                self._draft.apply_update(self.doc, n, one.data)
                self._last_update = n
                for delta in changed:
                    self._apply_delta(delta, one)
                changed.clear()
        finally:
            self.text.unobserve(subscription)
        self.said = str(self.text)

    def _apply_delta(self, delta: list[dict[str, Any]], one: Update) -> None:
        """Let what people touched and the mark move with a change, and take in what was touched by it."""
        self._touched, new = _follow_spans(self._touched, delta)
        if self._insertion_point is not None:
            self._insertion_point = _move_mark(self._insertion_point, delta)
        if self._since is not None and one.at >= self._since and one.author and not one.author.startswith(AGENT):
            self._touched += new

    # Where something stands

    def find_unique(self, quote: str) -> TextRange | None:
        """Where `quote` stands, if it stands here exactly once."""
        at = self.said.find(quote) if quote else -1
        return None if at < 0 or self.said.find(quote, at + 1) >= 0 else TextRange(at, at + len(quote))

    def resolve_anchor(self, anchor: Anchor | None) -> TextRange | None:
        """The range of an anchor, if both of its ends are still there."""
        if anchor is None:
            return None
        start, end = places.find_position(self.doc, anchor.start), places.find_position(self.doc, anchor.end)
        return None if start is None or end is None or end < start else self._to_range(ByteSpan(start, end))

    def make_anchor(self, part: TextRange) -> Anchor | None:
        """An anchor for a range that is not empty."""
        if part.start == part.end:
            return None
        first, last = TextRange(part.start, part.start + 1), TextRange(part.end - 1, part.end)
        return places.make_anchor(self.doc, self._to_span(first), self._to_span(last))

    def ranges_by(self, client: int, first: int, behind: int) -> list[TextRange]:
        """What is left of the text of a peer from its clock `first` up to `behind`."""
        return [self._to_range(span) for span in places.find_spans(self.doc, client, first, behind - first)]

    def next_clock_of(self, client: int) -> int:
        """The next clock of a peer; 0 if it has written nothing."""
        return state_vector(self.doc.get_state()).get(client, 0)

    def is_being_edited(self, parts: Iterable[TextRange]) -> bool:
        """Whether a person was in a paragraph of these ranges since the time that the page was made for."""
        around = [self._to_span(self.paragraphs_of(part)) for part in parts]
        return any(one.start <= end and start <= one.end for one in around for start, end in self._touched)

    def paragraphs_of(self, part: TextRange) -> TextRange:
        """The paragraphs that a range is in: up to the blank lines around it."""
        breaks = [TextRange(*found.span()) for found in _BLANK_LINES.finditer(self.said)]
        start = max((one.end for one in breaks if one.end <= part.start), default=0)
        end = min((one.start for one in breaks if one.start >= part.end), default=len(self.said))
        return TextRange(start, end)

    # Writing

    def set_insertion_point(self, at: int | None) -> None:
        """Remember a place, which moves with the text; None forgets it."""
        self._insertion_point = None if at is None else self._to_span(TextRange(at, at)).start

    def insert(self, text: str, *, at_mark: bool = False) -> None:
        """Write at the end, or at the mark, which is behind that then."""
        at = self._insertion_point if at_mark and self._insertion_point is not None else len(self.text)
        self.text.insert(at, text)
        self._insertion_point = at + len(text.encode())
        self.said = str(self.text)

    @property
    def has_insertion_point(self) -> bool:
        """Whether a place is remembered."""
        return self._insertion_point is not None

    def replace(self, part: TextRange, text: str) -> None:
        """Put `text` in place of a range, changing only what differs."""
        document.write_value(self.doc, self._draft.kind, "", self.said[: part.start] + text + self.said[part.end :])
        self.said = str(self.text)

    def remove(self, parts: list[TextRange]) -> None:
        """Delete ranges, which are in order."""
        for start, end in [self._to_span(part) for part in reversed(parts)]:
            del self.text[start:end]
        self.said = str(self.text)

    # Units

    def _to_range(self, span: ByteSpan) -> TextRange:
        data = self.said.encode()
        return TextRange(*(len(data[:at].decode(errors="ignore")) for at in span))

    def _to_span(self, part: TextRange) -> ByteSpan:
        return ByteSpan(*(len(self.said[:at].encode()) for at in part))


def _last_update_before(draft: Draft, since: datetime) -> int:
    """The number of the last update that is older than `since`."""
    last = draft.log.last_number()
    recent = (n for n, one in draft.log.updates_after(max(0, last - _RECENT_UPDATES)) if one.at >= since)
    return next(recent, last + 1) - 1


def count_utf16_units(text: str) -> int:
    """The length of a text in UTF-16 units, as clocks count."""
    return len(text.encode("utf-16-le")) // 2


def _follow_spans(touched: list[ByteSpan], delta: list[dict[str, Any]]) -> tuple[list[ByteSpan], list[ByteSpan]]:
    """Where parts of a text are after a change, and the parts that it touched."""
    at, new = 0, list[ByteSpan]()
    for kind, size in places.iterate_steps(delta):
        if kind == "insert":
            touched = [ByteSpan(one + size * (one >= at), other + size * (other >= at)) for one, other in touched]
            new.append(ByteSpan(at, at + size))
        if kind == "delete":
            touched = [
                ByteSpan(_shift_for_deletion(one, at, size), _shift_for_deletion(other, at, size))
                for one, other in touched
            ]
            new.append(ByteSpan(at, at))
        else:
            at += size
    return touched, new


def _move_mark(mark: int, delta: list[dict[str, Any]]) -> int:
    """Where a mark is after a change. What is inserted right at it is behind it."""
    at = 0
    for kind, size in places.iterate_steps(delta):
        if kind == "insert" and at < mark:
            mark += size
        if kind == "delete":
            mark = _shift_for_deletion(mark, at, size)
        else:
            at += size
    return mark


def _shift_for_deletion(one: int, at: int, size: int) -> int:
    return one if one <= at else max(at, one - size)
