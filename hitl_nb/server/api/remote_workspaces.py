"""The calls of plain scripts, which write workspaces through this server: `hitl.workspace(..., server=...)`.

A script names itself by a session that it made up when it opened the workspace; the last one that did so counts. Each
call is made once under its key, so all of them can be sent again. None of them waits for people: a script that waits
asks again, and so does one that would write where a person writes.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import msgspec

from hitl_nb.drafts.agent_coauthor import AtWork, comment_id, standing_in
from hitl_nb.drafts.agent_writer import Find, Suggestion, Writing, Written, standing, suggestion
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import Stream
from hitl_nb.drafts.text_view import Page
from hitl_nb.kinds.questions import ask
from hitl_nb.ledger.remote_clients import script
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import SCRIPT, Comment, Proposal, Snapshot, Workspace
from hitl_nb.server.api import workspaces
from hitl_nb.server.api.remote_questions import find_or_ask, resume_decided
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import Opening, ScriptAsking, ScriptReading, ScriptWriting

_at_work: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
"""Held while a script's call writes into a workspace: one that is sent again must not write beside the first."""
_at_work_lock = threading.Lock()


def open_workspace(asked: Asked) -> dict[str, Any]:
    body: Opening = asked.body
    for name, given in (("name", body.name), ("host", body.host)):
        if not given.isprintable() or not given.strip():
            raise ValueError(f"{name} is {given!r}; it must be one line of text")
    title = ask("", title=body.title, kind="text").title
    process, ledger = script(body.name, host=body.host, pid=body.pid, token=body.session), asked.ledger
    last = ledger.find_run(agent=body.name, notebook=SCRIPT + body.name, key=title) if body.restart else None
    if last is not None and last.status != "finished" and not ledger.is_script(last.id, body.session):
        ledger.cancel(last.id, actor=asked.who.username)
    run = ledger.open_script(process, name=body.name, title=title, caller=_caller(asked), restart=body.restart)
    there = ledger.workspaces(run.id)
    if there:
        w = there[0]
    else:
        claim = ledger.script_claim(run.id, body.session, _caller(asked))
        w = ledger.open_workspace(claim, title=title, kind=body.kind, template=body.template, position="workspace")
    Draft.within(ledger.store, w).begin()
    return workspaces.full(asked, w)


def write(asked: Asked) -> dict[str, Any]:
    body: ScriptWriting = asked.body
    w = asked.ledger.workspace(asked.id)
    with _alone(w.id):
        known = _made(asked, w, body)
        if known is not None:
            return known
        claim = asked.ledger.script_claim(w.run, body.session, _caller(asked))
        return _WAYS[body.do](_Call(asked, w, claim))


def read(asked: Asked) -> dict[str, Any]:
    body: ScriptReading = asked.body
    ledger = asked.ledger
    w = ledger.workspace(asked.id)

    def now() -> bytes:
        if body.what == "text":
            return msgspec.json.encode({"text": standing_in(ledger, w)})
        return msgspec.json.encode({"comments": ledger.comments(w.id, as_logged=True)})

    claim = ledger.check_script(w.run, body.session)
    work = AtWork(ledger, claim, w.agent, w.id)
    known = work.writing().writes.recall(body.key)
    if known is None and ledger.run(w.run).status in ("waiting", "finished", "cancelled"):
        return msgspec.json.decode(now())  # nothing can be recorded, and nothing is written after it
    if known is None:
        claim = ledger.script_claim(w.run, body.session, _caller(asked))
        known = AtWork(ledger, claim, w.agent, w.id).recorded(body.key, now)
    return msgspec.json.decode(known)


def wait(asked: Asked) -> dict[str, Any]:
    """Ask people, or tell what they have decided: then the run goes on, and the document says that."""
    body: ScriptAsking = asked.body
    ledger = asked.ledger
    w = ledger.workspace(asked.id)
    ledger.check_script(w.run, body.session)
    p = find_or_ask(asked, w, _caller(asked))
    if p.decision is None:
        return _waits(asked, p)
    with _alone(w.id):
        p = resume_decided(asked, w, _caller(asked))
        if p.decision is None:
            return _waits(asked, p)
        w = ledger.workspace(w.id)
        agreed = ledger.decided_text(w)
        if w.status == "done" and w.proposal == p.id and agreed is not None:
            Draft.within(ledger.store, w).write(agreed, p.decision.reviewer, p.decision.reviewer_name)
    return {
        "proposal": answers.full(asked.desk, ledger, p, ledger.comments(w.id, before=p.decision.event, as_logged=True))
    }


def _waits(asked: Asked, p: Proposal) -> dict[str, Any]:
    """What a script is told while nobody has decided. Raises AlreadyDecided for what is closed without a decision."""
    refuse_closed(p)
    return {"proposal": answers.full(asked.desk, asked.ledger, p)}


