"""A script's question whether its document is done: asked under a policy, found again, decided.

The policy is that of the script's folder, which the script sends, and that of the server's folder and organisation. It
is merged here, and what it says of the question is frozen into the proposal, as for any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.drafts.agent_coauthor import workspace_text
from hitl_nb.errors import RunClaimed
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.records import ACTIONS, Facts, Proposal, Question, Run, Snapshot, Workspace
from hitl_nb.review.decision_expiry import EXPIRED_NOTE, explain_expiry
from hitl_nb.review.policy_files.script_policies import merge_script_policies
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import RemoteReviewRequest

if TYPE_CHECKING:  # a server without policies needs none of it
    from hitl_nb.policies.rules.rules import CallTerms, MergedPolicy


def find_or_ask(request: ApiRequest, workspace: Workspace, caller: dict[str, str]) -> Proposal:
    """The script's question of this key and title; it is asked if it was not, or if its decision has expired."""
    return _find_question(request, workspace) or _ask_people(request, workspace, caller)


def resume_decided(request: ApiRequest, workspace: Workspace, caller: dict[str, str]) -> Proposal:
    """The question after its decision: the run continues, or it is asked again because the decision has expired."""
    body: RemoteReviewRequest = request.body
    if request.ledger.load_run(workspace.run).status == "ready":
        request.ledger.claim_for_script(workspace.run, body.session, caller, find_policy(request, workspace.agent))
    return find_or_ask(request, workspace, caller)


def find_policy(request: ApiRequest, script: str) -> MergedPolicy | None:
    """The policy that applies to the script. Raises PolicyError."""
    body: RemoteReviewRequest = request.body
    return merge_script_policies(request.context.notebook_file(""), script, body.policies)


def _find_question(request: ApiRequest, workspace: Workspace) -> Proposal | None:
    """The newest question of this title that was asked under this key, unless it has expired."""
    body: RemoteReviewRequest = request.body
    title = workspace.title if body.title is None else body.title
    known = [*request.ledger.list_passed(workspace.run), *request.ledger.list_proposals(workspace.run)]
    return next(
        (
            proposal
            for proposal in reversed(known)
            if (proposal.position, proposal.title) == (body.key, title) and proposal.status != "expired"
        ),
        None,
    )


def _ask_people(request: ApiRequest, workspace: Workspace, caller: dict[str, str]) -> Proposal:
    body: RemoteReviewRequest = request.body
    ledger = request.ledger
    claim = ledger.claim_for_script(workspace.run, body.session, caller)
    run = ledger.load_run(workspace.run)
    try:
        return _ask_under_policy(request, run, claim, _build_question(request, workspace, run))
    except RunClaimed:
        again = _find_question(request, workspace)  # the same call, sent twice, was a moment earlier
        if again is None:
            raise
        return again


def _build_question(request: ApiRequest, workspace: Workspace, run: Run) -> Question:
    body: RemoteReviewRequest = request.body
    title = workspace.title if body.title is None else body.title
    allow = ACTIONS if body.allow is None else body.allow
    question = build_question(
        workspace_text(request.ledger, workspace), title=title, kind=workspace.kind, context=body.context, allow=allow
    )
    before = request.ledger.list_proposals(run.id, run.pauses) if run.pauses else []
    expired = any(
        (proposal.position, proposal.title, proposal.status) == (body.key, title, "expired") for proposal in before
    )
    notes = (EXPIRED_NOTE + explain_expiry(request.ledger, run),) if expired else ()
    return msgspec.structs.replace(question, document=workspace.id, position=body.key, notes=notes)


def _ask_under_policy(request: ApiRequest, run: Run, claim: Claim, question: Question) -> Proposal:
    """The question as it is asked under the policy and the deadline, or as the policy blocks it. Raises PolicyError."""
    body: RemoteReviewRequest = request.body
    ledger = request.ledger
    policy = find_policy(request, run.agent)
    if policy is None and body.deadline is None and body.on_deadline == "wait":
        return ledger.pause(claim, Snapshot(envelope=b""), [question])[0]
    from hitl_nb.policies.rules.rules import make_plan

    facts = Facts(now=ledger.now(), labels=run.labels)
    names: dict[str, Any] = {"agent": run.agent, "notebook": run.notebook, "requesters": run.requesters}
    found = make_plan(policy, question, facts, call=_read_call_terms(body), **names)
    if found.verdict == "ask":
        return ledger.pause_run(claim, Snapshot(envelope=b""), [question], plans=[found], facts=facts, policy=policy)[
            1
        ][0]
    return ledger.record_policy_verdicts(claim, [question], [found], facts=facts, policy=policy)[0]


def _read_call_terms(body: RemoteReviewRequest) -> CallTerms:
    from hitl_nb.policies.rules.rules import CallTerms

    given = body.deadline
    deadline = given if given is None or isinstance(given, datetime) else timedelta(seconds=given)
    return CallTerms(deadline=deadline, on_deadline=body.on_deadline)
