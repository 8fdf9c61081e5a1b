"""`checkpoint()`: the place where an agent asks a person, and where it goes on with the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.engine.call_keys.call_keys import Key, check_key
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.kinds import questions as values
from hitl_nb.own_objects import mark_own
from hitl_nb.records import ACTIONS, Action, KindName
from hitl_nb.review.decision import Decision, LiveQuestion
from hitl_nb.review.review_arguments import OnDeadline, check_review

if TYPE_CHECKING:
    from hitl_nb.review.policy_files.policy_files import Policy


@mark_own
class _PendingCheckpoint(PendingCall):
    def complete(self, decisions: list[Decision]) -> Decision:
        return decisions[0]


@mark_own
class _PendingCheckpoints(PendingCall):
    def complete(self, decisions: list[Decision]) -> list[Decision]:
        return decisions


def checkpoint(
    value: Any,
    *,
    title: str,
    kind: KindName | None = None,
    context: Mapping[str, Any] | str | None = None,
    schema: Any = None,
    options: Sequence[Any] | None = None,
    allow: Sequence[Action] = ACTIONS,
    reasons: Sequence[str] = (),
    key: Key | None = None,
    tags: Sequence[str] = (),
    confidence: float | None = None,
    guardrails: Sequence[Callable[..., Any]] = (),
    reviewers: Sequence[str] | None = None,
    quorum: int = 1,
    deadline: timedelta | datetime | None = None,
    on_deadline: OnDeadline = "wait",
    policy: Policy | None = None,
) -> Decision:
    """Propose `value` to a person; the run pauses here, and this call returns their decision.

    Args:
        value: what the agent proposes: str, number, bool, None, bytes, Decimal, a date or time, UUID, Path, a member of
            an Enum, list, tuple, set, dict, namedtuple, dataclass, pydantic model, a scalar or small array of numpy,
            a scalar, Series, Index or DataFrame of pandas or polars; also inside one another, tables aside. The value
            of the decision has the same type.
        title: one line that names the proposal.
        kind: how it is shown and edited; guessed from the value if left out.
        context: what the reviewer needs to know, as markdown or a mapping of such values.
        schema: JSON Schema, pydantic model or type that an edited value must satisfy.
        options: for kind "choice", the values to choose from.
        allow: the actions a reviewer may take.
        reasons: reasons that a reviewer may choose from, beside writing one.
        key: a str or int that the question is known by in this statement, in place of its number in the order of
            calls. Give one where several tasks may ask in any order. A question with the same key and another title
            or value is another question: it is asked, too. Equal questions with one key that follow each other, as
            in a loop, are told apart by their order; where they run side by side, ValueError is raised.

    Raises:
        ValueError, TypeError: a bad argument.
        NotInAgent: there is no run to pause.
        CannotPause: the state here cannot be saved; nothing was shown or stored.
    """
    session = require_session("checkpoint()")
    exact = session.live.begin_call(checkpoint)
    asked = proposal(
        value,
        title=title,
        kind=kind,
        context=context,
        schema=schema,
        options=options,
        allow=allow,
        reasons=reasons,
        key=key,
        tags=tags,
        confidence=confidence,
        guardrails=guardrails,
        reviewers=reviewers,
        quorum=quorum,
        deadline=deadline,
        on_deadline=on_deadline,
        policy=policy,
    )
    return session.questions.ask(_PendingCheckpoint([asked]), exact=exact)


def proposal(
    value: Any,
    *,
    title: str,
    kind: KindName | None = None,
    context: Mapping[str, Any] | str | None = None,
    schema: Any = None,
    options: Sequence[Any] | None = None,
    allow: Sequence[Action] = ACTIONS,
    reasons: Sequence[str] = (),
    key: Key | None = None,
    tags: Sequence[str] = (),
    confidence: float | None = None,
    guardrails: Sequence[Callable[..., Any]] = (),
    reviewers: Sequence[str] | None = None,
    quorum: int = 1,
    deadline: timedelta | datetime | None = None,
    on_deadline: OnDeadline = "wait",
    policy: Policy | None = None,
) -> LiveQuestion:
    """One proposal for `checkpoint_all`; the arguments are those of `checkpoint`."""
    question = values.build_question(
        value,
        title=title,
        kind=kind,
        context=context,
        schema=schema,
        options=options,
        allow=allow,
        reasons=reasons,
    )
    review = check_review(
        tags=tags,
        confidence=confidence,
        guardrails=guardrails,
        reviewers=reviewers,
        quorum=quorum,
        deadline=deadline,
        on_deadline=on_deadline,
        policy=policy,
        allow=question.allow,
    )
    question = msgspec.structs.replace(question, tags=review.tags, confidence=review.confidence)
    return LiveQuestion(question, value, schema, check_key(key, f"the proposal {question.title!r}"), options, review)


def checkpoint_all(proposals: Sequence[LiveQuestion]) -> list[Decision]:
    """Several proposals, one pause: goes on when all are decided. The decisions come back in order.

    Raises:
        TypeError, ValueError: not a sequence of `hitl.proposal(...)`, or an empty one.
    """
    session = require_session("checkpoint_all()")
    exact = session.live.begin_call(checkpoint_all)
    items = list(proposals)
    for i, item in enumerate(items):
        if not isinstance(item, LiveQuestion):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise TypeError(
                f"proposals[{i}] must be made with hitl.proposal(value, title=...), not {type(item).__name__}"
            )
    if not items:
        return []
    keys = [item.key for item in items if item.key is not None]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f"two proposals have the same key {twice!r}; give each a key of its own, or none")
    return session.questions.ask(_PendingCheckpoints(items), exact=exact)
