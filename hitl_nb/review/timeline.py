"""Timeline of a run: its events, proposals and steps as one list of entries, oldest first.

No data is recorded only for the timeline. The audit log has the decisions, and the times at which processes began and
stopped working on the run. Steps (recorded function calls) have their own times. A kernel that died left no event: its
work is shown until its last known sign of activity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hitl_nb.ledger.decisions.decisions import decision_event_data
from hitl_nb.ledger.decisions.objections import OVERRULED
from hitl_nb.ledger.decisions.outcomes import FLAGGED
from hitl_nb.ledger.decisions.reviewers import POLICY_REVIEWER, format_author, format_decider, format_speaker
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.seats import format_need_text
from hitl_nb.policies.terms.vote_counts import is_hidden
from hitl_nb.records import Event, Proposal, Record, Statement, Step
from hitl_nb.review.terms_sentences import ACTION_WORDS
from hitl_nb.structs import prepare_structs

_BEGINS = ("run.opened", "run.resumed")
_ENDS = ("run.paused", "run.failed", "run.finished", "run.cancelled", "run.handed_back")


class TimelineItem(Record, frozen=True, kw_only=True):
    """One entry of a run's timeline: a moment such as a decision, or a period such as the work of a process.

    Attributes:
        n: Number of the event in the audit log; 0 if the entry is not from there.
        type: "opened", "working", "statement", "step", "waiting", "decision", "comment", "doubt", "resumed", "paused",
            "failed", "finished" or "cancelled". "policy": a policy passed or blocked a proposal. "vote": one person
            voted. "clock": a timed action. "flag": a person said afterwards that an approval was wrong.
        at: Time of the moment, or beginning of the period.
        until: End of the period; None for a moment, and for a period that has not ended.
        seconds: Duration of a period that has ended.
        what: One line of text for people.
        actor: Name of a reviewer with how that person is known (see `ledger/decisions/reviewers.py`), or of a process.
        titles: Titles of the proposals that the entry is about; empty if it is about none.
        detail: Other recorded data.
    """

    n: int = 0
    type: str
    at: datetime
    until: datetime | None = None
    seconds: float | None = None
    what: str
    actor: str = ""
    titles: tuple[str, ...] = ()
    detail: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


def build_timeline(ledger: Ledger, run_id: str) -> list[TimelineItem]:
    """Collect the timeline of a run: its moments and periods as a list, oldest first.

    Raises:
        UnknownRun: No run has this id.
    """
    running = ledger.runs.load(run_id).status == "running"
    events = ledger.audit.read_run_events(run_id)
    proposals = {proposal.id: proposal for proposal in ledger.proposals.list_of_run(run_id)}
    by = {
        proposal.id: format_decider(proposal.decision, ledger.reviewers.identify(proposal))
        for proposal in proposals.values()
        if proposal.decision is not None
    }
    documents = dict.fromkeys(proposal.document or proposal.id for proposal in proposals.values())
    by |= {comment.id: format_author(comment) for one in documents for comment in ledger.comments.list_on_document(one)}
    passed = {proposal.id: proposal for proposal in ledger.policies.list_passed(run_id)}
    by |= dict(_iterate_flaggers(ledger, [*proposals.values(), *passed.values()]))
    steps = ledger.steps.list_of_run(run_id)
    found = [
        *_iterate_moments(events, passed | proposals, by),
        *_iterate_policy_decisions([*proposals.values(), *passed.values()]),
        *_iterate_work(events, steps),
        *_iterate_statements(events),
        *_iterate_waits(proposals.values()),
        *_iterate_steps(steps, running),
    ]
    return sorted(found, key=lambda entry: (entry.at, entry.n))


def _iterate_flaggers(ledger: Ledger, proposals: Iterable[Proposal]) -> Iterator[tuple[str, str]]:
    """Yield, for each proposal that was marked as wrong, the key of this statement and the name of who said so."""
    for proposal in proposals:
        known = ledger.reviewers.identify_flagger(proposal)
        if proposal.flag is not None and known is not None:
            name = format_speaker(proposal.flag.reviewer, proposal.flag.reviewer_name, known)
            yield f"{FLAGGED} {proposal.id}", name


def _iterate_moments(
    events: Iterable[Event], proposals: dict[str, Proposal], by: dict[str, str]
) -> Iterator[TimelineItem]:
    for event in events:
        kind = event.type.removeprefix("run.")
        proposal = proposals.get(event.proposal or "")
        data: dict[str, Any] = event.data or {}
        if proposal is not None and (found := _terms_item(event, proposal, data)) is not None:
            yield found
            continue
        if kind == "decision" and proposal is not None:
            what = f"{data.get('action', 'decided')}: {proposal.title}"
        elif kind == "comment" and proposal is not None:
            what = f"comment on {proposal.title}"
        elif kind == FLAGGED and proposal is not None:
            what = f"marked as wrong: {proposal.title}"
        elif kind == "failed":
            what = f"failed: {data.get('error', '')}"
        elif kind == "cancelled" and "error" in data:
            what = f"cancelled: {data['error']}"
        elif kind in ("opened", "resumed", "paused", "finished", "cancelled"):
            what = kind
        else:
            continue
        said = {
            "decision": event.proposal,
            "comment": data.get("id"),
            FLAGGED: f"{FLAGGED} {event.proposal}",
        }.get(kind)
        actor = by.get(said, event.actor) if isinstance(said, str) else event.actor
        yield TimelineItem(
            n=event.n,
            type="flag" if kind == FLAGGED else kind,
            at=event.at,
            what=what,
            actor=actor,
            titles=(proposal.title,) if proposal is not None else (),
            detail=_without_statements(data),
        )


def _iterate_policy_decisions(proposals: Iterable[Proposal]) -> Iterator[TimelineItem]:
    """Yield an entry for each proposal that a policy decided.

    They are made from the proposals: a run's events leave out these decisions, because there may be very many.
    """
    for proposal in proposals:
        made = proposal.decision
        if made is None or made.by != "policy":
            continue
        rule = made.reviewer.removeprefix(POLICY_REVIEWER)
        what = f"{'blocked' if made.action == 'reject' else 'passed'} by policy: {proposal.title} ({rule})"
        told = decision_event_data(proposal, made, proposal.revision - 1)
        actor, titles = f"the policy {rule}", (proposal.title,)
        yield TimelineItem(
            n=made.event, type="policy", at=made.decided_at, what=what, actor=actor, titles=titles, detail=told
        )


_CLOCK_SENTENCES = {
    "proposal.reminded": "reminded",
    "proposal.overdue": "overdue",
    "proposal.stuck": "nobody can decide",
    "proposal.unstuck": "somebody can decide again",
    "proposal.escalated": "escalated",
    "proposal.expired": "asked again",
    "decision.expired": "asked again",
    "terms.changed": "terms changed",
}


def _terms_item(event: Event, proposal: Proposal, data: dict[str, Any]) -> TimelineItem | None:
    """Return the timeline entry for a vote or a timed action on a proposal. None if the event is neither."""
    n, at, made = event.n, event.at, proposal.decision
    titles = (proposal.title,)
    if event.type == "decision" and data.get("by") == "deadline" and made is not None:
        what = f"{ACTION_WORDS[made.action]} by the deadline: {proposal.title}"
        return TimelineItem(n=n, type="decision", at=at, what=what, actor="the deadline", titles=titles, detail=data)
    if event.type == "vote" and is_hidden(proposal):
        return TimelineItem(n=n, type="vote", at=at, what=f"a hidden vote: {proposal.title}", titles=titles)
    if event.type == "vote":
        needs = ", ".join(f"{have} of {format_need_text(text)}" for text, have, _ in data.get("needs", ()))
        what = f"vote, {ACTION_WORDS.get(str(data.get('action')), 'voted')}: {proposal.title}" + (
            f" ({needs})" if needs else ""
        )
        return TimelineItem(n=n, type="vote", at=at, what=what, actor=event.actor, titles=titles, detail=data)
    if event.type == "vote.withdrawn" and is_hidden(proposal):
        return TimelineItem(n=n, type="vote", at=at, what=f"a hidden vote taken back: {proposal.title}", titles=titles)
    if event.type == "vote.withdrawn":
        return TimelineItem(
            n=n,
            type="vote",
            at=at,
            what=f"taken back: {proposal.title}",
            actor=event.actor,
            titles=titles,
            detail=data,
        )
    if event.type == OVERRULED:
        told = "; ".join(f"{one['name']}: {one['message']}" for one in data.get("guardrails", ()))
        what = f"used as edited, though guardrails object: {proposal.title} ({told})"
        return TimelineItem(n=n, type="policy", at=at, what=what, actor=event.actor, titles=titles, detail=data)
    if event.type not in _CLOCK_SENTENCES:
        return None
    people: list[str] = data.get("people", [])
    to = f" to {', '.join(people)}" if event.type == "proposal.escalated" and people else ""
    why = f" ({data['why']})" if data.get("why") else ""
    actor = "the deadline" if event.actor == "deadline" else event.actor
    what = f"{_CLOCK_SENTENCES[event.type]}{to}: {proposal.title}{why}"
    return TimelineItem(n=n, type="clock", at=at, what=what, actor=actor, titles=titles, detail=data)


def _without_statements(data: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in data.items() if name != "statements"}


def _iterate_work(events: Iterable[Event], steps: list[Step]) -> Iterator[TimelineItem]:
    """Yield an entry for each period in which a process worked on the run.

    If a process died, its period ends with its last recorded step.
    """
    began: Event | None = None
    for event in events:
        if event.type in _BEGINS:
            if began is not None:  # the earlier process died, and another one continued the run
                yield _make_stretch(began, _find_last_sign(began.at, event.at, steps), "the process ended unexpectedly")
            began = event
        elif event.type in _ENDS and began is not None:
            yield _make_stretch(began, event.at, "")
            began = None
    if began is not None:
        yield TimelineItem(n=began.n, type="working", at=began.at, what="working", actor=began.actor)


def _make_stretch(began: Event, until: datetime, note: str) -> TimelineItem:
    return TimelineItem(
        n=began.n,
        type="working",
        at=began.at,
        until=until,
        seconds=(until - began.at).total_seconds(),
        what=f"working ({note})" if note else "working",
        actor=began.actor,
    )


def _iterate_statements(events: Iterable[Event]) -> Iterator[TimelineItem]:
    for event in events:
        data: dict[str, Any] = event.data or {}
        for one in msgspec.convert(data.get("statements", []), list[Statement]):
            until = one.at + timedelta(seconds=one.seconds)
            what = f"line {one.line}: {one.text}"
            yield TimelineItem(
                type="statement", at=one.at, until=until, seconds=one.seconds, what=what, actor=event.actor
            )


def _find_last_sign(start: datetime, stop: datetime, steps: list[Step]) -> datetime:
    signs = [at for s in steps for at in (s.started_at, s.finished_at) if at is not None and start <= at <= stop]
    return max(signs, default=start)


def _iterate_waits(proposals: Iterable[Proposal]) -> Iterator[TimelineItem]:
    pauses: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        pauses.setdefault(proposal.pause, []).append(proposal)
    for pause, asked in pauses.items():
        decided = [proposal.decision.decided_at for proposal in asked if proposal.decision is not None]
        at, over = asked[0].created_at, len(decided) == len(asked)
        until = max(decided) if over else None
        yield TimelineItem(
            type="waiting",
            at=at,
            until=until,
            seconds=(until - at).total_seconds() if until else None,
            what="waiting: " + ", ".join(proposal.title for proposal in asked),
            titles=tuple(proposal.title for proposal in asked),
            detail={"pause": pause, "proposals": [proposal.id for proposal in asked]},
        )


def _iterate_steps(steps: Iterable[Step], running: bool) -> Iterator[TimelineItem]:
    notes = {"started": "" if running else " (it is unknown whether it happened)", "failed": " (failed)"}
    for s in steps:
        seconds = (s.finished_at - s.started_at).total_seconds() if s.finished_at else None
        yield TimelineItem(
            type="doubt" if s.status == "started" and not running else "step",
            at=s.started_at,
            until=s.finished_at,
            seconds=seconds,
            what=f"{s.name}()" + notes.get(s.status, ""),
            detail={"tries": s.tries, "status": s.status},
        )


prepare_structs(globals())
