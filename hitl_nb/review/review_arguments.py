"""Review arguments of `checkpoint`, `proposal` and gates: data for policies, and which people decide by when.

They are checked here, before the question is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, get_args

from hitl_nb.own_objects import mark_own
from hitl_nb.pickled_names import keep_in_package, name_in_package
from hitl_nb.review.guardrail_checks import Guard, make_guards
from hitl_nb.review.guardrails import NamedGuardrail

if TYPE_CHECKING:
    from hitl_nb.review.policy_files.policy_files import Policy

OnDeadline = Literal["wait", "reject", "approve", "escalate"]
"""Action when the deadline has passed and nobody has decided. "wait": the proposal is only marked as overdue."""

_LONGEST_TAG = 100
_MOST_TAGS = 100
_MOST_PEOPLE = 9999


@name_in_package
@mark_own
@dataclass(frozen=True)
class Review:
    """Checked review arguments of one call: tags, confidence, guardrails, reviewers, quorum, deadline and policy.

    See `checkpoint` for their meaning. An argument with its default has no effect.
    """

    tags: tuple[str, ...] = ()
    confidence: float | None = None
    guardrails: tuple[Guard, ...] = ()
    reviewers: tuple[str, ...] | None = None
    quorum: int = 1
    deadline: timedelta | datetime | None = None
    on_deadline: OnDeadline = "wait"
    policy: Policy | None = None

    @property
    def has_terms(self) -> bool:
        """Whether the call says who decides or by when: it has `reviewers`, `quorum` or `deadline`."""
        return self.reviewers is not None or self.quorum != 1 or self.deadline is not None

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Return the name "NO_REVIEW" for pickling `NO_REVIEW`, else what the base class returns.

        Most questions have `NO_REVIEW`, and its fields would make saved states larger.
        """
        return "NO_REVIEW" if self is NO_REVIEW else super().__reduce_ex__(protocol)


NO_REVIEW = Review()
"""Review arguments of a call that has none of them."""
keep_in_package("NO_REVIEW", NO_REVIEW)

_DEFAULTS = ((), None, (), None, 1, None, "wait", None)
"""The default arguments in the order of the fields of `Review`.

They are compared by identity, because Python has one object of each default.
"""


def check_review(
    *,
    tags: Sequence[str] = (),
    confidence: float | None = None,
    guardrails: Sequence[Callable[..., Any]] = (),
    reviewers: Sequence[str] | None = None,
    quorum: int = 1,
    deadline: timedelta | datetime | None = None,
    on_deadline: OnDeadline = "wait",
    policy: Policy | None = None,
    allow: Collection[str] = (),
) -> Review:
    """Check the review arguments of a call, and convert them to their exact types.

    Args:
        tags: Words that policy conditions can read.
        confidence: The agent's confidence, from 0 to 1. None: unknown.
        guardrails: Functions that check the value before people are asked.
        reviewers: User names and "@groups" that may decide; None for anyone.
        quorum: Number of people who must agree.
        deadline: When `on_deadline` is applied: a duration from now, or an aware datetime. None: no deadline.
        on_deadline: Action at the deadline.
        policy: More policy rules for this call.
        allow: Actions that reviewers may take.

    Returns:
        The checked arguments. `NO_REVIEW` if all have their defaults.

    Raises:
        TypeError: An argument has a wrong type; the message says what is accepted.
        ValueError: An argument has a wrong value; the message says what is accepted.
    """
    given = (tags, confidence, guardrails, reviewers, quorum, deadline, on_deadline, policy)
    if all(one is default for one, default in zip(given, _DEFAULTS, strict=True)):
        return NO_REVIEW
    review = Review(
        _tags(tags),
        _confidence(confidence),
        make_guards(guardrails),
        _reviewers(reviewers),
        _quorum(quorum),
        _deadline(deadline),
        on_deadline,
        _policy(policy),
    )
    _check_on_deadline(review, allow)
    return review


def check_rules(rules: Mapping[str, Any], allow: Collection[str]) -> None:
    """Check the review arguments of a gate when the gate is made.

    An argument may be a function that is called with each tool call's arguments; such an argument is not checked here.

    Args:
        rules: The review arguments by name.
        allow: Actions that reviewers may take.

    Raises:
        TypeError: An argument has a wrong type.
        ValueError: An argument has a wrong value.
    """
    if isinstance(rules["guardrails"], NamedGuardrail):
        make_guards(rules["guardrails"])  # raises TypeError: one guardrail is not a sequence of guardrails
    fixed = {name: rule for name, rule in rules.items() if not callable(rule)}
    if not {"deadline", "quorum"} <= fixed.keys():
        fixed.pop("on_deadline", None)  # checked at each call, together with the deadline and the quorum
    check_review(**fixed, allow=allow)


