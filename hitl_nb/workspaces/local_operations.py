"""Operations of a run on the document of a workspace: reads, writes and comments, each exactly once.

A run cannot continue in the middle of *opaque code*. After a pause or a crash, opaque code is executed again from its
beginning. The key of a write identifies the call in the run. A record with this key is stored in the same transaction
as the change of the text. So a write changes nothing when it is repeated, whether the run continues after a crash or
opaque code is executed again. Operations on comments are recorded as steps. The id of a new comment depends on the
step, so a repeated operation adds no second comment. Texts and comments that opaque code reads are recorded as results
of steps, too.

A claim is the exclusive right of a process to execute a run. The claim and the document are in two databases. So the
claim is checked before and after each write, not in the same transaction. A process that has lost its claim may still
complete the one write that it was making. After the first write of the next process, the old process can write nothing.
If both processes make the same write, the first one counts.
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
    """Return an object for the operations of a session's agent on one of its documents.

    Args:
        session: The session of the run.
        document: Id of the document.
        scope: Prefix that makes the keys of comments unique among all runs. None (default): the id of the run.
    """
    inside = any(isinstance(one, StoreBackedContext) and one.id == document for one in session.live.list_managers())
    run = session.run_record
    return AgentCoauthor(session.ledger, session.claim, run.agent, document, inside=inside, scope=scope)


# Writes: recorded in the document


def write(session: Session, document: str, command: WriteCommand, patience: float) -> Written:
    """Execute a command that changes the text of a document.

    Args:
        session: The session of the run.
        document: Id of the document.
        command: The command.
        patience: Maximum number of seconds to wait while a person is writing in the same paragraph.

    Returns:
        Written.done, or Written.suggested if the change became a suggestion after `patience` seconds.
    """
    coauthor = make_coauthor(session, document)
    return write_patiently(lambda attempt: execute(attempt, coauthor), command, patience)


def append_parts(coauthor: AgentCoauthor, key: str, parts: Iterable[str], patience: float) -> Written:
    """Add a text that arrives in parts at the end of the document. Each part is written as it arrives.

    Args:
        coauthor: The agent and its document.
        key: Key of the write. If a write with this key was completed before, nothing is written.
        parts: The parts of the text.
        patience: Maximum number of seconds to wait if text of an earlier attempt must be corrected in a paragraph in
            which a person is writing.

    Returns:
        Written.done, or Written.suggested if the correction became a suggestion.
    """
    writer = coauthor.start_write(key)
    if isinstance(writer, Written):
        return writer
    stream = StreamWriter(writer, key, patience=patience)
    for part in parts:
        stream.add(part)
    return coauthor.finish_write(key, writer, stream.end())


async def append_async_parts(coauthor: AgentCoauthor, key: str, parts: AsyncIterable[str], patience: float) -> Written:
    """Add a text at the end of the document, like `append_parts`, from an async iterable of parts."""
    writer = coauthor.start_write(key)
    if isinstance(writer, Written):
        return writer
    stream = StreamWriter(writer, key, patience=patience)
    async for part in parts:
        stream.add(part)
    return coauthor.finish_write(key, writer, stream.end())


# Steps


def _make_recorded(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """Return a step that calls `function`: the run records the result, and does not call the function again.

    After a crash during the call, the step is repeated without asking people, because all functions of this module
    that become steps are idempotent.

    Args:
        name: Name of the step in the run's records.
        function: The function. It may be called again after a crash.
    """
    step = StepFunction(function, idempotent=True)
    step.__qualname__ = name
    return step


# Reads. Opaque code calls `recorded_text` and `recorded_comments`, so that it gets the same values when it is executed
# again.


def read_text(document: str) -> str:
    """Return the text of a workspace: the decided text if nobody has written since the decision, otherwise the draft.

    Args:
        document: Id of the document.
    """
    ledger = require_session("workspace.text").ledger
    return workspace_text(ledger, ledger.workspaces.load(document))


def read_comments(document: str) -> list[AgentComment]:
    """Return the comments on a document, oldest first.

    Args:
        document: Id of the document.
    """
    return list(
        thread_comments(
            require_session("workspace.comments()").ledger.comments.list_on_document(document, as_logged=True)
        )
    )


recorded_text = _make_recorded("workspace.text", read_text)
recorded_comments = _make_recorded("workspace.comments", read_comments)


# Operations on comments. Each is a step. The key of its command is the idempotency key of the step, which is the same
# on every attempt. The steps of a thread are found again by their arguments. So these signatures must not change.


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
