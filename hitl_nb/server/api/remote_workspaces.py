"""Calls of plain scripts that write workspaces through this server: `hitl.workspace(..., server=...)`.

A script identifies itself by a session id, which it makes up when it opens the workspace. Only the last session that
opened it may write. Each call takes effect once per key, so a script can safely send it again. No call waits for
people: a script repeats a call while it waits for a decision, or while a person writes at the same place.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import msgspec

from hitl_nb.drafts.agent_coauthor import AgentCoauthor, comment_id, workspace_text
from hitl_nb.drafts.agent_writer import AgentWriter, Suggestion, TextFinder, Written, locate_quote, make_suggestion
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.drafts.text_view import TextPage
from hitl_nb.kinds.questions import build_question
from hitl_nb.kinds.registry import text_kinds
from hitl_nb.ledger.remote_clients import script_identity
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import SCRIPT, Comment, Proposal, Snapshot, Workspace
from hitl_nb.server.api import workspaces
from hitl_nb.server.api.remote_questions import find_or_ask, resume_decided
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import (
    RemoteReadRequest,
    RemoteReviewRequest,
    RemoteWorkspaceRequest,
    RemoteWriteRequest,
)

_workspace_locks: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
"""Held while a call writes into a workspace, so that a repeated call does not run beside the first."""
_locks_lock = threading.Lock()


def open_workspace(request: ApiRequest) -> dict[str, Any]:
    """Open a script's workspace, or continue with the one of the same name and title.

    Raises:
        ValueError: `name` or `host` is empty or has more than one line.
    """
    body: RemoteWorkspaceRequest = request.body
    for name, given in (("name", body.name), ("host", body.host)):
        if not given.isprintable() or not given.strip():
            raise ValueError(f"{name} is {given!r}; it must be one line of text and not empty")
    if body.kind not in text_kinds():
        raise ValueError(f"kind must be one of {', '.join(text_kinds())}, not {body.kind!r}")
    title = build_question("", title=body.title, kind="text").title
    process, ledger = script_identity(body.name, host=body.host, pid=body.pid, token=body.session), request.ledger
    last = ledger.find_run(agent=body.name, notebook=SCRIPT + body.name, key=title) if body.restart else None
    if last is not None and last.status != "finished" and not ledger.is_script(last.id, body.session):
        ledger.cancel(last.id, actor=request.person.username)
    run = ledger.open_script(process, name=body.name, title=title, caller=_caller_fields(request), restart=body.restart)
    there = ledger.list_workspaces(run.id)
    if there:
        workspace = there[0]
    else:
        claim = ledger.claim_for_script(run.id, body.session, _caller_fields(request))
        workspace = ledger.open_workspace(
            claim, title=title, kind=body.kind, template=body.template, position="workspace"
        )
    Draft.for_workspace(ledger.store, workspace).write_initial()
    return workspaces.workspace_response(request, workspace)


def write_or_comment(request: ApiRequest) -> dict[str, Any]:
    """Edit a workspace or comment on it. A repeated call returns the first call's result."""
    body: RemoteWriteRequest = request.body
    workspace = request.ledger.load_workspace(request.id)
    with _workspace_lock(workspace.id):
        known = _find_response(request, workspace, body)
        if known is not None:
            return known
        claim = request.ledger.claim_for_script(workspace.run, body.session, _caller_fields(request))
        return _OPERATIONS[body.do](_RemoteCall(request, workspace, claim))


def read_document(request: ApiRequest) -> dict[str, Any]:
    """Read the text or the comments of a workspace. A repeated call returns what the first call returned."""
    body: RemoteReadRequest = request.body
    ledger = request.ledger
    workspace = ledger.load_workspace(request.id)

    def now() -> bytes:
        if body.what == "text":
            return msgspec.json.encode({"text": workspace_text(ledger, workspace)})
        return msgspec.json.encode({"comments": ledger.list_comments(workspace.id, as_logged=True)})

    claim = ledger.require_script_claim(workspace.run, body.session)
    work = AgentCoauthor(ledger, claim, workspace.agent, workspace.id)
    known = work.make_writer().writes.read_recorded(body.key)
    if known is None and ledger.load_run(workspace.run).status in ("waiting", "finished", "cancelled"):
        return msgspec.json.decode(now())  # this run cannot record the result, and writes nothing after it
    if known is None:
        claim = ledger.claim_for_script(workspace.run, body.session, _caller_fields(request))
        known = AgentCoauthor(ledger, claim, workspace.agent, workspace.id).record_once(body.key, now)
    return msgspec.json.decode(known)


