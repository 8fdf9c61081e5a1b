"""`Decision`, the result of `checkpoint()`: the answer to a question, with the value to continue with.

This module also has the question on the side of the agent's process (`LiveQuestion`), and turns a stored decision into
a `Decision`.
"""

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
    """One person's vote on a proposal that needs several people.

    Attributes:
        reviewer: User name of the voter.
        action: "approve", "edit", "reject" or "respond".
        reason: The reason that the voter gave; None if there is none.
        at: Time of the vote (aware, UTC).
        seat: User name of the person for whom the vote counts: the voter, or a person whose deputy the voter is.
        known: How the identity of the voter is known, as for a `Decision`.
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
    """The answer to a question of an agent: what was decided, by whom, and the value to continue with.

    Attributes:
        action: "approve", "edit", "reject" or "respond".
        value: The value to continue with. For approve, the same object that was proposed; for edit, the edited value in
            the proposed type; for reject, None; for respond, the message.
        original: The proposed value.
        reason: The given reason; None if there is none.
        reviewer: User name of the person who decided.
        decided_at: Time of the decision (aware, UTC).
        proposal_id: Id of the proposal.
        by: Kind of the decider: "person", "policy", "deadline" or "script" (a decisions file, for tests).
        title: Title of the proposal.
        known: How the identity of the person is known. "login", "token" or "anonymous": a server signed that the person
            was known in this way. "unsigned": any program of this user can have written the name. Otherwise the same as
            `by`.
        difference: The result of `changes()`.
        comments: Comments at the time of the decision, oldest first, each with its replies.
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
        """True if the action is "approve" or "edit"."""
        return self.action in ("approve", "edit")

    def changes(self) -> str:
        """Return the difference between the proposed and the decided value as a unified diff; "" if they are equal."""
        return self.difference

    def require(self) -> Any:
        """Return the value to continue with, unless the proposal was rejected.

        Raises:
            Rejected: The proposal was rejected. The error has the reason and the reviewer.
        """
        if self.action == "reject":
            why = f": {self.reason}" if self.reason else ""
            raise Rejected(f"{self._decider} rejected {self.title!r}{why}", self.reason, self.reviewer)
        return self.value

    @property
    def _decider(self) -> str:
        """Name of the decider, for error messages.

        Decisions of a policy or deadline never read like those of a person.
        """
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
    """A question in the agent's process: its stored form together with the Python objects that it was made from.

    Attributes:
        question: The question as it is stored.
        original: The proposed Python object.
        schema: The argument `schema` of the call; None if there is none.
        key: Key that identifies the call within the run; None if it has none.
        options: The Python objects to choose from, for a choice.
        review: The review arguments of the call, such as reviewers and deadline.
        further: Stricter terms (who must agree, by when) for an edited value, which its deciders did not meet. The edit
            was not used, and the question is asked again under these terms, too.
        blobs: The bytes of the pictures that the question shows as evidence.
    """

    question: Question
    original: Any
    schema: Any = None
    key: Key | None = None
    options: Sequence[Any] | None = None
    review: Review = NO_REVIEW
    further: FurtherTerms | None = None
    blobs: tuple[bytes, ...] = ()

    def restore_edited(self, question: Question, value: Any, original: Any) -> Any:
        """Convert an edited value from JSON to an object of the proposed type.

        Args:
            question: The stored question.
            value: The edited value as JSON.
            original: The proposed object. It is returned if `value` equals the value of the question.

        Raises:
            InvalidEdit: The edited value does not fit the type.
        """
        return values.restore_value(question, value, original, self.schema, self.options)

    def ask_edited(self, value: Any) -> LiveQuestion:
        """Return the question for an edited value (JSON), with its title, tags and other settings computed again.

        Here nothing depends on the value, so the question itself is returned. Subclasses can call the agent's own
        functions; errors of these are raised unchanged.
        """
        return self


def to_decision(asked: LiveQuestion, proposal: Proposal, comments: Sequence[records.Comment] = ()) -> Decision:
    """Make the `Decision` for the agent from a stored proposal, after checking that it answers exactly this question.

    Args:
        asked: The question that the agent asks.
        proposal: The stored proposal, with its decision.
        comments: Comments on the proposal at the time of the decision.

    Raises:
        StoreCorrupt: The stored proposal is not the question that was asked, or has no decision.
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
    """Return the proposed object with the value that the reviewer saw.

    If the object has changed since, it is rebuilt from the stored value. The kernel that paused still uses the object,
    so another cell may have changed it.
    """
    q = asked.question
    if values.encode_as_kind(asked.original, q.kind) == q.value:  # the fast check: it needs no other field
        return asked.original
    now = encode_original(asked)
    if now == q.value:
        return asked.original
    return asked.restore_edited(msgspec.structs.replace(q, value=now), q.value, asked.original)


def encode_original(asked: LiveQuestion) -> Any:
    """Return the JSON form of the proposed object now.

    The agent's code may have changed the object since it was proposed.
    """
    q = asked.question
    return values.build_question(asked.original, title=q.title, kind=q.kind, options=q.options).value
