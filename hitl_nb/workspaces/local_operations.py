"""Operations of a run on the document of a workspace: reads, writes and comments, each exactly once.

A write is identified by its place in the run. Its record is stored in the same transaction as its update. So a repeated
write changes nothing, whether the run continues after a crash or opaque code runs again. Comment operations are
recorded as steps with a deterministic comment id, so a retry does not post twice. Reads of opaque code are recorded as
steps, too.

The run's claim and the document are in two databases. So the claim is checked before and after each write, not in the
same transaction. A process that has lost its run may still complete the write that it was making, once. After the next
process's first write, it can write nothing. If both make the same write, the first one counts.
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
    """One write of a run.

    Attributes:
        key: Identifies the write by its place in the run.
        name: Id of the comment that it becomes if it ends as a suggestion.
    """

    def __init__(self, document: str, session: Session, key: str) -> None:
        self.document = document
        self.session = session
        self.key = key
        self.name = comment_id(f"{session.run_record.id}/{key}")
        self._work = make_coauthor(session, document)

    def start(self) -> AgentWriter | Written:
        """Return a writer, after reopening the document; or the result, if the write was made before."""
        writing = self._work.make_writer()
        known = writing.outcome_of(self.key)
        if known is not None:
            return known
        self._work.begin_writing(inside=_is_inside_workspace(self.session, self.document))
        suggested = any(one.id == self.name for one in self.session.ledger.list_comments(self.document))
        return writing.mark_suggested(self.key) if suggested else writing

    def run(self, work: Callable[[AgentWriter, str], Written | Suggestion]) -> Written:
        """Run `work` unless the write was made before. Return the write's result."""
        writing = self.start()
        return writing if isinstance(writing, Written) else self.finish(writing, work(writing, self.key))

    def finish(self, writing: AgentWriter, outcome: Written | Suggestion) -> Written:
        """Return the result of a write. A suggestion is added as a comment first."""
        if isinstance(outcome, Written):
            return outcome
        self._work.suggest(outcome, "", self.name)
        return writing.mark_suggested(self.key)


# Reads. Opaque code makes them through steps, so that it reads the same when it runs again.


def read_text(document: str) -> str:
    """Return the text of a workspace: the decided text if nobody has changed it since, otherwise the draft."""
    ledger = require_session("workspace.text").ledger
    return workspace_text(ledger, ledger.load_workspace(document))


def read_comments(document: str) -> list[AgentComment]:
    """Return the comments on a document, oldest first."""
    return list(thread_comments(require_session("workspace.comments()").ledger.list_comments(document, as_logged=True)))


def _make_recorded(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """Return `function` as a step: its result is recorded under this name. Repeating it after a crash is harmless."""
    step = StepFunction(function, idempotent=True)
    step.__qualname__ = name
    return step


recorded_text = _make_recorded("workspace.text", read_text)
recorded_comments = _make_recorded("workspace.comments", read_comments)


# Comment operations: recorded as steps, with a comment id that is the same on every attempt


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
    done = writing.replace(f"accept/{comment}", find, new, patience=None)  # once, even if accepted at several places
    assert isinstance(done, Written)
    return done


suggest = _make_recorded("workspace.suggest", _suggest)
reply = _make_recorded("workspace.reply", _reply)
resolve = _make_recorded("workspace.resolve", _resolve)
accept = _make_recorded("workspace.accept", _accept)


def make_coauthor(session: Session, document: str) -> AgentCoauthor:
    """Return the agent of a session as a co-author of one of its documents."""
    return AgentCoauthor(session.ledger, session.claim, session.run_record.agent, document)


def _to_agent_comment(made: records.Comment) -> AgentComment:
    return thread_comments([made])[0]


def append_text(write: RecordedWrite, part: str | Iterable[str], patience: float) -> Written:
    """Add a text, or an iterable of its parts, at the end."""

    def work(writing: AgentWriter, key: str) -> Written | Suggestion:
        if isinstance(part, str) and writing.writes.find_write(key) is None:
            return writing.append(key, part)
        stream = StreamWriter(writing, key, patience=patience)
        for one in [part] if isinstance(part, str) else part:
            stream.add(one)
        return stream.end()

    return write.run(work)


async def append_stream(write: RecordedWrite, parts: AsyncIterable[str], patience: float) -> Written:
    """Add an async iterable of parts at the end."""
    writing = write.start()
    if isinstance(writing, Written):
        return writing
    stream = StreamWriter(writing, write.key, patience=patience)
    async for part in parts:
        stream.add(part)
    return write.finish(writing, stream.end())


def _is_inside_workspace(session: Session, document: str) -> bool:
    """Return whether the run is inside the `with` block of this workspace."""
    return any(isinstance(one, StoreBackedContext) and one.id == document for one in session.live.list_managers())