def ask_for_review(request: ApiRequest) -> dict[str, Any]:
    """Ask people whether the document is done, or return what they decided and resume the run.

    After an approval or an edit, the document's text is set to the decided text.
    """
    body: RemoteReviewRequest = request.body
    ledger = request.ledger
    workspace = ledger.load_workspace(request.id)
    ledger.require_script_claim(workspace.run, body.session)
    proposal = find_or_ask(request, workspace, _caller_fields(request))
    if proposal.decision is None:
        return _waiting_response(request, proposal)
    with _workspace_lock(workspace.id):
        proposal = resume_decided(request, workspace, _caller_fields(request))
        if proposal.decision is None:
            return _waiting_response(request, proposal)
        workspace = ledger.load_workspace(workspace.id)
        agreed = ledger.find_decided_text(workspace)
        if workspace.status == "done" and workspace.proposal == proposal.id and agreed is not None:
            Draft.for_workspace(ledger.store, workspace).write_value(
                agreed, proposal.decision.reviewer, proposal.decision.reviewer_name
            )
    return {
        "proposal": answers.proposal_response(
            request.context,
            ledger,
            proposal,
            ledger.list_comments(workspace.id, before=proposal.decision.event, as_logged=True),
        )
    }


def _waiting_response(request: ApiRequest, proposal: Proposal) -> dict[str, Any]:
    """Return the answer while nobody has decided.

    Raises:
        AlreadyDecided: The proposal was closed without a decision.
    """
    refuse_closed(proposal)
    return {"proposal": answers.proposal_response(request.context, request.ledger, proposal)}


def close_workspace(request: ApiRequest) -> dict[str, Any]:
    """Finish the script's run, which closes its workspace for good."""
    ledger, session = request.ledger, request.body.session
    workspace = ledger.load_workspace(request.id)
    ledger.require_script_claim(workspace.run, session)
    if ledger.load_run(workspace.run).status != "finished":
        ledger.finish(ledger.claim_for_script(workspace.run, session, _caller_fields(request)), Snapshot(envelope=b""))
    return {"workspace": workspaces.workspace_summary(request, ledger.load_workspace(workspace.id))}


# Writing


class _RemoteCall:
    """A script's call that was not made before, with the objects that its operation needs."""

    def __init__(self, request: ApiRequest, workspace: Workspace, claim: Claim) -> None:
        self.body: RemoteWriteRequest = request.body
        self.work = AgentCoauthor(request.ledger, claim, workspace.agent, workspace.id)
        self.writing: AgentWriter = self.work.make_writer()
        self.name = _step_name(workspace, self.body.key)

    def comment_id(self) -> str:
        """Return the id of the comment that the call is about.

        Raises:
            ValueError: The body has no `comment`.
        """
        if self.body.comment is None:
            raise ValueError(f"{self.body.do} needs `comment`, the id of a comment")
        return self.body.comment

    def text_finder(self) -> TextFinder:
        """Return a function that finds the text that the call is about.

        Raises:
            ValueError: The body has neither or both of `old` and `comment`.
            UnknownComment: There is no such comment.
        """
        if (self.body.old is None) == (self.body.comment is None):
            raise ValueError(f"{self.body.do} needs either `old` or `comment`")
        return (
            locate_quote(self.body.old)
            if self.body.old is not None
            else self.work.find_commented_text(self.comment_id())
        )

    def write_response(self, outcome: Written | Suggestion) -> dict[str, Any]:
        """Return the answer to a write. A suggestion becomes a comment, unless the script wants to wait (`patient`)."""
        if isinstance(outcome, Written):
            return _write_result(outcome.value)
        if self.body.patient:
            return _write_result("busy")
        self.work.suggest(outcome, "", self.name)
        return _write_result(self.writing.mark_suggested(self.body.key).value)

    def comment_response(self, comment: Comment) -> dict[str, Any]:
        """Return the answer to an operation on a comment, and record that the call is done."""
        self.writing.commit_write(self.body.key, [])
        return _write_result("done", comment)


