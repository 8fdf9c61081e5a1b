"""The part of a response about a proposal that is about its decision, or about a call in doubt."""

from __future__ import annotations

from typing import Any, Self

from hitl_nb.records import Action, Authn, By, DecisionRecord, Doubt, Known, Surface
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class DecisionSummary(ResponseStruct):
    """A decision as a list shows it: what was decided, by whom, and how the server knew the person.

    `reviewer` is the identity; people can change `reviewer_name`. `by` is the kind of author as recorded; `known` says
    how far that is proven. `fingerprint` is that of the question that was decided. `event` is the number of the
    decision's entry in the audit log. `authn`, `surface` and `signature` (base64) are null if the decision was made
    without a server. `assurance` is how much this installation can promise about the identity; "A0": evidence against
    accidents, not against code that runs as the same user. `surface` "page": decided on the review page of its own,
    which the HTML of notebooks cannot reach; "shared": decided in a page where such HTML can run.
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
    """A decision with its value: the edited value, or the response to the agent."""

    value: Any


class DoubtInfo(ResponseStruct):
    """A step call of which it is unknown whether it took effect.

    `call` is the call as people read it: "pay(12.5)"; `arguments` are shortened. `began` is when the call began, and
    `noticed` when it was found that it has no recorded result. `died`: its process ended during the call; false if the
    run was interrupted. `idempotency_key` finds the call in the called system.
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
