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

from hitl_nb.agent_api.steps import StepFunction, idempotency_key
from hitl_nb.drafts.agent_coauthor import AgentCoauthor, workspace_text
from hitl_nb.drafts.agent_writer import Written
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.run.session import Session
from hitl_nb.engine.snapshot.saver import StoreBackedContext
from hitl_nb.review.comment_threads import AgentComment, thread_comments
from hitl_nb.workspaces.arguments import accept_key, to_agent_comment
from hitl_nb.workspaces.commands import (
    Accept,
    CommentCommand,
    Reply,
    Resolve,
    Suggest,
    WriteCommand,
    execute,
    write_patiently,
)

T = TypeVar("T")


def make_coauthor(session: Session, document: str, *, scope: str | None = None) -> AgentCoauthor:
    """Return the agent of a session as a co-author of one of its documents; see `AgentCoauthor`."""
    inside = any(isinstance(one, StoreBackedContext) and one.id == document for one in session.live.list_managers())
    run = session.run_record
    return AgentCoauthor(session.ledger, session.claim, run.agent, document, inside=inside, scope=scope)


# Writes: recorded in the document


def write(session: Session, document: str, command: WriteCommand, patience: float) -> Written:
    """Execute a write. It waits up to `patience` seconds while a person writes there."""
    coauthor = make_coauthor(session, document)
    return write_patiently(lambda attempt: execute(attempt, coauthor), command, patience)


def append_parts(coauthor: AgentCoauthor, key: str, parts: Iterable[str], patience: float) -> Written:
    """Add the parts of a text at the end, each as it arrives."""
    writer = coauthor.start_write(key)
    if isinstance(writer, Written):
        return writer
    stream = StreamWriter(writer, key, patience=patience)
    for part in parts:
        stream.add(part)
    return coauthor.finish_write(key, writer, stream.end())


async def append_async_parts(coauthor: AgentCoauthor, key: str, parts: AsyncIterable[str], patience: float) -> Written:
    """Add the parts of a text at the end, each as it arrives."""
    writer = coauthor.start_write(key)
    if isinstance(writer, Written):
        return writer
    stream = StreamWriter(writer, key, patience=patience)
    async for part in parts:
        stream.add(part)
    return coauthor.finish_write(key, writer, stream.end())


# Steps


def _make_recorded(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """Return `function` as a step: its result is recorded under this name. Repeating it after a crash is harmless."""
    step = StepFunction(function, idempotent=True)
    step.__qualname__ = name
    return step


# Reads. Opaque code makes them through steps, so that it reads the same when it runs again.


def read_text(document: str) -> str:
    """Return the text of a workspace: the decided text if nobody has changed it since, otherwise the draft."""
    ledger = require_session("workspace.text").ledger
    return workspace_text(ledger, ledger.workspaces.load(document))


def read_comments(document: str) -> list[AgentComment]:
    """Return the comments on a document, oldest first."""
    return list(
        thread_comments(
            require_session("workspace.comments()").ledger.comments.list_on_document(document, as_logged=True)
        )
    )


recorded_text = _make_recorded("workspace.text", read_text)
recorded_comments = _make_recorded("workspace.comments", read_comments)


# Comment operations. In a step, the step's idempotency key is the command's key: it is the same on every attempt.
# The steps of a thread are found again by their arguments, so these signatures stay as they are.


def _suggest(document: str, text: str, old: str | None, comment: str | None, why: str) -> AgentComment:
    return _execute_in_step(document, Suggest(idempotency_key(), text, old, comment, why))


def _reply(document: str, comment: str, text: str) -> AgentComment:
    return _execute_in_step(document, Reply(idempotency_key(), comment, text))


def _resolve(document: str, comment: str) -> AgentComment:
    return _execute_in_step(document, Resolve(idempotency_key(), comment))


def _execute_in_step(document: str, command: CommentCommand) -> AgentComment:
    session = require_session("workspace")
    return to_agent_comment(execute(command, make_coauthor(session, document, scope="")).comment)


def _accept(document: str, comment: str, patience: float) -> Written:
    return write(require_session("workspace.accept()"), document, Accept(accept_key(comment), comment), patience)


suggest = _make_recorded("workspace.suggest", _suggest)
reply = _make_recorded("workspace.reply", _reply)
resolve = _make_recorded("workspace.resolve", _resolve)
accept = _make_recorded("workspace.accept", _accept)
