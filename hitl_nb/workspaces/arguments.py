"""Arguments of a workspace's methods as fields of commands, and the comments that these methods return."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TypedDict

from hitl_nb.records import Comment
from hitl_nb.review.comment_threads import AgentComment, thread_comments


def check_parts(part: object) -> None:
    """Check that `part` is a text, or can be a stream of text.

    Raises:
        TypeError: It is neither.
    """
    if not isinstance(part, (Iterable, AsyncIterable)) or isinstance(part, (bytes, bytearray)):
        raise TypeError(f"append takes a str, or an iterable of str, not {type(part).__name__}")


class TextTarget(TypedDict, total=False):
    """The fields that say which text a command is about."""

    old: str
    comment: str


def describe_target(old: str | AgentComment) -> TextTarget:
    """Return the fields of a command about a text, or about the text of a comment."""
    return {"old": old} if isinstance(old, str) else {"comment": old.id}


def comment_id_of(comment: AgentComment | str) -> str:
    """Return the id of a comment that is given as an object or by its id."""
    return comment if isinstance(comment, str) else comment.id


def accept_key(comment: str) -> str:
    """Return the key of a command that accepts a comment. A suggestion is accepted once, at however many places."""
    return f"accept/{comment}"


def to_agent_comment(made: Comment | None) -> AgentComment:
    """Return the comment of a command's result in the form that agents get."""
    assert made is not None
    return thread_comments([made])[0]
