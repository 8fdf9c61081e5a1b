"""An agent's edits of a shared text.

Each edit is applied exactly once, and deferred while a person edits the same paragraph.

Each write has a key. Its record is stored in the same transaction as its update (`ledger/documents/agent_writes.py`),
so repeating a write changes nothing. A repeated stream is compared with the text that it wrote before it was
interrupted. Only new text is written. Where the text differs, the agent's own old text is replaced; people's text is
kept.

A replacement waits while a person is writing in the paragraph. If it would have to wait too long, it becomes a
suggestion (a comment that a person can accept).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from hitl_nb.drafts.draft import COMPACT_AFTER_UPDATES, Draft, capture_updates
from hitl_nb.drafts.text_view import TextPage, TextRange
from hitl_nb.errors import TextGone
from hitl_nb.kinds.registry import find_kind
from hitl_nb.ledger.comments import MAX_CONTEXT_CHARS, MAX_QUOTE_CHARS
from hitl_nb.ledger.documents.agent_writes import AgentWrite, AgentWrites
from hitl_nb.ledger.documents.update_log import new_update
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import Anchor, now
from hitl_nb.storage.interface import Store, Transaction

QUIET_TIME = timedelta(seconds=3)
"""Time without a person's edit in a paragraph before an agent may replace text there."""
PATIENCE_SECONDS = 5.0
"""Seconds that an agent waits until a paragraph is quiet (see `QUIET_TIME`)."""
_LOOK_SECONDS = 0.25
"""Seconds between two checks whether a paragraph is quiet."""


T = TypeVar("T")
TextFinder = Callable[[TextPage], TextRange]
"""Returns the range of the text to replace on a page. Raises TextGone if it cannot be found."""


@name_in_package
class Written(StrEnum):
    """Result of a write.

    `done`: the text was written. `suggested`: it became a suggestion, because a person was writing in the same
    paragraph.
    """

    done = "done"
    suggested = "suggested"


@dataclass(frozen=True)
class Suggestion:
    """A replacement that is suggested to people: `text` in place of `quote`.

    The fields are those of a comment: `prefix` and `suffix` are the text around the quote, `anchor` its position.
    """

    quote: str
    prefix: str
    suffix: str
    anchor: Anchor | None
    text: str


