"""A text that comes in parts, written into a shared text as it comes.

What it has brought is kept in pieces, each together with its update. A stream that was cut off and comes again is
compared with them: the common beginning is there already, and where the rest differs, what is left of the agent's own
text goes. It writes as a CRDT peer of its own, so its text can be told from everybody else's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hitl_nb.drafts.agent_writer import (
    PATIENCE_SECONDS,
    AgentWriter,
    Suggestion,
    Written,
    make_suggestion,
    paragraph_separator,
)
from hitl_nb.drafts.document import count_common_prefix
from hitl_nb.drafts.draft import COMPACT_AFTER_UPDATES, capture_updates
from hitl_nb.drafts.text_view import TextPage, TextRange, count_utf16_units
from hitl_nb.ledger.documents.agent_writes import StreamPiece
from hitl_nb.storage.interface import Transaction

BATCH_SECONDS = 0.03
"""Seconds of a stream that are written together: it makes at most about 30 updates a second, however fast it comes.
What comes sooner after a batch waits for the next part, or the end."""
_PIECE_CHARS = 1000
"""Characters from which on a piece is not added to any more."""


class StreamWriter:
    """A text that comes in parts, at the end of the document as it is when the first one comes.

    It goes on behind its own last character, whatever people write before or behind that.

    Args:
        patience: how long it waits for people where something of an earlier try has to go.
        at: how many characters of it have been brought before, in this try. Raises ValueError if they are not there.
        ticks: seconds that pass.
    """

    def __init__(
        self,
        writing: AgentWriter,
        key: str,
        *,
        patience: float = PATIENCE_SECONDS,
        at: int = 0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writing = writing
        self._key = key
        self._patience = patience
        self._ticks = ticks
        self._client = writing.begin_stream(key).client
        self._pieces = writing.writes.list_pieces(key)
        self._page = TextPage(writing.draft, client=self._client)
        self._page.set_insertion_point(_last_end(self._page.ranges_by(self._client, 0, _end_clock(self._pieces))))
        self._old = "".join(piece.text for piece in self._pieces)
        if at > len(self._old):
            raise ValueError(f"the stream has brought {len(self._old)} characters, so its next ones cannot be at {at}")
        self._matched = at
        self._differs = False
        self._waits: list[str] = []
        self._kept_at = -BATCH_SECONDS
        self._left: list[TextRange] = []
        if self._page.uncompacted >= COMPACT_AFTER_UPDATES:
            writing.draft.compact_log()

    @property
    def is_blocked(self) -> bool:
        """Whether a person writes where something of an earlier try has to go, so that nothing is written now."""
        return bool(self._left)

    def add(self, part: str) -> None:
        """Write a part, or keep it for the next batch. Raises TypeError, RunClaimed."""
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # agents may be untyped
            raise TypeError(f"a stream brings str, not {type(part).__name__}")
        if self._matched < len(self._old) and not self._differs:
            same = count_common_prefix(part, self._old[self._matched :])
            self._matched += same
            part = part[same:]
            if part and self._matched < len(self._old):
                self._correct()
        if not part:
            return
        self._waits.append(part)
        if not self._left and self._ticks() - self._kept_at >= BATCH_SECONDS:
            self._write()

    def end(self) -> Written | Suggestion:
        """The text is complete: written, or what is to be suggested in place of what an earlier try had brought."""
        if self._matched < len(self._old) and not self._differs:
            self._correct()
        if self._left:
            part = TextRange(self._left[0].start, self._left[-1].end)
            return make_suggestion(self._page, part, "".join(self._waits))
        if self._waits:
            self._write()
        return self._writing.commit_write(self._key, [])

    def _write(self) -> None:
        page, text = self._page, "".join(self._waits)
        self._waits = []
        page.catch_up()
        before = "" if page.has_insertion_point else paragraph_separator(page.said, self._writing.draft.kind)
        clock = page.next_clock_of(self._client) + count_utf16_units(before)
        made = capture_updates(page.doc, lambda: page.insert(before + text, at_mark=True))
        if self._pieces and clock == _end_clock(self._pieces) and len(self._pieces[-1].text) < _PIECE_CHARS:
            last = self._pieces.pop()
            clock, text = last.clock, last.text + text
        n, piece = len(self._pieces), StreamPiece(clock, text)
        self._pieces.append(piece)
        self._writing.log_updates(made, lambda tx: self._writing.writes.add_piece(tx, self._key, n, piece))
        self._kept_at = self._ticks()

    def _correct(self) -> None:
        """What follows was not written like this before: take away what is left of that, where nobody writes."""
        self._differs = True
        kept, first = _cut_pieces(self._pieces, self._matched)
        client, behind = self._client, _end_clock(self._pieces)

        def rest(page: TextPage) -> list[TextRange]:
            return page.ranges_by(client, first, behind)

        page, left, quiet = self._writing.wait_until_idle(rest, self._patience, client)
        self._page = page
        if not quiet:
            self._left = left
            return
        at = _last_end(page.ranges_by(client, 0, first))
        page.set_insertion_point(left[0].start if at is None and left else at)
        self._pieces = kept
        writes, key = self._writing.writes, self._key

        def record(transaction: Transaction) -> None:
            writes.delete_pieces_from(transaction, key, max(0, len(kept) - 1))
            if kept:
                writes.add_piece(transaction, key, len(kept) - 1, kept[-1])

        self._writing.log_updates(capture_updates(page.doc, lambda: page.remove(left)), record)


def _cut_pieces(pieces: list[StreamPiece], length: int) -> tuple[list[StreamPiece], int]:
    """The pieces that make the first `length` characters, and the clock of what follows."""
    kept: list[StreamPiece] = []
    for piece in pieces:
        if length < len(piece.text):
            first = piece.clock + count_utf16_units(piece.text[:length])
            return ([*kept, StreamPiece(piece.clock, piece.text[:length])] if length else kept), first
        kept.append(piece)
        length -= len(piece.text)
    return kept, _end_clock(pieces)


def _end_clock(pieces: list[StreamPiece]) -> int:
    """The clock behind the last piece."""
    return pieces[-1].clock + count_utf16_units(pieces[-1].text) if pieces else 0


def _last_end(parts: list[TextRange]) -> int | None:
    """The end of the last range, if there is one."""
    return parts[-1].end if parts else None
