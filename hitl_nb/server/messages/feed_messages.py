"""Messages of the live feed. They name what changed by ids and never contain a value."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.server.base.headless_runs import HeadlessState
from hitl_nb.server.messages.response_types.base import Count
from hitl_nb.structs import prepare_structs


class FeedStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Base of the messages of the live feed; `type` says which one it is."""


class HelloMessage(FeedStruct, tag="hello"):
    """First message on a connection: the server's name for this browser window, and the newest event's number."""

    browser: str
    head: Count


NoticeKind = Literal["reminded", "escalated", "overdue", "stuck", "expired"]


class NoticeInfo(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A notice for people about a proposal, other than that it is asked."""

    kind: NoticeKind
    proposal: str


class ChangedMessage(FeedStruct, tag="changed"):
    """Ids of changed records. `head` is the number of the newest event that was sent.

    `drafts` are ids of proposals of which only the draft changed. `notices` is missing if there is none.
    """

    proposals: list[str]
    runs: list[str]
    drafts: list[str]
    head: Count
    workspaces: list[str]
    notices: list[NoticeInfo] | UnsetType = UNSET


class HeadlessMessage(FeedStruct, tag="headless"):
    """State of a run that the server continues by itself, with a sentence about it for people."""

    run: str
    state: HeadlessState
    message: str


FEED_MESSAGES: tuple[type[FeedStruct], ...] = (HelloMessage, ChangedMessage, HeadlessMessage)


prepare_structs(globals())
