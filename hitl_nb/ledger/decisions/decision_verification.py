"""Verification of decisions before a run uses them.

A decision must agree with the audit log, with the votes on the proposal, and with its signatures, if it has any.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.decisions import check_question, decision_event_data
from hitl_nb.ledger.decisions.proposal_history import RunLog, find_difference
from hitl_nb.ledger.decisions.vote_withdrawals import check_withdrawals
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.decision_check import list_counted_votes, verify_decision_votes
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import DecisionRecord, Proposal, VoteRecord
from hitl_nb.storage.interface import StoreReader


def load_verified_proposals(reads: StoreReader, store_id: str, run_id: str, pause: int | None = None) -> list[Proposal]:
    """Return the proposals of a run in the order in which they were asked, after a check of every decision.

    Args:
        reads: The store, or a transaction.
        store_id: Id of the store, which signatures contain.
        run_id: Id of the run.
        pause: Number of one pause, from 1. None (default): all pauses.

    Raises:
        UnknownRun: No run has this id.
        StoreCorrupt: A decision is not the one in the audit log.
        Untrusted: A signature is not of a known server, or is missing although it is required.
    """
    found = rows.load_proposals(reads, run_id, pause)
    if not found:
        rows.load_run(reads, run_id)
    log = RunLog(reads, run_id)
    for proposal in found:
        verify_decision(reads, store_id, proposal, log)
    return found


def verify_decision(reads: StoreReader, store_id: str, proposal: Proposal, log: RunLog | None = None) -> None:
    """Check the decision of a proposal against the audit log and the votes, and check the signatures.

    A proposal without a decision passes.

    Args:
        reads: The store, or a transaction.
        store_id: Id of the store, which signatures contain.
        proposal: The proposal.
        log: Events of the run, if the caller checks several proposals of the run. None (default): they are read from
            the store.

    Raises:
        StoreCorrupt: The decision is not the one in the audit log.
        Untrusted: A signature is not of a known server, or is missing although it is required.
    """
    decision, log = proposal.decision, log or RunLog(reads, proposal.run)
    if decision is None:
        return
    verify_logged_decision(reads, proposal, log)
    if proposal.terms is not None:
        check_withdrawals(reads, store_id, log, proposal)
    if proposal.terms is not None and decision.by == "person":
        signatures.check_votes(store_id, proposal, list_counted_votes(proposal))
    elif proposal.terms is None or not (
        decision.by == "policy" or (decision.by == "deadline" and decision.action == "reject")
    ):
        signatures.check_signature(store_id, proposal, decision)


def verify_logged_decision(reads: StoreReader, proposal: Proposal, log: RunLog) -> None:
    """Check that the decision of a proposal agrees with the events about its question, votes and timeline.

    Signatures are not checked. A proposal without a decision passes.

    Args:
        reads: The store, or a transaction.
        proposal: The proposal.
        log: Events of the run.

    Raises:
        StoreCorrupt: The decision differs from the audit log.
    """
    if proposal.decision is None:
        return
    check_question(proposal)
    event = chain.read_event(reads, proposal.decision.event)
    said = decision_event_data(proposal, proposal.decision, proposal.revision - 1)
    if event is None or (event.proposal, event.actor, _without_decision_times(event.data)) != (
        proposal.id,
        proposal.decision.reviewer,
        said,
    ):
        raise StoreCorrupt(
            f"the decision on proposal {proposal.id} ({proposal.title}) is not the one in the audit log; do not use it"
        )
    if proposal.terms is not None:
        _check_votes(reads, proposal, proposal.decision)
    if proposal.terms is not None or formats.has_terms(reads):
        _refuse_difference(log, proposal, event.data or {})


def _check_votes(reads: StoreReader, proposal: Proposal, decision: DecisionRecord) -> None:
    """Check that the votes on a proposal are in the audit log, and that they make this decision under its terms.

    Raises:
        StoreCorrupt: A vote is not in the audit log, or the votes do not make the decision.
    """
    people: dict[datetime, People] = {}
    wrong = verify_decision_votes(
        proposal, lambda at: people.get(at) or people.setdefault(at, load_people(reads, proposal, at))
    )
    if wrong is None and decision.by == "person":
        wrong = next(
            (
                f"the vote of {one.reviewer} is not in the audit log"
                for one in proposal.votes
                if not _is_vote_logged(reads, proposal, one)
            ),
            None,
        )
    if wrong is not None:
        raise StoreCorrupt(
            f"the decision on proposal {proposal.id} ({proposal.title}) is not what its votes make: {wrong}; do not "
            "use it"
        )


def _refuse_difference(log: RunLog, proposal: Proposal, made: dict[str, Any]) -> None:
    wrong = find_difference(log, proposal, made)
    if wrong is not None:
        raise StoreCorrupt(
            f"proposal {proposal.id} ({proposal.title}) was changed in the store, then decided: {wrong}; do not use "
            "the decision"
        )


def _is_vote_logged(reads: StoreReader, proposal: Proposal, vote: VoteRecord) -> bool:
    event = chain.read_event(reads, vote.event)
    data: dict[str, Any] = (event and event.data) or {}
    told = (data.get("action"), data.get("value_sha256"), data.get("signature"), data.get("at"))
    said = (vote.action, vote.value_sha256, vote.signature, vote.at.isoformat())
    return (
        event is not None
        and (event.proposal, event.actor, event.type) == (proposal.id, vote.reviewer, "vote")
        and told == said
    )


def _without_decision_times(data: dict[str, Any] | None) -> dict[str, Any]:
    """Return the data of a decision's event without the entries "due" and "at".

    These times are checked together with the timeline, in `find_difference`.
    """
    return {name: one for name, one in (data or {}).items() if name not in ("due", "at")}
