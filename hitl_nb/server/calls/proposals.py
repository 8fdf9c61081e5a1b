"""API calls about proposals: show them, check an edit, assign, decide, take a vote back.

A decision has the revision and the fingerprint of the proposal that was shown to the reviewer. If the proposal has
changed since, nothing is decided, and the answer contains the current proposal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hitl_nb.drafts.document import are_equal
from hitl_nb.drafts.draft import Draft, format_draft
from hitl_nb.errors import StaleDraft, UnknownRun
from hitl_nb.kinds.questions import check_edit, diff_value
from hitl_nb.ledger.decisions.decisions import DecisionOutcome, SubmittedDecision
from hitl_nb.ledger.proposals import DraftEdited
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Proposal
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
)
from hitl_nb.server.messages.response_types.proposals import (
    AssigneeResponse,
    BulkDecisionResponse,
    DecisionResponse,
    EditCheck,
    FlagResponse,
    PauseResponse,
    ProposalDetail,
)

T = TypeVar("T")

_MAX_ATTEMPTS = 5


def get_picture(request: ApiRequest) -> tuple[str, bytes]:
    """Return the media type and the bytes of a picture that a proposal shows as evidence."""
    return request.ledger.proposals.read_picture(request.id, request.sha)


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
    before = request.ledger.proposals.load(request.id)
    done = _submit_again_if_edited(lambda: _submit_decision(request, before))
    follow_candidate(request.ledger, before, done.proposal)
    return _decision_response(request, done)


def _submit_decision(request: ApiRequest, before: Proposal) -> DecisionOutcome:
    body, drafts = _with_draft_value(request, request.body) if request.body.drafted else (request.body, {})
    verdict = SubmittedDecision(
        action=body.action,
        value=_check_edit_value(request, body) if body.action == "edit" else body.value,
        reason=_clean_reason(body.reason),
        reviewer=_reviewer_name(request, [before]),
        attest=attest_reviewer(request.context, request.ledger, request.person, request.id),
    )
    seconds = request.context.attention.seconds_since_shown(request.person.username, request.id, body.revision)
    shown: dict[str, Any] = {"fingerprint": body.fingerprint, "revision": body.revision, "seconds": seconds}
    try:
        return request.ledger.proposals.submit_decision(request.id, verdict, drafts=drafts, **shown)
    except DraftEdited:
        raise
    except StaleDraft:
        _require_unchanged(request.ledger.proposals.load(request.id), body.revision, body.fingerprint)
        raise


def _submit_again_if_edited(submit: Callable[[], T]) -> T:
    """Call `submit`, which compares drafts and then decides. If a draft was updated in between, call it again.

    An update may leave the value of the draft as it was, for example when another person opens the proposal.

    Raises:
        DraftEdited: Drafts were updated each time.
    """
    for _ in range(_MAX_ATTEMPTS - 1):
        try:
            return submit()
        except DraftEdited:
            continue
    return submit()


def undo_approval(request: ApiRequest) -> DecisionResponse:
    """Take back one's own vote. An approval that completed the votes can be undone in its *settling time* only."""
    reviewer = _reviewer_name(request, [request.ledger.proposals.load(request.id)])
    signer = attest_reviewer(request.context, request.ledger, request.person, request.id)
    return _decision_response(
        request, request.ledger.proposals.undo_approval(request.id, reviewer=reviewer, attestation=signer)
    )


def flag_outcome(request: ApiRequest) -> FlagResponse:
    """Record that the approval of a proposal was wrong. The decision stays as it is. Return the proposal.

    Raises:
        HitlError: The proposal was not approved, or somebody has said so before.
    """
    reviewer = _reviewer_name(request, [request.ledger.proposals.load(request.id)])
    signer = attest_reviewer(request.context, request.ledger, request.person, request.id)
    proposal = request.ledger.proposals.flag_outcome(
        request.id, reason=request.body.reason, reviewer=reviewer, attestation=signer
    )
    return FlagResponse(
        proposal=answers.proposal_response(
            request.context, request.ledger, proposal, audience=Audience.from_request(request)
        )
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
        StaleProposal: One of the proposals or drafts has changed since it was shown; nothing was decided.
    """
    body: BulkDecisionRequest = request.body
    if body.action == "edit":
        raise ValueError("action 'edit' needs one proposal; several cannot be edited together")
    decided = _submit_again_if_edited(lambda: _submit_together(request, body))
    audience = Audience.from_request(request)
    return BulkDecisionResponse(
        proposals=[
            answers.proposal_response(request.context, request.ledger, proposal, audience=audience)
            for proposal in decided
        ]
    )


def _submit_together(request: ApiRequest, body: BulkDecisionRequest) -> list[Proposal]:
    proposals, drafts = list[Proposal](), dict[str, int]()
    for one in body.proposals:
        proposal = request.ledger.proposals.load(one.id)
        _require_unchanged(proposal, one.revision, one.fingerprint)
        if body.drafted and body.action == "approve":
            drafts |= _require_draft(request, proposal, current_value(proposal))[1]
        proposals.append(proposal)
    person, attention = request.person, request.context.attention
    return request.ledger.proposals.decide_many(
        proposals,
        body.action,
        value=body.value,
        reason=_clean_reason(body.reason),
        reviewer=_reviewer_name(request, proposals),
        attestation=attest_reviewer(request.context, request.ledger, person, *(one.id for one in body.proposals)),
        seconds={
            proposal.id: attention.seconds_since_shown(person.username, proposal.id, proposal.revision)
            for proposal in proposals
        },
        drafts=drafts,
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


def _with_draft_value(request: ApiRequest, body: DecisionRequest) -> tuple[DecisionRequest, dict[str, int]]:
    """Check that the draft is equal to the value that the reviewer saw. For an edit, replace the value by the draft's.

    The draft's value is used because browsers round some numbers, which the draft has exactly.

    Returns:
        The decision, unchanged if it is not an edit; and the number of the draft's last update, by the document's id.

    Raises:
        StaleProposal: The draft differs from the value that the reviewer saw.
    """
    proposal = request.ledger.proposals.load(request.id)
    if proposal.status != "open" or body.action not in ("approve", "edit"):
        return body, {}
    now, drafts = _require_draft(request, proposal, body.value if body.action == "edit" else current_value(proposal))
    return (msgspec.structs.replace(body, value=now) if body.action == "edit" else body), drafts


def _require_draft(request: ApiRequest, proposal: Proposal, seen: Any) -> tuple[Any, dict[str, int]]:
    """Check that the draft of a proposal is equal to the value that the reviewer saw.

    Returns:
        The draft's value, and the number of its last update, by the document's id.

    Raises:
        StaleProposal: The draft differs.
    """
    draft = Draft.for_proposal(request.ledger.store, proposal)
    drafts = {draft.id: draft.log.last_number()}  # before the value, so that no update is taken for a known one
    now = draft.read_value()
    if not are_equal(seen, now, rounded=True):
        raise StaleProposal(
            proposal, {"draft": {"shown": format_draft(proposal, seen), "now": format_draft(proposal, now)}}
        )
    return now, drafts


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
