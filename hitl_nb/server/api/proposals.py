"""The calls about proposals: list, show, draft, comment, assign, decide.

A decision names the revision and the fingerprint of what was shown. On anything else nothing is decided, and the answer
says what is there now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hitl_nb.drafts.document import are_equal
from hitl_nb.drafts.draft import Draft, format_draft
from hitl_nb.errors import StaleDraft, UnknownRun
from hitl_nb.kinds.questions import check_edit, diff_value
from hitl_nb.ledger.decisions.decisions import DecisionOutcome, SubmittedDecision
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Proposal, now
from hitl_nb.review.progress import describe_permissions
from hitl_nb.review.vote_candidates import follow_candidate
from hitl_nb.server.base.identity import attest_reviewer, voting_name
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import (
    MAX_PAGE_SIZE,
    BulkDecisionRequest,
    DecisionRequest,
    PauseQuery,
    ProposalQuery,
)

_SCAN_PAGE_SIZE = 200
"""Proposals that are read at once to find those that a filter lets through."""


def list_proposals(request: ApiRequest) -> dict[str, Any]:
    wanted: ProposalQuery = request.query
    audience = Audience.from_request(request)
    found = _list_page(request.ledger, wanted, audience)
    shown = [answers.proposal_summary(request.context, request.ledger, proposal, audience) for proposal in found]
    return {"proposals": shown, "next": found[-1].id if len(found) == wanted.limit else None}


def _list_page(ledger: Ledger, wanted: ProposalQuery, audience: Audience) -> list[Proposal]:
    """A page of proposals; of a person's own, those that are assigned to them come first."""
    if wanted.mine is None or not wanted.is_open:
        return _scan_proposals(ledger, wanted, lambda p: True, wanted.cursor, wanted.limit)
    user = audience.viewer.user

    def has_seat(proposal: Proposal) -> bool:
        return describe_permissions(proposal, audience.people(proposal), audience.viewer)["decide"]

    found: list[Proposal] = []
    cursor = wanted.cursor
    if cursor is None or ledger.load_proposal(cursor).assignee == user:
        found = _scan_proposals(ledger, wanted, lambda p: p.assignee == user and has_seat(p), cursor, wanted.limit)
        cursor = None
    if len(found) < wanted.limit:
        left = wanted.limit - len(found)
        found += _scan_proposals(ledger, wanted, lambda p: p.assignee != user and has_seat(p), cursor, left)
    return found


def _scan_proposals(
    ledger: Ledger, wanted: ProposalQuery, fits: Callable[[Proposal], bool], after: str | None, limit: int
) -> list[Proposal]:
    """A page of proposals, read from the ledger by larger pages as long as too few of them fit."""
    at = now()
    # The ledger knows who is to decide a closed one; how old one is, and whose, it does not.
    picky = wanted.older_than is not None or wanted.newer_than is not None or wanted.mine is not None
    picky = picky or wanted.passed is not None or (wanted.is_open and wanted.reviewer is not None)
    size = max(limit, _SCAN_PAGE_SIZE) if picky else limit
    found: list[Proposal] = []
    while True:
        page = _read_page(ledger, wanted, size, after)
        for proposal in page:
            age = (at - proposal.created_at).total_seconds()
            if wanted.is_open and wanted.older_than is not None and age < wanted.older_than:
                return found  # oldest first: no later one is old enough
            if _matches_query(proposal, age, wanted) and fits(proposal):
                found.append(proposal)
            if len(found) == limit:
                return found
        if len(page) < size:
            return found
        after = page[-1].id


def _read_page(ledger: Ledger, wanted: ProposalQuery, size: int, after: str | None) -> list[Proposal]:
    if wanted.is_open:
        return ledger.list_open(notebook=wanted.notebook, agent=wanted.agent, limit=size, after=after)
    return ledger.list_closed(
        status=None if wanted.status in ("open", "closed") else wanted.status,
        notebook=wanted.notebook,
        agent=wanted.agent,
        reviewer=wanted.reviewer,
        limit=size,
        after=after,
    )


