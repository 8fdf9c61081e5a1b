"""Terms under which people decide a proposal, and votes under them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import Action, Authn, Identity, ShownInNotices, Surface, TimelineAction


class Facts(Record, frozen=True, kw_only=True, gc=False):
    """Facts that were recorded with a question, so that a policy can be tried on it later.

    Attributes:
        now: The value of `now` in the policy's conditions.
        labels: Labels of the run (`hitl.labels`).
    """

    now: datetime
    labels: dict[str, str] = {}  # noqa: RUF012 (msgspec makes a new one for each record)


class Need(Record, frozen=True, kw_only=True, gc=False):
    """A number of people who must agree.

    Attributes:
        count: Number of votes.
        people: User names, with groups resolved when the question was asked. Empty: anyone who may decide.
        text: The need as the policy writes it: "2 of @finance".
    """

    count: int = 1
    people: tuple[str, ...] = ()
    text: str = "1 of anyone"


class Office(Record, frozen=True, kw_only=True, gc=False):
    """Working hours.

    Attributes:
        days: Working days of the week; Monday is 0.
        opens, closes: Local times, "09:00".
        holidays: Days on which nobody works.
        timezone: IANA name of the time zone.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: str = "09:00"
    closes: str = "17:00"
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"


class TimelineStep(Record, frozen=True, kw_only=True, gc=False):
    """One step of the timeline: an action of the clock on an open proposal.

    Attributes:
        does: The action.
        seconds: Time after the question was asked; working hours only if `working`.
        working: Whether `seconds` counts working hours only.
        at: Time of the step, for a deadline that was given as a date. `seconds` is then 0, and delays do not shift it.
        people: User names of those who are asked too ("escalate") or told ("remind"). Empty: the timeline's own people.
        text: The step as the policy writes it: "4h escalate @leads".
    """

    does: TimelineAction
    seconds: float = 0.0
    working: bool = False
    at: datetime | None = None
    people: tuple[str, ...] = ()
    text: str = ""


class Terms(Record, frozen=True, kw_only=True, gc=False):
    """Terms of a question: what the policy, and the call itself, required when it was asked.

    Attributes:
        policy: SHA-256 (hex) of the merged policy, stored at `policy/<sha256>`. "" if only the call has requirements.
        rules: Ids of the rules that applied, sorted. Empty for the default.
        needs: All of these must be met. One vote counts in every need in which its person may vote.
        four_eyes: Whether requesters may only reject.
        blind: Whether votes are hidden until all are in.
        identity: Whose votes count where people are named.
        timeline: Steps, sorted by time.
        office: Working hours for the timeline.
        fallback: User names of those who are asked if nobody else may decide.
        fresh: Seconds for which a decision may wait for the run. None: no limit.
        undo: Seconds for which an approval can be taken back. None: it cannot.
        batch: Most proposals that may be decided together. None: no limit.
        assign: Whether the proposal is assigned to the person of the first need who has the fewest proposals.
        show: Content of notifications about it.
    """

    policy: str = ""
    rules: tuple[str, ...] = ()
    needs: tuple[Need, ...] = (Need(),)
    four_eyes: bool = False
    blind: bool = False
    identity: Identity = "login"
    timeline: tuple[TimelineStep, ...] = ()
    office: Office | None = None
    fallback: tuple[str, ...] = ()
    fresh: float | None = None
    undo: float | None = None
    batch: int | None = None
    assign: bool = False
    show: ShownInNotices = "title"


class VoteRecord(Record, frozen=True, kw_only=True):
    """Vote of one person on a proposal: the decision, or a part of it.

    Attributes:
        value: For "edit" the edited value as JSON, for "respond" the message.
        value_sha256: SHA-256 (hex) of the canonical JSON of the value that the vote is for. "" for a rejection.
        seat: The person whose right was used: the reviewer, or the person for whom the reviewer is the deputy.
        seats: All people in whose place the reviewer could vote then, including the reviewer.
        revision: Revision of the proposal that was shown.
        terms_sha256: Hash of the terms, as in `DecisionRecord`.
        batch: Number of proposals that were decided together.
        seconds: Server time from showing this revision to the person until the vote. None: unknown.
        event: Number of its entry in the audit log.
        by: "script" for a vote that a decisions file gives in a person's place.
        authn, assurance, surface, signature: As in `DecisionRecord`.
    """

    reviewer: str
    reviewer_name: str = ""
    by: Literal["person", "script"] = "person"
    action: Action
    value: Any = None
    value_sha256: str = ""
    reason: str | None = None
    at: datetime
    seat: str = ""
    seats: tuple[str, ...] = ()
    revision: int = 0
    terms_sha256: str = ""
    batch: int = 1
    seconds: float | None = None
    event: int = 0
    authn: Authn | None = None
    assurance: str | None = None
    surface: Surface | None = None
    signature: str | None = None
