"""The part of a response about a proposal that its policy and its votes determine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from hitl_nb.records import Action, GuardrailResult, GuardrailVerdict, Known, Surface, TimelineAction
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class GuardrailResultInfo(ResponseStruct):
    """Result of a guardrail that checked the value before people were asked; `message` is "" for a pass."""

    name: str
    version: str
    verdict: GuardrailVerdict
    message: str
    milliseconds: float

    @classmethod
    def of(cls, record: GuardrailResult) -> GuardrailResultInfo:
        """Build the response from a guardrail's result."""
        return cls(**same_fields(cls, record))


class NeedInfo(ResponseStruct):
    """A number of people who must agree ("2 of @finance"), and how many do.

    `voted` lists people whose votes are counted. `waiting` lists people whose vote can still count; absent people are
    replaced by their substitutes. While votes are hidden, both are empty, and `have` is how many people have voted.
    `waiting` is also empty if anyone may vote.
    """

    text: str
    have: Count
    count: Count
    voted: list[str]
    waiting: list[str]


class VoteInfo(ResponseStruct):
    """The vote of one person on a proposal that several people decide.

    `seat` is the person for whom the vote counts: the voter, or the one whom they substitute. `own`: whether it is
    the reader's vote. `counts`: whether it is about the value that people vote on now. `known` is missing in lists,
    where signatures are not checked.
    """

    own: bool
    reviewer: str
    reviewer_name: str
    action: Action
    reason: str | None
    at: At
    seat: str
    surface: Surface | None
    counts: bool
    known: Known | UnsetType = UNSET


class TimelineStepInfo(ResponseStruct):
    """A timed action of the policy; `people` may decide from then on, or are notified."""

    at: At
    does: TimelineAction
    people: list[str]


class TimerInfo(ResponseStruct):
    """The next timed action on an open proposal; "settle": an approval becomes the decision.

    `people` may decide from then on, or are notified. `steps` are all actions that are still to come in order, the
    next one included; none runs while an approval settles. `steps` is missing in lists.
    """

    at: At
    does: TimelineAction | Literal["settle"]
    people: list[str]
    steps: list[TimelineStepInfo] | UnsetType = UNSET


class MayDecide(ResponseStruct):
    """Permissions of the reader for a proposal: the actions that they may take, and why not all.

    `decide`: whether they may approve it or, if it cannot be approved, take another action. `undo`: whether the
    approval that can still be undone is theirs.
    """

    decide: bool
    why_not: str | None
    actions: Sequence[Action]
    undo: bool


class ReviewFields(ResponseStruct, kw_only=True):
    """State of a proposal's policy and of the people who decide.

    `why` has sentences, `rules` the ids of the rules that applied. `needs` is empty without a policy: then any one
    reviewer decides. `votes` has the newest vote of each person, oldest first; while votes are hidden (`blind`), only
    the reader's own. `on_deadline` is the action at `deadline`. `stuck` says why nobody may decide; else it is "".
    `untold` names people whom no notification reached. `batch` is the maximum number of proposals in one bulk decision.
    `may` is missing if there is no known reader.
    """

    tags: tuple[str, ...]
    confidence: float | None
    guardrails: list[GuardrailResultInfo]
    why: tuple[str, ...]
    rules: tuple[str, ...]
    needs: list[NeedInfo]
    votes: list[VoteInfo]
    blind: bool
    timer: TimerInfo | None
    on_deadline: Literal["reject", "approve"] | None
    settles_at: At | None
    overdue: bool
    stuck: str
    untold: tuple[str, ...]
    batch: Count | None
    may: MayDecide | UnsetType = UNSET


def review_fields(progress: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `ReviewFields`, and `candidate` if people vote on an edited value.

    Args:
        progress: Result of `review.progress.describe_progress`.
    """
    found = progress.copy()
    for name, build in _PARTS:
        if found[name]:  # no part is built for the many proposals without a policy
            found[name] = [build(one) for one in found[name]]
    if found["timer"] is not None:
        found["timer"] = _build_timer(found["timer"])
    if "may" in found:
        found["may"] = MayDecide(**found["may"])
    return found


_PARTS: tuple[tuple[str, Callable[[Any], ResponseStruct]], ...] = (
    ("guardrails", GuardrailResultInfo.of),
    ("needs", lambda need: NeedInfo(**need)),
    ("votes", lambda vote: VoteInfo(**vote)),
)


def _build_timer(timer: dict[str, Any]) -> TimerInfo:
    steps = timer.get("steps")
    return TimerInfo(
        at=timer["at"],
        does=timer["does"],
        people=timer["people"],
        steps=UNSET if steps is None else [TimelineStepInfo(**one) for one in steps],
    )


prepare_structs(globals())