def _matches_query(proposal: Proposal, age: float, wanted: ProposalQuery) -> bool:
    old = wanted.older_than is None or age >= wanted.older_than
    young = wanted.newer_than is None or age < wanted.newer_than
    whose = not wanted.is_open or wanted.reviewer in (None, proposal.assignee)
    passed = wanted.passed is None or (proposal.decision is not None and proposal.decision.by == "policy")
    return old and young and whose and passed


def get_proposal(request: ApiRequest) -> dict[str, Any]:
    proposal = request.ledger.load_proposal(request.id)
    request.context.attention.record_shown(request.person.username, proposal)
    return answers.proposal_response(request.context, request.ledger, proposal, audience=Audience.from_request(request))


def get_pause(request: ApiRequest) -> dict[str, Any]:
    """The proposals that a cell's output names: those of one pause of the notebook's newest run of the agent."""
    cell: PauseQuery = request.query
    notebook = request.context.notebook_file(cell.path)
    for run in request.ledger.list_runs(notebook=notebook, agent=cell.agent, limit=MAX_PAGE_SIZE):
        found = request.ledger.list_proposals(run.id, cell.pause) if cell.key in (None, run.key) else []
        if found:
            audience = Audience.from_request(request)
            for proposal in found:
                request.context.attention.record_shown(request.person.username, proposal)
            shown = [
                answers.proposal_response(request.context, request.ledger, proposal, audience=audience)
                for proposal in found
            ]
            return {"run": answers.run_response(request.context, run), "proposals": shown}
    raise UnknownRun(
        f"this server's store ({request.ledger.store.url}) knows no pause {cell.pause} of the agent "
        f"{cell.agent!r} in {cell.path}; the kernel may use another store, or the notebook was moved"
    )


def check_proposed_edit(request: ApiRequest) -> dict[str, Any]:
    proposal = request.ledger.load_proposal(request.id)
    value = check_edit(proposal, request.body.value)
    return {"ok": True, "value": value, "changes": diff_value(proposal, value)}


def assign_proposal(request: ApiRequest) -> dict[str, Any]:
    proposal = request.ledger.assign(request.id, request.body.assignee, actor=request.person.username)
    return {
        "proposal": answers.proposal_response(
            request.context, request.ledger, proposal, audience=Audience.from_request(request)
        )
    }


def decide(request: ApiRequest) -> dict[str, Any]:
    body: DecisionRequest = _with_draft_value(request, request.body) if request.body.drafted else request.body
    before = request.ledger.load_proposal(request.id)
    user = _reviewer_name(request, [before])
    verdict = SubmittedDecision(
        action=body.action,
        value=_check_edit_value(request, body) if body.action == "edit" else body.value,
        reason=_clean_reason(body.reason),
        reviewer=user,
        attest=attest_reviewer(request.context, request.ledger, request.person, request.id),
    )
    seconds = request.context.attention.seconds_since_shown(request.person.username, request.id, body.revision)
    shown: dict[str, Any] = {"fingerprint": body.fingerprint, "revision": body.revision, "seconds": seconds}
    try:
        done = request.ledger.submit_decision(request.id, verdict, **shown)
    except StaleDraft:
        _require_unchanged(request.ledger.load_proposal(request.id), body.revision, body.fingerprint)
        raise
    follow_candidate(request.ledger, before, done.proposal)
    return _decision_response(request, done)


def undo_approval(request: ApiRequest) -> dict[str, Any]:
    """Take an approval back, as long as it settles."""
    reviewer = _reviewer_name(request, [request.ledger.load_proposal(request.id)])
    signer = attest_reviewer(request.context, request.ledger, request.person, request.id)
    return _decision_response(request, request.ledger.undo_approval(request.id, reviewer=reviewer, attestation=signer))


