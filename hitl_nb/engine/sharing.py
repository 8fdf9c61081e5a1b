"""What a run does to the document of a workspace: reads it, writes into it, says something about it; each once.

Every write has the key of its place in the run, and is kept together with the update that it made: made again, by a run
that goes on after a crash or by opaque code that is replayed, it does nothing. What is said is a step, under an id that
is the same on every try, and so is what opaque code reads.

The run's claim and the document are in two databases, so the claim is checked before and after each write and not with
it: a process that has lost its run may still bring in what it was just writing, once; from the next process's first
write on it brings in nothing. If both make the same write, the first counts.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterable, Callable, Iterable
from typing import TypeVar

from .. import records
from ..errors import UnknownComment
from ..records import CommentState
from ..review.draft import Draft
from ..review.page import AGENT, Page
from ..review.stream import Stream
from ..review.writing import Find, Suggestion, Writing, Written, standing, suggestion
from .comments import Comment, told
from .session import Session, required
from .state import Reentered
from .steps import StepFunction, idempotency_key

T = TypeVar("T")


class Write:
    """One write of a run, at its place in it: `key`. `name` is what a comment is called that it becomes."""

    def __init__(self, document: str, session: Session, key: str) -> None:
        self.document = document
        self.session = session
        self.key = key
        self.name = _name(f"{session.run_record.id}/{key}")

    def begun(self) -> Writing | Written:
        """The hand that writes, now that it may; or what became of the write, if it has been made before."""
        session, id_ = self.session, self.document
        writing = _writing(session, session.ledger.workspace(id_))
        known = writing.made(self.key)
        if known is not None:
            return known
        session.ledger.begin_writing(session.claim, id_, inside=_inside(session, id_))
        suggested = any(one.id == self.name for one in session.ledger.comments(id_))
        return writing.settled(self.key) if suggested else writing

    def made(self, work: Callable[[Writing, str], Written | Suggestion]) -> Written:
        """Do `work`, unless that was done before; what became of it."""
        writing = self.begun()
        return writing if isinstance(writing, Written) else self.ended(writing, work(writing, self.key))

    def ended(self, writing: Writing, outcome: Written | Suggestion) -> Written:
        """What became of the write, now that it is over: a suggestion is put to people."""
        if isinstance(outcome, Written):
            return outcome
        _say(self.session, self.document, outcome, "", self.name)
        return writing.settled(self.key)


# What is read; opaque code reads it through steps, so that it reads the same when it is made again


def text(document: str) -> str:
    """What stands there now, or what people agreed to and nobody has changed since."""
    ledger = required("workspace.text").ledger
    record = ledger.workspace(document)
    agreed = ledger.decided_text(record)
    return Draft.within(ledger.store, record).value() if agreed is None else agreed


def comments(document: str) -> list[Comment]:
    """What was said about it, oldest first."""
    return list(told(required("workspace.comments()").ledger.comments(document)))


def _once(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """The function as a step: its result is recorded, under this name. Doing it again after a crash does no harm."""
    step = StepFunction(function, idempotent=True)
    step.__qualname__ = name
    return step


recorded_text = _once("workspace.text", text)
recorded_comments = _once("workspace.comments", comments)


# What is said, and done about it: once, under a name that is the same on every try


def _suggest(document: str, find: Find, new: str, why: str) -> Comment:
    session = required("workspace.suggest()")
    page = Page(Draft.within(session.ledger.store, session.ledger.workspace(document)))
    return _say(session, document, suggestion(page, find(page), new), why, _name(idempotency_key()))


def _reply(document: str, comment: str, text: str) -> Comment:
    session, name = required("workspace.reply()"), _name(idempotency_key())
    agent, claim = session.run_record.agent, session.claim
    made = session.ledger.comment(
        document, text, author=AGENT + agent, author_name=agent, thread=comment, id=name, claim=claim
    )
    return told([made])[0]


def _resolve(document: str, comment: str) -> Comment:
    session = required("workspace.resolve()")
    return _marked(session, document, comment, "resolved")


def _accept(document: str, comment: str, patience: float) -> Written:
    session = required("workspace.accept()")
    about = comment_on(session, document, comment)
    if about.suggestion is None:
        raise ValueError(f"comment {comment} suggests nothing that could be accepted; resolve it")
    new, find = about.suggestion, standing(about.quote, about.anchor)
    writing = _writing(
        session, session.ledger.begin_writing(session.claim, document, inside=_inside(session, document))
    )
    if about.state != "accepted" and not writing.quiet(lambda page: [find(page)], patience)[2]:
        return Written.suggested
    _marked(session, document, comment, "accepted")
    done = writing.replace(f"accept/{comment}", find, new, patience=None)  # once, wherever in the run it is asked for
    assert isinstance(done, Written)
    return done


suggest = _once("workspace.suggest", _suggest)
reply = _once("workspace.reply", _reply)
resolve = _once("workspace.resolve", _resolve)
accept = _once("workspace.accept", _accept)


def _marked(session: Session, document: str, comment: str, state: CommentState) -> Comment:
    agent, claim = session.run_record.agent, session.claim
    done = session.ledger.mark_comment(document, comment, state, actor=AGENT + agent, actor_name=agent, claim=claim)
    return told([done.comment])[0]


def _say(session: Session, document: str, what: Suggestion, why: str, name: str) -> Comment:
    agent = session.run_record.agent
    made = session.ledger.comment(
        document,
        why,
        author=AGENT + agent,
        author_name=agent,
        quote=what.quote,
        prefix=what.prefix,
        suffix=what.suffix,
        anchor=what.anchor,
        suggestion=what.text,
        id=name,
        claim=session.claim,
    )
    return told([made])[0]


def _writing(session: Session, record: records.Workspace) -> Writing:
    ledger, claim, agent = session.ledger, session.claim, session.run_record.agent
    return Writing(
        ledger.store,
        Draft.within(ledger.store, record),
        author=AGENT + agent,
        name=agent,
        epoch=claim.epoch,
        check=lambda: ledger.check_claim(claim),
    )


def appended(write: Write, part: str | Iterable[str], patience: float) -> Written:
    """Add a text, or a stream of its parts, at the end."""

    def work(writing: Writing, key: str) -> Written | Suggestion:
        if isinstance(part, str) and writing.writes.find(key) is None:
            return writing.append(key, part)
        stream = Stream(writing, key, patience=patience)
        for one in [part] if isinstance(part, str) else part:
            stream.add(one)
        return stream.end()

    return write.made(work)


async def streamed(write: Write, parts: AsyncIterable[str], patience: float) -> Written:
    """Add a stream of parts that are waited for, at the end."""
    writing = write.begun()
    if isinstance(writing, Written):
        return writing
    stream = Stream(writing, write.key, patience=patience)
    async for part in parts:
        stream.add(part)
    return write.ended(writing, stream.end())


def comment_on(session: Session, document: str, comment: str) -> records.Comment:
    """A comment on the document. Raises UnknownComment."""
    for one in session.ledger.comments(document):
        if one.id == comment:
            return one
    raise UnknownComment(f"there is no comment {comment!r} on this document; read its comments again")


def _inside(session: Session, document: str) -> bool:
    """Whether the run stands in the with block of this workspace."""
    blocks = [block.value for frame in session.machine.stack for block in frame.blocks]
    return any(isinstance(one, Reentered) and one.id == document for one in blocks)


def _name(key: str) -> str:
    """The id of a comment that is made for this key."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest())[:12].decode().lower()
