"""Questions of scripts whether a document is done: find the proposal of a question, or create it; use its decision.

A script writes its document through this server and asks with `wait_until_done`. The script sends the policy files of
its folder. They are merged with the policy files of the server's folder and of the organisation. The result of the
policy is stored in the proposal and does not change later, as for any other proposal.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.drafts.agent_coauthor import workspace_text
from hitl_nb.errors import RunClaimed
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.records import ACTIONS, Facts, Proposal, Question, Run, Snapshot, Workspace
from hitl_nb.review.decision_expiry import EXPIRED_NOTE, explain_expiry
from hitl_nb.review.policy_files.script_policies import merge_script_policies
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import RemoteReviewRequest

if TYPE_CHECKING:  # a server without policies does not import these modules
    from hitl_nb.policies.rules.rules import CallTerms, MergedPolicy


def find_or_ask(request: ApiRequest, workspace: Workspace, caller: dict[str, str]) -> Proposal:
    """Return the proposal of a script's question. If the question is new, or its decision has expired, ask people.

    Args:
        request: The request; its body is a `RemoteReviewRequest`, whose key and title identify the question.
        workspace: The workspace of the script.
        caller: The user of the request and how the server identified the user, for events of the run.
    """
    return _find_question(request, workspace) or _ask_people(request, workspace, caller)


def resume_decided(request: ApiRequest, workspace: Workspace, caller: dict[str, str]) -> Proposal:
    """Resume the script's run after a decision, and return the decided proposal.

    If the decision has expired meanwhile, ask people again, and return the new proposal.

    Args:
        request: The request; its body is a `RemoteReviewRequest`, whose key and title identify the question.
        workspace: The workspace of the script.
        caller: The user of the request and how the server identified the user, for events of the run.
    """
    body: RemoteReviewRequest = request.body
    if request.ledger.runs.load(workspace.run).status == "ready":
        request.ledger.remote_clients.claim(workspace.run, body.session, caller, find_policy(request, workspace.agent))
    return find_or_ask(request, workspace, caller)


def find_policy(request: ApiRequest, script: str) -> MergedPolicy | None:
    """Return the merged policy that applies to a script; None if there are no policy files.

    Args:
        request: The request; its body has the policy files of the script's folder.
        script: Name of the script.

    Raises:
        PolicyError: A policy file cannot be used.
    """
    body: RemoteReviewRequest = request.body
    return merge_script_policies(request.context.notebook_file(""), script, body.policies)


def _find_question(request: ApiRequest, workspace: Workspace) -> Proposal | None:
    """Return the newest proposal with the key and title of the request that has not expired; None if there is none."""
    body: RemoteReviewRequest = request.body
    title = workspace.title if body.title is None else body.title
    known = [*request.ledger.policies.list_passed(workspace.run), *request.ledger.proposals.list_of_run(workspace.run)]
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
    claim = ledger.remote_clients.claim(workspace.run, body.session, caller)
    run = ledger.runs.load(workspace.run)
    try:
        return _ask_under_policy(request, run, claim, _build_question(request, workspace, run))
    except RunClaimed:
        again = _find_question(request, workspace)  # it exists if the same call was sent twice and the other was faster
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
    before = request.ledger.proposals.list_of_run(run.id, run.pauses) if run.pauses else []
    expired = any(
        (proposal.position, proposal.title, proposal.status) == (body.key, title, "expired") for proposal in before
    )
    notes = (EXPIRED_NOTE + explain_expiry(request.ledger, run),) if expired else ()
    return msgspec.structs.replace(question, document=workspace.id, position=body.key, notes=notes)


def _ask_under_policy(request: ApiRequest, run: Run, claim: Claim, question: Question) -> Proposal:
    """Create the proposal of a question with its policy and its deadline. The run then waits for people.

    If the policy passes or blocks the question, the proposal is recorded as decided, and the run does not wait.

    Raises:
        PolicyError: A policy file cannot be used.
    """
    body: RemoteReviewRequest = request.body
    ledger = request.ledger
    policy = find_policy(request, run.agent)
    if policy is None and body.deadline is None and body.on_deadline == "wait":
        return ledger.runs.pause(claim, Snapshot(envelope=b""), [question]).proposals[0]
    from hitl_nb.policies.rules.rules import make_plan

    facts = Facts(now=ledger.now(), labels=run.labels)
    names: dict[str, Any] = {"agent": run.agent, "notebook": run.notebook, "requesters": run.requesters}
    found = make_plan(policy, question, facts, call=_read_call_terms(body), **names)
    if found.verdict == "ask":
        return ledger.runs.pause(
            claim, Snapshot(envelope=b""), [question], plans=[found], facts=facts, policy=policy
        ).proposals[0]
    return ledger.policies.record_verdicts(claim, [question], [found], facts=facts, policy=policy)[0]


def _read_call_terms(body: RemoteReviewRequest) -> CallTerms:
    from hitl_nb.policies.rules.rules import CallTerms

    given = body.deadline
    deadline = given if given is None or isinstance(given, datetime) else timedelta(seconds=given)
    return CallTerms(deadline=deadline, on_deadline=body.on_deadline)
