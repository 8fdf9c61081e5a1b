"""Responses to calls that were refused or failed."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.proposals import ProposalRecord
from hitl_nb.structs import prepare_structs


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
    comment: CommentInfo | UnsetType = UNSET
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


prepare_structs(globals())
