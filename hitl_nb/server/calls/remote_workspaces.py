"""API calls of plain scripts that write workspaces through this server: `hitl.workspace(..., server=...)`.

A script makes up a session id when it opens a workspace, and sends this id with each call. Only the session that opened
the workspace last may write. Calls with the same key take effect once, so a script can safely send a call again. No
call waits for people: a script repeats a call until people have decided, or while a person is writing in the same
paragraph.
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
from hitl_nb.server.calls import workspaces
from hitl_nb.server.calls.remote_questions import find_or_ask, resume_decided
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
"""Lock for each workspace id. It is held during a write, so that a repeated call cannot run at the same time."""
_locks_lock = threading.Lock()


def open_workspace(request: ApiRequest) -> WorkspaceDetail:
    """Open a workspace for a script, or continue with the open workspace of the same script name and title.

    Returns:
        The workspace with its text.

    Raises:
        ValueError: `name` or `host` is empty or has more than one line, or `kind` is not a kind of text.
        HitlError: The script's last run was cancelled, and `restart` is false.
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
    """Edit a workspace or comment on it. If a call with the same key took effect before, return its result.

    Raises:
        RunClaimed: Another session has opened the workspace since.
        WorkspaceClosed: The workspace is closed for good.
        ValueError: The fields of the body contradict each other.
    """
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
    """Return the text or the comments of a workspace. A call with the same key returns the same answer again.

    While the run waits for people, and after the run has ended, the current state is returned and not recorded.
    """
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
    """Return a recorded result. The comments are not checked, because an older version may have recorded them."""
    return RemoteReadResult(**msgspec.json.decode(recorded))


def ask_for_review(request: ApiRequest) -> RemoteReviewResult:
    """Ask people whether a script's document is done. The script repeats this call until people have decided.

    After the decision, the call resumes the script's run. After an approval or an edit, it also sets the text of the
    document to the decided text.

    Returns:
        The proposal; its decision is null while people have not decided.
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
    """Return the answer about a proposal that people have not decided.

    Raises:
        AlreadyDecided: The proposal was closed without a decision.
    """
    refuse_closed(proposal)
    return RemoteReviewResult(proposal=answers.proposal_response(request.context, request.ledger, proposal))


def close_workspace(request: ApiRequest) -> WorkspaceResponse:
    """End the script's run, which closes the workspace for good. Has no effect if the run has ended already."""
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
    """Return the user of a request and how the server identified the user, for events of the run."""
    return {"user": request.person.username, "authn": request.person.authn}
