"""Notices: who is to be told what about a proposal, from the transaction that causes it until they were told.

A notice is one row for one addressee. Its key begins with when it is to be looked at next, so a sender reads the first
key and knows whether there is anything to do. Who sends them is in `ledger/open/notice_sending.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.decisions import absences as people
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.policies.terms.seats import find_deputy
from hitl_nb.records import Proposal, Record, new_id
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

NoticeKind = Literal["asked", "reminded", "escalated", "overdue", "decided", "expired", "stuck"]

NOTICE_RETENTION = timedelta(days=30)
"""How long a notice is kept that nobody takes, since neither a server nor `hitl-nb watch` runs."""

ANYONE = "anyone"
"""The addressee in place of people where none are named."""
REQUESTER = "requester"
"""The addressee beside those who started or continued the run: they may have no channel of their own."""

_TO_DECIDERS = frozenset({"asked", "reminded", "escalated", "overdue", "stuck"})
_MAX_PRUNED = 4
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


def write_notice(
    transaction: Transaction,
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
    if named and kind in ("reminded", "escalated"):
        named += _groups_of_step(proposal, named)
    else:
        named += list_deciders(proposal) if kind in _TO_DECIDERS else _requesters_of(transaction, proposal.run)
    if kind in _TO_DECIDERS:
        named += _deputies_of(transaction, named, at)
    _prune_old_notices(transaction, at)
    for one in dict.fromkeys(name for name in named if name):
        notice = Notice(
            id=new_id(), to=one, kind=kind, proposal=proposal.id, run=proposal.run, note=note, at=at, due=at
        )
        put_notice_row(transaction, notice)


def list_deciders(proposal: Proposal) -> tuple[str, ...]:
    """Who is told about an open proposal: the people and groups of its needs, and those whom it was escalated to."""
    found: list[str] = []
    for need in proposal.terms.needs if proposal.terms is not None else ():
        found += [*_GROUP.findall(need.text), *(need.people or (ANYONE,))]
    return tuple(dict.fromkeys([*found, *proposal.widened]))


def _requesters_of(transaction: StoreReader, run: str) -> tuple[str, ...]:
    try:
        return (*rows.load_run(transaction, run).requesters, REQUESTER)
    except UnknownRun:
        return ()


def _groups_of_step(proposal: Proposal, named: Sequence[str]) -> tuple[str, ...]:
    """The groups ("@leads") of the step of its timeline that was taken last, if that is what tells these people."""
    step = (
        proposal.terms.timeline[proposal.step - 1]
        if proposal.terms is not None and 0 < proposal.step <= len(proposal.terms.timeline)
        else None
    )
    return tuple(_GROUP.findall(step.text)) if step is not None and set(step.people) == set(named) else ()


def _deputies_of(transaction: StoreReader, named: Sequence[str], at: datetime) -> tuple[str, ...]:
    """Who stands in for those of these people who are away."""
    away = people.read_absentees(transaction, at)
    return tuple(find_deputy(one, away) for one in named if one in away)


def _prune_old_notices(transaction: Transaction, now: datetime) -> None:
    """Drop what nobody took for so long, so that a store that nobody watches does not fill up."""
    for key, raw in transaction.scan(*prefix_range("notice/"), limit=_MAX_PRUNED):
        if now - rows.decode_record(raw, Notice, key).at > NOTICE_RETENTION:
            transaction.delete(key)


def forget_notices(transaction: Transaction, runs: Collection[str]) -> None:
    """Delete all notices about runs that are forgotten, sent or not."""
    for key, raw in transaction.scan(*prefix_range("notice/")) if runs else ():
        if rows.decode_record(raw, Notice, key).run in runs:
            transaction.delete(key)


def notice_key(notice: Notice) -> str:
    """Where a notice is kept."""
    return f"notice/{rows.sortable_time(notice.due)}-{notice.id}"


def put_notice_row(transaction: Transaction, notice: Notice) -> None:
    """Keep one notice."""
    transaction.put(notice_key(notice), notice.json())


prepare_structs(globals())
