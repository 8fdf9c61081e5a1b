"""The review rules of a proposal (its *terms*), and the votes of people under these rules.

A policy, or the call that asks, sets the terms: who must agree, until when, and what happens if nobody answers.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import Action, Authn, Identity, ShownInNotices, Surface, TimelineAction


class Facts(Record, frozen=True, kw_only=True, gc=False):
    """Facts that a policy's conditions used when a question was asked.

    They are stored with the proposal, so that a changed policy can be tested on old proposals.

    Attributes:
        now: Value of `now` in the conditions of the policy.
        labels: Labels of the run by name (set with `hitl.labels`).
    """

    now: datetime
    labels: dict[str, str] = {}  # noqa: RUF012 (msgspec makes a new one for each record)


class Need(Record, frozen=True, kw_only=True, gc=False):
    """A part of a proposal's terms: a number of people who must agree.

    Attributes:
        count: Number of people who must agree.
        people: User names of the people whose votes count; members of groups are listed one by one, as they were when
            the question was asked. Empty: any person who may decide.
        text: The need as the policy writes it, for example "2 of @finance".
    """

    count: int = 1
    people: tuple[str, ...] = ()
    text: str = "1 of anyone"


class Office(Record, frozen=True, kw_only=True, gc=False):
    """Working hours, for timelines that count working hours only.

    Attributes:
        days: Working days of the week as numbers, from 0 (Monday) to 6.
        opens, closes: Local times at which the working day begins and ends, for example "09:00".
        holidays: Dates that are not working days.
        timezone: IANA name of the time zone.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: str = "09:00"
    closes: str = "17:00"
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"


class TimelineStep(Record, frozen=True, kw_only=True, gc=False):
    """One step of a proposal's timeline: an automatic action, taken if the proposal is still open at that time.

    Attributes:
        does: The action, for example "remind" or "reject".
        seconds: Seconds from the question to the action; if `working` is True, only working hours are counted.
        working: Whether `seconds` counts working hours only.
        at: Time of the action, for a deadline that was given as a date. `seconds` is then 0, and delays of the timeline
            do not move the action.
        people: For "escalate", user names of those who may decide from now on too; for "remind", of those who get the
            reminder. Empty: for "escalate", the people of `Terms.fallback`; for "remind", the people who may decide the
            proposal.
        text: The step as the policy writes it, for example "4h escalate @leads".
    """

    does: TimelineAction
    seconds: float = 0.0
    working: bool = False
    at: datetime | None = None
    people: tuple[str, ...] = ()
    text: str = ""


class Terms(Record, frozen=True, kw_only=True, gc=False):
    """The review rules of a question, as the policy and the call itself required them when the question was asked.

    Attributes:
        policy: SHA-256 (hex) of the text of the merged policy, which is stored at `policy/<sha256>`. "": only the call
            has requirements.
        rules: Ids of the policy rules that applied, sorted. Empty: only the default applied.
        needs: Needs that must all be met for an approval. One vote counts in every need in which its person may vote.
        four_eyes: Whether people who started or continued the run (requesters) may only reject.
        blind: Whether votes are hidden from the voters until all votes are cast.
        identity: Whose votes count if the needs name people. "login": users who logged in to a server. "local": also
            the user of the operating system.
        timeline: Automatic actions while the proposal is open, sorted by time.
        office: Working hours that the timeline counts. None: no step counts working hours.
        fallback: User names of those who are asked if no other person may decide.
        fresh: Seconds from the decision within which the run must use it; later it expires. None: no limit.
        undo: Seconds within which the last approval can be withdrawn. None: it cannot be withdrawn.
        batch: Most proposals that may be decided together with this one, including this one. None: no limit.
        assign: Whether the proposal is assigned automatically, to the person of the first need who has the fewest open
            proposals.
        show: Content of notifications about the proposal: its title, or also a summary.
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
    """The vote of one person on a proposal with terms. One vote, or several together, make the decision.

    Attributes:
        value: For "edit" the edited value as plain JSON data, for "respond" the message.
        value_sha256: SHA-256 (hex) of the canonical JSON of the value that the vote is for. "" for a rejection.
        seat: User name of the person whose right to vote was used: the reviewer, or the absent person whose deputy the
            reviewer is.
        seats: User names of all people for whom the reviewer could vote at that time, including the reviewer.
        revision: Revision of the proposal that was shown to the reviewer.
        terms_sha256: SHA-256 (hex) of the canonical JSON of the terms of the vote.
        batch: Number of proposals that were decided together, including this one.
        seconds: Seconds between showing this revision to the person and the vote, measured by the server. None:
            unknown.
        event: Number of the vote's entry in the audit log.
        by: "script" for a vote that a decisions file gives in place of a person.
        authn, assurance, surface, signature: How a server identified the reviewer, as in `DecisionRecord`.
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
