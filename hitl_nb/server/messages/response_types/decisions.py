"""Parts of a response about a proposal: its decision, and the step call of which the effect is unknown (in doubt)."""

from __future__ import annotations

from typing import Any, Self

from hitl_nb.records import Action, Authn, By, DecisionRecord, Doubt, Known, OutcomeFlag, Speaker, Surface
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class DecisionSummary(ResponseStruct):
    """A decision without its value: the action, the reviewer, and how the server knew the reviewer.

    `reviewer` is the user name, which is the identity; people can change `reviewer_name`. `by` says whether a person, a
    policy, a deadline or a script decided, as recorded; `known` says how far that is proven. `fingerprint` is the
    fingerprint of the question that was decided. `event` is the number of the decision's event in the audit log.
    `authn` says how the server knew the reviewer. `assurance` is the strength of this evidence; "A0": it protects
    against accidents, not against code that runs as the same user. `surface` "page": the decision was made in a
    standalone page, which the HTML of notebooks cannot access; "shared": in a page in which such HTML can run.
    `signature` (base64) is the signature of the server. `authn`, `surface` and `signature` are null if the decision was
    made without a server. `policy` and `terms_sha256` are hashes of the policy and of its result for this proposal; ""
    without a policy. The run may use the decision until `valid_until`; null means without limit.
    """

    action: Action
    reason: str | None
    reviewer: str
    reviewer_name: str
    decided_at: At
    by: By
    fingerprint: str
    event: Count
    authn: Authn | None
    assurance: str | None
    surface: Surface | None
    signature: str | None
    policy: str
    terms_sha256: str
    valid_until: At | None
    known: Known

    @classmethod
    def of(cls, record: DecisionRecord, known: Known | None) -> Self:
        """Build the response from a decision.

        Args:
            record: The decision.
            known: How the identity of the decider is known. None: unsigned.
        """
        return cls(**same_fields(cls, record), known=known or "unsigned")


class DecisionDetail(DecisionSummary):
    """A decision with its value: the edited value, or the message of a response to the agent."""

    value: Any


class OutcomeFlagInfo(ResponseStruct):
    """The statement of a reviewer, after a decision, that the approval was wrong.

    `reviewer` is the user name, and `reason` says what was wrong. `known` says how the server knows the reviewer.
    """

    reviewer: str
    reviewer_name: str
    reason: str
    at: At
    known: Speaker

    @classmethod
    def of(cls, record: OutcomeFlag, known: Speaker) -> OutcomeFlagInfo:
        """Build the response from a record.

        Args:
            record: The statement.
            known: How the identity of the reviewer is known.
        """
        return cls(**same_fields(cls, record), known=known)


class DoubtInfo(ResponseStruct):
    """A call of a step of which it is unknown whether it took effect.

    `call` is the call in readable form, for example "pay(12.5)". `step` is the name of the function. `arguments` has
    the arguments by name, shortened. `began` is the start of the call. `noticed` is the time at which it was found that
    the call has no recorded result. `died` is true if the process ended during the call, false if the run was
    interrupted. With `idempotency_key`, people can find the call in the system that was called.
    """

    call: str
    step: str
    arguments: dict[str, str]
    began: At
    noticed: At
    died: bool
    idempotency_key: str

    @classmethod
    def of(cls, record: Doubt) -> DoubtInfo:
        """Build the response from the record of a call in doubt."""
        return cls(**same_fields(cls, record))


prepare_structs(globals())
