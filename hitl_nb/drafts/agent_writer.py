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

from hitl_nb.drafts.draft import FOLD, Draft, changes
from hitl_nb.drafts.text_view import Page, Range
from hitl_nb.errors import TextGone
from hitl_nb.ledger.comments import LONGEST_AROUND, LONGEST_QUOTE
from hitl_nb.ledger.documents.agent_writes import Write, Writes
from hitl_nb.ledger.documents.update_log import update
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import Anchor, now
from hitl_nb.storage.interface import Store, Transaction

QUIET = timedelta(seconds=3)
"""How long nobody must have written in a paragraph before an agent replaces something there."""
PATIENCE = 5.0
"""Seconds that an agent waits for that."""
_LOOK = 0.25
"""Seconds between two looks."""


T = TypeVar("T")
Find = Callable[[Page], Range]
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


class Writing:
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
        self.writes = Writes(store, draft.id, epoch)
        self._author = author
        self._name = name
        self._check = check
        self._clock = clock
        self._pause = pause

    def made(self, key: str) -> Written | None:
        """What became of this write, if it has been made."""
        write = self.writes.find(key)
        return None if write is None or write.state == "begun" else Written(write.state)

    def append(self, key: str, text: str) -> Written:
        """Add `text` at the end, as paragraphs of its own."""
        if (known := self.made(key)) is not None:
            return known
        page = self._page()
        added = apart(page.said, self.draft.kind) + text if text else ""
        return self.commit(key, changes(page.doc, lambda: page.insert(added)))

    def replace(self, key: str, find: Find, text: str, patience: float | None = PATIENCE) -> Written | Suggestion:
        """Put `text` in place of what `find` finds; the suggestion to do so if a person does not stop writing there.

        With patience None it is done at once, whoever writes there.
        """
        if (known := self.made(key)) is not None:
            return known
        page, (part,), quiet = self.quiet(lambda page: [find(page)], patience or 0)
        if not quiet and patience is not None:
            return suggestion(page, part, text)
        return self.commit(key, changes(page.doc, lambda: page.replace(part, text)))

    def settled(self, key: str) -> Written:
        """This write has become a suggestion."""
        return self.commit(key, [], state="suggested")

    def quiet(
        self, find: Callable[[Page], list[Range]], patience: float, client: int | None = None
    ) -> tuple[Page, list[Range], bool]:
        """The page and the ranges that `find` finds on it, and whether nobody writes in their paragraphs.

        For that it is waited, at most `patience` seconds.
        """
        waited = 0.0
        while True:
            page = self._page(client, self._clock() - QUIET)
            parts = find(page)
            if not page.busy(parts):
                return page, parts, True
            if waited >= patience:
                return page, parts, False
            self._pause(_LOOK)
            waited += _LOOK

    def begin(self, key: str) -> Write:
        """Record, durably, that a stream begins, or goes on."""

        def work(tx: Transaction) -> Write:
            self.writes.fence(tx)
            before = self.writes.find(key, tx)
            if before is not None:
                return before
            self.writes.put(tx, key, fresh)
            return fresh

        from pycrdt import Doc

        fresh = Write("begun", Doc().client_id)
        return self._submit(work)

    def commit(self, key: str, made: list[bytes], *, state: Written | str = Written.done) -> Written:
        """Keep updates, and that the write is made; if it was made meanwhile, nothing. Raises RunClaimed."""
        outcome = Written(state)

        def work(tx: Transaction) -> Written:
            self.writes.fence(tx)
            before = self.writes.find(key, tx)
            if before is not None and before.state != "begun":
                return Written(before.state)
            self._log(tx, made)
            self.writes.put(tx, key, Write(outcome.value))
            return outcome

        return self._submit(work)

    def keep(self, made: list[bytes], record: Callable[[Transaction], None]) -> None:
        """Keep updates of a stream, and what `record` puts down about them. Raises RunClaimed."""

        def work(tx: Transaction) -> None:
            self.writes.fence(tx)
            self._log(tx, made)
            record(tx)

        self._submit(work)

    def _log(self, tx: Transaction, made: list[bytes]) -> None:
        for one in made:
            self.draft.log.add(tx, update(one, self._author, self._name))

    def _submit(self, work: Callable[[Transaction], T]) -> T:
        self._check()
        done = self.draft.log.submit(work).result()
        self._check()
        return done

    def _page(self, client: int | None = None, since: datetime | None = None) -> Page:
        page = Page(self.draft, client=client, since=since)
        if page.loose >= FOLD:
            self.draft.fold()
        return page


def suggestion(page: Page, part: Range, text: str) -> Suggestion:
    """The suggestion to put `text` in place of a part of a page. The anchor is all of it, however long."""
    return Suggestion(
        quote=page.said[part.start : part.end][:LONGEST_QUOTE],
        prefix=page.said[max(0, part.start - LONGEST_AROUND) : part.start],
        suffix=page.said[part.end : part.end + LONGEST_AROUND],
        anchor=page.anchor(part),
        text=text,
    )


def standing(quote: str, anchor: Anchor | None = None, *, exactly: bool = True) -> Find:
    """Finds the one place of `quote`: that of the anchor, if it says so (or says anything, unless `exactly`)."""

    def find(page: Page) -> Range:
        part = page.anchored(anchor)
        if part is not None:
            there = page.said[part.start : part.end]
            if there[:LONGEST_QUOTE] == quote or (there and not exactly):
                return part
        part = page.only(quote)
        if part is None:
            count = page.said.count(quote) if quote else 0
            raise TextGone(
                f"the text {_short(quote)} stands in the document {count} times, and must stand there once to be "
                "replaced; read the text again"
            )
        return part

    return find


def apart(said: str, kind: str) -> str:
    """What goes between a text and a paragraph that is added to it."""
    if not said:
        return ""
    wanted = 1 if kind == "code" else 2
    return "\n" * max(0, wanted - (len(said) - len(said.rstrip("\n"))))


def _short(quote: str) -> str:
    return repr(quote if len(quote) <= 60 else quote[:57] + "...")
