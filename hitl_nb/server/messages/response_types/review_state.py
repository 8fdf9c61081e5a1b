"""Parts of a response about a proposal: the state of its policy, and the votes of the people who decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from hitl_nb.records import Action, GuardrailResult, GuardrailVerdict, Known, Surface, TimelineAction
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class GuardrailResultInfo(ResponseStruct):
    """Result of a guardrail, a function that checked the value before people were asked.

    `verdict` "pass": no problem; "escalate": a person must decide; "block": the value is rejected. `message` is the
    reason; "" for "pass".
    """

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
    """A requirement of a policy: a number of people who must agree.

    `text` is the requirement in words, such as "2 of @finance". `count` is the required number of votes, and `have` the
    number of votes so far. `voted` has the people whose votes are counted. `waiting` has the people whose votes can
    still count; in place of absent people, it has their substitutes. While votes are hidden, both lists are empty.
    `waiting` is also empty if anyone may vote.
    """

    text: str
    have: Count
    count: Count
    voted: list[str]
    waiting: list[str]


class VoteInfo(ResponseStruct):
    """The vote of one person on a proposal that several people decide.

    `own` is true for the reader's own vote. `seat` is the person for whom the vote counts: the voter, or the absent
    person whose substitute the voter is. `counts` is true if the vote is about the value that people vote on now.
    `known` says how the server knows the voter; it is missing in lists, in which signatures are not checked.
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
    """A timed action on a proposal.

    `does` is the action, and `at` its time. `people` are the people who may decide after the action or are notified.
    """

    at: At
    does: TimelineAction
    people: list[str]


class TimerInfo(ResponseStruct):
    """The next timed action on an open proposal. The action "settle" makes an approval the decision.

    `people` are the people who may decide after the action or are notified. `steps` has all future actions in order,
    with the next action first; no action is taken while an approval can still be undone. `steps` is missing in lists.
    """

    at: At
    does: TimelineAction | Literal["settle"]
    people: list[str]
    steps: list[TimelineStepInfo] | UnsetType = UNSET


class MayDecide(ResponseStruct):
    """Permissions of the reader for a proposal.

    `decide` is true if the reader may approve the proposal or, if it cannot be approved, take another action.
    `why_not` says why the reader may not take some actions, or is null. `actions` has the actions that the reader may
    take. `undo` is true if the reader gave a vote that can still be taken back.
    """

    decide: bool
    why_not: str | None
    actions: Sequence[Action]
    undo: bool


class ReviewFields(ResponseStruct, kw_only=True):
    """State of a proposal's policy and of the people who decide.

    `tags` and `confidence` (0 to 1) are facts from the agent's code. `why` has sentences that explain the result of the
    policy, and `rules` the ids of the rules that applied. `needs` is empty without a policy: then any one reviewer
    decides alone. `votes` has the newest vote of each person, oldest first; while votes are hidden (`blind`), it has
    only the reader's own vote. `timer` is the next timed action. `on_deadline` is the action at the deadline. At
    `settles_at`, an approval becomes the decision. `stuck` says why nobody may decide; "" if somebody may. `fallback`
    has the people whom the policy asks in place of those who cannot decide; it is empty unless the proposal is stuck.
    `untold` has the people whom no notification reached. `batch` is the maximum number of proposals in one bulk
    decision. `may` has the reader's permissions; it is missing if the reader is not known.
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
    fallback: tuple[str, ...]
    untold: tuple[str, ...]
    batch: Count | None
    may: MayDecide | UnsetType = UNSET


def review_fields(progress: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the fields of `ReviewFields` by name; and `candidate`, if people vote on an edited value.

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
