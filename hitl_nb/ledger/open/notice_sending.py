"""Notifications (notices) that wait to be sent, as one sender after the other takes them from the store.

A sender *leases* a notice: the notice is then due only at the end of the lease. So no other sender takes it meanwhile.
If the sender dies, the notice is due again at that time. So each notice is sent at least once, and its id identifies
copies. A notice that could not be sent is tried again later. A *held* notice waits for a digest: one message with
several notices for the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.notices import Notice, notice_key, put_notice_row
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.vote_completion import complete_decision
from hitl_nb.records import Proposal
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, StoreReader, Transaction

LEASE_TIME = timedelta(seconds=60)
"""Time for which one sender alone has a notice that it has leased."""
RETRY_DELAYS = tuple(timedelta(minutes=n) for n in (1, 5, 25, 60, 60))
"""Delays between the tries of a notice that could not be sent. After the last one, the notice has failed."""
_ACTOR = "deadline"


class NoticeOutbox:
    """The notices (notifications for people) of a store that wait to be sent.

    Args:
        store: The store of the notices.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def next_due(self) -> datetime | None:
        """Return the time at which the next notice has to be sent; None if no notice waits."""
        notice = _first_notice(self._store)
        return None if notice is None else notice.due

    def take_first(self, now: datetime, *, sender: str) -> Notice | None:
        """Lease the first notice that is due, for `LEASE_TIME` (60 s).

        Args:
            now: The current time.
            sender: Token that identifies the sender.

        Returns:
            The notice; None if no notice is due.
        """
        first = _first_notice(self._store)
        if first is None or first.due > now:
            return None

        def work(transaction: Transaction) -> Notice | None:
            notice = _first_notice(transaction)
            return None if notice is None or notice.due > now else _lease_notice(transaction, notice, now, sender)

        return self._store.transact(work)

    def take_held(self, like: Notice, now: datetime, *, sender: str) -> list[Notice]:
        """Lease all held notices for the same digest, for `LEASE_TIME` (60 s).

        Args:
            like: A notice of the digest. Only notices with the same addressee and the same services are leased.
            now: The current time.
            sender: Token that identifies the sender.

        Returns:
            The leased notices, oldest first.
        """

        def work(transaction: Transaction) -> list[Notice]:
            found = [
                n
                for n in _all_notices(transaction)
                if n.to == like.to and n.services == like.services and n.held and not n.sender
            ]
            return [_lease_notice(transaction, n, now, sender) for n in sorted(found, key=lambda n: (n.at, n.id))]

        return self._store.transact(work)

    def hold(self, notice: Notice, until: datetime) -> None:
        """End the lease of a notice, and hold the notice for the addressee's next digest.

        Args:
            notice: The leased notice.
            until: Latest time of the digest. If other notices are already held for the addressee for an earlier time,
                that time is used.
        """

        def work(transaction: Transaction) -> None:
            if _remove_leased(transaction, notice):
                held = [n.due for n in _all_notices(transaction) if n.to == notice.to and n.held and not n.sender]
                put_notice_row(
                    transaction, msgspec.structs.replace(notice, due=min([until, *held]), sender="", held=True)
                )

        self._store.transact(work)

    def finish(self, notice: Notice, *, sent: Sequence[str], actor: str) -> None:
        """Remove a leased notice that was sent, or that does not have to be sent.

        Args:
            notice: The leased notice.
            sent: Names (URL schemes) of the services that have sent it. Empty: no service had to send it, and no event
                is written.
            actor: Name of the sender, for the audit log event.
        """

        def work(transaction: Transaction) -> None:
            if _remove_leased(transaction, notice):
                _log_sent(transaction, notice, sent, actor)

        self._store.transact(work)

    def fail(
        self, notice: Notice, now: datetime, *, services: Sequence[str], sent: Sequence[str] = (), actor: str
    ) -> Notice | None:
        """Record that services could not send a leased notice, and plan the next try.

        After the last try, the addressee is added to `untold` of the proposal. If the notice was for people who may
        decide, the next "escalate" step of the proposal's timeline is then taken at once.

        Args:
            notice: The leased notice.
            now: The current time.
            services: Names of the services that failed. The next try uses only these.
            sent: Names of the services that have sent the notice. Default: none.
            actor: Name of the sender, for the audit log events.

        Returns:
            The notice with the time of the next try. None after the last try, or if another sender has leased the
            notice since.
        """

        def work(transaction: Transaction) -> Notice | None:
            if not _remove_leased(transaction, notice):
                return None
            _log_sent(transaction, notice, sent, actor)
            if notice.tries == len(RETRY_DELAYS):
                _give_up_notice(transaction, notice, now, services, actor)
                return None
            fields: dict[str, Any] = {"tries": notice.tries + 1, "services": tuple(services), "sender": ""}
            later = msgspec.structs.replace(notice, due=now + RETRY_DELAYS[notice.tries], **fields)
            put_notice_row(transaction, later)
            return later

        return self._store.transact(work)

    def drop_before(self, before: datetime) -> bool:
        """Remove the notices that were written before a time and that no sender has tried to send.

        Returns:
            True if any notices were removed.
        """

        def work(transaction: Transaction) -> bool:
            old = [n for n in _all_notices(transaction) if n.at < before and n.due == n.at]
            for notice in old:
                transaction.delete(notice_key(notice))
            return bool(old)

        first = _first_notice(self._store)
        return first is not None and first.at < before and first.due == first.at and self._store.transact(work)


