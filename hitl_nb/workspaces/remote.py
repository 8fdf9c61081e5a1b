"""The workspace of a plain script: the same object, for a program that has no store, only a Jupyter server's address.

Each call of the script has a key, its kind and which call of that kind it is ("append/2"). What was made under a key is
made no more, and what was read reads the same: so a script that was killed, and is run again, comes to where it was.
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
from hitl_nb.drafts.agent_writer import PATIENCE, Written
from hitl_nb.errors import WorkspaceInUse
from hitl_nb.records import ACTIONS, Action, Kind, new_id
from hitl_nb.review.comment_threads import Comment, told
from hitl_nb.review.decision import Decision, Vote
from hitl_nb.review.policy_files.script_policies import read_script_policies
from hitl_nb.review.review_arguments import OnDeadline, Review, check_review
from hitl_nb.workspaces.http_client import Server
from hitl_nb.workspaces.local import Workspace

BATCH = 0.05
"""Seconds of a stream that are sent together."""
_LOOK = 0.25
"""Seconds between two tries to write where a person writes."""
_FIRST_LOOK, _LONGEST_LOOK = 0.5, 5.0
"""Seconds between two looks for a decision, at first and at last."""

_open: set[tuple[str, str, str]] = set()
"""Server, name and title of the workspaces whose with block this process is in."""


class RemoteWorkspace(Workspace):
    """A workspace that this process writes through a server: see `Workspace`, whose methods these are.

    RunClaimed is raised once another process has opened it under the same name. What the server cannot or may not do
    raises ServerError.
    """

    def __init__(self, server: Server, session: str, name: str, record: Mapping[str, Any]) -> None:
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
            self._call("close")
            self._closed = True

    # Reading

    @property
    def title(self) -> str:
        return self._place[2]

    @property
    def text(self) -> str:
        if self._closed:
            return self._server.call("GET", f"workspaces/{self.id}")["text"]
        return self._call("reads", what="text", key=self._key("text"))["text"]

    def comments(self, open: bool | None = None) -> list[Comment]:  # noqa: A002
        if self._closed:
            said = self._server.call("GET", f"documents/{self.id}/comments")
        else:
            said = self._call("reads", what="comments", key=self._key("comments"))
        return [one for one in _comments(said["comments"]) if open in (None, one.open)]

    # Writing

    def append(self, part: str | Iterable[str] | AsyncIterable[str], *, patience: float = PATIENCE) -> Any:
        given: Any = part
        if not isinstance(given, (Iterable, AsyncIterable)) or isinstance(given, (bytes, bytearray)):
            raise TypeError(f"append takes a str, or an iterable of str, not {type(given).__name__}")
        key = self._key("append")
        if isinstance(part, str):
            return self._written(patience, do="append", key=key, text=part)
        if isinstance(part, AsyncIterable):
            return self._sent(key, part, patience)
        stream = _Stream(self, key, patience)
        if stream.known is not None:
            return stream.known
        for one in part:
            stream.add(one)
        return stream.end()

    async def _sent(self, key: str, parts: AsyncIterable[str], patience: float) -> Written:
        stream = await asyncio.to_thread(_Stream, self, key, patience)
        if stream.known is not None:
            return stream.known
        async for one in parts:
            await asyncio.to_thread(stream.add, one)
        return await asyncio.to_thread(stream.end)

    def replace(self, old: str | Comment, new: str, *, patience: float = PATIENCE) -> Written:
        return self._written(patience, do="replace", key=self._key("replace"), text=new, **_about(old))

    def suggest(self, old: str | Comment, new: str, why: str = "") -> Comment:
        return self._said(do="suggest", key=self._key("suggest"), text=new, why=why, **_about(old))

    def reply(self, comment: Comment | str, text: str) -> Comment:
        return self._said(do="reply", key=self._key("reply"), text=text, comment=_id(comment))

    def resolve(self, comment: Comment | str) -> Comment:
        return self._said(do="resolve", key=self._key("resolve"), comment=_id(comment))

    def accept(self, comment: Comment | str, *, patience: float = PATIENCE) -> Written:
        return self._written(patience, do="accept", key=f"accept/{_id(comment)}", comment=_id(comment))

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
        review = check_review(deadline=deadline, on_deadline=on_deadline, allow=allow)
        if isinstance(context, Mapping):
            context = dict(context)
        key, pause = self._key("wait"), _FIRST_LOOK
        while True:
            terms = _terms(review)
            p = self._call("wait", key=key, title=title, context=context, allow=list(allow), **terms)["proposal"]
            if p["decision"] is not None:
                return _decision(p)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    # How it is done

    def write(self, **call: Any) -> dict[str, Any]:
        """One call that writes, or says something: what the server says became of it."""
        return self._call("writes", **call)

    def _key(self, kind: str) -> str:
        self._calls[kind] += 1
        return f"{kind}/{self._calls[kind]}"

    def _call(self, call: str, /, **body: Any) -> dict[str, Any]:
        return self._server.call("POST", f"workspaces/{self.id}/{call}", {"session": self._session, **body})

    def _written(self, patience: float, **call: Any) -> Written:
        return written(self, patience, **call)

    def _said(self, **call: Any) -> Comment:
        return _comments([self.write(**call)["comment"]])[0]


class _Stream:
    """A stream on its way to the server; `known` is what became of it, if it was complete before."""

    def __init__(self, doc: RemoteWorkspace, key: str, patience: float) -> None:
        self._doc = doc
        self._key = key
        self._patience = patience
        self._at = 0
        self._waits: list[str] = []
        self._sent_at = 0.0
        self._held = False
        said = doc.write(do="append", key=key, last=False)["outcome"]
        self.known = None if said in ("going", "busy") else Written(said)

    def add(self, part: str) -> None:
        """Send a part, or keep it for the next batch. Raises TypeError."""
        if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # scripts may be untyped
            raise TypeError(f"a stream brings str, not {type(part).__name__}")
        self._waits.append(part)
        if part and not self._held and time.monotonic() - self._sent_at >= BATCH:
            self._send()

    def end(self) -> Written:
        """The text is complete: what became of it."""
        patience = 0 if self._held else self._patience
        rest = "".join(self._waits)
        return written(self._doc, patience, do="append", key=self._key, text=rest, at=self._at)

    def _send(self) -> None:
        """Send what waits; where a person writes who does not stop, it waits for the end."""
        text, until = "".join(self._waits), time.monotonic() + self._patience
        while self._doc.write(do="append", key=self._key, text=text, at=self._at, last=False)["outcome"] == "busy":
            if time.monotonic() >= until:
                self._held = True
                return
            time.sleep(_LOOK)
        self._at += len(text)
        self._waits = []
        self._sent_at = time.monotonic()


def written(doc: RemoteWorkspace, patience: float, **call: Any) -> Written:
    """Write, as soon as nobody else does there, but at most `patience` seconds later."""
    until = time.monotonic() + patience
    while True:
        said = doc.write(patient=time.monotonic() < until, **call)["outcome"]
        if said != "busy":
            return Written(said)
        time.sleep(_LOOK)


def opened(
    title: str, *, kind: Kind, template: str, server: str, token: str | None, name: str | None, restart: bool
) -> RemoteWorkspace:
    """See `workspace`."""
    through, session = Server(server, token), new_id()
    name = name or _script()
    if (through.address, name, title) in _open:
        raise WorkspaceInUse(f"this process is in the workspace {title!r} of {name!r}; give this one another title")
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
    return RemoteWorkspace(through, session, name, through.call("POST", "workspaces", body))


def _script() -> str:
    """The name of the file that this process runs. Raises ValueError if there is none."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        raise ValueError("name must be given: this process runs no script whose file could name its workspaces")
    path = Path(file).resolve()
    return path.parent.name if path.stem == "__main__" else path.stem


