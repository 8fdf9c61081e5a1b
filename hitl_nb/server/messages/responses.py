"""Build the responses of the REST API from records and errors.

Some parts of a response are not in the record, such as the comments on a proposal. These parts are read from the
ledger.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from hitl_nb.drafts import document
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import (
    AlreadyDecided,
    AlreadySettled,
    HitlError,
    InvalidEdit,
    NotAllowed,
    NotAReviewer,
    RunClaimed,
    StaleDraft,
    StoreBusy,
    StoreCorrupt,
    StoreFull,
    StoreRefused,
    UnknownComment,
    UnknownProposal,
    UnknownRun,
    UnknownWorkspace,
)
from hitl_nb.evidence.json_blocks import list_blocks
from hitl_nb.kinds.questions import diff_value, format_value
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Comment, Proposal, Run
from hitl_nb.review.progress import describe_progress
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.errors import (
    ConflictResponse,
    ErrorResponse,
    FieldDifference,
    InvalidEditError,
)
from hitl_nb.server.messages.response_types.proposals import (
    ProposalDetail,
    ProposalRecord,
    ProposalSummary,
    row_fields,
)
from hitl_nb.server.messages.response_types.runs import RunInfo

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownProposal, 404),
    (UnknownRun, 404),
    (UnknownComment, 404),
    (UnknownWorkspace, 404),
    (NotAReviewer, 403),
    (NotAllowed, 403),
    (AlreadyDecided, 409),
    (StaleDraft, 409),
    (RunClaimed, 409),
    (InvalidEdit, 422),
    (StoreBusy, 503),
    (StoreRefused, 503),
    (StoreFull, 507),
    (StoreCorrupt, 500),
    (HitlError, 409),
    (ValueError, 400),
    (TypeError, 400),
    (RecursionError, 400),  # the value is nested too deeply for a function that reads it
)


def proposal_response(
    context: ServerContext,
    ledger: Ledger,
    proposal: Proposal,
    comments: list[Comment] | None = None,
    *,
    audience: Audience | None = None,
) -> ProposalDetail:
    """Build the response about one proposal in full, with everything that people need to decide.

    Args:
        context: State of the server.
        ledger: The ledger to read.
        proposal: The proposal.
        comments: The comments on the proposal's document. None (default): read the current comments.
        audience: The reader. None (default): no known reader; the response has no permissions and no hidden votes.
    """
    audience = audience or Audience(context, ledger)
    draft = Draft.for_proposal(ledger.store, proposal).read_value() if proposal.status == "open" else proposal.value
    drafted = not document.are_equal(draft, proposal.value)
    return ProposalDetail.of(
        proposal,
        **_record_fields(context, ledger, proposal, audience),
        **row_fields(audience.rows.read_extras(proposal)),
        has_draft=drafted,
        evidence=list_blocks(proposal),
        text=format_value(proposal, proposal.value),
        comments=[
            CommentInfo.of(one)
            for one in (
                ledger.comments.list_on_document(proposal.document or proposal.id) if comments is None else comments
            )
        ],
        changes=_describe_changes(proposal),
        draft=draft if drafted else UNSET,
    )


def _describe_changes(proposal: Proposal) -> str:
    """Return a unified diff from the agent's value to the decided value or, for an open proposal, to the voted value.

    The result is "" if the value was not edited.
    """
    if proposal.decision is not None:
        return diff_value(proposal, proposal.decision.value) if proposal.decision.action == "edit" else ""
    return "" if proposal.candidate is UNSET else diff_value(proposal, proposal.candidate)


def recorded_proposal(
    context: ServerContext, ledger: Ledger, proposal: Proposal, audience: Audience | None = None
) -> ProposalRecord:
    """Build the response about a proposal with its recorded fields, its value and the state of its policy.

    Unlike `proposal_response`, it has no draft, no comments and no differences. The arguments are the same.
    """
    return ProposalRecord.of(proposal, **_record_fields(context, ledger, proposal, audience))


def _record_fields(
    context: ServerContext, ledger: Ledger, proposal: Proposal, audience: Audience | None
) -> dict[str, Any]:
    audience = audience or Audience(context, ledger)
    return {
        "known": ledger.reviewers.identify(proposal),
        "progress": describe_progress(
            proposal, audience.people(proposal), audience.viewer, audience.vote_known(proposal)
        ),
        "path": context.contents_path(proposal.notebook),
        "own_request": audience.is_own_request(proposal),
        "flag_known": ledger.reviewers.identify_flagger(proposal),
    }


def proposal_summary(
    context: ServerContext, ledger: Ledger, proposal: Proposal, audience: Audience | None = None
) -> ProposalSummary:
    """Build the response about a proposal for a list: without the parts that may be long, such as the value.

    Args:
        context: State of the server.
        ledger: The ledger to read.
        proposal: The proposal.
        audience: The reader. None (default): no known reader; the response has no permissions and no hidden votes.
    """
    audience = audience or Audience(context, ledger)
    return ProposalSummary.of(
        proposal,
        known=None if proposal.decision is None else ledger.reviewers.identify(proposal),
        progress=describe_progress(proposal, audience.people(proposal), audience.viewer),
        path=context.contents_path(proposal.notebook),
        own_request=audience.is_own_request(proposal),
        flag_known=ledger.reviewers.identify_flagger(proposal),
        extras=audience.rows.read_extras(proposal),
    )


def run_response(context: ServerContext, run: Run) -> RunInfo:
    """Build the response about a run from its record."""
    return RunInfo.of(run, path=context.contents_path(run.notebook))


def status_code_of(error: Exception) -> int | None:
    """Return the HTTP status of an error that a request may cause. None: the error is unexpected, so it is a bug."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), None)


def error_response(context: ServerContext, ledger: Ledger | None, error: Exception) -> ErrorResponse:
    """Build the response about an error.

    Args:
        context: State of the server.
        ledger: The ledger, from which the proposal of a conflict is described. None: leave out the proposal.
        error: The error.
    """
    named = "StaleDraft" if isinstance(error, StaleDraft) else type(error).__name__
    name = "BadRequest" if type(error) in (ValueError, TypeError, RecursionError) else named
    if isinstance(error, InvalidEdit):
        return InvalidEditError(error=name, message=str(error), fields=error.fields)
    conflict: dict[str, Any] = {}
    proposal = getattr(error, "proposal", None)
    if isinstance(proposal, Proposal) and ledger is not None:
        conflict["proposal"] = recorded_proposal(context, ledger, proposal)
    if isinstance(error, AlreadySettled) and isinstance(error.comment, Comment):
        conflict["comment"] = CommentInfo.of(error.comment)
    if isinstance(error, StaleDraft):
        difference: dict[str, dict[str, Any]] = getattr(error, "difference", {})
        conflict["difference"] = {part: FieldDifference(**both) for part, both in difference.items()}
    if isinstance(error, RunClaimed):
        conflict["owner"] = error.owner
    kind = ConflictResponse if conflict else ErrorResponse
    return kind(error=name, message=str(error), **conflict)
