"""An agent's hand in a shared text: it adds and replaces while people write, once each, and never in their way.

Each write has a key. Its record is kept in the transaction that keeps its update (`ledger/documents/agent_writes.py`),
so a write that is made again changes nothing. A stream that was cut off is compared with what it had brought: only what
is new is written, and what differs takes the place of what is left of the agent's own text; people's text stays.

Where a person has just written, nothing is replaced: it waits until they are done, and if that takes too long it
becomes a suggestion.
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
"""How long nobody must have written in a paragraph before an agent replaces something there."""
PATIENCE_SECONDS = 5.0
"""Seconds that an agent waits for that."""
_LOOK_SECONDS = 0.25
"""Seconds between two looks."""


T = TypeVar("T")
TextFinder = Callable[[TextPage], TextRange]
"""Says where on a page the text is that is to be replaced. Raises TextGone."""


@name_in_package
class Written(StrEnum):
    """What became of a write: it is `done`, or `suggested`, because a person was writing there."""

    done = "done"
    suggested = "suggested"


@dataclass(frozen=True)
class Suggestion:
    """A write that was not made, as it is put to people: `text` in place of the quote. For a comment's fields."""

    quote: str
    prefix: str
    suffix: str
    anchor: Anchor | None
    text: str


class AgentWriter:
    """One agent's writes into one document.

    Args:
        author, name: the author of the updates, and how it is shown.
        epoch: the fencing number of the agent's claim.
        check: raises RunClaimed if the claim does not hold any more; asked before and after everything that is written.
        clock, pause: the time, and how it is waited for.
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
        """What became of this write, if it has been made."""
        write = self.writes.find_write(key)
        return None if write is None or write.state == "begun" else Written(write.state)

    def append(self, key: str, text: str) -> Written:
        """Add `text` at the end, as paragraphs of its own."""
        if (known := self.outcome_of(key)) is not None:
            return known
        page = self._open_page()
        added = paragraph_separator(page.said, self.draft.kind) + text if text else ""
        return self.commit_write(key, capture_updates(page.doc, lambda: page.insert(added)))

    def replace(
        self, key: str, find: TextFinder, text: str, patience: float | None = PATIENCE_SECONDS
    ) -> Written | Suggestion:
        """Put `text` in place of what `find` finds; the suggestion to do so if a person does not stop writing there.

        With patience None it is done at once, whoever writes there.
        """
        if (known := self.outcome_of(key)) is not None:
            return known
        page, (part,), quiet = self.wait_until_idle(lambda page: [find(page)], patience or 0)
        if not quiet and patience is not None:
            return make_suggestion(page, part, text)
        return self.commit_write(key, capture_updates(page.doc, lambda: page.replace(part, text)))

    def mark_suggested(self, key: str) -> Written:
        """This write has become a suggestion."""
        return self.commit_write(key, [], state="suggested")

    def wait_until_idle(
        self, find: Callable[[TextPage], list[TextRange]], patience: float, client: int | None = None
    ) -> tuple[TextPage, list[TextRange], bool]:
        """The page and the ranges that `find` finds on it, and whether nobody writes in their paragraphs.

        For that it is waited, at most `patience` seconds.
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
        """Record, durably, that a stream begins, or goes on."""

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
        """Keep updates, and that the write is made; if it was made meanwhile, nothing. Raises RunClaimed."""
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
        """Keep updates of a stream, and what `record` puts down about them. Raises RunClaimed."""

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
    """The suggestion to put `text` in place of a part of a page. The anchor is all of it, however long."""
    return Suggestion(
        quote=page.said[part.start : part.end][:MAX_QUOTE_CHARS],
        prefix=page.said[max(0, part.start - MAX_CONTEXT_CHARS) : part.start],
        suffix=page.said[part.end : part.end + MAX_CONTEXT_CHARS],
        anchor=page.make_anchor(part),
        text=text,
    )


def locate_quote(quote: str, anchor: Anchor | None = None, *, exactly: bool = True) -> TextFinder:
    """Finds the one place of `quote`: that of the anchor, if it says so (or says anything, unless `exactly`)."""

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
                f"the text {_shorten_quote(quote)} stands in the document {count} times, and must stand there once "
                "to be "
                "replaced; read the text again"
            )
        return part

    return find


def paragraph_separator(said: str, kind: str) -> str:
    """What goes between a text and a paragraph that is added to it."""
    if not said:
        return ""
    return "\n" * max(0, find_kind(kind).paragraph_gap - (len(said) - len(said.rstrip("\n"))))


def _shorten_quote(quote: str) -> str:
    return repr(quote if len(quote) <= 60 else quote[:57] + "...")
