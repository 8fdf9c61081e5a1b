"""API calls about comments: list the comments on a document, add a comment, change the state of a comment.

A document is the text or value of a proposal or workspace. The author of a comment is always the user who sends the
request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hitl_nb.records import Comment
from hitl_nb.server.base.identity import attest_reviewer
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import CommentRequest, CommentStateRequest
from hitl_nb.server.messages.response_types.comments import (
    CommentInfo,
    CommentList,
    CommentResponse,
    CommentStateResponse,
    MentionableUser,
)

_MAX_EVENTS = 200
"""Maximum number of newest events of a run in which people who decided are searched."""


def list_comments(request: ApiRequest) -> CommentList:
    """Return the comments on the document with the id in the path, and the people whom new comments may mention."""
    about = request.ledger.comments.find_target(request.id)
    found = request.ledger.comments.list_on_document(about.document)
    return CommentList(
        comments=[CommentInfo.of(one) for one in found], people=_mentionable_users(request, about.run, found)
    )


def add_comment(request: ApiRequest) -> CommentResponse:
    """Add a comment of the request's user to the document with the id in the path. Return the new comment."""
    said: CommentRequest = request.body
    given = {name: getattr(said, name) for name in said.__struct_fields__}
    made = request.ledger.comments.add(request.id, **given, **_author_fields(request))
    return CommentResponse(comment=CommentInfo.of(made))


def change_comment_state(request: ApiRequest) -> CommentStateResponse:
    """Change the state of the comment with the id in the path: resolve it, or accept or dismiss its suggestion."""
    body: CommentStateRequest = request.body
    who = request.person
    done = request.ledger.comments.change_state(
        body.document,
        request.id,
        body.state,
        actor=who.username,
        actor_name=who.display_name,
        attestation=attest_reviewer(request.context, request.ledger, who, body.document),
    )
    return CommentStateResponse(comment=CommentInfo.of(done.comment), changed=done.changed)


def _author_fields(request: ApiRequest) -> dict[str, Any]:
    who = request.person
    return {
        "author": who.username,
        "author_name": who.display_name,
        "attestation": attest_reviewer(request.context, request.ledger, who, request.id),
    }


def _mentionable_users(request: ApiRequest, run: str, said: Iterable[Comment]) -> list[MentionableUser]:
    """Return the people whom comments may mention, sorted by user name, each with the newest known display name.

    These are the server's reviewers, the people who decided about the run, and the authors of comments.

    Args:
        request: The request.
        run: Id of the document's run.
        said: The comments on the document.
    """
    names = dict.fromkeys(request.context.settings.reviewers, "")
    for event in request.ledger.audit.read_run_events(run, limit=_MAX_EVENTS):
        data: dict[str, Any] = event.data or {}
        if event.type == "decision" and data.get("by") == "person":
            names[event.actor] = data.get("reviewer_name") or names.get(event.actor, "")
    for one in said:
        shown = one.author_name if one.known != "unsigned" else ""  # an unsigned comment must not rename a person
        names[one.author] = shown or names.get(one.author, "")
    return [MentionableUser(username=user, name=name or user) for user, name in sorted(names.items())]
