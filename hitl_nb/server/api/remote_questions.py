"""A script's question whether its document is done: asked under a policy, found again, decided.

The policy is that of the script's folder, which the script sends, and that of the server's folder and organisation. It
is merged here, and what it says of the question is frozen into the proposal, as for any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.drafts.agent_coauthor import standing_in
from hitl_nb.errors import RunClaimed
from hitl_nb.kinds.questions import ask
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.records import ACTIONS, Facts, Proposal, Question, Run, Snapshot, Workspace
from hitl_nb.review.decision_expiry import EXPIRED, why_expired
from hitl_nb.review.policy_files.script_policies import merge_script_policies
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import ScriptAsking

if TYPE_CHECKING:  # a server without policies needs none of it
    from hitl_nb.policies.rules.rules import CallTerms, MergedPolicy


def find_or_ask(asked: Asked, w: Workspace, caller: dict[str, str]) -> Proposal:
    """The script's question of this key and title; it is asked if it was not, or if its decision has expired."""
    return _found(asked, w) or _ask(asked, w, caller)


def resume_decided(asked: Asked, w: Workspace, caller: dict[str, str]) -> Proposal:
    """The question after its decision: the run continues, or it is asked again because the decision has expired."""
    body: ScriptAsking = asked.body
    if asked.ledger.run(w.run).status == "ready":
        asked.ledger.script_claim(w.run, body.session, caller, policy_of(asked, w.agent))
    return find_or_ask(asked, w, caller)


def policy_of(asked: Asked, script: str) -> MergedPolicy | None:
    """The policy that applies to the script. Raises PolicyError."""
    body: ScriptAsking = asked.body
    return merge_script_policies(asked.desk.notebook(""), script, body.policies)


def _found(asked: Asked, w: Workspace) -> Proposal | None:
    """The newest question of this title that was asked under this key, unless it has expired."""
    body: ScriptAsking = asked.body
    title = w.title if body.title is None else body.title
    known = [*asked.ledger.passed_from(w.run), *asked.ledger.proposals(w.run)]
    return next(
        (p for p in reversed(known) if (p.position, p.title) == (body.key, title) and p.status != "expired"), None
    )


def _ask(asked: Asked, w: Workspace, caller: dict[str, str]) -> Proposal:
    body: ScriptAsking = asked.body
    ledger = asked.ledger
    claim = ledger.script_claim(w.run, body.session, caller)
    run = ledger.run(w.run)
    try:
        return _judged(asked, run, claim, _question(asked, w, run))
    except RunClaimed:
        again = _found(asked, w)  # the same call, sent twice, was a moment earlier
        if again is None:
            raise
        return again


def _question(asked: Asked, w: Workspace, run: Run) -> Question:
    body: ScriptAsking = asked.body
    title = w.title if body.title is None else body.title
    allow = ACTIONS if body.allow is None else body.allow
    question = ask(standing_in(asked.ledger, w), title=title, kind=w.kind, context=body.context, allow=allow)
    before = asked.ledger.proposals(run.id, run.pauses) if run.pauses else []
    expired = any((p.position, p.title, p.status) == (body.key, title, "expired") for p in before)
    notes = (EXPIRED + why_expired(asked.ledger, run),) if expired else ()
    return msgspec.structs.replace(question, document=w.id, position=body.key, notes=notes)


def _judged(asked: Asked, run: Run, claim: Claim, question: Question) -> Proposal:
    """The question as it is asked under the policy and the deadline, or as the policy blocks it. Raises PolicyError."""
    body: ScriptAsking = asked.body
    ledger = asked.ledger
    policy = policy_of(asked, run.agent)
    if policy is None and body.deadline is None and body.on_deadline == "wait":
        return ledger.pause(claim, Snapshot(envelope=b""), [question])[0]
    from hitl_nb.policies.rules.rules import plan

    facts = Facts(now=ledger.now(), labels=run.labels)
    names: dict[str, Any] = {"agent": run.agent, "notebook": run.notebook, "requesters": run.requesters}
    found = plan(policy, question, facts, call=_call_terms(body), **names)
    if found.verdict == "ask":
        return ledger.pause_run(claim, Snapshot(envelope=b""), [question], plans=[found], facts=facts, policy=policy)[
            1
        ][0]
    return ledger.record_verdicts(claim, [question], [found], facts=facts, policy=policy)[0]


def _call_terms(body: ScriptAsking) -> CallTerms:
    from hitl_nb.policies.rules.rules import CallTerms

    given = body.deadline
    deadline = given if given is None or isinstance(given, datetime) else timedelta(seconds=given)
    return CallTerms(deadline=deadline, on_deadline=body.on_deadline)
