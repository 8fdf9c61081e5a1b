"""Workspace of a plain script: like `LocalWorkspace`, but it needs no store, only the address of a Jupyter server.

Each call of the script has a key: its method, and its number among the calls of that method ("append/2"). A call with a
known key writes nothing again, and reads return the recorded values. So a script that was killed and runs again
continues where it was.
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

from hitl_nb import records
from hitl_nb.drafts.agent_writer import PATIENCE_SECONDS, Written
from hitl_nb.errors import WorkspaceInUse
from hitl_nb.records import ACTIONS, Action, KindName, new_id
from hitl_nb.review.comment_threads import AgentComment, thread_comments
from hitl_nb.review.decision import Decision, Vote
from hitl_nb.review.policy_files.script_policies import read_script_policies
from hitl_nb.review.review_arguments import OnDeadline, Review, check_review
from hitl_nb.workspaces.http_client import ServerClient
from hitl_nb.workspaces.local import LocalWorkspace

BATCH_SECONDS = 0.05
"""Seconds of a stream that are sent together."""
_LOOK = 0.25
"""Seconds between two attempts to write where a person writes."""
_FIRST_LOOK, _LONGEST_LOOK = 0.5, 5.0
"""Seconds between two checks for a decision: at the beginning, and at most."""

_open: set[tuple[str, str, str]] = set()
"""Server, name and title of each workspace whose `with` block this process is in."""


class RemoteWorkspace(LocalWorkspace):
    """A workspace that this process writes through a server. See `LocalWorkspace` for the methods.

    Methods raise RunClaimed after another process has opened the workspace under the same name. They raise ServerError
    if the server does not answer, does not support the call, or does not allow it.
    """

    def __init__(self, server: ServerClient, session: str, name: str, record: Mapping[str, Any]) -> None:
        super().__init__(record["id"])
        self._server = server
        self._session = session
        self._place = (server.address, name, record["title"])
        self._closed = False
        self._calls: Counter[str] = Counter()

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
        """The current text; see `LocalWorkspace.text`. It can also be read after the workspace is closed."""
        if self._closed:
            return self._server.request("GET", f"workspaces/{self.id}")["text"]
        return self._call_server("reads", what="text", key=self._make_key("text"))["text"]

    def comments(self, open: bool | None = None) -> list[AgentComment]:  # noqa: A002
        """Return the comments; see `LocalWorkspace.comments`."""
        if self._closed:
            said = self._server.request("GET", f"documents/{self.id}/comments")
        else:
            said = self._call_server("reads", what="comments", key=self._make_key("comments"))
        return [one for one in _parse_comments(said["comments"]) if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE_SECONDS) -> Any:
        """Add text at the end; see `LocalWorkspace.append`."""
        given: Any = part
        if not isinstance(given, (Iterable, AsyncIterable)) or isinstance(given, (bytes, bytearray)):
            raise TypeError(f"append takes a str, or an iterable of str, not {type(given).__name__}")
        key = self._make_key("append")
        if isinstance(part, str):
            return self._send_write(patience, do="append", key=key, text=part)
        if isinstance(part, AsyncIterable):
            return self._send_stream(key, part, patience)
        stream = _RemoteStream(self, key, patience)
        if stream.recorded_outcome is not None:
            return stream.recorded_outcome
        for one in part:
            stream.send_part(one)
        return stream.finish_stream()

    async def _send_stream(self, key: str, parts: AsyncIterable[str], patience: float) -> Written:
        stream = await asyncio.to_thread(_RemoteStream, self, key, patience)
        if stream.recorded_outcome is not None:
            return stream.recorded_outcome
        async for one in parts:
            await asyncio.to_thread(stream.send_part, one)
        return await asyncio.to_thread(stream.finish_stream)

    def replace(self, old: str | AgentComment, new: str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Replace a text; see `LocalWorkspace.replace`."""
        return self._send_write(
            patience, do="replace", key=self._make_key("replace"), text=new, **_describe_target(old)
        )

    def suggest(self, old: str | AgentComment, new: str, why: str = "") -> AgentComment:
        """Add a suggestion; see `LocalWorkspace.suggest`."""
        return self._send_comment(
            do="suggest", key=self._make_key("suggest"), text=new, why=why, **_describe_target(old)
        )

    def reply(self, comment: AgentComment | str, text: str) -> AgentComment:
        """Answer a comment; see `LocalWorkspace.reply`."""
        return self._send_comment(do="reply", key=self._make_key("reply"), text=text, comment=_comment_id_of(comment))

    def resolve(self, comment: AgentComment | str) -> AgentComment:
        """Mark a comment as resolved; see `LocalWorkspace.resolve`."""
        return self._send_comment(do="resolve", key=self._make_key("resolve"), comment=_comment_id_of(comment))

    def accept(self, comment: AgentComment | str, *, patience: float = PATIENCE_SECONDS) -> Written:
        """Make a suggested change; see `LocalWorkspace.accept`."""
        return self._send_write(
            patience, do="accept", key=f"accept/{_comment_id_of(comment)}", comment=_comment_id_of(comment)
        )

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
        """Ask people whether the document is done, and block until they decide; see `LocalWorkspace`."""
        review = check_review(deadline=deadline, on_deadline=on_deadline, allow=allow)
        if isinstance(context, Mapping):
            context = dict(context)
        key, pause = self._make_key("wait"), _FIRST_LOOK
        while True:
            terms = _make_terms(review)
            p = self._call_server("wait", key=key, title=title, context=context, allow=list(allow), **terms)["proposal"]
            if p["decision"] is not None:
                return _parse_decision(p)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    # Implementation

    def call_write(self, **call: Any) -> dict[str, Any]:
        """Make one call that writes or comments. Return the server's answer."""
        return self._call_server("writes", **call)

    def _make_key(self, kind: str) -> str:
        self._calls[kind] += 1
        return f"{kind}/{self._calls[kind]}"

    def _call_server(self, call: str, /, **body: Any) -> dict[str, Any]:
        return self._server.request("POST", f"workspaces/{self.id}/{call}", {"session": self._session, **body})

    def _send_write(self, patience: float, **call: Any) -> Written:
        return retry_write(self, patience, **call)

    def _send_comment(self, **call: Any) -> AgentComment:
        return _parse_comments([self.call_write(**call)["comment"]])[0]


