"""Responses to requests that were refused or failed."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.proposals import ProposalRecord
from hitl_nb.structs import prepare_structs


class ErrorResponse(ResponseStruct):
    """A request was refused or failed. `error` is the name of the error, and `message` a sentence for people."""

    error: str
    message: str


class FieldDifference(ResponseStruct):
    """A part of a proposal that has changed: its value when the proposal was shown, and its value now."""

    shown: Any
    now: Any


class ConflictResponse(ErrorResponse):
    """The resource has changed, so the request had no effect.

    `proposal` or `comment` is the resource as it is now. `difference` has the changed parts of the proposal by name:
    "revision", "fingerprint" or "draft". `owner` is the browser or process that holds the run.
    """

    proposal: ProposalRecord | UnsetType = UNSET
    comment: CommentInfo | UnsetType = UNSET
    difference: dict[str, FieldDifference] | UnsetType = UNSET
    owner: str | UnsetType = UNSET


class InvalidEditError(ErrorResponse):
    """An edited value is not valid. `fields` has a message for each field path, such as "amount" or "lines/0/sku"."""

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
"""For each HTTP status of an error: type of the response, and description in the OpenAPI document."""


prepare_structs(globals())