class AgentWriter:
    """Writes of one agent in one document.

    Args:
        store: Store of the document.
        draft: The document's draft.
        author: Author of the updates.
        name: Display name of the author.
        epoch: Fencing number of the agent's claim.
        check: Raises RunClaimed if the claim is no longer valid. Called before and after each transaction.
        clock: Returns the current time.
        pause: Waits a number of seconds.
    """

    def __init__(
        self,
        store: Store,
        draft: Draft,
        *,
        author: str,
        name: str,
        epoch: int,
        check: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.draft = draft
        self.writes = AgentWrites(store, draft.id, epoch)
        self._author = author
        self._name = name
        self._check = check
        self._clock = clock
        self._pause = pause

    def outcome_of(self, key: str) -> Written | None:
        """Return the result of the write with this key; None if it has not been completed."""
        write = self.writes.find_write(key)
        return None if write is None or write.state == "begun" else Written(write.state)

    def append(self, key: str, text: str) -> Written:
        """Add `text` at the end of the document, as new paragraphs. Nothing is done if the write was done before.

        Returns:
            The result of the write with this key.
        """
        if (known := self.outcome_of(key)) is not None:
            return known
        page = self._open_page()
        added = paragraph_separator(page.said, self.draft.kind) + text if text else ""
        return self.commit_write(key, capture_updates(page.doc, lambda: page.insert(added)))

    def replace(
        self, key: str, find: TextFinder, text: str, patience: float | None = PATIENCE_SECONDS
    ) -> Written | Suggestion:
        """Replace a range of the document.

        Args:
            key: Key of the write.
            find: Finds the range.
            text: The new text.
            patience: Seconds to wait while a person writes in the same paragraph. None: replace at once in any case.

        Returns:
            The result; or a suggestion, if a person was still writing after `patience` seconds. Then nothing was
            written.

        Raises:
            TextGone: The range cannot be found.
            RunClaimed: The claim is no longer valid.
        """
        if (known := self.outcome_of(key)) is not None:
            return known
        page, (part,), quiet = self.wait_until_idle(lambda page: [find(page)], patience or 0)
        if not quiet and patience is not None:
            return make_suggestion(page, part, text)
        return self.commit_write(key, capture_updates(page.doc, lambda: page.replace(part, text)))

    def mark_suggested(self, key: str) -> Written:
        """Record that the write with this key has become a suggestion, and return the recorded result."""
        return self.commit_write(key, [], state="suggested")

    def wait_until_idle(
        self, find: Callable[[TextPage], list[TextRange]], patience: float, client: int | None = None
    ) -> tuple[TextPage, list[TextRange], bool]:
        """Wait until no person writes in the paragraphs of some ranges.

        Args:
            find: Finds the ranges on a page.
            patience: Maximum number of seconds to wait.
            client: CRDT client of the page; None for a new one.

        Returns:
            The current page, the ranges on it, and True if no person writes in their paragraphs.
        """
        waited = 0.0
        while True:
            page = self._open_page(client, self._clock() - QUIET_TIME)
            parts = find(page)
            if not page.is_being_edited(parts):
                return page, parts, True
            if waited >= patience:
                return page, parts, False
            self._pause(_LOOK_SECONDS)
            waited += _LOOK_SECONDS

    def begin_stream(self, key: str) -> AgentWrite:
        """Record durably that a stream has begun, and return the record.

        If it began before, the old record is returned.
        """

        def work(transaction: Transaction) -> AgentWrite:
            self.writes.require_newest_epoch(transaction)
            before = self.writes.find_write(key, transaction)
            if before is not None:
                return before
            self.writes.put_write(transaction, key, fresh)
            return fresh

        from pycrdt import Doc

        fresh = AgentWrite("begun", Doc().client_id)
        return self._submit(work)

    def commit_write(self, key: str, made: list[bytes], *, state: Written | str = Written.done) -> Written:
        """Store updates and the result of the write in one transaction. Nothing is done if the write was done before.

        Args:
            key: Key of the write.
            made: Updates of the document.
            state: Result to record.

        Returns:
            The recorded result.

        Raises:
            RunClaimed: The claim is no longer valid.
        """
        outcome = Written(state)

        def work(transaction: Transaction) -> Written:
            self.writes.require_newest_epoch(transaction)
            before = self.writes.find_write(key, transaction)
            if before is not None and before.state != "begun":
                return Written(before.state)
            self._append_updates(transaction, made)
            self.writes.put_write(transaction, key, AgentWrite(outcome.value))
            return outcome

        return self._submit(work)

    def log_updates(self, made: list[bytes], record: Callable[[Transaction], None]) -> None:
        """Store updates of a stream (a text that arrives in parts), and further data in the same transaction.

        Args:
            made: The updates.
            record: Adds the further data in the transaction, for example which text the stream has written.

        Raises:
            RunClaimed: The claim is no longer valid.
        """

        def work(transaction: Transaction) -> None:
            self.writes.require_newest_epoch(transaction)
            self._append_updates(transaction, made)
            record(transaction)

        self._submit(work)

    def _append_updates(self, transaction: Transaction, made: list[bytes]) -> None:
        for one in made:
            self.draft.log.add(transaction, new_update(one, self._author, self._name))

    def _submit(self, work: Callable[[Transaction], T]) -> T:
        self._check()
        done = self.draft.log.submit(work).result()
        self._check()
        return done

    def _open_page(self, client: int | None = None, since: datetime | None = None) -> TextPage:
        page = TextPage(self.draft, client=client, since=since)
        if page.uncompacted >= COMPACT_AFTER_UPDATES:
            self.draft.compact_log()
        return page


def make_suggestion(page: TextPage, part: TextRange, text: str) -> Suggestion:
    """Return a suggestion to replace a range of a page by `text`.

    The anchor covers the whole range. The quote may be cut to MAX_QUOTE_CHARS.
    """
    return Suggestion(
        quote=page.said[part.start : part.end][:MAX_QUOTE_CHARS],
        prefix=page.said[max(0, part.start - MAX_CONTEXT_CHARS) : part.start],
        suffix=page.said[part.end : part.end + MAX_CONTEXT_CHARS],
        anchor=page.make_anchor(part),
        text=text,
    )


def locate_quote(quote: str, anchor: Anchor | None = None, *, exactly: bool = True) -> TextFinder:
    """Return a function that finds `quote` on a page. The function raises TextGone if it cannot find the quote.

    The anchor's range is used if its text is the quote. Otherwise the quote must occur exactly once.

    Args:
        quote: Text to find; of a longer text, its first MAX_QUOTE_CHARS characters.
        anchor: Former position of the quote; None if unknown.
        exactly: If False, the anchor's range is used even if its text has changed, as long as it is not empty.
    """

    def find(page: TextPage) -> TextRange:
        part = page.resolve_anchor(anchor)
        if part is not None:
            there = page.said[part.start : part.end]
            if there[:MAX_QUOTE_CHARS] == quote or (there and not exactly):
                return part
        part = page.find_unique(quote)
        if part is None:
            count = page.said.count(quote) if quote else 0
            raise TextGone(
                f"the text {_shorten_quote(quote)} occurs {count} times in the document, but must occur exactly once "
                "to be replaced; read the text again"
            )
        return part

    return find


def paragraph_separator(said: str, kind: str) -> str:
    """Return the line breaks to put between a text and a paragraph that is added at its end.

    Args:
        said: The existing text.
        kind: Name of the text's kind, for example "markdown".
    """
    if not said:
        return ""
    return "\n" * max(0, find_kind(kind).paragraph_gap - (len(said) - len(said.rstrip("\n"))))


def _shorten_quote(quote: str) -> str:
    return repr(quote if len(quote) <= 60 else quote[:57] + "...")