class _RemoteStream:
    """A stream that is being sent to the server. `recorded_outcome` is its result if it was completed before."""

    def __init__(self, doc: RemoteWorkspace, key: str, patience: float) -> None:
        self._doc = doc
        self._key = key
        self._patience = patience
        self._at = 0
        self._waits: list[str] = []
        self._sent_at = 0.0
        self._held = False
        said = doc.call_write(do="append", key=key, last=False)["outcome"]
        self.recorded_outcome = None if said in ("going", "busy") else Written(said)

    def send_part(self, part: str) -> None:
        """Send a part, or keep it for the next batch.

        Raises:
            TypeError: The part is not a str.
        """
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # scripts may be untyped
            raise TypeError(f"a stream must yield str, not {type(part).__name__}")
        self._waits.append(part)
        if part and not self._held and time.monotonic() - self._sent_at >= BATCH_SECONDS:
            self._send_batch()

    def finish_stream(self) -> Written:
        """Send the rest of the text. Return the result of the write."""
        patience = 0 if self._held else self._patience
        rest = "".join(self._waits)
        return retry_write(self._doc, patience, do="append", key=self._key, text=rest, at=self._at)

    def _send_batch(self) -> None:
        """Send the kept parts. If a person does not stop writing there, keep them until the end of the stream."""
        text, until = "".join(self._waits), time.monotonic() + self._patience
        while self._doc.call_write(do="append", key=self._key, text=text, at=self._at, last=False)["outcome"] == "busy":
            if time.monotonic() >= until:
                self._held = True
                return
            time.sleep(_LOOK)
        self._at += len(text)
        self._waits = []
        self._sent_at = time.monotonic()


def retry_write(doc: RemoteWorkspace, patience: float, **call: Any) -> Written:
    """Write as soon as nobody else writes there, or after `patience` seconds at the latest. Return the result."""
    until = time.monotonic() + patience
    while True:
        said = doc.call_write(patient=time.monotonic() < until, **call)["outcome"]
        if said != "busy":
            return Written(said)
        time.sleep(_LOOK)


def open_remote_workspace(
    title: str, *, kind: KindName, template: str, server: str, token: str | None, name: str | None, restart: bool
) -> RemoteWorkspace:
    """Open a workspace through a server; see `workspace`."""
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
    """Return the name of the file that this process runs.

    Raises:
        ValueError: The process runs no file.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        raise ValueError("name must be given: this process runs no script file whose name could be used")
    path = Path(file).resolve()
    return path.parent.name if path.stem == "__main__" else path.stem


def _describe_target(old: str | AgentComment) -> dict[str, str]:
    return {"old": old} if isinstance(old, str) else {"comment": old.id}


def _comment_id_of(comment: AgentComment | str) -> str:
    return comment if isinstance(comment, str) else comment.id


def _parse_comments(found: Any) -> list[AgentComment]:
    return list(thread_comments(msgspec.convert(found, list[records.Comment])))


def _make_terms(review: Review) -> dict[str, Any]:
    """Return the JSON fields of the deadline and of the policy files, as they are now; {} if there are none."""
    policies = read_script_policies()
    said: dict[str, Any] = {"policies": msgspec.to_builtins(policies)} if policies else {}
    if review.deadline is None:
        return said
    given = review.deadline
    deadline = given.total_seconds() if isinstance(given, timedelta) else given.isoformat()
    return {**said, "deadline": deadline, "on_deadline": review.on_deadline}


def _parse_decision(proposal: Mapping[str, Any]) -> Decision:
    """Return the decision of a proposal in the server's JSON."""
    made = proposal["decision"]
    return Decision(
        action=made["action"],
        value=proposal["value"] if made["action"] == "approve" else made["value"],
        original=proposal["value"],
        reason=made["reason"],
        reviewer=made["reviewer"],
        decided_at=msgspec.convert(made["decided_at"], datetime),
        proposal_id=proposal["id"],
        by=made["by"],
        known=made["known"],
        title=proposal["title"],
        difference=proposal["changes"],
        comments=tuple(_parse_comments(proposal["comments"])),
        votes=tuple(_parse_vote(one) for one in proposal.get("votes", ())),
        rules=tuple(proposal.get("rules", ())),
        why=tuple(proposal.get("why", ())),
    )


def _parse_vote(vote_data: Mapping[str, Any]) -> Vote:
    at, known = msgspec.convert(vote_data["at"], datetime), vote_data.get("known", "unsigned")
    return Vote(vote_data["reviewer"], vote_data["action"], vote_data["reason"], at, vote_data["seat"], known)
