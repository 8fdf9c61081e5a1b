"""The JSON of responses: records in the form that browsers get, and errors as a status code with a message."""

from __future__ import annotations

import hashlib
import re
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.drafts import document
from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import (
    AlreadyDecided,
    AlreadySettled,
    HitlError,
    InvalidEdit,
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
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import diff_value, format_beginning, format_value
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Comment, Proposal, Run, proposal_json, run_json
from hitl_nb.review.progress import describe_progress
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.messages import response_schemas as shapes
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.response_schemas import CommentInfo as CommentShape
from hitl_nb.server.messages.response_schemas import ProposalRecord, ResponseStruct

MAX_SUMMARY_CHARS = 200
"""Maximum number of characters of a value in a list."""

_DIGITS = re.compile(r"\d+")
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownProposal, 404),
    (UnknownRun, 404),
    (UnknownComment, 404),
    (UnknownWorkspace, 404),
    (NotAReviewer, 403),
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


class ErrorResponse(ResponseStruct):
    """Why a call was refused: the error's name, and a message for people."""

    error: str
    message: str


class FieldDifference(ResponseStruct):
    """A part of a proposal that changed after it was shown."""

    shown: Any
    now: Any


class ConflictResponse(ErrorResponse):
    """The resource has changed: the proposal or comment as it is now, what changed, or which browser holds the run."""

    proposal: ProposalRecord | UnsetType = UNSET
    comment: CommentShape | UnsetType = UNSET
    difference: dict[str, FieldDifference] | UnsetType = UNSET
    owner: str | UnsetType = UNSET


class InvalidEditError(ErrorResponse):
    """An edit that is not valid, with one message per field path ("amount", "lines/0/sku")."""

    fields: dict[str, str]


ERROR_SCHEMAS: dict[int, tuple[type[ErrorResponse], str]] = {
    400: (ErrorResponse, "Invalid query or body"),
    403: (ErrorResponse, "You are not logged in, or may not do this"),
    404: (ErrorResponse, "No resource has this id or name"),
    409: (ConflictResponse, "The resource has changed; the request had no effect"),
    413: (ErrorResponse, "The body is too long"),
    415: (ErrorResponse, "The body is not application/json"),
    422: (InvalidEditError, "The edit is not valid for this proposal; the request had no effect"),
    500: (ErrorResponse, "The store is damaged, or a bug in hitl_nb"),
    503: (ErrorResponse, "The store is not available now; try again after Retry-After seconds"),
    507: (ErrorResponse, "The store is full, or the value is larger than its limit"),
}
"""Type of the response and its description, by HTTP status of the error."""


def proposal_response(
    context: ServerContext,
    ledger: Ledger,
    proposal: Proposal,
    comments: list[Comment] | None = None,
    *,
    audience: Audience | None = None,
) -> dict[str, Any]:
    """Return the JSON of a proposal with everything that its card shows (`ProposalDetail`).

    Args:
        context: State of the server.
        ledger: The ledger to read.
        proposal: The proposal.
        comments: Its comments; None to read them.
        audience: The reader. Without one, the response has no permissions and no hidden votes.
    """
    draft = Draft.for_proposal(ledger.store, proposal).read_value() if proposal.status == "open" else proposal.value
    drafted = not document.are_equal(draft, proposal.value)
    shown = {
        **recorded_proposal(context, ledger, proposal, audience),
        "has_draft": drafted,
        "text": format_value(proposal, proposal.value),
        "comments": msgspec.to_builtins(
            ledger.list_comments(proposal.document or proposal.id) if comments is None else comments
        ),
        "changes": _describe_changes(proposal),
    }
    return {**shown, "draft": draft} if drafted else shown


def _describe_changes(proposal: Proposal) -> str:
    """Return the changes to the agent's version: of the decision, or of the value that people vote on."""
    if proposal.decision is not None:
        return diff_value(proposal, proposal.decision.value) if proposal.decision.action == "edit" else ""
    return "" if proposal.candidate is UNSET else diff_value(proposal, proposal.candidate)


