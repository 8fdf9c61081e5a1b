"""Workspace of a plain script. The script has no store, only the address of a Jupyter server.

The key of each call consists of the method and of the call's number among the calls of this method: "append/2". If the
server has executed a call with the same key before, a write changes nothing, and a read returns the recorded value. So
a script that was killed and is started again continues where it was.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, Written
from hitl_nb.errors import WorkspaceInUse
from hitl_nb.records import ACTIONS, Action, KindName, new_id
from hitl_nb.review.comment_threads import AgentComment
from hitl_nb.review.decision import Decision
from hitl_nb.review.policy_files.script_policies import read_script_policies
from hitl_nb.review.review_arguments import OnDeadline, Review, check_review
from hitl_nb.workspaces.arguments import accept_key, check_parts, comment_id_of, describe_target, to_agent_comment
from hitl_nb.workspaces.commands import (
    Accept,
    Append,
    Command,
    CommandResult,
    CommentCommand,
    Replace,
    Reply,
    Resolve,
    Suggest,
    WriteCommand,
    encode_command,
    write_patiently,
)
from hitl_nb.workspaces.http_client import ServerClient
from hitl_nb.workspaces.remote_stream import RemoteStream
from hitl_nb.workspaces.server_answers import parse_comments, parse_decision

_FIRST_LOOK, _LONGEST_LOOK = 0.5, 5.0
"""Seconds between two checks for a decision: the first interval, which then grows, and the longest interval."""

_open: set[tuple[str, str, str]] = set()
"""Server address, script name and title of each workspace whose `with` block this process is inside of."""


class RemoteWorkspace:
    """A workspace that this process writes through a Jupyter server: implements `AgentWorkspace` with HTTP requests.

    Args:
        server: The connection to the server.
        session: Id that this process made up when it opened the workspace. The server accepts writes only from the
            newest session.
        name: Name of the script.
        record: The server's JSON about the workspace, with at least "id" and "title".
    """

    def __init__(self, server: ServerClient, session: str, name: str, record: Mapping[str, Any]) -> None:
        self.id: str = record["id"]
        self._server = server
        self._session = session
        self._place = (server.address, name, record["title"])
        self._closed = False
        self._calls: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<workspace {self.id}>"

    def __enter__(self) -> RemoteWorkspace:
        _open.add(self._place)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.discard(self._place)
        if error is None:
            self._call_server("close")
            self._closed = True

    # Reading

    @property
    def title(self) -> str:
        """Title of the document."""
        return self._place[2]

    @property
    def text(self) -> str:
        """The current text of the document, also after the document is closed; implements `AgentWorkspace.text`."""
        if self._closed:
            return self._server.request("GET", f"workspaces/{self.id}")["text"]
        return self._call_server("reads", what="text", key=self._make_key("text"))["text"]

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments, also after the document is closed; implements `AgentWorkspace.comments`."""
        if self._closed:
            said = self._server.request("GET", f"documents/{self.id}/comments")
        else:
            said = self._call_server("reads", what="comments", key=self._make_key("comments"))
        return [one for one in parse_comments(said["comments"]) if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end of the document; implements `AgentWorkspace.append`."""
        check_parts(part)
        key = self._make_key("append")
        if isinstance(part, str):
            return self._write(Append(key, part), patience)
        if isinstance(part, AsyncIterable):
            return self._append_async(key, part, patience)
        stream = RemoteStream(self.execute, key, patience)
        if stream.recorded_outcome is not None:
            return stream.recorded_outcome
        for one in part:
            stream.send_part(one)
        return stream.finish_stream()

    async def _append_async(self, key: str, parts: AsyncIterable[str], patience: float) -> Written:
        stream = await asyncio.to_thread(RemoteStream, self.execute, key, patience)
        if stream.recorded_outcome is not None:
            return stream.recorded_outcome
        async for one in parts:
            await asyncio.to_thread(stream.send_part, one)
        return await asyncio.to_thread(stream.finish_stream)

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Replace a text of the document; implements `AgentWorkspace.replace`."""
        return self._write(Replace(self._make_key("replace"), new, **describe_target(old)), patience)

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion for people; implements `AgentWorkspace.suggest`."""
        return self._comment(Suggest(self._make_key("suggest"), new, why=why, **describe_target(old)))

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment; implements `AgentWorkspace.reply`."""
        return self._comment(Reply(self._make_key("reply"), comment_id_of(comment), text))

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved; implements `AgentWorkspace.resolve`."""
        return self._comment(Resolve(self._make_key("resolve"), comment_id_of(comment)))

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Make the change that a comment suggests; implements `AgentWorkspace.accept`."""
        about = comment_id_of(comment)
        return self._write(Accept(accept_key(about), about), patience)

    # Deciding

    def wait_until_done(
        self,
        *,
        title: str | None = None,
        context: Mapping[str, Any] | str | None = None,
        allow: Sequence[Action] = ACTIONS,
        deadline: timedelta | datetime | None = None,
        on_deadline: OnDeadline = "wait",
    ) -> Decision:
        """Block until people decide whether the document is done; implements `AgentWorkspace.wait_until_done`."""
        review = check_review(deadline=deadline, on_deadline=on_deadline, allow=allow)
        if isinstance(context, Mapping):
            context = dict(context)
        key, pause = self._make_key("wait"), _FIRST_LOOK
        while True:
            terms = _make_terms(review)
            p = self._call_server("wait", key=key, title=title, context=context, allow=list(allow), **terms)["proposal"]
            if p["decision"] is not None:
                return parse_decision(p)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    # Implementation

    def execute(self, command: Command) -> CommandResult:
        """Send a command to the server, which executes the command. Return the result."""
        return msgspec.convert(self._call_server("writes", **encode_command(command)), CommandResult)

    def _write(self, command: WriteCommand, patience: float) -> Written:
        return write_patiently(self.execute, command, patience)

    def _comment(self, command: CommentCommand) -> AgentComment:
        return to_agent_comment(self.execute(command).comment)

    def _make_key(self, kind: str) -> str:
        self._calls[kind] += 1
        return f"{kind}/{self._calls[kind]}"

    def _call_server(self, call: str, /, **body: Any) -> dict[str, Any]:
        return self._server.request("POST", f"workspaces/{self.id}/{call}", {"session": self._session, **body})


def open_remote_workspace(
    title: str, *, kind: KindName, template: str, server: str, token: str | None, name: str | None, restart: bool
) -> RemoteWorkspace:
    """Open a workspace of a script through a Jupyter server, and return it open for writing.

    The arguments are those of `workspace`, which has checked `title`, `kind` and `template`.

    Raises:
        ValueError: The address or the token is invalid, or the script has no name.
        WorkspaceInUse: This process already has an open workspace with this title and name.
        ServerError: The server does not answer, or refuses the token.
        HitlError: The server refused to open the workspace.
    """
    through, session = ServerClient(server, token), new_id()
    name = name or _find_script_name()
    if (through.address, name, title) in _open:
        raise WorkspaceInUse(f"this process has the workspace {title!r} of {name!r} open; choose another title")
    body = {
        "name": name,
        "title": title,
        "session": session,
        "kind": kind,
        "template": template,
        "restart": restart,
        "host": platform.node() or "localhost",
        "pid": os.getpid(),
    }
    return RemoteWorkspace(through, session, name, through.request("POST", "workspaces", body))


def _find_script_name() -> str:
    """Return the name of the script file that this process runs, without folder and ".py".

    For `python -m package`, this is the name of the package.

    Raises:
        ValueError: The process runs no file, for example in an interactive interpreter.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        raise ValueError("name must be given: this process runs no script file whose name could be used")
    path = Path(file).resolve()
    return path.parent.name if path.stem == "__main__" else path.stem


def _make_terms(review: Review) -> dict[str, Any]:
    """Return the deadline and the policy files of the script's folder as JSON fields of a request.

    The policy files are read at each call. The result is {} if there are neither policy files nor a deadline.
    """
    policies = read_script_policies()
    said: dict[str, Any] = {"policies": msgspec.to_builtins(policies)} if policies else {}
    if review.deadline is None:
        return said
    given = review.deadline
    deadline = given.total_seconds() if isinstance(given, timedelta) else given.isoformat()
    return {**said, "deadline": deadline, "on_deadline": review.on_deadline}
