"""API calls about proposals: list and show them, check an edit, assign, decide, undo an approval.

A decision has the revision and the fingerprint of the proposal that was shown to the reviewer. If the proposal has
changed since, nothing is decided, and the answer contains the current proposal.
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
from hitl_nb.server.messages.response_types.proposals import (
    AssigneeResponse,
    BulkDecisionResponse,
    DecisionResponse,
    EditCheck,
    PauseResponse,
    ProposalDetail,
    ProposalPage,
)

_SCAN_PAGE_SIZE = 200
"""Minimum number of proposals that are read at once if only some of them match the query."""


def list_proposals(request: ApiRequest) -> ProposalPage:
    """Return a page of the proposals that match the query. Open proposals are sorted oldest first."""
    wanted: ProposalQuery = request.query
    audience = Audience.from_request(request)
    found = _list_page(request.ledger, wanted, audience)
    shown = [answers.proposal_summary(request.context, request.ledger, proposal, audience) for proposal in found]
    return ProposalPage(proposals=shown, next=found[-1].id if len(found) == wanted.limit else None)


def _list_page(ledger: Ledger, wanted: ProposalQuery, audience: Audience) -> list[Proposal]:
    """Return a page of the proposals that match a query.

    If the query has `mine`, only open proposals that the reader may decide are returned. Proposals that are assigned to
    the reader come first.
    """
    if wanted.mine is None or not wanted.is_open:
        return _scan_proposals(ledger, wanted, lambda p: True, wanted.cursor, wanted.limit)
    user = audience.viewer.user

    def has_seat(proposal: Proposal) -> bool:
        return describe_permissions(proposal, audience.people(proposal), audience.viewer)["decide"]

    found: list[Proposal] = []
    cursor = wanted.cursor
    if cursor is None or ledger.proposals.load(cursor).assignee == user:
        found = _scan_proposals(ledger, wanted, lambda p: p.assignee == user and has_seat(p), cursor, wanted.limit)
        cursor = None
    if len(found) < wanted.limit:
        left = wanted.limit - len(found)
        found += _scan_proposals(ledger, wanted, lambda p: p.assignee != user and has_seat(p), cursor, left)
    return found


def _scan_proposals(
    ledger: Ledger, wanted: ProposalQuery, fits: Callable[[Proposal], bool], after: str | None, limit: int
) -> list[Proposal]:
    """Return the proposals that match a query, by reading pages of the ledger until enough proposals match.

    Args:
        ledger: The ledger to read.
        wanted: The query.
        fits: Additional condition: returns whether a proposal is wanted.
        after: Id of the proposal after which to begin; None for the first page.
        limit: Maximum number of proposals to return.
    """
    at = now()
    # The ledger can filter closed proposals by reviewer. It cannot filter by age, `mine`, `passed`, or open assignee.
    picky = wanted.older_than is not None or wanted.newer_than is not None or wanted.mine is not None
    picky = picky or wanted.passed is not None or (wanted.is_open and wanted.reviewer is not None)
    size = max(limit, _SCAN_PAGE_SIZE) if picky else limit
    found: list[Proposal] = []
    while True:
        page = _read_page(ledger, wanted, size, after)
        for proposal in page:
            age = (at - proposal.created_at).total_seconds()
            if wanted.is_open and wanted.older_than is not None and age < wanted.older_than:
                return found  # open proposals are sorted oldest first, so all later proposals are too young
            if _matches_query(proposal, age, wanted) and fits(proposal):
                found.append(proposal)
            if len(found) == limit:
                return found
        if len(page) < size:
            return found
        after = page[-1].id


def _read_page(ledger: Ledger, wanted: ProposalQuery, size: int, after: str | None) -> list[Proposal]:
    if wanted.is_open:
        return ledger.proposals.list_open(notebook=wanted.notebook, agent=wanted.agent, limit=size, after=after)
    return ledger.proposals.list_closed(
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


def get_proposal(request: ApiRequest) -> ProposalDetail:
    """Return one proposal in full, and record that the user was shown this proposal."""
    proposal = request.ledger.proposals.load(request.id)
    request.context.attention.record_shown(request.person.username, proposal)
    return answers.proposal_response(request.context, request.ledger, proposal, audience=Audience.from_request(request))


def get_pause(request: ApiRequest) -> PauseResponse:
    """Return the proposals of one pause of a cell's run, and record that the user was shown these proposals.

    The query has the notebook, the agent and the number of the pause. The newest run that has this pause is used.

    Raises:
        UnknownRun: No run has this pause.
        ValueError: The notebook's path is outside of the server's folder.
    """
    cell: PauseQuery = request.query
    notebook = request.context.notebook_file(cell.path)
    for run in request.ledger.runs.list_newest(notebook=notebook, agent=cell.agent, limit=MAX_PAGE_SIZE):
        found = request.ledger.proposals.list_of_run(run.id, cell.pause) if cell.key in (None, run.key) else []
        if found:
            audience = Audience.from_request(request)
            for proposal in found:
                request.context.attention.record_shown(request.person.username, proposal)
            shown = [
                answers.proposal_response(request.context, request.ledger, proposal, audience=audience)
                for proposal in found
            ]
            return PauseResponse(run=answers.run_response(request.context, run), proposals=shown)
    raise UnknownRun(
        f"this server's store ({request.ledger.store.url}) has no pause {cell.pause} of the agent "
        f"{cell.agent!r} in {cell.path}; the kernel may use another store, or the notebook was moved"
    )


def check_proposed_edit(request: ApiRequest) -> EditCheck:
    """Check an edited value without saving it. Return the value as it would be stored, and the changes as a diff.

    Raises:
        InvalidEdit: The edited value is not valid for the proposal.
    """
    proposal = request.ledger.proposals.load(request.id)
    value = check_edit(proposal, request.body.value)
    return EditCheck(ok=True, value=value, changes=diff_value(proposal, value))


def assign_proposal(request: ApiRequest) -> AssigneeResponse:
    """Assign a proposal to the user in the request's body, or to nobody. Return the proposal."""
    proposal = request.ledger.proposals.assign(request.id, request.body.assignee, actor=request.person.username)
    return AssigneeResponse(
        proposal=answers.proposal_response(
            request.context, request.ledger, proposal, audience=Audience.from_request(request)
        )
    )


