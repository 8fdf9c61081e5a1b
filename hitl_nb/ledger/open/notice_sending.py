"""Sending notices, as the store sees it: one sender has a notice at a time, and what could not be sent is tried again.

A sender that takes a notice moves it to the end of its lease; if the sender dies, the notice is due again then. So each
notice is sent at least once, and its id tells copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hitl_nb.ledger.decisions.absences import find_people
from hitl_nb.ledger.decisions.notices import Notice, notice_key, put_row
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.vote_completion import complete
from hitl_nb.records import Proposal
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Reads, Store, Transaction

LEASE = timedelta(seconds=60)
"""How long a sender has a notice for itself."""
WAITS = tuple(timedelta(minutes=n) for n in (1, 5, 25, 60, 60))
"""How long a notice that could not be sent waits until it is tried again; after the last of them it has failed."""
_ACTOR = "deadline"


class Outbox:
    """The notices of a store, as those who send them see them."""

    store: Store

    def next_notice(self) -> datetime | None:
        """When the first notice is to be looked at; None if there is none."""
        notice = _first(self.store)
        return None if notice is None else notice.due

    def take_notice(self, now: datetime, *, sender: str) -> Notice | None:
        """The first notice that is due, for this sender alone during `LEASE`; None if none is due."""
        first = _first(self.store)
        if first is None or first.due > now:
            return None

        def work(tx: Transaction) -> Notice | None:
            notice = _first(tx)
            return None if notice is None or notice.due > now else _lease(tx, notice, now, sender)

        return self.store.transact(work)

    def take_held(self, like: Notice, now: datetime, *, sender: str) -> list[Notice]:
        """What else is held for the digest of a notice, for the same services, for this sender during `LEASE`."""

        def work(tx: Transaction) -> list[Notice]:
            found = [n for n in _all(tx) if n.to == like.to and n.services == like.services and n.held and not n.sender]
            return [_lease(tx, n, now, sender) for n in sorted(found, key=lambda n: (n.at, n.id))]

        return self.store.transact(work)

    def hold_notice(self, notice: Notice, until: datetime) -> None:
        """Give a notice back until the addressee's next digest: with those held already, at the latest at `until`."""

        def work(tx: Transaction) -> None:
            if _release(tx, notice):
                held = [n.due for n in _all(tx) if n.to == notice.to and n.held and not n.sender]
                put_row(tx, msgspec.structs.replace(notice, due=min([until, *held]), sender="", held=True))

        self.store.transact(work)

    def finish_notice(self, notice: Notice, *, sent: Sequence[str], actor: str) -> None:
        """The addressee was told through these services (schemes), or, if there are none, need not be told."""

        def work(tx: Transaction) -> None:
            if _release(tx, notice):
                _tell_sent(tx, notice, sent, actor)

        self.store.transact(work)

    def fail_notice(
        self, notice: Notice, now: datetime, *, services: Sequence[str], sent: Sequence[str] = (), actor: str
    ) -> Notice | None:
        """These services failed, others may have sent it. The notice as it waits for the next try; None after the last.

        After the last try the proposal says who could not be told, and the next "escalate" of its timeline comes at
        once.

        Args:
            services: those that failed, and are tried again.
            sent: those that sent it.
        """

        def work(tx: Transaction) -> Notice | None:
            if not _release(tx, notice):
                return None
            _tell_sent(tx, notice, sent, actor)
            if notice.tries == len(WAITS):
                _give_up(tx, notice, now, services, actor)
                return None
            fields: dict[str, Any] = {"tries": notice.tries + 1, "services": tuple(services), "sender": ""}
            later = msgspec.structs.replace(notice, due=now + WAITS[notice.tries], **fields)
            put_row(tx, later)
            return later

        return self.store.transact(work)

    def drop_notices(self, before: datetime) -> bool:
        """Drop the due notices that were caused before this time and never taken; whether there were any."""

        def work(tx: Transaction) -> bool:
            old = [n for n in _all(tx) if n.at < before and n.due == n.at]
            for notice in old:
                tx.delete(notice_key(notice))
            return bool(old)

        first = _first(self.store)
        return first is not None and first.at < before and first.due == first.at and self.store.transact(work)


def _tell_sent(tx: Transaction, notice: Notice, services: Sequence[str], actor: str) -> None:
    if services:
        _append(tx, "notice.sent", notice, actor, {"services": list(services)})


def _give_up(tx: Transaction, notice: Notice, now: datetime, services: Sequence[str], actor: str) -> None:
    """A notice failed for good: its proposal says so, and others are asked at once if its timeline has any."""
    p = rows.load_proposal(tx, notice.proposal)
    records: Digests = {}
    if p is not None and notice.to not in p.untold:
        p = msgspec.structs.replace(p, untold=(*p.untold, notice.to))
        records = rows.put_proposal(tx, p)
    _append(tx, "notice.failed", notice, actor, {"services": list(services)}, records)
    if p is not None and notice.is_for_deciders:
        _escalate(tx, p, now)


def _escalate(tx: Transaction, p: Proposal, now: datetime) -> None:
    """Take the next "escalate" of a proposal's timeline now; the steps before it are skipped, those after it stay."""
    steps = p.terms.timeline if p.terms is not None and p.status == "open" and p.settles_at is None else ()
    n = next((n for n in range(p.step, len(steps)) if steps[n].does == "escalate"), None)
    if n is None or p.terms is None:
        return
    at_once = msgspec.structs.replace(steps[n], at=now, seconds=0.0, working=False)
    early = msgspec.structs.replace(p.terms, timeline=(*steps[:n], at_once, *steps[n + 1 :]))
    people = find_people(tx, p, now)
    change = terms.tick(msgspec.structs.replace(p, step=n, terms=early), people, now)
    if change is not None:
        kept = {"terms": p.terms, "shift": p.shift, "deadline": p.deadline}
        taken = msgspec.structs.replace(change.proposal, **kept)
        events = tuple((type_, {**data, "early": True}) for type_, data in change.events)
        change = complete(replace(change, proposal=taken, events=events), people, now)
        write_change(tx, change, actor=_ACTOR, at=now)


def _append(
    tx: Transaction, type_: str, notice: Notice, actor: str, data: dict[str, Any], records: Digests | None = None
) -> None:
    """Never an address: channels' URLs hold passwords."""
    told = {"id": notice.id, "to": notice.to, "kind": notice.kind, **data}
    run = notice.run if tx.get(f"run/{notice.run}") is not None else None  # a forgotten one has no list of events
    chain.append(tx, type_, actor=actor, run=run, proposal=notice.proposal, data=told, records=records)


def _first(reads: Reads) -> Notice | None:
    found = reads.scan(*span("notice/"), limit=1)
    return rows.decode(found[0][1], Notice, found[0][0]) if found else None


def _all(reads: Reads) -> list[Notice]:
    return [rows.decode(raw, Notice, key) for key, raw in reads.scan(*span("notice/"))]


def _lease(tx: Transaction, notice: Notice, now: datetime, sender: str) -> Notice:
    tx.delete(notice_key(notice))
    taken = msgspec.structs.replace(notice, due=now + LEASE, sender=sender)
    put_row(tx, taken)
    return taken


def _release(tx: Transaction, notice: Notice) -> bool:
    """Remove a notice that was taken; False if another sender has taken it since."""
    key = notice_key(notice)
    raw = tx.get(key)
    if raw is None or rows.decode(raw, Notice, key).sender != notice.sender:
        return False
    tx.delete(key)
    return True
