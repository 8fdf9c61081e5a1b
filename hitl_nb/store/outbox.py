"""Notices: who is to be told what about a proposal, from the transaction that causes it until they were told.

A notice is one row for one addressee. Its key begins with when it is to be looked at next, so a sender reads the first
key and knows whether there is anything to do. A sender that takes a notice moves it to the end of its lease; if the
sender dies, the notice is due again then. So each notice is sent at least once, and its id tells copies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from hitl_nb.errors import UnknownRun
from hitl_nb.records import Proposal, Record, new_id
from hitl_nb.store import chain, rows
from hitl_nb.store.base import Reads, Store, Transaction
from hitl_nb.store.large import span

NoticeKind = Literal["asked", "reminded", "escalated", "overdue", "decided", "expired", "stuck"]

LEASE = timedelta(seconds=60)
"""How long a sender has a notice for itself."""
WAITS = tuple(timedelta(minutes=n) for n in (1, 5, 25, 60, 60))
"""How long a notice that could not be sent waits until it is tried again; after the last of them it has failed."""
KEPT = timedelta(days=30)
"""How long a notice is kept that nobody takes, since neither a server nor `hitl-nb watch` runs."""

ANYONE = "anyone"
"""The addressee in place of people where none are named."""
REQUESTER = "requester"
"""The addressee beside those who started or continued the run: they may have no channel of their own."""

_TO_DECIDERS = frozenset({"asked", "reminded", "escalated", "overdue", "stuck"})
_PRUNED = 4
_GROUP = re.compile(r"@[^\s,]+")


class Notice(Record, frozen=True, kw_only=True):
    """One addressee who is to be told something about a proposal.

    Attributes:
        to: a user name, a group ("@finance"), `ANYONE` or `REQUESTER`.
        note: a sentence about this occasion; "" if the kind says it all.
        at: when it was caused.
        due: when it is to be looked at: sent, tried again, or taken from a sender that died.
        tries: how often it could not be sent.
        sender: token of the sender that has it; "" if none has.
        held: whether it waits for the addressee's next digest.
        services: which of the addressee's services are left to try ("0:mailto"); empty: all.
    """

    id: str
    to: str
    kind: NoticeKind
    proposal: str
    run: str
    note: str = ""
    at: datetime
    due: datetime
    tries: int = 0
    sender: str = ""
    held: bool = False
    services: tuple[str, ...] = ()

    @property
    def is_for_deciders(self) -> bool:
        """Whether it is worth sending only as long as its proposal is open."""
        return self.kind in _TO_DECIDERS


def put_notice(
    tx: Transaction,
    *,
    kind: NoticeKind,
    proposal: Proposal,
    at: datetime,
    to: Sequence[str] | None = None,
    note: str = "",
) -> None:
    """Write the notices of one occasion, in the transaction that causes it.

    Args:
        proposal: as it is from then on.
        at: the store's time (`Ledger.now`).
        to: addressees beside those whom the kind names by itself: "decided" and "expired" tell who started or
            continued the run, the others who may decide. None or empty: only these. For "reminded" and "escalated" the
            people of the timeline's step; these alone are told then.
        note: a sentence about the occasion, for people.

    A proposal without terms has no notices, nor has one that a decisions file answers in place of people.
    """
    if proposal.terms is None or proposal.asked_at is not None:
        return
    named = tuple(to or ())
    if not (named and kind in ("reminded", "escalated")):
        named += deciders(proposal) if kind in _TO_DECIDERS else _requesters(tx, proposal.run)
    _prune(tx, at)
    for one in dict.fromkeys(name for name in named if name):
        notice = Notice(
            id=new_id(), to=one, kind=kind, proposal=proposal.id, run=proposal.run, note=note, at=at, due=at
        )
        _put(tx, notice)


def deciders(p: Proposal) -> tuple[str, ...]:
    """Who is told about an open proposal: the people and groups of its needs, and those whom it was escalated to."""
    found: list[str] = []
    for need in p.terms.needs if p.terms is not None else ():
        found += [*_GROUP.findall(need.text), *(need.people or (ANYONE,))]
    return tuple(dict.fromkeys([*found, *p.widened]))


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
                _put(tx, msgspec.structs.replace(notice, due=min([until, *held]), sender="", held=True))

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

        Args:
            services: those that failed, and are tried again.
            sent: those that sent it.
        """

        def work(tx: Transaction) -> Notice | None:
            if not _release(tx, notice):
                return None
            _tell_sent(tx, notice, sent, actor)
            if notice.tries == len(WAITS):
                _append(tx, "notice.failed", notice, actor, {"services": list(services)})
                return None
            fields: dict[str, Any] = {"tries": notice.tries + 1, "services": tuple(services), "sender": ""}
            later = msgspec.structs.replace(notice, due=now + WAITS[notice.tries], **fields)
            _put(tx, later)
            return later

        return self.store.transact(work)

    def drop_notices(self, before: datetime) -> bool:
        """Drop the due notices that were caused before this time and never taken; whether there were any."""

        def work(tx: Transaction) -> bool:
            old = [n for n in _all(tx) if n.at < before and n.due == n.at]
            for notice in old:
                tx.delete(_key(notice))
            return bool(old)

        first = _first(self.store)
        return first is not None and first.at < before and first.due == first.at and self.store.transact(work)


def _requesters(tx: Reads, run: str) -> tuple[str, ...]:
    try:
        return (*rows.load_run(tx, run).requesters, REQUESTER)
    except UnknownRun:
        return ()


def _tell_sent(tx: Transaction, notice: Notice, services: Sequence[str], actor: str) -> None:
    if services:
        _append(tx, "notice.sent", notice, actor, {"services": list(services)})


def _append(tx: Transaction, type_: str, notice: Notice, actor: str, data: dict[str, Any]) -> None:
    """Never an address: channels' URLs hold passwords."""
    told = {"id": notice.id, "to": notice.to, "kind": notice.kind, **data}
    run = notice.run if tx.get(f"run/{notice.run}") is not None else None  # a forgotten one has no list of events
    chain.append(tx, type_, actor=actor, run=run, proposal=notice.proposal, data=told)


def _prune(tx: Transaction, now: datetime) -> None:
    """Drop what nobody took for so long, so that a store that nobody watches does not fill up."""
    for key, raw in tx.scan(*span("notice/"), limit=_PRUNED):
        if now - rows.decode(raw, Notice, key).at > KEPT:
            tx.delete(key)


def _first(reads: Reads) -> Notice | None:
    found = reads.scan(*span("notice/"), limit=1)
    return rows.decode(found[0][1], Notice, found[0][0]) if found else None


def _all(reads: Reads) -> list[Notice]:
    return [rows.decode(raw, Notice, key) for key, raw in reads.scan(*span("notice/"))]


def _lease(tx: Transaction, notice: Notice, now: datetime, sender: str) -> Notice:
    tx.delete(_key(notice))
    taken = msgspec.structs.replace(notice, due=now + LEASE, sender=sender)
    _put(tx, taken)
    return taken


def _release(tx: Transaction, notice: Notice) -> bool:
    """Remove a notice that was taken; False if another sender has taken it since."""
    key = _key(notice)
    raw = tx.get(key)
    if raw is None or rows.decode(raw, Notice, key).sender != notice.sender:
        return False
    tx.delete(key)
    return True


def _key(notice: Notice) -> str:
    return f"notice/{rows.microseconds(notice.due)}-{notice.id}"


def _put(tx: Transaction, notice: Notice) -> None:
    tx.put(_key(notice), notice.json())
