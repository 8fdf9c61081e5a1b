"""Calls of plain scripts that write workspaces through this server: `hitl.workspace(..., server=...)`.

A script identifies itself by a session id, which it makes up when it opens the workspace. Only the last session that
opened it may write. Each call takes effect once per key, so a script can safely send it again. No call waits for
people: a script repeats a call while it waits for a decision, or while a person writes at the same place.
"""

from __future__ import annotations

import threading
import weakref

import msgspec

from hitl_nb.drafts.agent_coauthor import AgentCoauthor, workspace_text
from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.kinds.registry import text_kinds
from hitl_nb.ledger.remote_clients import script_identity
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import SCRIPT, Proposal, Snapshot, Workspace
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
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.workspaces import (
    RemoteReadResult,
    RemoteReviewResult,
    RemoteWriteResult,
    WorkspaceDetail,
    WorkspaceResponse,
)
from hitl_nb.workspaces.commands import (
    CommandResult,
    CommentCommand,
    decode_command,
    execute,
    find_result,
    record_comment_command,
)

_workspace_locks: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
"""Held while a call writes into a workspace, so that a repeated call does not run beside the first."""
_locks_lock = threading.Lock()


def open_workspace(request: ApiRequest) -> WorkspaceDetail:
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
    last = ledger.runs.find(agent=body.name, notebook=SCRIPT + body.name, key=title) if body.restart else None
    if last is not None and last.status != "finished" and not ledger.remote_clients.is_current(last.id, body.session):
        ledger.runs.cancel(last.id, actor=request.person.username)
    run = ledger.remote_clients.open_run(
        process, name=body.name, title=title, caller=_caller_fields(request), restart=body.restart
    )
    there = ledger.workspaces.list_of_run(run.id)
    if there:
        workspace = there[0]
    else:
        claim = ledger.remote_clients.claim(run.id, body.session, _caller_fields(request))
        workspace = ledger.workspaces.open(
            claim, title=title, kind=body.kind, template=body.template, position="workspace"
        )
    Draft.for_workspace(ledger.store, workspace).write_initial()
    return workspaces.workspace_response(request, workspace)


def write_or_comment(request: ApiRequest) -> RemoteWriteResult:
    """Edit a workspace or comment on it. A repeated call returns the first call's result."""
    body: RemoteWriteRequest = request.body
    command = decode_command(msgspec.to_builtins(body))
    workspace, ledger = request.ledger.workspaces.load(request.id), request.ledger
    with _workspace_lock(workspace.id):
        claim = ledger.remote_clients.require_claim(workspace.run, body.session)
        known = find_result(command, _make_coauthor(request, claim, workspace))
        if known is not None:
            return _write_result(known)
        claim = ledger.remote_clients.claim(workspace.run, body.session, _caller_fields(request))
        coauthor = _make_coauthor(request, claim, workspace)
        result = execute(command, coauthor)
        if isinstance(command, CommentCommand):
            record_comment_command(command, coauthor)
        return _write_result(result)


def read_document(request: ApiRequest) -> RemoteReadResult:
    """Read the text or the comments of a workspace. A repeated call returns what the first call returned."""
    body: RemoteReadRequest = request.body
    ledger = request.ledger
    workspace = ledger.workspaces.load(request.id)

    def now() -> bytes:
        if body.what == "text":
            return msgspec.json.encode(RemoteReadResult(text=workspace_text(ledger, workspace)))
        found = ledger.comments.list_on_document(workspace.id, as_logged=True)
        return msgspec.json.encode(RemoteReadResult(comments=[CommentInfo.of(one) for one in found]))

    claim = ledger.remote_clients.require_claim(workspace.run, body.session)
    known = _make_coauthor(request, claim, workspace).make_writer().writes.read_recorded(body.key)
    if known is None and ledger.runs.load(workspace.run).status in ("waiting", "finished", "cancelled"):
        return _recorded_result(now())  # this run cannot record the result, and writes nothing after it
    if known is None:
        claim = ledger.remote_clients.claim(workspace.run, body.session, _caller_fields(request))
        known = _make_coauthor(request, claim, workspace).record_once(body.key, now)
    return _recorded_result(known)


def _recorded_result(recorded: bytes) -> RemoteReadResult:
    """Return a result as it was recorded, perhaps by an older version: its comments are not checked."""
    return RemoteReadResult(**msgspec.json.decode(recorded))


def ask_for_review(request: ApiRequest) -> RemoteReviewResult:
    """Ask people whether the document is done, or return what they decided and resume the run.

    After an approval or an edit, the document's text is set to the decided text.
    """
    body: RemoteReviewRequest = request.body
    ledger = request.ledger
    workspace = ledger.workspaces.load(request.id)
    ledger.remote_clients.require_claim(workspace.run, body.session)
    proposal = find_or_ask(request, workspace, _caller_fields(request))
    if proposal.decision is None:
        return _waiting_response(request, proposal)
    with _workspace_lock(workspace.id):
        proposal = resume_decided(request, workspace, _caller_fields(request))
        if proposal.decision is None:
            return _waiting_response(request, proposal)
        workspace = ledger.workspaces.load(workspace.id)
        agreed = ledger.workspaces.find_decided_text(workspace)
        if workspace.status == "done" and workspace.proposal == proposal.id and agreed is not None:
            Draft.for_workspace(ledger.store, workspace).write_value(
                agreed, proposal.decision.reviewer, proposal.decision.reviewer_name
            )
    return RemoteReviewResult(
        proposal=answers.proposal_response(
            request.context,
            ledger,
            proposal,
            ledger.comments.list_on_document(workspace.id, before=proposal.decision.event, as_logged=True),
        )
    )


def _waiting_response(request: ApiRequest, proposal: Proposal) -> RemoteReviewResult:
    """Return the answer while nobody has decided.

    Raises:
        AlreadyDecided: The proposal was closed without a decision.
    """
    refuse_closed(proposal)
    return RemoteReviewResult(proposal=answers.proposal_response(request.context, request.ledger, proposal))


def close_workspace(request: ApiRequest) -> WorkspaceResponse:
    """Finish the script's run, which closes its workspace for good."""
    ledger, session = request.ledger, request.body.session
    workspace = ledger.workspaces.load(request.id)
    ledger.remote_clients.require_claim(workspace.run, session)
    if ledger.runs.load(workspace.run).status != "finished":
        ledger.runs.finish(
            ledger.remote_clients.claim(workspace.run, session, _caller_fields(request)), Snapshot(envelope=b"")
        )
    return WorkspaceResponse(workspace=workspaces.workspace_summary(request, ledger.workspaces.load(workspace.id)))


def _make_coauthor(request: ApiRequest, claim: Claim, workspace: Workspace) -> AgentCoauthor:
    return AgentCoauthor(request.ledger, claim, workspace.agent, workspace.id)


def _write_result(result: CommandResult) -> RemoteWriteResult:
    comment = None if result.comment is None else CommentInfo.of(result.comment)
    return RemoteWriteResult(outcome=result.outcome, comment=comment)


def _workspace_lock(workspace: str) -> threading.Lock:
    with _locks_lock:
        found = _workspace_locks.get(workspace)
        if found is None:
            found = _workspace_locks[workspace] = threading.Lock()
        return found


def _caller_fields(request: ApiRequest) -> dict[str, str]:
    """Return who makes the call, for the run's events."""
    return {"user": request.person.username, "authn": request.person.authn}
