"""All open proposals of a store in memory, for searching, sorting and counting them.

The index is read when it is first needed, and then renewed from the audit log. It has no values of proposals, but the
text in which people search. The caller has a lock.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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


class OpenIndex:
    """The open proposals of a store, by id, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[str, OpenEntry] | None = None
        self._closed: OrderedDict[str, OpenEntry] = OrderedDict()
        self._sorted: list[OpenEntry] = []
        self._drafts_version: int | None = None
        self._drafts_read_at = 0.0

    def renew(self, ledger: Ledger, changes: LoggedChanges) -> None:
        """Read changed proposals and comments again. No effect before the first use of the index."""
        if self._entries is None:
            return
        if changes.is_everything:
            self._entries = None
            return
        for one in changes.proposals:
            self._renew_entry(ledger, self._entries, one)
        for entry in self._entries.values() if changes.documents else ():
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

    def list_entries(self, ledger: Ledger) -> list[OpenEntry]:
        """Return all open proposals, oldest first. The first call reads all of them."""
        if self._entries is None:
            found = iterate_open(ledger.store, notebook=None, agent=None, after=None, limit=_PAGE_SIZE)
            self._entries = {one.id: _make_entry(ledger, one) for one in found}
            self._sorted, self._drafts_version = [], None
        if not self._sorted:
            self._sorted = sorted(self._entries.values(), key=lambda entry: entry.order)
        return self._sorted

    def find_closed(self, proposal_id: str) -> OpenEntry | None:
        """Return the last entry of a proposal that was closed since, for the position of the next page; else None."""
        return self._closed.get(proposal_id)

    def renew_drafts(self, ledger: Ledger, version: int) -> None:
        """Read the drafts that have changed. They are looked for once in `DRAFT_SECONDS` at most.

        Args:
            ledger: The ledger.
            version: Version of the store of drafts.
        """
        entries, now = self.list_entries(ledger), time.monotonic()
        if self._drafts_version == version:
            return
        if self._drafts_version is not None and now - self._drafts_read_at < DRAFT_SECONDS:
            return
        _read_changed_drafts(ledger, entries)
        self._drafts_version, self._drafts_read_at = version, time.monotonic()


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


def _read_changed_drafts(ledger: Ledger, entries: Iterable[OpenEntry]) -> None:
    for entry in entries:
        last = UpdateLog(ledger.store, entry.document).last_number()
        if last == entry.update:
            continue
        proposal = rows.load_proposal(ledger.store, entry.proposal.id)
        entry.draft = "" if proposal is None else value_text(Draft.for_proposal(ledger.store, proposal).read_value())
        entry.update = last
