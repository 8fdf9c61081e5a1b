"""What `checkpoint()` returns: a person's decision, with the value in the type that was proposed."""

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
    """What one person said about a proposal.

    Attributes:
        reviewer: user name; `seat` is the person whose right it was: the reviewer, or whom they stood in for.
        action: "approve", "edit", "reject" or "respond".
        reason: why, if they said so.
        at: when (aware, UTC).
        known: how it is known who they are, as of a `Decision`.
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
        value: what to go on with: the very object that was proposed for approve, the edited value in its type for
            edit, None for reject, the message for respond.
        original: what was proposed.
        reason: why, if the reviewer said so.
        reviewer: user name of who decided.
        decided_at: when (aware, UTC).
        by: "person", "policy", "deadline" or "script".
        known: how it is known who decided: "login", "token" or "anonymous" if a server signed that; "unsigned" for a
            name that any program of this user can have written; else as `by`.
        comments: what people had said about it when it was decided, oldest first, each with the answers to it.
        votes: what each person said, where several had to agree or might, oldest first.
        rules: ids of the policy's rules that applied when it was asked, or that decided it.
        why: why it was asked, passed or blocked, in sentences.
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
        """The difference between what was proposed and what was decided, as a unified diff; empty if there is none."""
        return self.difference

    def require(self) -> Any:
        """The value to go on with. Raises Rejected, with the reason, if the proposal was rejected."""
        if self.action == "reject":
            why = f": {self.reason}" if self.reason else ""
            raise Rejected(f"{self._decider} rejected {self.title!r}{why}", self.reason, self.reviewer)
        return self.value

    @property
    def _decider(self) -> str:
        """Who decided, in a message: what no person decided does not read like one's."""
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
    """A question with the live objects behind it, the key that it is known by, if any, and its review arguments.

    Attributes:
        further: what an edit of it takes that people made and that was not used: it is asked again under that, too.
    """

    question: Question
    original: Any
    schema: Any = None
    key: Key | None = None
    options: Sequence[Any] | None = None
    review: Review = NO_REVIEW
    further: FurtherTerms | None = None

    def restore_edited(self, question: Question, value: Any, original: Any) -> Any:
        """The edited JSON as an object of the type that was proposed. Raises InvalidEdit."""
        return values.restore_value(question, value, original, self.schema, self.options)

    def ask_edited(self, value: Any) -> LiveQuestion:
        """The question as it would be asked about an edited value: what else follows from that, follows again.

        Raises what the agent's own code raises.
        """
        return self


def to_decision(asked: LiveQuestion, proposal: Proposal, comments: Sequence[records.Comment] = ()) -> Decision:
    """The decision that `proposal` holds, as an answer to exactly this question.

    `comments` are those on it as they were then.

    Raises:
        StoreCorrupt: the stored proposal is not the question that was asked.
        InvalidEdit: the edited value does not fit the proposed type.
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
    """The object that was proposed; made again from what the reviewer saw if it was changed while it waited.

    In the kernel that paused, the live object goes on being used, and another cell may have changed it.
    """
    q = asked.question
    if values.encode_as_kind(asked.original, q.kind) == q.value:  # no need to look at the rest of the question
        return asked.original
    now = encode_original(asked)
    if now == q.value:
        return asked.original
    return asked.restore_edited(msgspec.structs.replace(q, value=now), q.value, asked.original)


def encode_original(asked: LiveQuestion) -> Any:
    """What was proposed as JSON, as it is now: the agent's code may have changed it since."""
    q = asked.question
    return values.build_question(asked.original, title=q.title, kind=q.kind, options=q.options).value