def _tags(tags: Any) -> tuple[str, ...]:
    for tag in _sequence(tags, "tags", 'words, as in tags=("vip",)'):
        if not isinstance(tag, str):
            raise TypeError(f"tags must be words (str), not {type(tag).__name__}")
        if not tag or not tag.isprintable() or " " in tag or len(tag) > _LONGEST_TAG:
            raise ValueError(f"tags must be words of 1 to {_LONGEST_TAG} characters without spaces, not {tag[:120]!r}")
    found = tuple(dict.fromkeys(map(str, tags)))
    if len(found) > _MOST_TAGS:
        raise ValueError(f"tags must be {_MOST_TAGS} words at most, not {len(found)}")
    return found


def _confidence(confidence: Any) -> float | None:
    if confidence is None:
        return None
    try:
        found = None if isinstance(confidence, (bool, str, bytes)) else float(confidence)
    except (TypeError, ValueError):
        found = None
    if found is None:
        raise TypeError(f"confidence must be a number from 0 to 1, or None, not {type(confidence).__name__}")
    if not 0 <= found <= 1:
        raise ValueError(f"confidence must be a number from 0 to 1, not {found!r}")
    return found


def _reviewers(reviewers: Any) -> tuple[str, ...] | None:
    if reviewers is None:
        return None
    example = 'user names and groups, as in reviewers=("ada", "@finance")'
    found = tuple(_sequence(reviewers, "reviewers", example))
    for one in found:
        if not isinstance(one, str):
            raise TypeError(f"reviewers must be {example}, not {type(one).__name__}")
        if not one.removeprefix("@") or one != one.strip() or not one.isprintable():
            raise ValueError(f"reviewers must be {example}, and {one!r} is neither")
    if not found:
        raise ValueError("reviewers must name somebody; leave it out if anyone may decide")
    return tuple(dict.fromkeys(found))


def _quorum(quorum: Any) -> int:
    if not isinstance(quorum, int) or isinstance(quorum, bool):
        raise TypeError(f"quorum must be an int: how many people must agree, not {type(quorum).__name__}")
    if quorum < 1:
        raise ValueError(f"quorum must be 1 or more, not {quorum}")
    if quorum > _MOST_PEOPLE:
        raise ValueError(f"quorum must be {_MOST_PEOPLE} at most, not {quorum}: nobody could meet it")
    return quorum


def _deadline(deadline: Any) -> timedelta | datetime | None:
    if deadline is None:
        return None
    if isinstance(deadline, timedelta):
        if not deadline > timedelta(0):
            raise ValueError(f"deadline must be in the future, not {deadline}")
        return timedelta(seconds=deadline.total_seconds())  # never a subclass, such as pandas' Timedelta
    if not isinstance(deadline, datetime) or deadline != deadline:  # pandas' NaT is not equal to itself
        raise TypeError(f"deadline must be a timedelta or an aware datetime, not {type(deadline).__name__}")
    if deadline.utcoffset() is None:
        raise ValueError(
            f"deadline must be an aware datetime: {deadline.isoformat()} has no time zone; "
            "give it one, as in datetime.now(UTC) + timedelta(hours=4), or pass the timedelta itself"
        )
    try:
        deadline.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"deadline must be a time of the years 1 to 9999 in UTC, not {deadline.isoformat()}") from None
    return datetime.combine(deadline.date(), deadline.timetz())


def _policy(policy: Any) -> Policy | None:
    if policy is None:
        return None
    from hitl_nb.review.policy_files.policy_files import Policy

    if not isinstance(policy, Policy):
        raise TypeError(f"policy must be made with hitl.policy(...), not {type(policy).__name__}")
    return policy


def _check_on_deadline(review: Review, allow: Collection[str]) -> None:
    does = review.on_deadline
    if does not in get_args(OnDeadline):
        raise ValueError(f"on_deadline must be one of {', '.join(get_args(OnDeadline))}, not {does!r}")
    if does != "wait" and review.deadline is None:
        raise ValueError(f"on_deadline={does!r} needs a deadline")
    if does == "approve" and review.quorum > 1:
        raise ValueError(
            f'on_deadline="approve" cannot be combined with quorum={review.quorum}: silence would count as '
            f'{review.quorum} people; use "reject" or "escalate"'
        )
    if does in ("approve", "reject") and does not in allow:
        raise ValueError(f"on_deadline={does!r} needs {does!r} in allow")


def _sequence(given: Any, name: str, accepted: str) -> Sequence[Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, (Sequence, set, frozenset)):
        raise TypeError(f"{name} must be a sequence of {accepted}, not {type(given).__name__}")
    return given  # type: ignore[return-value]  # only iterated over, which all of these support
