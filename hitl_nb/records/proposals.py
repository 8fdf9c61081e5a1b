"""Questions, proposals and decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from hitl_nb.records.base import Record
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
    """A call of a step that was started, and of which it is unknown whether it took effect.

    Attributes:
        call: The call in readable form: "pay(12.5)".
        step: The function's qualified name.
        arguments: The arguments by name, shortened.
        began: Start of the call.
        noticed: When it was found that the call had not ended.
        died: True if the process ended during the call, False if the run was interrupted.
        idempotency_key: Value of `idempotency_key()` inside the call.
    """

    call: str
    step: str
    arguments: dict[str, str]
    began: datetime
    noticed: datetime
    died: bool
    idempotency_key: str


class GuardrailResult(Record, frozen=True, kw_only=True):
    """Verdict of a guardrail on a value before a person was asked.

    Attributes:
        name, version: Name and version of the guardrail.
        verdict: "pass"; "escalate": a person must look; "block": the value is rejected.
        message: The reason, in a sentence; "" for a pass.
        milliseconds: Duration of the check.
    """

    name: str
    version: str = ""
    verdict: GuardrailVerdict
    message: str = ""
    milliseconds: float = 0.0


class Question(Record, frozen=True, kw_only=True):
    """Question of a `checkpoint()`, before it has an id: the JSON form of a proposal.

    Attributes:
        title: One line for people.
        kind: One of `KINDS`.
        value: The proposed value as JSON, valid for `kind`.
        type_name: The proposed Python type, for people ("Refund", "DataFrame"). It is never imported by this name.
        codec: How `kinds/questions.py` converts the JSON back: "json", "bytes", "model", "pandas", "polars".
        types: The parts of the value that are not plain JSON, and the check of edits (see `values/typed_values.py`).
            None if all parts are plain JSON.
        schema: JSON Schema that an edited value must satisfy, or None.
        options: For "choice", the values to choose from.
        context: Markdown text or a JSON mapping for the reviewer.
        allow: Actions that reviewers may take.
        reasons: Reasons that the agent's author offers to the reviewer.
        notes: Sentences of the engine for the reviewer: what will be opened again, was left out, or will be repeated.
        position: Place of the question in the run (opaque).
        document: Id of the workspace whose document is decided. "" if the proposal has a document of its own.
        doubt: The effect that the question is about: whether it happened. None for every other question. Such a
            question is answered by an edit (see `effect_happened`), by a person, and not together with others.
        tags, confidence, guardrails: Facts for policies: words, confidence of the agent (0 to 1), guardrail results.
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

    @property
    def tool(self) -> str:
        """The name of the tool whose call is proposed; "" for other kinds."""
        call: Any = self.value
        if self.kind != "tool_call" or not isinstance(call, dict):
            return ""
        return str(cast("dict[str, Any]", call).get("name", ""))


def effect_happened(value: Any) -> bool | None:
    """Read the answer to a question about an effect.

    Args:
        value: JSON: `{"happened": true, "result": ...}`, `{"happened": false}` or `{"happened": "stop"}`.

    Returns:
        True if the effect happened, False if not, None to stop the run.

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
    """A decision as stored. `value` is JSON: the edited value, or the message of a response.

    Attributes:
        fingerprint: Hash of the question, see `fingerprint()`.
        event: Number of its entry in the audit log.
        reviewer_name: Display name of the reviewer. People can change it, so it identifies nobody.
        authn: How a server knew the reviewer: "login", "token" or "anonymous". None: decided without a server.
        assurance: Strength of that evidence in this deployment ("A0": against accidents, not against code that runs as
            the same user).
        surface: Where in a browser it was made, as far as the server knows. None: decided without a server.
        signature: Signature of the server over the whole decision (see `ledger/decisions/signatures.py`), base64. None
            without a server.
        policy: SHA-256 (hex) of the policy that it was made under. "" if there was none.
        terms_sha256: SHA-256 (hex) of the canonical JSON of the terms that it was made under. "" without terms.
        valid_until: Time until which the run may use it. None: without limit.
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


class Proposal(Question, frozen=True, kw_only=True, gc=False):
    """A question with an id, waiting or decided.

    Attributes:
        pause: Number of the run's pause that asked it. 0 if a policy decided it and the run did not pause.
        ordinal: Index of the question within its pause.
        deadline: When the last step of its timeline is due, if that step decides it.
        asked_at: Start of its timeline, by the clock of the decisions file that answers in place of people. None:
            `created_at`. If this is set, no other process's clock acts on the proposal.
        facts, why: Facts of the policy's verdict, and sentences that explain it.
        terms: Terms when it was asked. None: any reviewer decides alone, without a clock.
        votes: Votes on it, oldest first; only the newest vote of each person.
        widened: User names of those who may decide in addition since it was escalated.
        step: Number of timeline steps that were taken.
        shift: Delay of the remaining timeline, in seconds, because nobody could be told in time.
        settles_at: When an approval that can be taken back becomes the decision.
        overdue: Whether the clock marked it as overdue.
        stuck: Why nobody may decide it. "" if somebody may.
        untold: Addressees whom no notification reached after all tries.
        candidate: The edited value that people vote on. Unset while people vote on `value`.
        requesters: Requesters of the run at the time of the votes: with four eyes they do not decide.
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
    terms: Terms | None = None  # must be the last field: see `ledger/rows/shared_terms.py`


_REVIEW_FIELDS = (
    *("tags", "confidence", "guardrails", "facts", "why", "terms", "votes", "widened", "step", "shift"),
    *("settles_at", "overdue", "stuck", "requesters", "asked_at", "untold"),
)
"""Fields of review policies that are not in the JSON of a proposal."""


def proposal_json(proposal: Proposal, known: Known | None = None) -> dict[str, Any]:
    """Return the JSON of a proposal, as `hitl-nb show --json`, notebooks' outputs and the REST API have it.

    Args:
        proposal: The proposal.
        known: How the identity of the decider is known (see `ledger/decisions/reviewers.py`). None: unsigned.
    """
    shown: dict[str, Any] = msgspec.to_builtins(proposal)
    if shown["decision"] is not None:
        shown["decision"]["known"] = known or "unsigned"
    for name in ("codec", "types", "candidate", *_REVIEW_FIELDS):
        shown.pop(name, None)
    shown["document"] = proposal.document or proposal.id
    return shown
