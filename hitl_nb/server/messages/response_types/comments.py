"""Responses about comments."""

from __future__ import annotations

from hitl_nb.records import Anchor, Authn, Comment, CommentState, Speaker, Surface
from hitl_nb.server.messages.response_types.base import At, Id, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class CommentInfo(ResponseStruct):
    """A comment on a document, or on the quoted range of it. `proposal` is the document's id.

    `anchor` is the range, which moves with the text; `quote`, `prefix` and `suffix` are the text in it, before it and
    after it at that time. `thread` is the id of the comment that this one answers, or "". `suggestion` is the text that
    should replace the quote; null if nothing is suggested. `mentions` has user names. `known` and `state_known` say how
    it is known who wrote the comment and who set its state, as the server found out.
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
    """The comment as it was stored."""

    comment: CommentInfo


class CommentStateResponse(ResponseStruct):
    """The comment as it is now. `changed`: whether this call changed it, not an earlier one."""

    comment: CommentInfo
    changed: bool


class MentionableUser(ResponseStruct):
    """A person who may be mentioned, with the name to show."""

    username: str
    name: str


class CommentList(ResponseStruct):
    """Comments on a document, oldest first, and the known people who may be mentioned."""

    comments: list[CommentInfo]
    people: list[MentionableUser]


prepare_structs(globals())
