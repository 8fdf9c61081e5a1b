"""`checkpoint()`: asks a person for a decision. The run pauses at the call and later continues with the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.engine.call_keys.call_keys import Key, check_key
from hitl_nb.engine.current_session import require_session
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.evidence.context import convert_context
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
    """Propose `value` to a person, and return the person's decision.

    The run pauses at this call until somebody decides. State and proposal are durable before the cell ends.

    Args:
        value: The proposed value. Supported are str, int, float, bool, None, bytes, Decimal, dates and times, UUID,
            Path, members of an Enum, dataclasses and pydantic models. Supported containers are list, tuple, set, dict
            and namedtuple. Of numpy: scalars and small arrays. Of pandas and polars: scalars, Series, Index and
            DataFrame. Values may be nested, except tables. The decision's value has the same type.
        title: Name of the proposal, one line.
        kind: How the value is shown and edited. None: chosen by the value's type.
        context: Information that the reviewer needs (evidence): markdown, or a mapping of values as above. Values may
            also be DataFrames, matplotlib figures, PIL images, charts, and bytes of PNG, JPEG or WebP pictures.
            `hitl.markdown`, `hitl.image`, `hitl.link` and `hitl.diff` make further values.
        schema: JSON Schema, pydantic model or type that an edited value must satisfy.
        options: For kind "choice", the values to choose from.
        allow: Actions that a reviewer may take.
        reasons: Reasons that a reviewer may choose instead of writing one.
        key: A str or int that identifies the question within its statement. None: its number in the order of calls.
            Give a key if several tasks may ask in any order. The same key with another title or value is a new
            question, which is asked as well. Equal questions with the same key that follow each other, as in a loop,
            are distinguished by their order. If they run side by side, ValueError is raised.
        tags: Words that policies can test.
        confidence: How sure the agent is, from 0 to 1. None: unknown.
        guardrails: Functions marked with `@guardrail` that check the value first.
        reviewers: Names of people or groups ("@finance") who may decide. None: anyone who may decide in this store.
        quorum: Number of people who must approve.
        deadline: When the clock acts: a time after the question is asked, or an aware datetime. None: never.
        on_deadline: Action of the clock at the deadline. "wait": keep waiting.
        policy: Rules for this call, in addition to the store's policy.

    Returns:
        The decision.

    Raises:
        ValueError: An argument has an invalid value.
        TypeError: An argument has a wrong type.
        NotInAgent: There is no run to pause.
        CannotPause: The state here cannot be saved; nothing was shown or stored.
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
    """Return a proposal for `checkpoint_all`. People are not asked yet: `checkpoint_all` asks them.

    The arguments are those of `checkpoint`, which asks at once.
    """
    shown = convert_context(context)
    question = values.build_question(
        value,
        title=title,
        kind=kind,
        context=shown.context,
        evidence=shown.blocks,
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
    key = check_key(key, f"the proposal {question.title!r}")
    return LiveQuestion(question, value, schema, key, options, review, blobs=shown.blobs)


def checkpoint_all(proposals: Sequence[LiveQuestion]) -> list[Decision]:
    """Ask several questions in one pause. The run continues when all are decided.

    Args:
        proposals: Results of `hitl.proposal(...)`.

    Returns:
        The decisions, in the order of `proposals`; an empty list if there are none.

    Raises:
        TypeError: An item was not made with `hitl.proposal(...)`.
        ValueError: Two proposals have the same key.
        NotInAgent: There is no run to pause.
        CannotPause: The state here cannot be saved; nothing was shown or stored.
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