def _decision_response(request: ApiRequest, done: DecisionOutcome) -> dict[str, Any]:
    proposal = answers.proposal_response(
        request.context, request.ledger, done.proposal, done.comments, audience=Audience.from_request(request)
    )
    return {"proposal": proposal, "run": answers.run_response(request.context, done.run), "outcome": done.outcome}


def _reviewer_name(request: ApiRequest, found: list[Proposal]) -> str:
    """Under which name the person decides; where a policy says who may, a made-up one would have no seat."""
    under_terms = any(proposal.terms is not None for proposal in found)
    return voting_name(request.context, request.person) if under_terms else request.person.username


def decide_many(request: ApiRequest) -> dict[str, Any]:
    body: BulkDecisionRequest = request.body
    if body.action == "edit":
        raise ValueError("action 'edit' is for one proposal at a time")
    seen = [(request.ledger.load_proposal(one.id), one) for one in body.proposals]
    for proposal, one in seen:
        _require_unchanged(proposal, one.revision, one.fingerprint)
    proposals, attention = [proposal for proposal, _ in seen], request.context.attention
    decided = request.ledger.decide_many(
        proposals,
        body.action,
        value=body.value,
        reason=_clean_reason(body.reason),
        reviewer=_reviewer_name(request, proposals),
        attestation=attest_reviewer(
            request.context, request.ledger, request.person, *(one.id for one in body.proposals)
        ),
        seconds={
            proposal.id: attention.seconds_since_shown(request.person.username, proposal.id, proposal.revision)
            for proposal in proposals
        },
    )
    audience = Audience.from_request(request)
    return {
        "proposals": [
            answers.proposal_response(request.context, request.ledger, proposal, audience=audience)
            for proposal in decided
        ]
    }


class StaleProposal(StaleDraft):
    """A decision named another proposal than the one that waits; `proposal` is that, `difference` what was named."""

    def __init__(self, proposal: Proposal, difference: dict[str, dict[str, Any]]) -> None:
        self.proposal = proposal
        self.difference = difference
        super().__init__(
            f"proposal {proposal.id} ({proposal.title}) is not as it was shown ({', '.join(difference)} differ); "
            "nothing was decided: look at it again, then decide"
        )


def _require_unchanged(proposal: Proposal, revision: int, fingerprint: str) -> None:
    """Raises Changed unless an open proposal is the one that was shown."""
    is_now = {"revision": (revision, proposal.revision), "fingerprint": (fingerprint, proposal.fingerprint)}
    different = {name: {"shown": shown, "now": is_} for name, (shown, is_) in is_now.items() if shown != is_}
    if proposal.status == "open" and different:
        raise StaleProposal(proposal, different)


def _with_draft_value(request: ApiRequest, body: DecisionRequest) -> DecisionRequest:
    """The decision with the draft's own value: numbers as they are spelled there, which browsers round.

    Raises Changed if somebody wrote into the draft what the reviewer has not seen.
    """
    proposal = request.ledger.load_proposal(request.id)
    if proposal.status != "open" or body.action not in ("approve", "edit"):
        return body
    seen = body.value if body.action == "edit" else current_value(proposal)
    now = Draft.for_proposal(request.ledger.store, proposal).read_value()
    if not are_equal(seen, now, rounded=True):
        raise StaleProposal(
            proposal, {"draft": {"shown": format_draft(proposal, seen), "now": format_draft(proposal, now)}}
        )
    return msgspec.structs.replace(body, value=now) if body.action == "edit" else body


def _check_edit_value(request: ApiRequest, body: DecisionRequest) -> Any:
    """An edit, checked against what was shown, as long as somebody was not first. Raises InvalidEdit, Changed."""
    proposal = request.ledger.load_proposal(request.id)
    _require_unchanged(proposal, body.revision, body.fingerprint)
    return check_edit(proposal, body.value) if proposal.status == "open" else body.value


def _clean_reason(reason: str | None) -> str | None:
    return (reason or "").strip() or None
