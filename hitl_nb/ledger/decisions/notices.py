"""Notices: notifications for people about a proposal, from the transaction that causes them until they are sent.

A notice is one record for one addressee. Its key begins with the time at which it has to be sent (*due*). So a sender
only has to read the first key to know whether a notice is due. `ledger/open/notice_sending.py` handles the sending.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.decisions import absences as people
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.seats import find_deputy
from hitl_nb.records import Proposal, Record, new_id
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

NoticeKind = Literal["asked", "reminded", "escalated", "overdue", "decided", "expired", "stuck"]

NOTICE_RETENTION = timedelta(days=30)
"""Time after which a notice is removed if no sender takes it, because neither a server nor `hitl-nb watch` runs."""

ANYONE = "anyone"
"""Addressee of a notice if the terms (review rules) of the proposal name no people."""
REQUESTER = "requester"
"""Addressee in addition to the people who started or continued the run: they may have no address for notices."""

_TO_DECIDERS = frozenset({"asked", "reminded", "escalated", "overdue", "stuck"})
_MAX_PRUNED = 4
_GROUP = re.compile(r"@[^\s,]+")


class Notice(Record, frozen=True, kw_only=True):
    """A notification for one addressee about a proposal, which waits to be sent.

    Attributes:
        id: Id of the notice. If it is sent more than once, all copies have this id.
        to: A user name, a group ("@finance"), `ANYONE` or `REQUESTER`.
        kind: Reason for the notice, such as "asked" or "overdue".
        proposal: Id of the proposal.
        run: Id of its run.
        note: A sentence with further information; "" if `kind` says enough.
        at: Time at which the notice was written.
        due: Time of the next action: to send the notice, to try again, or to take it over from a sender that died.
        tries: Number of failed tries.
        sender: Token of the sender that has leased the notice (that sends it now); "": no sender.
        held: Whether the notice waits for the addressee's next digest, one message with several notices.
        services: Names of the addressee's services (such as "0:mailto") with which sending must still be tried. Empty:
            all services.
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
        """Whether the notice is for the people who may decide, so that it is useful only while the proposal is open."""
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
    """Write one notice for each addressee, in the transaction that causes the notices.

    Proposals without terms (review rules), and proposals that a decisions file answers in place of people, have no
    notices. If an addressee is away, the deputy gets a notice too.

    Args:
        transaction: The transaction to write in.
        kind: Reason for the notices. "decided" and "expired" go to the people who started or continued the run, the
            other kinds to the people who may decide.
        proposal: The proposal after the change.
        at: The current time (`Ledger.now`).
        to: Additional addressees. For "reminded" and "escalated", these are the people of the timeline's step, and only
            they and their groups get notices. None (default) or empty: no additional addressees.
        note: A sentence with further information, for people. Default: "".
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
    """Return the addressees of a notice for the people who may decide an open proposal.

    They are the people and the groups ("@finance") that the needs of its terms name. A need that names nobody gives
    `ANYONE`. People who may decide since an escalation are included.
    """
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
    """Return the groups (such as "@leads") that the last taken step of a proposal's timeline names.

    Returns:
        The names of the groups. Empty if the people of the step are not exactly `named`, or if no step was taken.
    """
    step = (
        proposal.terms.timeline[proposal.step - 1]
        if proposal.terms is not None and 0 < proposal.step <= len(proposal.terms.timeline)
        else None
    )
    return tuple(_GROUP.findall(step.text)) if step is not None and set(step.people) == set(named) else ()


def _deputies_of(transaction: StoreReader, named: Sequence[str], at: datetime) -> tuple[str, ...]:
    """Return the user names of the deputies of the people in `named` who are away at the time `at`."""
    away = people.read_absentees(transaction, at)
    return tuple(find_deputy(one, away) for one in named if one in away)


def _prune_old_notices(transaction: Transaction, now: datetime) -> None:
    """Remove up to `_MAX_PRUNED` notices that are older than `NOTICE_RETENTION`.

    So a store in which no process sends notices does not fill up.
    """
    for key, raw in transaction.scan(*prefix_range("notice/"), limit=_MAX_PRUNED):
        if now - rows.decode_record(raw, Notice, key).at > NOTICE_RETENTION:
            transaction.delete(key)


def forget_notices(transaction: Transaction, runs: Collection[str]) -> None:
    """Remove all notices about the runs with the ids `runs`, because these runs are removed."""
    for key, raw in transaction.scan(*prefix_range("notice/")) if runs else ():
        if rows.decode_record(raw, Notice, key).run in runs:
            transaction.delete(key)


def notice_key(notice: Notice) -> str:
    """Return the store key of a notice, which begins with the time at which the notice is due."""
    return f"notice/{layout.sortable_time(notice.due)}-{notice.id}"


def put_notice_row(transaction: Transaction, notice: Notice) -> None:
    """Store one notice at the key for its due time."""
    transaction.put(notice_key(notice), notice.json())


prepare_structs(globals())