def close(asked: Asked) -> dict[str, Any]:
    ledger, session = asked.ledger, asked.body.session
    w = ledger.workspace(asked.id)
    ledger.check_script(w.run, session)
    if ledger.run(w.run).status != "finished":
        ledger.finish(ledger.script_claim(w.run, session, _caller(asked)), Snapshot(envelope=b""))
    return {"workspace": workspaces.summary(asked, ledger.workspace(w.id))}


# Writing


class _Call:
    """A script's call that has not been made before, with what it needs."""

    def __init__(self, asked: Asked, w: Workspace, claim: Claim) -> None:
        self.body: ScriptWriting = asked.body
        self.work = AtWork(asked.ledger, claim, w.agent, w.id)
        self.writing: Writing = self.work.writing()
        self.name = _name(w, self.body.key)

    def comment(self) -> str:
        """The comment that it is about. Raises ValueError."""
        if self.body.comment is None:
            raise ValueError(f"{self.body.do} needs `comment`, the id of the comment that it is about")
        return self.body.comment

    def find(self) -> Find:
        """Finds the text that it is about. Raises ValueError, UnknownComment."""
        if (self.body.old is None) == (self.body.comment is None):
            raise ValueError(f"{self.body.do} needs `old` or `comment`, and not both")
        return standing(self.body.old) if self.body.old is not None else self.work.about(self.comment())

    def ended(self, outcome: Written | Suggestion) -> dict[str, Any]:
        """The answer to a write: one that is a suggestion is put to people, unless the script waits for them."""
        if isinstance(outcome, Written):
            return _wrote(outcome.value)
        if self.body.patient:
            return _wrote("busy")
        self.work.suggest(outcome, "", self.name)
        return _wrote(self.writing.settled(self.body.key).value)

    def said(self, comment: Comment) -> dict[str, Any]:
        """The answer to something said."""
        self.writing.commit(self.body.key, [])
        return _wrote("done", comment)


def _append(call: _Call) -> dict[str, Any]:
    body, writing = call.body, call.writing
    call.work.begin()
    if body.last and body.at == 0 and writing.writes.find(body.key) is None:
        return call.ended(writing.append(body.key, body.text))
    stream = Stream(writing, body.key, patience=0, at=body.at)
    stream.add(body.text)
    if not body.last:
        return _wrote("busy" if stream.held else "going")
    return call.ended(stream.end())


def _replace(call: _Call) -> dict[str, Any]:
    find = call.find()
    call.work.begin()
    return call.ended(call.writing.replace(call.body.key, find, call.body.text, patience=0))


def _suggest(call: _Call) -> dict[str, Any]:
    find, page = call.find(), Page(call.writing.draft)
    return call.said(call.work.suggest(suggestion(page, find(page), call.body.text), call.body.why, call.name))


def _reply(call: _Call) -> dict[str, Any]:
    return call.said(call.work.reply(call.comment(), call.body.text, call.name))


def _resolve(call: _Call) -> dict[str, Any]:
    return call.said(call.work.mark(call.comment(), "resolved"))


def _accept(call: _Call) -> dict[str, Any]:
    body, writing = call.body, call.writing
    about = call.work.comment_on(call.comment())
    if about.suggestion is None:
        raise ValueError(f"comment {about.id} suggests nothing that could be accepted; resolve it")
    call.work.begin()
    find = standing(about.quote, about.anchor)
    if about.state != "accepted" and not writing.quiet(lambda page: [find(page)], 0)[2]:
        return _wrote("busy" if body.patient else "suggested")
    call.work.mark(about.id, "accepted")
    return call.ended(writing.replace(body.key, find, about.suggestion, patience=None))


_WAYS = {
    "append": _append,
    "replace": _replace,
    "suggest": _suggest,
    "reply": _reply,
    "resolve": _resolve,
    "accept": _accept,
}


def _made(asked: Asked, w: Workspace, body: ScriptWriting) -> dict[str, Any] | None:
    """The answer to a call that was made before. Raises RunClaimed."""
    claim = asked.ledger.check_script(w.run, body.session)
    known = AtWork(asked.ledger, claim, w.agent, w.id).writing().made(body.key)
    if known is None:
        return None
    about = body.comment if body.do == "resolve" else _name(w, body.key)
    says = body.do in ("suggest", "reply", "resolve")
    found = [one for one in asked.ledger.comments(w.id) if one.id == about] if says else []
    return _wrote(known.value, found[0] if found else None)


def _wrote(outcome: str, comment: Comment | None = None) -> dict[str, Any]:
    return {"outcome": outcome, "comment": msgspec.to_builtins(comment)}


def _name(w: Workspace, key: str) -> str:
    return comment_id(f"{w.run}/{key}")


def _alone(workspace: str) -> threading.Lock:
    with _at_work_lock:
        found = _at_work.get(workspace)
        if found is None:
            found = _at_work[workspace] = threading.Lock()
        return found


def _caller(asked: Asked) -> dict[str, str]:
    """Who makes the call, for the run's events."""
    return {"user": asked.who.username, "authn": asked.who.authn}
