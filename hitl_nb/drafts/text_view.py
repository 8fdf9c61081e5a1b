"""A shared text with positions: where a piece of text is now, what its paragraph is, and where people wrote recently.

Ranges count characters of a Python str; pycrdt counts bytes.
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
"""Number of newest updates among which recent edits are searched."""
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


class TextRange(NamedTuple):
    """A range of the text, in characters."""

    start: int
    end: int


class TextPage:
    """A document that is a text, loaded from its log.

    Args:
        draft: Draft of the document.
        client: CRDT client id for changes made with this object; None for a new one.
        since: Time from which on edits by people are tracked; None to track none.

    Attributes:
        doc: The document.
        text: Its shared text.
        said: The text as a str.
        uncompacted: Number of updates since the log was last compacted.
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
        """Apply the updates that others have logged meanwhile.

        Raises:
            StoreCorrupt: The log is damaged.
        """
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
        """Update the tracked ranges and the insertion point after a change of the text.

        If a person made the change after the time `since`, the edited ranges are tracked too.

        Args:
            delta: The change of the text, in the form of a pycrdt event.
            one: The update that made the change.
        """
        self._touched, new = _follow_spans(self._touched, delta)
        if self._insertion_point is not None:
            self._insertion_point = _move_mark(self._insertion_point, delta)
        if self._since is not None and one.at >= self._since and one.author and not one.author.startswith(AGENT):
            self._touched += new

    # Positions

    def find_unique(self, quote: str) -> TextRange | None:
        """Return the range of `quote`. None if the quote does not occur exactly once."""
        at = self.said.find(quote) if quote else -1
        return None if at < 0 or self.said.find(quote, at + 1) >= 0 else TextRange(at, at + len(quote))

    def resolve_anchor(self, anchor: Anchor | None) -> TextRange | None:
        """Return the range of an anchor; None if one of its ends was deleted."""
        if anchor is None:
            return None
        start, end = places.find_position(self.doc, anchor.start), places.find_position(self.doc, anchor.end)
        return None if start is None or end is None or end < start else self._to_range(ByteSpan(start, end))

    def make_anchor(self, part: TextRange) -> Anchor | None:
        """Return an anchor for a range; None for an empty range."""
        if part.start == part.end:
            return None
        first, last = TextRange(part.start, part.start + 1), TextRange(part.end - 1, part.end)
        return places.make_anchor(self.doc, self._to_span(first), self._to_span(last))

    def ranges_by(self, client: int, first: int, behind: int) -> list[TextRange]:
        """Return the ranges of the text that a CRDT client wrote and that were not deleted.

        Args:
            client: The client.
            first: The client's clock of the first character.
            behind: The client's clock after the last character; this character is not included.
        """
        return [self._to_range(span) for span in places.find_spans(self.doc, client, first, behind - first)]

    def next_clock_of(self, client: int) -> int:
        """Return the clock that the next character of a CRDT client will have; 0 if the client has written nothing."""
        return state_vector(self.doc.get_state()).get(client, 0)

    def is_being_edited(self, parts: Iterable[TextRange]) -> bool:
        """Return True if a person has edited a paragraph of these ranges since the time `since`."""
        around = [self._to_span(self.paragraphs_of(part)) for part in parts]
        return any(one.start <= end and start <= one.end for one in around for start, end in self._touched)

    def paragraphs_of(self, part: TextRange) -> TextRange:
        """Return the range extended to whole paragraphs, which are separated by blank lines."""
        breaks = [TextRange(*found.span()) for found in _BLANK_LINES.finditer(self.said)]
        start = max((one.end for one in breaks if one.end <= part.start), default=0)
        end = min((one.start for one in breaks if one.start >= part.end), default=len(self.said))
        return TextRange(start, end)

    # Writing

    def set_insertion_point(self, at: int | None) -> None:
        """Set the position at which `insert` can write; None removes it.

        The position moves with the text when text before it changes.
        """
        self._insertion_point = None if at is None else self._to_span(TextRange(at, at)).start

    def insert(self, text: str, *, at_mark: bool = False) -> None:
        """Insert text at the end of the document, or at the insertion point. Then the point is after the new text.

        Args:
            text: The text.
            at_mark: True: insert at the insertion point if one is set.
        """
        at = self._insertion_point if at_mark and self._insertion_point is not None else len(self.text)
        self.text.insert(at, text)
        self._insertion_point = at + len(text.encode())
        self.said = str(self.text)

    @property
    def has_insertion_point(self) -> bool:
        """True if an insertion point is set."""
        return self._insertion_point is not None

    def replace(self, part: TextRange, text: str) -> None:
        """Replace a range with `text`. Only differences are written."""
        document.write_value(self.doc, self._draft.kind, "", self.said[: part.start] + text + self.said[part.end :])
        self.said = str(self.text)

    def remove(self, parts: list[TextRange]) -> None:
        """Delete ranges, which must be in order of their position."""
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
    """Return the number of the last update that is older than `since`."""
    last = draft.log.last_number()
    recent = (n for n, one in draft.log.updates_after(max(0, last - _RECENT_UPDATES)) if one.at >= since)
    return next(recent, last + 1) - 1


def count_utf16_units(text: str) -> int:
    """Return the length of a text in UTF-16 units, as CRDT clocks count it."""
    return len(text.encode("utf-16-le")) // 2


def _follow_spans(touched: list[ByteSpan], delta: list[dict[str, Any]]) -> tuple[list[ByteSpan], list[ByteSpan]]:
    """Move tracked ranges with a change of the text.

    Args:
        touched: The tracked ranges, in bytes.
        delta: The change of the text, in the form of a pycrdt event.

    Returns:
        The tracked ranges at their new positions, and the ranges that the change edited.
    """
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
    """Return the position of a mark after a change of the text. Text inserted exactly at the mark is after the mark."""
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
