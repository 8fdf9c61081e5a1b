"""The JSON of the answers: records as people's browsers see them, and errors as status codes with a sentence."""

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
from hitl_nb.kinds.questions import as_text, beginning_of, changes, visible
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Comment, Proposal, Run, public_proposal, public_run
from hitl_nb.review.progress import describe
from hitl_nb.server.base.context import Desk
from hitl_nb.server.messages import response_schemas as shapes
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.response_schemas import Comment as CommentShape
from hitl_nb.server.messages.response_schemas import ProposalRecord, Shape

SUMMARY = 200
"""Characters of a value that a list shows."""

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
    (RecursionError, 400),  # of a value that is nested too deeply for a function that takes it
)


class Error(Shape):
    """Why a call was refused: the error's name, and a sentence."""

    error: str
    message: str


class Difference(Shape):
    """Something that is not as it was shown."""

    shown: Any
    now: Any


class Conflict(Error):
    """Refused for what is there now: the proposal or comment, what is not as shown, or who goes on with the run."""

    proposal: ProposalRecord | UnsetType = UNSET
    comment: CommentShape | UnsetType = UNSET
    difference: dict[str, Difference] | UnsetType = UNSET
    owner: str | UnsetType = UNSET


class Misfit(Error):
    """An edit that does not fit, with one sentence a field path ("amount", "lines/0/sku")."""

    fields: dict[str, str]


SHAPES: dict[int, tuple[type[Error], str]] = {
    400: (Error, "Not as the call takes it: the query, the body, or what is in it"),
    403: (Error, "You may not, or are not logged in"),
    404: (Error, "Nothing has this id or name"),
    409: (Conflict, "Not as things are now: nothing was done"),
    413: (Error, "The body is too long"),
    415: (Error, "The body is not application/json"),
    422: (Misfit, "The edit does not fit the proposal: nothing was done"),
    500: (Error, "The store is damaged, or a bug of ours"),
    503: (Error, "The store cannot be used now; Retry-After says when to try again"),
    507: (Error, "The store is full, or the value above its limit"),
}
"""What an error's answer looks like, by its status, and when it comes."""


def full(
    desk: Desk, ledger: Ledger, p: Proposal, comments: list[Comment] | None = None, *, audience: Audience | None = None
) -> dict[str, Any]:
    """A proposal with all that its card shows; the comments on it are read if they are not given.

    Without an audience nothing is said of what the reader may do, and no hidden vote is shown.
    """
    draft = Draft.of(ledger.store, p).value() if p.status == "open" else p.value
    drafted = not document.same(draft, p.value)
    shown = {
        **recorded(desk, ledger, p, audience),
        "has_draft": drafted,
        "text": as_text(p, p.value),
        "comments": msgspec.to_builtins(ledger.comments(p.document or p.id) if comments is None else comments),
        "changes": _changes(p),
    }
    return {**shown, "draft": draft} if drafted else shown


def _changes(p: Proposal) -> str:
    """What people have changed in the agent's version: as they decided, or as they vote on it."""
    if p.decision is not None:
        return changes(p, p.decision.value) if p.decision.action == "edit" else ""
    return "" if p.candidate is UNSET else changes(p, p.candidate)


def recorded(desk: Desk, ledger: Ledger, p: Proposal, audience: Audience | None = None) -> dict[str, Any]:
    """A proposal as it is recorded, value and all, with what its policy says."""
    audience = audience or Audience(desk, ledger)
    return {
        **public_proposal(p, ledger.how_known(p)),
        **describe(p, audience.people(p), audience.viewer, audience.vote_known(p)),
        "path": desk.path(p.notebook),
    }


def summary(desk: Desk, ledger: Ledger, p: Proposal, audience: Audience | None = None) -> dict[str, Any]:
    """A proposal as a list shows it: without what may be long."""
    audience = audience or Audience(desk, ledger)
    shown = {
        **dict(zip(_LISTED, _listed(p), strict=True)),
        **describe(p, audience.people(p), audience.viewer),
        "decision": None if p.decision is None else _decision(ledger, p),
        "document": p.document or p.id,
        "path": desk.path(p.notebook),
        "summary": visible(beginning_of(p, p.value, SUMMARY)),
        "alike": alike(p),
    }
    shown.pop("candidate", None)
    return shown


_LISTED = tuple(
    name for name in shapes.Summary.__struct_fields__ if name in Proposal.__struct_fields__ and name != "decision"
)
"""Fields of a proposal that a list shows as they are."""
_listed = attrgetter(*_LISTED)


def _decision(ledger: Ledger, p: Proposal) -> dict[str, Any]:
    made = public_proposal(p, ledger.how_known(p))["decision"]
    del made["value"]
    return made


def alike(p: Proposal) -> str:
    """The same for proposals of an agent that differ in their values, and in the numbers of their titles, alone."""
    terms = p.terms
    policy = () if terms is None else (terms.rules, [need.text for need in terms.needs])
    key = msgspec.json.encode((p.agent, p.kind, _DIGITS.sub("#", p.title), policy, p.schema))
    return hashlib.blake2b(key, digest_size=6).hexdigest()


def run(desk: Desk, r: Run) -> dict[str, Any]:
    return {**public_run(r), "path": desk.path(r.notebook)}


def status_of(error: Exception) -> int | None:
    """The HTTP status of an error that a request may end with; None for one that is a bug of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), None)


def failure(desk: Desk, ledger: Ledger | None, error: Exception) -> dict[str, Any]:
    """What is said about an error, to somebody who may read proposals."""
    named = "StaleDraft" if isinstance(error, StaleDraft) else type(error).__name__
    name = "BadRequest" if type(error) in (ValueError, TypeError, RecursionError) else named
    said: dict[str, Any] = {"error": name, "message": str(error)}
    proposal = getattr(error, "proposal", None)
    if isinstance(proposal, Proposal) and ledger is not None:
        said["proposal"] = msgspec.to_builtins(recorded(desk, ledger, proposal))
    if isinstance(error, AlreadySettled):
        said["comment"] = msgspec.to_builtins(error.comment)
    if isinstance(error, StaleDraft):
        said["difference"] = getattr(error, "difference", {})
    if isinstance(error, InvalidEdit):
        said["fields"] = error.fields
    if isinstance(error, RunClaimed):
        said["owner"] = error.owner
    return said
