"""Questions, proposals and decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.records.base import Record
from hitl_nb.records.documents import AttestedRecord
from hitl_nb.records.evidence import EvidenceBlock
from hitl_nb.records.terms import Facts, Terms, VoteRecord
from hitl_nb.records.vocabulary import (
    ACTIONS,
    Action,
    Authn,
    By,
    GuardrailVerdict,
    KindName,
    Known,
    ProposalStatus,
    Surface,
)


class Doubt(Record, frozen=True, kw_only=True):
    """An interrupted call of a step, of which it is unknown whether it had its effect (for example a payment).

    Attributes:
        call: The call in readable form, for example "pay(12.5)".
        step: Qualified name of the function.
        arguments: Shortened texts of the arguments, by name.
        began: Time when the call was started.
        noticed: Time when hitl_nb found that the call had not ended.
        died: True if the process ended during the call, False if the run was interrupted.
        idempotency_key: Value that `idempotency_key()` had inside the call.
    """

    call: str
    step: str
    arguments: dict[str, str]
    began: datetime
    noticed: datetime
    died: bool
    idempotency_key: str


class GuardrailResult(Record, frozen=True, kw_only=True):
    """Verdict of a guardrail (an automatic check) on a proposed value, before any person was asked.

    Attributes:
        name, version: Name and version of the guardrail.
        verdict: "pass": no objection. "escalate": a person must decide. "block": the value is rejected.
        message: The reason as a sentence; "" for "pass".
        milliseconds: Duration of the check in milliseconds.
    """

    name: str
    version: str = ""
    verdict: GuardrailVerdict
    message: str = ""
    milliseconds: float = 0.0


class Question(Record, frozen=True, kw_only=True):
    """The question of a `checkpoint()` to people, in JSON form, before it is stored as a proposal with an id.

    Attributes:
        title: One line for people.
        kind: Name of the kind of `value`, one of `KINDS` in `kinds/registry.py`.
        value: The proposed value as plain JSON data, valid for `kind`.
        type_name: Name of the Python type of the proposed value, for people ("Refund", "DataFrame"). No type is
            imported by this name.
        codec: Name of the conversion of `value` back to Python: "json", "bytes", "model", "pandas" or "polars" (see
            `kinds/questions.py`).
        types: Types of the parts of the value that are not plain JSON, for converting and checking an edited value (see
            `values/typed_values.py`). None: all parts are plain JSON.
        schema: JSON Schema that an edited value must satisfy. None: no schema.
        options: For the kind "choice", the values to choose from. None for other kinds.
        context: Additional information for the reviewer: Markdown text or a JSON mapping.
        evidence: All values of `context` as they are shown, if some of them are more than JSON, such as pictures; JSON
            has a text in place of these. Empty: `context` alone says everything (see `evidence/json_blocks.py`).
        allow: Actions that reviewers may take.
        reasons: Reasons that the reviewer can select, given by the author of the agent.
        notes: Sentences that hitl_nb adds for the reviewer, for example that a file will be opened again after the
            pause.
        position: Position in the run's code at which the question is asked. Opaque text.
        document: Id of the workspace whose text is decided. "": the proposal has a document of its own.
        doubt: Set if the question is whether an interrupted call had its effect. Only a person can answer such a
            question, with the action "edit" (see `effect_happened`), and not together with other proposals. None for
            other questions.
        tags, confidence, guardrails: Facts for policies: words, the agent's confidence (0 to 1), and guardrail results.
    """

    title: str
    kind: KindName
    value: Any
    type_name: str = "str"
    codec: str = "json"
    types: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    options: list[Any] | None = None
    context: Any = None
    allow: tuple[Action, ...] = ACTIONS
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    position: str = ""
    document: str = ""
    doubt: Doubt | None = None
    tags: tuple[str, ...] = ()
    confidence: float | None = None
    guardrails: tuple[GuardrailResult, ...] = ()
    evidence: tuple[EvidenceBlock, ...] = ()

    @property
    def tool(self) -> str:
        """Name of the tool (function) whose call is proposed; "" if `kind` is not "tool_call"."""
        call: Any = self.value
        if self.kind != "tool_call" or not isinstance(call, dict):
            return ""
        return str(cast("dict[str, Any]", call).get("name", ""))


def effect_happened(value: Any) -> bool | None:
    """Return the answer to the question whether an interrupted call had its effect.

    Args:
        value: The answer as plain JSON data: `{"happened": true, "result": ...}`, `{"happened": false}` or
            `{"happened": "stop"}`.

    Returns:
        True: the effect happened. False: it did not happen, so the call is made again. None: stop the run.

    Raises:
        ValueError: `value` has another form.
    """
    said: Any = cast("dict[str, Any]", value).get("happened") if isinstance(value, dict) else None
    if said is True or said is False:
        return said
    if said == "stop":
        return None
    raise ValueError(
        'say what happened: {"happened": true, "result": what it returned}, {"happened": false} to call it again, '
        'or {"happened": "stop"} to stop the run'
    )


class DecisionRecord(Record, frozen=True, kw_only=True):
    """A decision on a proposal, as it is stored.

    Attributes:
        value: Plain JSON data: for "edit" the edited value, for "respond" the message. None for other actions.
        fingerprint: Hash of the question that was decided (see `fingerprint()`).
        event: Number of the decision's entry in the audit log.
        reviewer_name: Display name of the reviewer. People can change their display names, so it does not identify
            them.
        authn: How a server identified the reviewer: "login", "token" or "anonymous". None: decided without a server.
        assurance: How strong this evidence is. "A0": it protects against accidents, not against programs that run as
            the same user. None: decided without a server.
        surface: Page or window of the browser in which the decision was made, as far as the server knows (see
            `Surface`). None: decided without a server.
        signature: Signature of the server over the whole decision, base64 (see `ledger/decisions/signatures.py`). None:
            decided without a server.
        policy: SHA-256 (hex) of the merged policy that the proposal was decided under. "": no policy.
        terms_sha256: SHA-256 (hex) of the canonical JSON of the terms (review rules). "": no terms.
        valid_until: Time until which the run may use the decision. None: no limit.
    """

    action: Action
    value: Any = None
    reason: str | None = None
    reviewer: str
    decided_at: datetime
    by: By = "person"
    fingerprint: str
    event: int = 0
    reviewer_name: str = ""
    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None
    policy: str = ""
    terms_sha256: str = ""
    valid_until: datetime | None = None


class OutcomeFlag(AttestedRecord, frozen=True, kw_only=True):
    """The statement of a reviewer, after a decision, that the approval was wrong.

    Attributes:
        reviewer: User name of the reviewer. `reviewer_name` is the display name.
        reason: Description of the mistake.
    """

    reviewer: str
    reviewer_name: str = ""
    reason: str
    at: datetime


class Proposal(Question, frozen=True, kw_only=True, gc=False):
    """A stored question with an id. It waits for a decision, is decided, or is no longer needed.

    Attributes:
        pause: Number of the run's pause that asked the question. 0: a policy decided it, and the run did not pause.
        ordinal: Index of the question among the questions of its pause, from 0.
        deadline: Time of the last step of the timeline, if that step decides the proposal. None: no such step.
        asked_at: Start of the timeline on the clock of the decisions file that answers in place of people. Other
            processes then take no timeline actions on the proposal. None: no such file; the timeline starts at
            `created_at`.
        facts, why: Facts that the policy used, and sentences that explain its verdict.
        terms: Review rules of the proposal. None: any one reviewer decides, and nothing happens automatically.
        votes: Newest vote of each person, oldest first.
        widened: User names of people who may decide in addition, since the proposal was escalated.
        step: Number of timeline steps that were already taken.
        shift: Seconds by which the remaining steps of the timeline are delayed, because an earlier step was taken late.
        settles_at: Time at which an approval that can still be withdrawn becomes the decision. None: no such approval.
        overdue: Whether a timeline step has marked the proposal as overdue.
        stuck: Reason why no person may decide the proposal. "": some person may.
        untold: Addressees to whom no notification could be sent, after all tries.
        candidate: The edited value that people vote on. Unset while people vote on `value`.
        requesters: People who had started or continued the run at the time of the votes. Under a four-eyes rule they
            may not approve.
        flag: Set if a reviewer said after the decision that the approval was wrong. The decision stays as it is.
        held: Whether a program waits with this question (`hitl.held`). Then nobody has to continue the run.
    """

    id: str
    run: str
    agent: str
    notebook: str
    pause: int
    ordinal: int = 0
    status: ProposalStatus = "open"
    revision: int = 1
    fingerprint: str
    created_at: datetime
    deadline: datetime | None = None
    assignee: str | None = None
    decision: DecisionRecord | None = None
    facts: Facts | None = None
    why: tuple[str, ...] = ()
    votes: tuple[VoteRecord, ...] = ()
    widened: tuple[str, ...] = ()
    step: int = 0
    shift: float = 0.0
    settles_at: datetime | None = None
    overdue: bool = False
    stuck: str = ""
    untold: tuple[str, ...] = ()
    candidate: Any | UnsetType = UNSET
    requesters: tuple[str, ...] = ()
    asked_at: datetime | None = None
    flag: OutcomeFlag | None = None
    held: bool = False
    terms: Terms | None = None  # must be the last field: see `ledger/rows/shared_terms.py`


_REVIEW_FIELDS = (
    *("tags", "confidence", "guardrails", "facts", "why", "terms", "votes", "widened", "step", "shift"),
    *("settles_at", "overdue", "stuck", "requesters", "asked_at", "untold", "flag"),
)
"""Fields of `Proposal` about review policies and outcomes, which the JSON of a proposal leaves out."""


def proposal_json(proposal: Proposal, known: Known | None = None) -> dict[str, Any]:
    """Return a proposal as plain JSON data, as `hitl-nb show --json`, cell outputs and the REST API show it.

    Internal fields and the fields of review policies are left out. `decision["known"]` and `document` (the id of the
    document that is decided) are added.

    Args:
        proposal: The proposal.
        known: How the identity of the person who decided is known (see `ledger/decisions/reviewers.py`). None:
            unsigned.
    """
    shown: dict[str, Any] = msgspec.to_builtins(proposal)
    if shown["decision"] is not None:
        shown["decision"]["known"] = known or "unsigned"
    for name in ("codec", "types", "candidate", *_REVIEW_FIELDS):
        shown.pop(name, None)
    shown["document"] = proposal.document or proposal.id
    return shown
