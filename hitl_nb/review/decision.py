"""`Decision`: the result of `checkpoint()`, with the value in the type that was proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb import records
from hitl_nb.errors import Rejected, StoreCorrupt
from hitl_nb.kinds import questions as values
from hitl_nb.ledger.decisions.reviewers import identify_checked_reviewer, identify_checked_voter
from hitl_nb.own_objects import mark_own
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import Action, By, Known, Proposal, Question, fingerprint
from hitl_nb.review.comment_threads import AgentComment, thread_comments
from hitl_nb.review.review_arguments import NO_REVIEW, Review

if TYPE_CHECKING:
    from hitl_nb.engine.call_keys.call_keys import Key
    from hitl_nb.policies.rules.edit_review import FurtherTerms


@name_in_package
@dataclass(frozen=True)
class Vote:
    """The vote of one person on a proposal.

    Attributes:
        reviewer: User name of the voter.
        action: "approve", "edit", "reject" or "respond".
        reason: The given reason; None if there is none.
        at: Time of the vote (aware, UTC).
        seat: The person for whom the vote counts: the voter, or the person whom they substitute.
        known: How the voter is known, as for a `Decision`.
    """

    reviewer: str
    action: Action
    reason: str | None
    at: datetime
    seat: str
    known: Known


@name_in_package
@dataclass(frozen=True)
class Decision:
    """A decision on one proposal.

    Attributes:
        action: "approve", "edit", "reject" or "respond".
        value: The value to continue with. For approve, the same object that was proposed; for edit, the edited value in
            the proposed type; for reject, None; for respond, the message.
        original: The proposed value.
        reason: The given reason; None if there is none.
        reviewer: User name of the person who decided.
        decided_at: Time of the decision (aware, UTC).
        proposal_id: Id of the proposal.
        by: "person", "policy", "deadline" or "script".
        title: Title of the proposal.
        known: How the person is known: "login", "token" or "anonymous" if a server signed that; "unsigned" for a name
            that any program of this user can have written; otherwise the same as `by`.
        difference: The result of `changes()`.
        comments: Comments at the time of the decision, oldest first, each with its answers.
        votes: Votes of all people, oldest first, if a policy asked for them.
        rules: Ids of the policy rules that applied when the question was asked, or that decided it.
        why: Sentences that say why people were asked, or why a policy passed or blocked the proposal.
    """

    action: Action
    value: Any
    original: Any
    reason: str | None
    reviewer: str
    decided_at: datetime
    proposal_id: str
    by: By
    title: str
    known: Known = "unsigned"
    difference: str = ""
    comments: tuple[AgentComment, ...] = ()
    votes: tuple[Vote, ...] = ()
    rules: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        """True for approve and edit."""
        return self.action in ("approve", "edit")

    def changes(self) -> str:
        """Return the difference between the proposed and the decided value as a unified diff; "" if there is none."""
        return self.difference

    def require(self) -> Any:
        """Return the value to continue with.

        Raises:
            Rejected: The proposal was rejected; the error has the reason.
        """
        if self.action == "reject":
            why = f": {self.reason}" if self.reason else ""
            raise Rejected(f"{self._decider} rejected {self.title!r}{why}", self.reason, self.reviewer)
        return self.value

    @property
    def _decider(self) -> str:
        """Name of the decider for messages. A decision that no person made never reads like a person's."""
        match self.by:
            case "policy":
                return f"the policy {self.reviewer.removeprefix('policy:')}"
            case "deadline":
                return "the deadline"
            case _:
                return f"{self.reviewer} (unsigned)" if self.known == "unsigned" else self.reviewer


@name_in_package
@mark_own
@dataclass
class LiveQuestion:
    """A question with the live objects behind it.

    Attributes:
        question: The question as it is recorded.
        original: The proposed object.
        schema: The schema of the call; None if there is none.
        key: Key of the call; None if it has none.
        options: The live options of a choice.
        review: The review arguments of the call.
        further: Stricter terms from an earlier edit that people made but that was not used. The question is asked
            again under these terms, too.
    """

    question: Question
    original: Any
    schema: Any = None
    key: Key | None = None
    options: Sequence[Any] | None = None
    review: Review = NO_REVIEW
    further: FurtherTerms | None = None

    def restore_edited(self, question: Question, value: Any, original: Any) -> Any:
        """Convert edited JSON to an object of the proposed type.

        Raises:
            InvalidEdit: The edited value does not fit the type.
        """
        return values.restore_value(question, value, original, self.schema, self.options)

    def ask_edited(self, value: Any) -> LiveQuestion:
        """Return the question about an edited value, with everything that depends on the value computed again.

        Errors of the agent's own code are raised unchanged.
        """
        return self


def to_decision(asked: LiveQuestion, proposal: Proposal, comments: Sequence[records.Comment] = ()) -> Decision:
    """Return the decision of `proposal`, after checking that it answers exactly this question.

    Args:
        asked: The question that the agent asks.
        proposal: The stored proposal.
        comments: Its comments at the time of the decision.

    Raises:
        StoreCorrupt: The stored proposal is not the question that was asked.
        InvalidEdit: The edited value does not fit the proposed type.
    """
    q, record = asked.question, proposal.decision
    expected = fingerprint(proposal.run, q.position, q.kind, q.title, q.value)
    if record is None or not expected == proposal.fingerprint == record.fingerprint:
        raise StoreCorrupt(
            f"proposal {proposal.id} is not the question that was asked ({q.title!r}); its decision is not used"
        )
    original = _restore_proposed(asked)
    value: Any = None
    if record.action == "approve":
        value = original
    elif record.action == "edit":
        value = asked.restore_edited(q, record.value, original)
    elif record.action == "respond":
        value = record.value
    return Decision(
        action=record.action,
        value=value,
        original=original,
        reason=record.reason,
        reviewer=record.reviewer,
        decided_at=record.decided_at,
        proposal_id=proposal.id,
        by=record.by,
        known=identify_checked_reviewer(record),
        title=q.title,
        difference=values.diff_value(q, record.value) if record.action == "edit" else "",
        comments=thread_comments(comments),
        votes=tuple(
            Vote(vote.reviewer, vote.action, vote.reason, vote.at, vote.seat, identify_checked_voter(vote))
            for vote in proposal.votes
        ),
        rules=proposal.terms.rules if proposal.terms is not None else (),
        why=proposal.why,
    )


def _restore_proposed(asked: LiveQuestion) -> Any:
    """Return the proposed object. If it has changed since, rebuild it from what the reviewer saw.

    The kernel that paused still uses the live object, so another cell may have changed it.
    """
    q = asked.question
    if values.encode_as_kind(asked.original, q.kind) == q.value:  # the fast check: it needs no other field
        return asked.original
    now = encode_original(asked)
    if now == q.value:
        return asked.original
    return asked.restore_edited(msgspec.structs.replace(q, value=now), q.value, asked.original)


def encode_original(asked: LiveQuestion) -> Any:
    """Return the current JSON of the proposed object, which the agent's code may have changed."""
    q = asked.question
    return values.build_question(asked.original, title=q.title, kind=q.kind, options=q.options).value