def recorded_proposal(
    context: ServerContext, ledger: Ledger, proposal: Proposal, audience: Audience | None = None
) -> dict[str, Any]:
    """Return the JSON of a proposal as it is recorded, with its value and its policy's result (`ProposalRecord`)."""
    audience = audience or Audience(context, ledger)
    return {
        **proposal_json(proposal, ledger.reviewer_identity(proposal)),
        **describe_progress(proposal, audience.people(proposal), audience.viewer, audience.vote_known(proposal)),
        "path": context.contents_path(proposal.notebook),
    }


def proposal_summary(
    context: ServerContext, ledger: Ledger, proposal: Proposal, audience: Audience | None = None
) -> dict[str, Any]:
    """Return the JSON of a proposal for a list, without parts that may be long (`ProposalSummary`)."""
    audience = audience or Audience(context, ledger)
    shown = {
        **dict(zip(_SUMMARY_FIELDS, _get_summary_fields(proposal), strict=True)),
        **describe_progress(proposal, audience.people(proposal), audience.viewer),
        "decision": None if proposal.decision is None else _decision_response(ledger, proposal),
        "document": proposal.document or proposal.id,
        "path": context.contents_path(proposal.notebook),
        "summary": show_hidden_characters(format_beginning(proposal, proposal.value, MAX_SUMMARY_CHARS)),
        "alike": similarity_key(proposal),
    }
    shown.pop("candidate", None)
    return shown


_SUMMARY_FIELDS = tuple(
    name
    for name in shapes.ProposalSummary.__struct_fields__
    if name in Proposal.__struct_fields__ and name != "decision"
)
"""Fields of a proposal that a list shows unchanged."""
_get_summary_fields = attrgetter(*_SUMMARY_FIELDS)


def _decision_response(ledger: Ledger, proposal: Proposal) -> dict[str, Any]:
    made = proposal_json(proposal, ledger.reviewer_identity(proposal))["decision"]
    del made["value"]
    return made


def similarity_key(proposal: Proposal) -> str:
    """Return a key that is equal for proposals of an agent that differ only in value and in numbers of the title."""
    terms = proposal.terms
    policy = () if terms is None else (terms.rules, [need.text for need in terms.needs])
    key = msgspec.json.encode(
        (proposal.agent, proposal.kind, _DIGITS.sub("#", proposal.title), policy, proposal.schema)
    )
    return hashlib.blake2b(key, digest_size=6).hexdigest()


def run_response(context: ServerContext, run: Run) -> dict[str, Any]:
    """Return the JSON of a run (`RunInfo`)."""
    return {**run_json(run), "path": context.contents_path(run.notebook)}


def status_code_of(error: Exception) -> int | None:
    """Return the HTTP status of an error that a request may cause; None for an unexpected error, which is a bug."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), None)


def error_response(context: ServerContext, ledger: Ledger | None, error: Exception) -> dict[str, Any]:
    """Return the JSON of an error (`ErrorResponse` or a subtype).

    Args:
        context: State of the server.
        ledger: Ledger to describe the proposal of a conflict; None to leave it out.
        error: The error.
    """
    named = "StaleDraft" if isinstance(error, StaleDraft) else type(error).__name__
    name = "BadRequest" if type(error) in (ValueError, TypeError, RecursionError) else named
    said: dict[str, Any] = {"error": name, "message": str(error)}
    proposal = getattr(error, "proposal", None)
    if isinstance(proposal, Proposal) and ledger is not None:
        said["proposal"] = msgspec.to_builtins(recorded_proposal(context, ledger, proposal))
    if isinstance(error, AlreadySettled):
        said["comment"] = msgspec.to_builtins(error.comment)
    if isinstance(error, StaleDraft):
        said["difference"] = getattr(error, "difference", {})
    if isinstance(error, InvalidEdit):
        said["fields"] = error.fields
    if isinstance(error, RunClaimed):
        said["owner"] = error.owner
    return said
