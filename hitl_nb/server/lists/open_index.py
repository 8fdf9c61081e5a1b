"""All open proposals of a store in memory, for searching, sorting and counting them.

The index has no values of proposals, but the text in which people search.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.documents.update_log import UpdateLog
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.proposal_lists import iterate_open
from hitl_nb.policies.terms.timeline import next_due_time, next_step
from hitl_nb.records import Proposal
from hitl_nb.server.lists.followed_index import FollowedIndex
from hitl_nb.server.lists.log_follower import LoggedChanges
from hitl_nb.server.lists.searchable_text import comments_text, read_numbers, record_text, value_text

DRAFT_SECONDS = 1.0
"""Seconds after which the index looks for changed drafts again, so that a search is not slow while people type."""
_PAGE_SIZE = 200
_MAX_CLOSED = 1000
_VALUE_FIELDS: dict[str, Any] = {
    "types": None,
    "schema": None,
    "options": None,
    "context": None,
    "evidence": (),
    "notes": (),
}


@dataclass(slots=True)
class OpenEntry:
    """One open proposal in the index.

    Attributes:
        proposal: The proposal without its value, schema, options, context, evidence and notes.
        order: Its key in the list of open proposals, which is sorted oldest first.
        due: Time until which it should be decided (`due_time`); None if there is none.
        numbers: The numbers in its value by path.
        text: Text of the record in which people search.
        comments: Text of the comments.
        draft: Text of the draft; "" if nobody has edited it.
        update: Number of the newest update of the draft when its text was read.
    """

    proposal: Proposal
    order: str
    due: datetime | None
    numbers: dict[str, float]
    text: str
    comments: str = ""
    draft: str = ""
    update: int = field(default=0)

    @property
    def document(self) -> str:
        """Id of the proposal's document."""
        return self.proposal.document or self.proposal.id


class OpenIndex(FollowedIndex[OpenEntry]):
    """The open proposals of a store, by id, oldest first.

    Args:
        lock: As for `FollowedIndex`.
        follow: As for `FollowedIndex`.
    """

    def __init__(self, lock: threading.Lock, follow: Callable[[Ledger], None]) -> None:
        super().__init__(lock, follow)
        self._closed: OrderedDict[str, OpenEntry] = OrderedDict()
        self._sorted: list[OpenEntry] = []
        self._reading_drafts = threading.Lock()
        self._drafts_version: int | None = None
        self._drafts_read_at = 0.0

    def list_entries(self, ledger: Ledger) -> list[OpenEntry]:
        """Return all open proposals, oldest first. The first call reads all of them."""
        return self._use(ledger, self._sort_entries)

    def find_closed(self, proposal_id: str) -> OpenEntry | None:
        """Return the last entry of a proposal that was closed since, for the position of the next page; else None."""
        with self._lock:
            return self._closed.get(proposal_id)

    def renew_drafts(self, ledger: Ledger, version: int) -> None:
        """Read the drafts that have changed. They are looked for once in `DRAFT_SECONDS` at most.

        Only one thread reads them, and the others that need them wait for it.

        Args:
            ledger: The ledger.
            version: Version of the store of drafts.
        """
        with self._reading_drafts:
            self._use(ledger, len)  # reads all proposals, if that was not done
            with self._lock:
                is_late = time.monotonic() - self._drafts_read_at >= DRAFT_SECONDS
                if self._drafts_version == version or (self._drafts_version is not None and not is_late):
                    return
                self._drafts_version = version  # before the reading: a new entry sets it to None meanwhile
                entries = self._entries or {}
                read = list(entries.values())
            try:
                found = list(_read_changed_drafts(ledger, read))
            except BaseException:
                self._drafts_version = None
                raise
            with self._lock:
                if self._entries is entries:  # else all proposals were read again meanwhile
                    _set_drafts(entries, found)
                    self._drafts_read_at = time.monotonic()

    def _sort_entries(self, entries: dict[str, OpenEntry]) -> list[OpenEntry]:
        if not self._sorted:
            self._sorted = sorted(entries.values(), key=lambda entry: entry.order)
        return self._sorted

    def _read_all(self, ledger: Ledger) -> dict[str, OpenEntry]:
        found = iterate_open(ledger.store, notebook=None, agent=None, after=None, limit=_PAGE_SIZE)
        return {one.id: _make_entry(ledger, one) for one in found}

    def _set_entries(self, entries: dict[str, OpenEntry] | None) -> None:
        super()._set_entries(entries)
        self._sorted, self._drafts_version = [], None

    def _apply(self, ledger: Ledger, entries: dict[str, OpenEntry], changes: LoggedChanges) -> None:
        for one in changes.proposals:
            self._renew_entry(ledger, entries, one)
        for entry in entries.values() if changes.documents else ():
            if entry.document in changes.documents:
                entry.comments = comments_text(ledger.comments.list_on_document(entry.document))
        if changes.proposals:
            self._sorted = []

    def _renew_entry(self, ledger: Ledger, entries: dict[str, OpenEntry], proposal_id: str) -> None:
        proposal = rows.load_proposal(ledger.store, proposal_id)
        entry = _make_entry(ledger, proposal) if proposal is not None and proposal.status == "open" else None
        before = entries.pop(proposal_id, None)  # only now, because the store may fail before
        if entry is not None:
            entries[proposal_id] = entry
            if before is not None:
                entry.comments, entry.draft, entry.update = before.comments, before.draft, before.update
            else:
                self._drafts_version = None
        elif before is not None:
            self._closed[proposal_id] = before
            if len(self._closed) > _MAX_CLOSED:
                self._closed.popitem(last=False)


def due_time(proposal: Proposal) -> datetime | None:
    """Return the time until which a proposal should be decided: its deadline, or the time when others are asked too.

    None if nothing happens to it without a decision. A reminder does not count.
    """
    step = next_step(proposal)
    if proposal.deadline is not None or step is None or step.does not in ("escalate", "overdue"):
        return proposal.deadline
    return next_due_time(proposal)


def _make_entry(ledger: Ledger, proposal: Proposal) -> OpenEntry:
    keeps_value = bool(proposal.votes) or proposal.candidate is not UNSET  # the votes are about values
    fields = _VALUE_FIELDS if keeps_value else {**_VALUE_FIELDS, "value": None}
    entry = OpenEntry(
        proposal=msgspec.structs.replace(proposal, **fields),
        order=layout.open_key(proposal),
        due=due_time(proposal),
        numbers=read_numbers(proposal),
        text=record_text(proposal),
    )
    entry.comments = comments_text(ledger.comments.list_on_document(entry.document))
    return entry


class _DraftText(NamedTuple):
    """Text of a draft, as of its update with the number `update`."""

    proposal: str
    update: int
    text: str


def _set_drafts(entries: dict[str, OpenEntry], found: Iterable[_DraftText]) -> None:
    for one in found:
        entry = entries.get(one.proposal)  # it may be another one than before the reading, or be closed
        if entry is not None:
            entry.draft, entry.update = one.text, one.update


def _read_changed_drafts(ledger: Ledger, entries: Iterable[OpenEntry]) -> Iterator[_DraftText]:
    for entry in entries:
        last = UpdateLog(ledger.store, entry.document).last_number()
        if last == entry.update:
            continue
        proposal = rows.load_proposal(ledger.store, entry.proposal.id)
        text = "" if proposal is None else value_text(Draft.for_proposal(ledger.store, proposal).read_value())
        yield _DraftText(entry.proposal.id, last, text)
