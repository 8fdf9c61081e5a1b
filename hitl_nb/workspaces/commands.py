"""Commands: calls that change or comment on a workspace's document, as data; and `execute`, which executes them.

An agent in a kernel executes its commands itself (`local_operations.py`). A plain script sends its commands as JSON to
a Jupyter server (`remote.py`), which executes them with the same function (`server/calls/remote_workspaces.py`).

No command waits for people. If a person is writing in the same paragraph, the command does nothing, and
`write_patiently` executes it again later.
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
"""Seconds between two attempts to write in a paragraph in which a person is writing."""


class CommandResult(msgspec.Struct, frozen=True):
    """Result of a command.

    Attributes:
        outcome: "done": the command was executed. "suggested": the text became a suggestion, because a person was
            writing in the same paragraph. "going": this part of a stream was written, and the stream is not complete.
            "busy": a person is writing in the same paragraph, and nothing was written.
        comment: The comment that was made or changed; None for a command that writes text.
    """

    outcome: Outcome
    comment: Comment | None = None


class _Command(msgspec.Struct, frozen=True, tag_field="do", tag=str.lower, omit_defaults=True):
    """Base of all commands. In JSON, the field `do` has the name of the command, for example "append".

    Attributes:
        key: Identifies the command among the commands for its document. Commands with the same key take effect once.

    Raises:
        TypeError: The text or the reason is not a str. The code of agents and scripts may be untyped.
    """

    key: str

    def __post_init__(self) -> None:
        for field, name in (("text", "the text"), ("why", "the reason")):
            value = getattr(self, field, "")
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")


class Append(_Command, frozen=True):
    """Command to add `text` at the end of the document, as new paragraphs.

    A text that arrives in parts (a stream) is sent as several commands with the same key.

    Attributes:
        text: The text, or the next part of a stream.
        at: Number of characters of the stream that were sent before this part; 0 for a text that is not a stream.
        last: Whether the text, or the stream, is complete with this command.
        patient: Effect if a person is writing in the same paragraph. True: nothing is done; False: the text becomes a
            suggestion.
    """

    text: str = ""
    at: int = 0
    last: bool = True
    patient: bool = False


class Replace(_Command, frozen=True):
    """Command to replace the text `old`, or the quoted text of a comment, by `text`.

    Attributes:
        text: The new text.
        old: A text that occurs once in the document; None if `comment` is given.
        comment: Id of a comment whose quoted text is replaced; None if `old` is given.
        patient: Effect if a person is writing in the same paragraph. True: nothing is done; False: the text becomes a
            suggestion.
    """

    text: str = ""
    old: str | None = None
    comment: str | None = None
    patient: bool = False


class Suggest(_Command, frozen=True):
    """Command to suggest that the text `old`, or the quoted text of a comment, is replaced by `text`.

    Attributes:
        text: The suggested text.
        old: A text that occurs once in the document; None if `comment` is given.
        comment: Id of a comment whose quoted text would be replaced; None if `old` is given.
        why: Reason for the suggestion, for people; "" for none.
    """

    text: str = ""
    old: str | None = None
    comment: str | None = None
    why: str = ""


class Reply(_Command, frozen=True):
    """Command to answer the comment with the id `comment` by `text`."""

    comment: str
    text: str = ""


class Resolve(_Command, frozen=True):
    """Command to mark the comment with the id `comment` as resolved."""

    comment: str


class Accept(_Command, frozen=True):
    """Command to make the change that a comment suggests, and to mark the suggestion as accepted.

    If a person is writing in the same paragraph, nothing is changed, and the suggestion stays open.

    Attributes:
        comment: Id of the comment with the suggestion.
        patient: Outcome if a person is writing in the same paragraph. True: "busy"; False: "suggested".
    """

    comment: str
    patient: bool = False


WriteCommand = Append | Replace | Accept
CommentCommand = Suggest | Reply | Resolve
Command = WriteCommand | CommentCommand
prepare_structs(globals())


# Commands as JSON


def encode_command(command: Command) -> dict[str, Any]:
    """Return a command as a dict for a JSON encoder. Fields that have their default value are left out."""
    return msgspec.to_builtins(command)


def decode_command(fields: Mapping[str, Any]) -> Command:
    """Return the command that a decoded JSON object describes.

    Args:
        fields: The fields of the object; `do` has the name of the command. Fields that this command does not have are
            ignored.

    Raises:
        ValueError: A field is missing or has a wrong type; or `old` and `comment` are both given, or both missing.
    """
    do, has_comment = fields.get("do"), fields.get("comment") is not None
    if do in ("reply", "resolve", "accept") and not has_comment:
        raise ValueError(f"{do} needs `comment`, the id of a comment")
    if do in ("replace", "suggest") and has_comment == (fields.get("old") is not None):
        raise ValueError(f"{do} needs either `old` or `comment`")
    return msgspec.convert(fields, Command)


# Executing commands


def execute(command: Command, coauthor: AgentCoauthor) -> CommandResult:
    """Execute a command. When the function returns, the effect is durable in the store.

    Commands with the same key take effect once. For a change of the text, a record with the key is stored in the same
    transaction as the change. A comment gets an id that depends on the key, so it is added once.

    Args:
        command: The command.
        coauthor: The agent, its document, and the claim of its run (the exclusive right to execute the run).

    Returns:
        The result. If a change of the text with this key was made before: its recorded result.

    Raises:
        TextGone: The text that the command names does not occur exactly once in the document.
        UnknownComment: The document has no such comment.
        AlreadySettled: The comment is already resolved, accepted or dismissed.
        WorkspaceClosed: The document is closed for good.
        RunClaimed: Another process has taken over the run.
        ValueError: The comment that should be accepted has no suggestion; or a part of a stream does not begin where
            the part before it ended.
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
    """Return the recorded result of an earlier execution of a command with the same key; None if there is none.

    Args:
        command: The command.
        coauthor: The agent and its document.
    """
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
    """Record in the store that a command about a comment was executed, so that `find_result` finds its result.

    Args:
        command: The command, which was executed.
        coauthor: The agent and its document.
    """
    coauthor.make_writer().commit_write(command.key, [])


def write_patiently(
    execute_write: Callable[[WriteCommand], CommandResult], command: WriteCommand, patience: float
) -> Written:
    """Execute a command that changes the text, and wait while a person is writing in the same paragraph.

    Args:
        execute_write: Function that executes a command and returns its result.
        command: The command. This function sets its field `patient`.
        patience: Maximum number of seconds to wait. After that, the change becomes a suggestion.

    Returns:
        Written.done if the text was changed, otherwise Written.suggested.
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
    made = coauthor.find_comment(name)  # exists if an earlier attempt ended before its result was recorded
    if made is None:
        page = TextPage(coauthor.make_writer().draft)
        found = _make_finder(command, coauthor)(page)
        made = coauthor.suggest(make_suggestion(page, found, command.text), command.why, name)
    return CommandResult("done", made)


def _make_finder(command: Replace | Suggest, coauthor: AgentCoauthor) -> TextFinder:
    """Return a function that finds the text that `old` or `comment` of a command names, in a page of the document.

    Raises:
        UnknownComment: The document has no such comment.
    """
    if command.comment is not None:
        return coauthor.find_commented_text(command.comment)
    assert command.old is not None
    return locate_quote(command.old)