def _append(call: _RemoteCall) -> dict[str, Any]:
    body, writing = call.body, call.writing
    call.work.begin_writing()
    if body.last and body.at == 0 and writing.writes.find_write(body.key) is None:
        return call.write_response(writing.append(body.key, body.text))
    stream = StreamWriter(writing, body.key, patience=0, at=body.at)
    stream.add(body.text)
    if not body.last:
        return _write_result("busy" if stream.is_blocked else "going")
    return call.write_response(stream.end())


def _replace(call: _RemoteCall) -> dict[str, Any]:
    find = call.text_finder()
    call.work.begin_writing()
    return call.write_response(call.writing.replace(call.body.key, find, call.body.text, patience=0))


def _suggest(call: _RemoteCall) -> dict[str, Any]:
    find, page = call.text_finder(), TextPage(call.writing.draft)
    return call.comment_response(
        call.work.suggest(make_suggestion(page, find(page), call.body.text), call.body.why, call.name)
    )


def _reply(call: _RemoteCall) -> dict[str, Any]:
    return call.comment_response(call.work.reply(call.comment_id(), call.body.text, call.name))


def _resolve(call: _RemoteCall) -> dict[str, Any]:
    return call.comment_response(call.work.change_comment_state(call.comment_id(), "resolved"))


def _accept(call: _RemoteCall) -> dict[str, Any]:
    body, writing = call.body, call.writing
    about = call.work.load_comment(call.comment_id())
    if about.suggestion is None:
        raise ValueError(f"comment {about.id} suggests nothing that could be accepted; resolve it")
    call.work.begin_writing()
    find = locate_quote(about.quote, about.anchor)
    if about.state != "accepted" and not writing.wait_until_idle(lambda page: [find(page)], 0)[2]:
        return _write_result("busy" if body.patient else "suggested")
    call.work.change_comment_state(about.id, "accepted")
    return call.write_response(writing.replace(body.key, find, about.suggestion, patience=None))


_OPERATIONS = {
    "append": _append,
    "replace": _replace,
    "suggest": _suggest,
    "reply": _reply,
    "resolve": _resolve,
    "accept": _accept,
}


def _find_response(request: ApiRequest, workspace: Workspace, body: RemoteWriteRequest) -> dict[str, Any] | None:
    """Return the answer to a call that was made before; None if it is new.

    Raises:
        RunClaimed: Another session opened the workspace since.
    """
    claim = request.ledger.require_script_claim(workspace.run, body.session)
    known = AgentCoauthor(request.ledger, claim, workspace.agent, workspace.id).make_writer().outcome_of(body.key)
    if known is None:
        return None
    about = body.comment if body.do == "resolve" else _step_name(workspace, body.key)
    says = body.do in ("suggest", "reply", "resolve")
    found = [one for one in request.ledger.list_comments(workspace.id) if one.id == about] if says else []
    return _write_result(known.value, found[0] if found else None)


def _write_result(outcome: str, comment: Comment | None = None) -> dict[str, Any]:
    return {"outcome": outcome, "comment": msgspec.to_builtins(comment)}


def _step_name(workspace: Workspace, key: str) -> str:
    return comment_id(f"{workspace.run}/{key}")


def _workspace_lock(workspace: str) -> threading.Lock:
    with _locks_lock:
        found = _workspace_locks.get(workspace)
        if found is None:
            found = _workspace_locks[workspace] = threading.Lock()
        return found


def _caller_fields(request: ApiRequest) -> dict[str, str]:
    """Return who makes the call, for the run's events."""
    return {"user": request.person.username, "authn": request.person.authn}
