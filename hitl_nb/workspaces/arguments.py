"""Conversions between the arguments and results of a workspace's methods and the fields of commands.

A command is a method call as data (see `commands.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TypedDict

from hitl_nb.records import Comment
from hitl_nb.review.comment_threads import AgentComment, thread_comments


def check_parts(part: object) -> None:
    """Check that the argument of `append` is a str, an iterable or an async iterable.

    Raises:
        TypeError: `part` is something else, or is bytes.
    """
    if not isinstance(part, (Iterable, AsyncIterable)) or isinstance(part, (bytes, bytearray)):
        raise TypeError(f"append takes a str, or an iterable of str, not {type(part).__name__}")


class TextTarget(TypedDict, total=False):
    """The fields of a command that say which text of the document is meant. Exactly one of the two keys is set.

    Attributes:
        old: The text itself, which must occur once.
        comment: Id of a comment; its quoted text is meant.
    """

    old: str
    comment: str


def describe_target(old: str | AgentComment) -> TextTarget:
    """Return the fields of a command that name a text of the document.

    Args:
        old: The text, or a comment whose quoted text is meant.

    Returns:
        `{"old": text}` or `{"comment": id of the comment}`.
    """
    return {"old": old} if isinstance(old, str) else {"comment": old.id}


def comment_id_of(comment: AgentComment | str) -> str:
    """Return the id of a comment. `comment` is the comment, or already the id."""
    return comment if isinstance(comment, str) else comment.id


def accept_key(comment: str) -> str:
    """Return the key of the command that accepts the suggestion with the id `comment`.

    The key depends only on the comment. So the change is made once, even if the program accepts the same suggestion in
    several places.
    """
    return f"accept/{comment}"


def to_agent_comment(made: Comment | None) -> AgentComment:
    """Return a stored comment in the form that the methods of a workspace return.

    Args:
        made: The comment of a command's result. It must not be None.
    """
    assert made is not None
    return thread_comments([made])[0]