def _log_sent(transaction: Transaction, notice: Notice, services: Sequence[str], actor: str) -> None:
    if services:
        _append_notice_event(transaction, "notice.sent", notice, actor, {"services": list(services)})


def _give_up_notice(
    transaction: Transaction, notice: Notice, now: datetime, services: Sequence[str], actor: str
) -> None:
    """Record in the proposal that a notice could not be sent after all tries.

    If the notice was for people who may decide, the next "escalate" step of the proposal's timeline is taken now.
    """
    proposal = rows.load_proposal(transaction, notice.proposal)
    records: Digests = {}
    if proposal is not None and notice.to not in proposal.untold:
        proposal = msgspec.structs.replace(proposal, untold=(*proposal.untold, notice.to))
        records = rows.put_proposal(transaction, proposal)
    _append_notice_event(transaction, "notice.failed", notice, actor, {"services": list(services)}, records)
    if proposal is not None and notice.is_for_deciders:
        _escalate_now(transaction, proposal, now)


def _escalate_now(transaction: Transaction, proposal: Proposal, now: datetime) -> None:
    """Take the next "escalate" step of a proposal's timeline now, before its time. No effect if there is none.

    Steps before this step are skipped; later steps keep their times.
    """
    steps = (
        proposal.terms.timeline
        if proposal.terms is not None and proposal.status == "open" and proposal.settles_at is None
        else ()
    )
    n = next((n for n in range(proposal.step, len(steps)) if steps[n].does == "escalate"), None)
    if n is None or proposal.terms is None:
        return
    at_once = msgspec.structs.replace(steps[n], at=now, seconds=0.0, working=False)
    early = msgspec.structs.replace(proposal.terms, timeline=(*steps[:n], at_once, *steps[n + 1 :]))
    people = load_people(transaction, proposal, now)
    change = terms.run_due_step(msgspec.structs.replace(proposal, step=n, terms=early), people, now)
    if change is not None:
        kept = {"terms": proposal.terms, "shift": proposal.shift, "deadline": proposal.deadline}
        taken = msgspec.structs.replace(change.proposal, **kept)
        events = tuple((type_, {**data, "early": True}) for type_, data in change.events)
        change = complete_decision(replace(change, proposal=taken, events=events), people, now)
        write_change(transaction, change, actor=_ACTOR, at=now)


def _append_notice_event(
    transaction: Transaction,
    type_: str,
    notice: Notice,
    actor: str,
    data: dict[str, Any],
    records: Digests | None = None,
) -> None:
    """Append an event about a notice.

    The event has the name of the addressee, but no address, because the URLs of services contain passwords.
    """
    told = {"id": notice.id, "to": notice.to, "kind": notice.kind, **data}
    run = (
        notice.run if transaction.get(f"run/{notice.run}") is not None else None
    )  # a forgotten run has no list of events
    chain.append_event(transaction, type_, actor=actor, run=run, proposal=notice.proposal, data=told, records=records)


def _first_notice(reads: StoreReader) -> Notice | None:
    found = reads.scan(*prefix_range("notice/"), limit=1)
    return rows.decode_record(found[0][1], Notice, found[0][0]) if found else None


def _all_notices(reads: StoreReader) -> list[Notice]:
    return [rows.decode_record(raw, Notice, key) for key, raw in reads.scan(*prefix_range("notice/"))]


def _lease_notice(transaction: Transaction, notice: Notice, now: datetime, sender: str) -> Notice:
    transaction.delete(notice_key(notice))
    taken = msgspec.structs.replace(notice, due=now + LEASE_TIME, sender=sender)
    put_notice_row(transaction, taken)
    return taken


def _remove_leased(transaction: Transaction, notice: Notice) -> bool:
    """Remove a notice that the caller has leased.

    Returns:
        True if the notice was removed. False if it is not there any more, or if another sender has leased it since.
    """
    key = notice_key(notice)
    raw = transaction.get(key)
    if raw is None or rows.decode_record(raw, Notice, key).sender != notice.sender:
        return False
    transaction.delete(key)
    return True