def _about(old: str | Comment) -> dict[str, str]:
    return {"old": old} if isinstance(old, str) else {"comment": old.id}


def _id(comment: Comment | str) -> str:
    return comment if isinstance(comment, str) else comment.id


def _comments(found: Any) -> list[Comment]:
    return list(told(msgspec.convert(found, list[records.Comment])))


def _terms(review: Review) -> dict[str, Any]:
    """What is sent of the deadline and of the policy files, as they are now; nothing where there are none."""
    policies = read_script_policies()
    said: dict[str, Any] = {"policies": msgspec.to_builtins(policies)} if policies else {}
    if review.deadline is None:
        return said
    given = review.deadline
    deadline = given.total_seconds() if isinstance(given, timedelta) else given.isoformat()
    return {**said, "deadline": deadline, "on_deadline": review.on_deadline}


def _decision(p: Mapping[str, Any]) -> Decision:
    """The decision that a proposal holds, as the server tells it."""
    made = p["decision"]
    return Decision(
        action=made["action"],
        value=p["value"] if made["action"] == "approve" else made["value"],
        original=p["value"],
        reason=made["reason"],
        reviewer=made["reviewer"],
        decided_at=msgspec.convert(made["decided_at"], datetime),
        proposal_id=p["id"],
        by=made["by"],
        known=made["known"],
        title=p["title"],
        difference=p["changes"],
        comments=tuple(_comments(p["comments"])),
        votes=tuple(_vote(one) for one in p.get("votes", ())),
        rules=tuple(p.get("rules", ())),
        why=tuple(p.get("why", ())),
    )


def _vote(told: Mapping[str, Any]) -> Vote:
    at, known = msgspec.convert(told["at"], datetime), told.get("known", "unsigned")
    return Vote(told["reviewer"], told["action"], told["reason"], at, told["seat"], known)
