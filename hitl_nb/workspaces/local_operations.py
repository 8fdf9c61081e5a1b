"""What a run does to the document of a workspace: reads it, writes into it, says something about it; each once.

Every write has the key of its place in the run, and is kept together with the update that it made: made again, by a run
that goes on after a crash or by opaque code that is replayed, it does nothing. What is said is a step, under an id that
is the same on every try, and so is what opaque code reads.

The run's claim and the document are in two databases, so the claim is checked before and after each write and not with
it: a process that has lost its run may still bring in what it was just writing, once; from the next process's first
write on it brings in nothing. If both make the same write, the first counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TypeVar

from hitl_nb import records
from hitl_nb.agent_api.steps import StepFunction, idempotency_key
from hitl_nb.drafts.agent_coauthor import AtWork, comment_id, standing_in
from hitl_nb.drafts.agent_writer import Find, Suggestion, Writing, Written, standing, suggestion
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import Stream
from hitl_nb.drafts.text_view import Page
from hitl_nb.engine.current_session import required
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.saver import Reentered
from hitl_nb.review.comment_threads import Comment, told

T = TypeVar("T")


class Write:
    """One write of a run, at its place in it: `key`. `name` is what a comment is called that it becomes."""

    def __init__(self, document: str, session: Session, key: str) -> None:
        self.document = document
        self.session = session
        self.key = key
        self.name = comment_id(f"{session.run_record.id}/{key}")
        self._work = at_work(session, document)

    def begun(self) -> Writing | Written:
        """The hand that writes, now that it may; or what became of the write, if it has been made before."""
        writing = self._work.writing()
        known = writing.made(self.key)
        if known is not None:
            return known
        self._work.begin(inside=_inside(self.session, self.document))
        suggested = any(one.id == self.name for one in self.session.ledger.comments(self.document))
        return writing.settled(self.key) if suggested else writing

    def made(self, work: Callable[[Writing, str], Written | Suggestion]) -> Written:
        """Do `work`, unless that was done before; what became of it."""
        writing = self.begun()
        return writing if isinstance(writing, Written) else self.ended(writing, work(writing, self.key))

    def ended(self, writing: Writing, outcome: Written | Suggestion) -> Written:
        """What became of the write, now that it is over: a suggestion is put to people."""
        if isinstance(outcome, Written):
            return outcome
        self._work.suggest(outcome, "", self.name)
        return writing.settled(self.key)


# What is read; opaque code reads it through steps, so that it reads the same when it is made again


def text(document: str) -> str:
    """What stands there now, or what people agreed to and nobody has changed since."""
    ledger = required("workspace.text").ledger
    return standing_in(ledger, ledger.workspace(document))


def comments(document: str) -> list[Comment]:
    """What was said about it, oldest first."""
    return list(told(required("workspace.comments()").ledger.comments(document, as_logged=True)))


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
    what = suggestion(page, find(page), new)
    return _told(at_work(session, document).suggest(what, why, comment_id(idempotency_key())))


def _reply(document: str, comment: str, text: str) -> Comment:
    session = required("workspace.reply()")
    return _told(at_work(session, document).reply(comment, text, comment_id(idempotency_key())))


def _resolve(document: str, comment: str) -> Comment:
    return _told(at_work(required("workspace.resolve()"), document).mark(comment, "resolved"))


def _accept(document: str, comment: str, patience: float) -> Written:
    session = required("workspace.accept()")
    work = at_work(session, document)
    about = work.comment_on(comment)
    if about.suggestion is None:
        raise ValueError(f"comment {comment} suggests nothing that could be accepted; resolve it")
    new, find = about.suggestion, standing(about.quote, about.anchor)
    work.begin(inside=_inside(session, document))
    writing = work.writing()
    if about.state != "accepted" and not writing.quiet(lambda page: [find(page)], patience)[2]:
        return Written.suggested
    work.mark(comment, "accepted")
    done = writing.replace(f"accept/{comment}", find, new, patience=None)  # once, wherever in the run it is asked for
    assert isinstance(done, Written)
    return done


suggest = _once("workspace.suggest", _suggest)
reply = _once("workspace.reply", _reply)
resolve = _once("workspace.resolve", _resolve)
accept = _once("workspace.accept", _accept)


def at_work(session: Session, document: str) -> AtWork:
    """The agent of a session at work on one of its documents."""
    return AtWork(session.ledger, session.claim, session.run_record.agent, document)


def _told(made: records.Comment) -> Comment:
    return told([made])[0]


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


def _inside(session: Session, document: str) -> bool:
    """Whether the run is inside the with block of this workspace."""
    return any(isinstance(one, Reentered) and one.id == document for one in session.live.managers())
