"""Write a text that arrives in parts (a stream) into a shared text while it arrives.

The written text is recorded in pieces, each in the same transaction as its update. When an interrupted stream is
repeated, it is compared with these pieces. A beginning that is equal is not written again. If the rest differs, the
remains of the agent's own old text are deleted. A stream has its own CRDT client id, so its text can be distinguished
from other people's text. A *clock* is a client's count of the characters that it wrote, in UTF-16 units.
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
"""Minimum time between two writes of a stream, so it makes at most about 30 updates per second. Text that arrives
sooner waits for the next part or for the end of the stream."""
_PIECE_CHARS = 1000
"""Length from which a recorded piece is not extended any more, in characters."""


class StreamWriter:
    """Writer for a text that arrives in parts. The first part is written at the end of the document.

    Later parts follow the stream's own last character, also if people write around it.

    Args:
        writing: Writer of the document.
        key: Key of the write.
        patience: Seconds to wait for people before text of an earlier attempt is deleted.
        at: Number of characters of the stream that are already written and will not be added again by this attempt.
        ticks: Returns a time in seconds.

    Raises:
        ValueError: Fewer than `at` characters of the stream are written.
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
            raise ValueError(f"the stream has brought {len(self._old)} characters, so it cannot continue at {at}")
        self._matched = at
        self._differs = False
        self._waits: list[str] = []
        self._kept_at = -BATCH_SECONDS
        self._left: list[TextRange] = []
        if self._page.uncompacted >= COMPACT_AFTER_UPDATES:
            writing.draft.compact_log()

    @property
    def is_blocked(self) -> bool:
        """True while nothing can be written, because a person is writing in old text that must be deleted."""
        return bool(self._left)

    def add(self, part: str) -> None:
        """Write a part of the stream, or keep it in memory until more text has arrived (a batch).

        Text that an earlier try of the stream has written is not written again.

        Raises:
            TypeError: The part is not a str.
            RunClaimed: The claim is no longer valid.
        """
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # agents may be untyped
            raise TypeError(f"a stream must yield str, not {type(part).__name__}")
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
        """Write the rest of the text.

        Returns:
            The result; or a suggestion to replace the text of an earlier attempt, if a person was writing in that text.
        """
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
        """Delete the rest of an earlier attempt's text, which differs from the stream after the matched characters.

        Nothing is deleted if a person is still writing in that text after the patience has ended.
        """
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
    """Return the recorded pieces of the first characters of a stream, and the CRDT clock of the next character.

    Args:
        pieces: All recorded pieces, in order.
        length: Number of characters.
    """
    kept: list[StreamPiece] = []
    for piece in pieces:
        if length < len(piece.text):
            first = piece.clock + count_utf16_units(piece.text[:length])
            return ([*kept, StreamPiece(piece.clock, piece.text[:length])] if length else kept), first
        kept.append(piece)
        length -= len(piece.text)
    return kept, _end_clock(pieces)


def _end_clock(pieces: list[StreamPiece]) -> int:
    """Return the CRDT clock after the last recorded piece; 0 if there is no piece."""
    return pieces[-1].clock + count_utf16_units(pieces[-1].text) if pieces else 0


def _last_end(parts: list[TextRange]) -> int | None:
    """Return the end of the last range; None if there is no range."""
    return parts[-1].end if parts else None
