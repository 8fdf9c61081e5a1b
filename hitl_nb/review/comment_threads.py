"""Comments on a document in the form that an agent's code gets: `AgentComment`, with text, quote and replies."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hitl_nb import json_text as json
from hitl_nb import records
from hitl_nb.ledger.documents.comment_records import group_threads
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import CommentState, Speaker


@name_in_package
@dataclass(frozen=True)
class AgentComment:
    """A comment on a document, or on a range of its text. `str()` of a comment returns a text for a prompt.

    Attributes:
        id: Id of the comment.
        text: The comment; may be empty for a suggestion.
        author: User name of the author.
        author_name: Display name of the author.
        at: Time of the comment (aware, UTC).
        quote: The commented text, as it was at the time of the comment; empty for a comment on the whole document.
        suggestion: Text to replace the quote with; None if the comment suggests nothing.
        mentions: User names of the mentioned people.
        state: "open", "resolved", "accepted" or "dismissed".
        replies: The replies to the comment, oldest first.
        known: How the identity of the author is known. "login", "token" or "anonymous": a server signed the comment for
            a user with this authentication. "agent": an agent wrote it. "unsigned": any program of this user can have
            written it under this name.
    """

    id: str
    text: str
    author: str
    author_name: str
    at: datetime
    quote: str
    suggestion: str | None
    mentions: tuple[str, ...]
    state: CommentState
    replies: tuple[AgentComment, ...] = ()
    known: Speaker = "unsigned"

    @property
    def open(self) -> bool:
        """Whether nobody has resolved, accepted or dismissed the comment yet."""
        return self.state == "open"

    def __str__(self) -> str:
        who = " ".join(self.author_name.split()) or self.author
        head = f"{who}{self._describe_target()}" + ("" if self.open else f" [{self.state}]")
        further = self.text.replace("\n", "\n    ")  # indented more than a reply, so that no text looks like a reply
        said = f"{head}: {further}" if self.text else head
        return "\n".join([said, *(textwrap.indent(str(one), "  ") for one in self.replies)])

    def _describe_target(self) -> str:
        quote = json.dumps(self.quote, ensure_ascii=False)
        if self.suggestion is None:
            return f" on {quote}" if self.quote else ""
        if not self.suggestion:
            return f" suggests to remove {quote}"
        new = json.dumps(self.suggestion, ensure_ascii=False)
        return f" suggests {new} in place of {quote}" if self.quote else f" suggests to insert {new}"


def thread_comments(found: Sequence[records.Comment]) -> tuple[AgentComment, ...]:
    """Convert stored comments to agent comments: the first comment of each thread, oldest first, with its replies."""
    return tuple(
        _to_agent_comment(one, tuple(_to_agent_comment(answer) for answer in answers))
        for one, answers in group_threads(found)
    )


def _to_agent_comment(one: records.Comment, replies: tuple[AgentComment, ...] = ()) -> AgentComment:
    return AgentComment(
        id=one.id,
        text=one.text,
        author=one.author,
        author_name=one.author_name,
        at=one.at,
        quote=one.quote,
        suggestion=one.suggestion,
        mentions=one.mentions,
        state=one.state,
        replies=replies,
        known=one.known,
    )
