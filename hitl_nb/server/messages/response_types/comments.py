"""Responses about comments."""

from __future__ import annotations

from hitl_nb.records import Anchor, Authn, Comment, CommentState, Speaker, Surface
from hitl_nb.server.messages.response_types.base import At, Id, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class CommentInfo(ResponseStruct):
    """A comment on a document, or on a range of its text. `proposal` is the id of the proposal or workspace.

    `anchor` is the commented range, which moves with the text. `quote`, `prefix` and `suffix` are the text in the
    range, before it and after it at the time of the comment. `thread` is the id of the comment that this comment
    answers, or "". `suggestion` is the text that should replace the quote; null if nothing is suggested. `mentions` has
    the user names of mentioned people. `state_by` is the user who set the state. `known` and `state_known` say how the
    server knows the author of the comment and the user who set the state.
    """

    id: Id
    proposal: Id
    author: str
    author_name: str
    text: str
    at: At
    run: str
    quote: str
    prefix: str
    suffix: str
    anchor: Anchor | None
    thread: str
    suggestion: str | None
    mentions: tuple[str, ...]
    state: CommentState
    state_by: str
    state_by_name: str
    state_at: At | None
    authn: Authn | None
    assurance: str | None
    surface: Surface | None
    signature: str | None
    known: Speaker
    state_known: Speaker | None

    @classmethod
    def of(cls, record: Comment) -> CommentInfo:
        """Build the response from a comment."""
        return cls(**same_fields(cls, record))


class CommentResponse(ResponseStruct):
    """The new comment."""

    comment: CommentInfo


class CommentStateResponse(ResponseStruct):
    """The comment with its current state. `changed` is false if an earlier call had already set this state."""

    comment: CommentInfo
    changed: bool


class MentionableUser(ResponseStruct):
    """A person whom comments may mention. `name` is the display name."""

    username: str
    name: str


class CommentList(ResponseStruct):
    """The comments on a document, oldest first, and the people whom new comments may mention."""

    comments: list[CommentInfo]
    people: list[MentionableUser]


prepare_structs(globals())
