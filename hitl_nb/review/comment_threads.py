"""Comments as agents get them: what people said, with the text that it is about, and the answers to it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hitl_nb import json_text as json
from hitl_nb import records
from hitl_nb.ledger.comments import group_threads
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import CommentState, Speaker


@name_in_package
@dataclass(frozen=True)
class AgentComment:
    """What somebody said about a document, or about a range of it. `str()` of it is fit for a prompt.

    Attributes:
        text: what was said; may be empty for a suggestion.
        author: user name; `author_name` is how they are shown.
        at: when (aware, UTC).
        quote: the text that it is about, as it was then; empty for a comment on the whole.
        suggestion: text to put in place of the quote, or None for a comment that suggests none.
        mentions: user names of whom it calls.
        state: "open", "resolved", "accepted" or "dismissed".
        replies: the answers to it, oldest first.
        known: how it is known who said it: a server signed that they "login"ged in, or was told its "token" only, or
            knew nobody ("anonymous"); an "agent" said it; or it is "unsigned", so that any program of this user can
            have said it under this name.
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
        """Whether nothing has become of it yet."""
        return self.state == "open"

    def __str__(self) -> str:
        who = " ".join(self.author_name.split()) or self.author
        head = f"{who}{self._describe_target()}" + ("" if self.open else f" [{self.state}]")
        further = self.text.replace("\n", "\n    ")  # deeper than an answer, so that no text can look like one
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
    """Recorded comments as an agent gets them, oldest first, each with the answers to it."""
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
