"""Commands of an agent for its document, as data, and the one function that executes them.

An agent in a kernel executes its commands itself (`local_operations.py`). A plain script sends them as JSON
(`remote.py`), and a Jupyter server executes them with the same function (`server/api/remote_workspaces.py`).

No command waits for people. `write_patiently` repeats a command that met a person who was writing at the same place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from hitl_nb.drafts.agent_coauthor import AgentCoauthor
from hitl_nb.drafts.agent_writer import AgentWriter, Suggestion, TextFinder, Written, locate_quote, make_suggestion
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.drafts.text_view import TextPage
from hitl_nb.records import Comment
from hitl_nb.structs import prepare_structs

Outcome = Literal["done", "suggested", "going", "busy"]

LOOK_SECONDS = 0.25
"""Seconds between two attempts to write where a person writes."""


class CommandResult(msgspec.Struct, frozen=True):
    """Result of a command.

    Attributes:
        outcome: "done"; "suggested": the write became a suggestion, because a person was writing there; "going": the
            stream is not complete; "busy": a person is writing there, and nothing was done.
        comment: The comment that was made or changed; None for a write.
    """

    outcome: Outcome
    comment: Comment | None = None


class _Command(msgspec.Struct, frozen=True, tag_field="do", tag=str.lower, omit_defaults=True):
    """One command. Its JSON names the command in the field `do`.

    Attributes:
        key: Identifies the command in its document. A write is made once per key.

    Raises:
        TypeError: A text is not a str. Agents and scripts may be untyped.
    """

    key: str

    def __post_init__(self) -> None:
        for field, name in (("text", "the text"), ("why", "the reason")):
            value = getattr(self, field, "")
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")


class Append(_Command, frozen=True):
    """Add `text` at the end, as new paragraphs.

    Attributes:
        text: The text, or the next part of a stream.
        at: Number of characters of the stream that were sent before.
        last: Whether the text, or the stream, is complete.
        patient: If a person is writing there, True: do nothing; False: make a suggestion.
    """

    text: str = ""
    at: int = 0
    last: bool = True
    patient: bool = False


class Replace(_Command, frozen=True):
    """Put `text` in place of the text `old`, or of the text that the comment `comment` is about.

    Attributes:
        old: A text that occurs once; None if `comment` is given.
        comment: Id of a comment; None if `old` is given.
        patient: If a person is writing there, True: do nothing; False: make a suggestion.
    """

    text: str = ""
    old: str | None = None
    comment: str | None = None
    patient: bool = False


class Suggest(_Command, frozen=True):
    """Suggest `text` in place of the text `old`, or of the text that the comment `comment` is about.

    `old` and `comment` are as in `Replace`, and `why` is the reason.
    """

    text: str = ""
    old: str | None = None
    comment: str | None = None
    why: str = ""


class Reply(_Command, frozen=True):
    """Answer the comment with the id `comment`."""

    comment: str
    text: str = ""


class Resolve(_Command, frozen=True):
    """Mark the comment with the id `comment` as resolved."""

    comment: str


class Accept(_Command, frozen=True):
    """Make the change that the comment with the id `comment` suggests, and mark the suggestion as accepted.

    If a person is writing there, nothing is done. The outcome is then "busy" if `patient`, otherwise "suggested".
    """

    comment: str
    patient: bool = False


WriteCommand = Append | Replace | Accept
CommentCommand = Suggest | Reply | Resolve
Command = WriteCommand | CommentCommand
prepare_structs(globals())


# Commands as JSON


def encode_command(command: Command) -> dict[str, Any]:
    """Return a command as a JSON object, without fields that have their default."""
    return msgspec.to_builtins(command)


def decode_command(fields: Mapping[str, Any]) -> Command:
    """Return the command that a JSON object describes. Fields that the command does not have are ignored.

    Raises:
        ValueError: A field is missing or has a wrong type, or two fields contradict each other.
    """
    do, has_comment = fields.get("do"), fields.get("comment") is not None
    if do in ("reply", "resolve", "accept") and not has_comment:
        raise ValueError(f"{do} needs `comment`, the id of a comment")
    if do in ("replace", "suggest") and has_comment == (fields.get("old") is not None):
        raise ValueError(f"{do} needs either `old` or `comment`")
    return msgspec.convert(fields, Command)


# Executing commands


def execute(command: Command, coauthor: AgentCoauthor) -> CommandResult:
    """Execute a command durably.

    A write is made once per key: its record is stored in the transaction of its update. A comment has an id that
    depends on the key, so it is posted once.

    Args:
        command: The command.
        coauthor: The agent and its document, under the claim of its run.

    Returns:
        The result; for a write that was made before, its recorded result.

    Raises:
        TextGone: The text that the command is about does not occur exactly once.
        UnknownComment: The document has no such comment.
        AlreadySettled: The comment was settled before.
        WorkspaceClosed: The document is closed for good.
        RunClaimed: Another process has taken the run.
        ValueError: The comment that should be accepted has no suggestion, or a stream does not continue at `at`.
    """
    match command:
        case Append():
            return _append(command, coauthor)
        case Replace():
            return _replace(command, coauthor)
        case Accept():
            return _accept(command, coauthor)
        case Suggest():
            return _suggest(command, coauthor)
        case Reply():
            made = coauthor.reply(command.comment, command.text, coauthor.name_comment(command.key))
        case Resolve():
            made = coauthor.change_comment_state(command.comment, "resolved")
    return CommandResult("done", made)


def find_result(command: Command, coauthor: AgentCoauthor) -> CommandResult | None:
    """Return the recorded result of a command that was executed before; None if none is recorded."""
    known = coauthor.make_writer().outcome_of(command.key)
    if known is None:
        return None
    match command:
        case Suggest() | Reply():
            about = coauthor.name_comment(command.key)
        case Resolve():
            about = command.comment
        case _:
            return CommandResult(known.value)
    return CommandResult(known.value, coauthor.find_comment(about))


def record_comment_command(command: CommentCommand, coauthor: AgentCoauthor) -> None:
    """Record durably that a command about a comment was executed, so that `find_result` finds it."""
    coauthor.make_writer().commit_write(command.key, [])


def write_patiently(
    execute_write: Callable[[WriteCommand], CommandResult], command: WriteCommand, patience: float
) -> Written:
    """Execute a write as soon as no person writes there, or when `patience` ends. Return the result of the write.

    Args:
        execute_write: Executes the command.
        command: The command. Its field `patient` is set here.
        patience: Maximum number of seconds to wait.
    """
    until = time.monotonic() + patience
    while True:
        attempt = msgspec.structs.replace(command, patient=time.monotonic() < until)
        outcome = execute_write(attempt).outcome
        if outcome != "busy":
            return Written(outcome)
        time.sleep(LOOK_SECONDS)


def _append(command: Append, coauthor: AgentCoauthor) -> CommandResult:
    writer = coauthor.start_write(command.key, can_be_suggested=command.last or command.at == 0)
    if isinstance(writer, Written):
        return CommandResult(writer.value)
    if command.last and command.at == 0 and writer.writes.find_write(command.key) is None:
        return _finish(command, coauthor, writer, writer.append(command.key, command.text))
    stream = StreamWriter(writer, command.key, patience=0, at=command.at)
    stream.add(command.text)
    if not command.last:
        return CommandResult("busy" if stream.is_blocked else "going")
    return _finish(command, coauthor, writer, stream.end())


def _replace(command: Replace, coauthor: AgentCoauthor) -> CommandResult:
    find = _make_finder(command, coauthor)
    writer = coauthor.start_write(command.key)
    if isinstance(writer, Written):
        return CommandResult(writer.value)
    return _finish(command, coauthor, writer, writer.replace(command.key, find, command.text, patience=0))


def _finish(
    command: Append | Replace, coauthor: AgentCoauthor, writer: AgentWriter, outcome: Written | Suggestion
) -> CommandResult:
    if command.patient and isinstance(outcome, Suggestion):
        return CommandResult("busy")
    return CommandResult(coauthor.finish_write(command.key, writer, outcome).value)


def _accept(command: Accept, coauthor: AgentCoauthor) -> CommandResult:
    about = coauthor.load_comment(command.comment)
    if about.suggestion is None:
        raise ValueError(f"comment {about.id} suggests nothing that could be accepted; resolve it")
    writer = coauthor.start_write(command.key, can_be_suggested=False)
    if isinstance(writer, Written):
        return CommandResult(writer.value)
    find = locate_quote(about.quote, about.anchor)
    if about.state != "accepted" and not writer.wait_until_idle(lambda page: [find(page)], 0)[2]:
        return CommandResult("busy" if command.patient else "suggested")
    coauthor.change_comment_state(about.id, "accepted")
    done = writer.replace(command.key, find, about.suggestion, patience=None)
    assert isinstance(done, Written)
    return CommandResult(done.value)


def _suggest(command: Suggest, coauthor: AgentCoauthor) -> CommandResult:
    name = coauthor.name_comment(command.key)
    made = coauthor.find_comment(name)  # of an attempt that ended before its result was recorded
    if made is None:
        page = TextPage(coauthor.make_writer().draft)
        found = _make_finder(command, coauthor)(page)
        made = coauthor.suggest(make_suggestion(page, found, command.text), command.why, name)
    return CommandResult("done", made)


def _make_finder(command: Replace | Suggest, coauthor: AgentCoauthor) -> TextFinder:
    """Return a function that finds the text that a command is about.

    Raises:
        UnknownComment: The document has no such comment.
    """
    if command.comment is not None:
        return coauthor.find_commented_text(command.comment)
    assert command.old is not None
    return locate_quote(command.old)
