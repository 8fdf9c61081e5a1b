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
from hitl_nb.drafts.agent_coauthor import AgentCoauthor, comment_id, workspace_text
from hitl_nb.drafts.agent_writer import AgentWriter, Suggestion, TextFinder, Written, locate_quote, make_suggestion
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.drafts.text_view import TextPage
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.saver import StoreBackedContext
from hitl_nb.review.comment_threads import AgentComment, thread_comments

T = TypeVar("T")


class RecordedWrite:
    """One write of a run, at its place in it: `key`. `name` is what a comment is called that it becomes."""

    def __init__(self, document: str, session: Session, key: str) -> None:
        self.document = document
        self.session = session
        self.key = key
        self.name = comment_id(f"{session.run_record.id}/{key}")
        self._work = make_coauthor(session, document)

    def start(self) -> AgentWriter | Written:
        """The hand that writes, now that it may; or what became of the write, if it has been made before."""
        writing = self._work.make_writer()
        known = writing.outcome_of(self.key)
        if known is not None:
            return known
        self._work.begin_writing(inside=_is_inside_workspace(self.session, self.document))
        suggested = any(one.id == self.name for one in self.session.ledger.list_comments(self.document))
        return writing.mark_suggested(self.key) if suggested else writing

    def run(self, work: Callable[[AgentWriter, str], Written | Suggestion]) -> Written:
        """Do `work`, unless that was done before; what became of it."""
        writing = self.start()
        return writing if isinstance(writing, Written) else self.finish(writing, work(writing, self.key))

    def finish(self, writing: AgentWriter, outcome: Written | Suggestion) -> Written:
        """What became of the write, now that it is over: a suggestion is put to people."""
        if isinstance(outcome, Written):
            return outcome
        self._work.suggest(outcome, "", self.name)
        return writing.mark_suggested(self.key)


# What is read; opaque code reads it through steps, so that it reads the same when it is made again


def read_text(document: str) -> str:
    """What stands there now, or what people agreed to and nobody has changed since."""
    ledger = require_session("workspace.text").ledger
    return workspace_text(ledger, ledger.load_workspace(document))


def read_comments(document: str) -> list[AgentComment]:
    """What was said about it, oldest first."""
    return list(thread_comments(require_session("workspace.comments()").ledger.list_comments(document, as_logged=True)))


def _make_recorded(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """The function as a step: its result is recorded, under this name. Doing it again after a crash does no harm."""
    step = StepFunction(function, idempotent=True)
    step.__qualname__ = name
    return step


recorded_text = _make_recorded("workspace.text", read_text)
recorded_comments = _make_recorded("workspace.comments", read_comments)


# What is said, and done about it: once, under a name that is the same on every try


def _suggest(document: str, find: TextFinder, new: str, why: str) -> AgentComment:
    session = require_session("workspace.suggest()")
    page = TextPage(Draft.for_workspace(session.ledger.store, session.ledger.load_workspace(document)))
    what = make_suggestion(page, find(page), new)
    return _to_agent_comment(make_coauthor(session, document).suggest(what, why, comment_id(idempotency_key())))


def _reply(document: str, comment: str, text: str) -> AgentComment:
    session = require_session("workspace.reply()")
    return _to_agent_comment(make_coauthor(session, document).reply(comment, text, comment_id(idempotency_key())))


def _resolve(document: str, comment: str) -> AgentComment:
    return _to_agent_comment(
        make_coauthor(require_session("workspace.resolve()"), document).change_comment_state(comment, "resolved")
    )


def _accept(document: str, comment: str, patience: float) -> Written:
    session = require_session("workspace.accept()")
    work = make_coauthor(session, document)
    about = work.load_comment(comment)
    if about.suggestion is None:
        raise ValueError(f"comment {comment} suggests nothing that could be accepted; resolve it")
    new, find = about.suggestion, locate_quote(about.quote, about.anchor)
    work.begin_writing(inside=_is_inside_workspace(session, document))
    writing = work.make_writer()
    if about.state != "accepted" and not writing.wait_until_idle(lambda page: [find(page)], patience)[2]:
        return Written.suggested
    work.change_comment_state(comment, "accepted")
    done = writing.replace(f"accept/{comment}", find, new, patience=None)  # once, wherever in the run it is asked for
    assert isinstance(done, Written)
    return done


suggest = _make_recorded("workspace.suggest", _suggest)
reply = _make_recorded("workspace.reply", _reply)
resolve = _make_recorded("workspace.resolve", _resolve)
accept = _make_recorded("workspace.accept", _accept)


def make_coauthor(session: Session, document: str) -> AgentCoauthor:
    """The agent of a session at work on one of its documents."""
    return AgentCoauthor(session.ledger, session.claim, session.run_record.agent, document)


def _to_agent_comment(made: records.Comment) -> AgentComment:
    return thread_comments([made])[0]


def append_text(write: RecordedWrite, part: str | Iterable[str], patience: float) -> Written:
    """Add a text, or a stream of its parts, at the end."""

    def work(writing: AgentWriter, key: str) -> Written | Suggestion:
        if isinstance(part, str) and writing.writes.find_write(key) is None:
            return writing.append(key, part)
        stream = StreamWriter(writing, key, patience=patience)
        for one in [part] if isinstance(part, str) else part:
            stream.add(one)
        return stream.end()

    return write.run(work)


async def append_stream(write: RecordedWrite, parts: AsyncIterable[str], patience: float) -> Written:
    """Add a stream of parts that are waited for, at the end."""
    writing = write.start()
    if isinstance(writing, Written):
        return writing
    stream = StreamWriter(writing, write.key, patience=patience)
    async for part in parts:
        stream.add(part)
    return write.finish(writing, stream.end())


def _is_inside_workspace(session: Session, document: str) -> bool:
    """Whether the run is inside the with block of this workspace."""
    return any(isinstance(one, StoreBackedContext) and one.id == document for one in session.live.list_managers())
