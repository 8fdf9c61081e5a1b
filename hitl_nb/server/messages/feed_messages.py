"""Messages that the live feed sends to browsers. They contain the ids of changed records, but no values."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.server.base.headless_runs import HeadlessState
from hitl_nb.server.messages.response_types.base import Count
from hitl_nb.structs import prepare_structs


class FeedStruct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """Base of the messages of the live feed. The field `type` in JSON has the kind of the message."""


class HelloMessage(FeedStruct, tag="hello"):
    """First message on a connection.

    `browser` is the name that the server gives this browser window. `head` is the number of the newest event of the
    audit log that was sent to browsers.
    """

    browser: str
    head: Count


NoticeKind = Literal["reminded", "escalated", "overdue", "stuck", "expired"]


class NoticeInfo(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A notice for people about an event of a proposal. There is no notice about a new proposal.

    `proposal` is the id of the proposal.
    """

    kind: NoticeKind
    proposal: str


class ChangedMessage(FeedStruct, tag="changed"):
    """Ids of changed proposals, runs and workspaces.

    `head` is the number of the newest event of the audit log that was sent. `drafts` has the ids of proposals of which
    only the draft changed. `notices` has notices for people; it is missing if there are none.
    """

    proposals: list[str]
    runs: list[str]
    drafts: list[str]
    head: Count
    workspaces: list[str]
    notices: list[NoticeInfo] | UnsetType = UNSET


class HeadlessMessage(FeedStruct, tag="headless"):
    """New state of a run whose notebook the server executes itself. `message` is a sentence about it for people."""

    run: str
    state: HeadlessState
    message: str


FEED_MESSAGES: tuple[type[FeedStruct], ...] = (HelloMessage, ChangedMessage, HeadlessMessage)


prepare_structs(globals())