def decide(request: ApiRequest) -> DecisionResponse:
    """Store the user's decision on one proposal. If a policy requires several people, this is a vote.

    Returns:
        The proposal, its run, and whether the proposal is decided now.

    Raises:
        StaleProposal: The proposal or its draft has changed since it was shown; nothing was decided.
        AlreadyDecided: Another person has decided the proposal before.
        InvalidEdit: The edited value is not valid.
        NotAReviewer: The policy does not allow this user to decide.
    """
    body: DecisionRequest = _with_draft_value(request, request.body) if request.body.drafted else request.body
    before = request.ledger.proposals.load(request.id)
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
        done = request.ledger.proposals.submit_decision(request.id, verdict, **shown)
    except StaleDraft:
        _require_unchanged(request.ledger.proposals.load(request.id), body.revision, body.fingerprint)
        raise
    follow_candidate(request.ledger, before, done.proposal)
    return _decision_response(request, done)


def undo_approval(request: ApiRequest) -> DecisionResponse:
    """Undo an approval. This is possible for as long as the proposal's policy says (its *settling time*)."""
    reviewer = _reviewer_name(request, [request.ledger.proposals.load(request.id)])
    signer = attest_reviewer(request.context, request.ledger, request.person, request.id)
    return _decision_response(
        request, request.ledger.proposals.undo_approval(request.id, reviewer=reviewer, attestation=signer)
    )


def _decision_response(request: ApiRequest, done: DecisionOutcome) -> DecisionResponse:
    proposal = answers.proposal_response(
        request.context, request.ledger, done.proposal, done.comments, audience=Audience.from_request(request)
    )
    run = answers.run_response(request.context, done.run)
    return DecisionResponse(proposal=proposal, run=run, outcome=done.outcome)


def _reviewer_name(request: ApiRequest, found: list[Proposal]) -> str:
    """Return the name under which the user decides.

    If one of the proposals has a policy, this is the user's voting name (see `voting_name`), else the user name.
    """
    under_terms = any(proposal.terms is not None for proposal in found)
    return voting_name(request.context, request.person) if under_terms else request.person.username


def decide_many(request: ApiRequest) -> BulkDecisionResponse:
    """Store one decision on several proposals. Either all of them are decided, or none.

    Raises:
        ValueError: The action is "edit".
        StaleProposal: One of the proposals has changed since it was shown; nothing was decided.
    """
    body: BulkDecisionRequest = request.body
    if body.action == "edit":
        raise ValueError("action 'edit' needs one proposal; several cannot be edited together")
    seen = [(request.ledger.proposals.load(one.id), one) for one in body.proposals]
    for proposal, one in seen:
        _require_unchanged(proposal, one.revision, one.fingerprint)
    proposals, attention = [proposal for proposal, _ in seen], request.context.attention
    decided = request.ledger.proposals.decide_many(
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
    return BulkDecisionResponse(
        proposals=[
            answers.proposal_response(request.context, request.ledger, proposal, audience=audience)
            for proposal in decided
        ]
    )


class StaleProposal(StaleDraft):
    """A decision was about an older version of a proposal, so it was not stored.

    Args:
        proposal: The current proposal.
        difference: For each changed part ("revision", "fingerprint" or "draft"), a dict with the value that was shown
            to the reviewer ("shown") and the current value ("now").
    """

    def __init__(self, proposal: Proposal, difference: dict[str, dict[str, Any]]) -> None:
        self.proposal = proposal
        self.difference = difference
        super().__init__(
            f"Proposal {proposal.id} ({proposal.title}) changed after you opened it (changed: {', '.join(difference)})."
            " Your decision was not saved. Reload the proposal and decide again."
        )


def _require_unchanged(proposal: Proposal, revision: int, fingerprint: str) -> None:
    """Check that an open proposal has the revision and the fingerprint that were shown. Closed proposals pass.

    Raises:
        StaleProposal: The proposal has changed.
    """
    is_now = {"revision": (revision, proposal.revision), "fingerprint": (fingerprint, proposal.fingerprint)}
    different = {name: {"shown": shown, "now": is_} for name, (shown, is_) in is_now.items() if shown != is_}
    if proposal.status == "open" and different:
        raise StaleProposal(proposal, different)


def _with_draft_value(request: ApiRequest, body: DecisionRequest) -> DecisionRequest:
    """Check that the draft is equal to the value that the reviewer saw. For an edit, replace the value by the draft's.

    The draft's value is used because browsers round some numbers, which the draft has exactly.

    Returns:
        The decision; unchanged if it is not an edit.

    Raises:
        StaleProposal: The draft differs from the value that the reviewer saw.
    """
    proposal = request.ledger.proposals.load(request.id)
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
    """Check the edited value of a decision, and return the value as it will be stored.

    If the proposal is closed, the value is returned without a check; storing the decision then fails.

    Raises:
        InvalidEdit: The edited value is not valid.
        StaleProposal: The proposal has changed since it was shown.
    """
    proposal = request.ledger.proposals.load(request.id)
    _require_unchanged(proposal, body.revision, body.fingerprint)
    return check_edit(proposal, body.value) if proposal.status == "open" else body.value


def _clean_reason(reason: str | None) -> str | None:
    return (reason or "").strip() or None
