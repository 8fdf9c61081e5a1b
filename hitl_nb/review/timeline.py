"""What happened in a run, and when: its events, proposals and steps as one list of entries, oldest first.

Nothing is recorded for this: the audit log says when a kernel began and stopped to work and who decided, the steps when
they began and ended. A kernel that died left no event; its work ends, as far as is known, with the last sign of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hitl_nb.ledger.decisions.decisions import logged
from hitl_nb.ledger.decisions.objections import OVERRULED
from hitl_nb.ledger.decisions.reviewers import POLICY, author, decider
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.seats import tell_need_text
from hitl_nb.policies.terms.vote_counts import is_hidden
from hitl_nb.records import Event, Proposal, Record, Statement, Step
from hitl_nb.review.terms_sentences import DONE
from hitl_nb.structs import prepare_structs

_BEGINS = ("run.opened", "run.resumed")
_ENDS = ("run.paused", "run.failed", "run.finished", "run.cancelled", "run.handed_back")


class Entry(Record, frozen=True, kw_only=True):
    """One entry of a timeline.

    Attributes:
        n: number of the event in the audit log; 0 if it is not from there.
        type: "opened", "working", "statement", "step", "waiting", "decision", "comment", "doubt", "resumed", "paused",
            "failed", "finished" or "cancelled"; "policy" for what a policy passed or blocked, "vote" for one person's
            of several, and "clock" for what the clock did.
        until: when it ended; None for a moment, and for what still goes on.
        seconds: how long it took, if it ended.
        what: one line for people.
        actor: who did it: a reviewer and how they are known (see `ledger/decisions/reviewers.py`), or a process.
        detail: the rest of what is recorded about it.
    """

    n: int = 0
    type: str
    at: datetime
    until: datetime | None = None
    seconds: float | None = None
    what: str
    actor: str = ""
    detail: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


def timeline(ledger: Ledger, run_id: str) -> list[Entry]:
    """The entries of a run. Raises UnknownRun."""
    running = ledger.run(run_id).status == "running"
    events = ledger.history(run_id)
    proposals = {p.id: p for p in ledger.proposals(run_id)}
    by = {p.id: decider(p.decision, ledger.how_known(p)) for p in proposals.values() if p.decision is not None}
    documents = dict.fromkeys(p.document or p.id for p in proposals.values())
    by |= {comment.id: author(comment) for one in documents for comment in ledger.comments(one)}
    steps = ledger.steps(run_id)
    found = [
        *_moments(events, proposals, by),
        *_by_policies([*proposals.values(), *ledger.passed_from(run_id)]),
        *_work(events, steps),
        *_statements(events),
        *_waits(proposals.values()),
        *_steps(steps, running),
    ]
    return sorted(found, key=lambda entry: (entry.at, entry.n))


def _moments(events: Iterable[Event], proposals: dict[str, Proposal], by: dict[str, str]) -> Iterator[Entry]:
    for event in events:
        kind = event.type.removeprefix("run.")
        p = proposals.get(event.proposal or "")
        data: dict[str, Any] = event.data or {}
        if p is not None and (found := _about_terms(event, p, data)) is not None:
            yield found
            continue
        if kind == "decision" and p is not None:
            what = f"{data.get('action', 'decided')}: {p.title}"
        elif kind == "comment" and p is not None:
            what = f"comment on {p.title}"
        elif kind == "failed":
            what = f"failed: {data.get('error', '')}"
        elif kind in ("opened", "resumed", "paused", "finished", "cancelled"):
            what = kind
        else:
            continue
        said = {"decision": event.proposal, "comment": data.get("id")}.get(kind)
        actor = by.get(said, event.actor) if isinstance(said, str) else event.actor
        yield Entry(n=event.n, type=kind, at=event.at, what=what, actor=actor, detail=_without_statements(data))


def _by_policies(proposals: Iterable[Proposal]) -> Iterator[Entry]:
    """What policies decided: the list of a run's events has none of it, as there may be very much."""
    for p in proposals:
        made = p.decision
        if made is None or made.by != "policy":
            continue
        rule = made.reviewer.removeprefix(POLICY)
        what = f"{'blocked' if made.action == 'reject' else 'passed'} by policy: {p.title} ({rule})"
        told = logged(p, made, p.revision - 1)
        yield Entry(n=made.event, type="policy", at=made.decided_at, what=what, actor=f"the policy {rule}", detail=told)


_CLOCK = {
    "proposal.reminded": "reminded",
    "proposal.overdue": "overdue",
    "proposal.stuck": "nobody can decide",
    "proposal.unstuck": "somebody can decide again",
    "proposal.escalated": "escalated",
    "proposal.expired": "asked again",
    "decision.expired": "asked again",
    "terms.changed": "terms changed",
}


def _about_terms(event: Event, p: Proposal, data: dict[str, Any]) -> Entry | None:
    """What a person's vote or the clock did to a proposal; None if the event is about something else."""
    n, at, made = event.n, event.at, p.decision
    if event.type == "decision" and data.get("by") == "deadline" and made is not None:
        what = f"{DONE[made.action]} by the deadline: {p.title}"
        return Entry(n=n, type="decision", at=at, what=what, actor="the deadline", detail=data)
    if event.type == "vote" and is_hidden(p):
        return Entry(n=n, type="vote", at=at, what=f"a hidden vote: {p.title}")
    if event.type == "vote":
        needs = ", ".join(f"{have} of {tell_need_text(text)}" for text, have, _ in data.get("needs", ()))
        what = f"vote, {DONE.get(str(data.get('action')), 'voted')}: {p.title}" + (f" ({needs})" if needs else "")
        return Entry(n=n, type="vote", at=at, what=what, actor=event.actor, detail=data)
    if event.type == "vote.withdrawn":
        return Entry(n=n, type="vote", at=at, what=f"taken back: {p.title}", actor=event.actor, detail=data)
    if event.type == OVERRULED:
        told = "; ".join(f"{one['name']}: {one['message']}" for one in data.get("guardrails", ()))
        what = f"used as edited, though guardrails object: {p.title} ({told})"
        return Entry(n=n, type="policy", at=at, what=what, actor=event.actor, detail=data)
    if event.type not in _CLOCK:
        return None
    people: list[str] = data.get("people", [])
    to = f" to {', '.join(people)}" if event.type == "proposal.escalated" and people else ""
    why = f" ({data['why']})" if data.get("why") else ""
    actor = "the deadline" if event.actor == "deadline" else event.actor
    what = f"{_CLOCK[event.type]}{to}: {p.title}{why}"
    return Entry(n=n, type="clock", at=at, what=what, actor=actor, detail=data)


def _without_statements(data: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in data.items() if name != "statements"}


def _work(events: Iterable[Event], steps: list[Step]) -> Iterator[Entry]:
    """The stretches in which a process worked on the run."""
    began: Event | None = None
    for event in events:
        if event.type in _BEGINS:
            if began is not None:  # that process died: the next one took over
                yield _stretch(began, _last_sign(began.at, event.at, steps), "the process ended without a word")
            began = event
        elif event.type in _ENDS and began is not None:
            yield _stretch(began, event.at, "")
            began = None
    if began is not None:
        yield Entry(n=began.n, type="working", at=began.at, what="working", actor=began.actor)


def _stretch(began: Event, until: datetime, note: str) -> Entry:
    return Entry(
        n=began.n,
        type="working",
        at=began.at,
        until=until,
        seconds=(until - began.at).total_seconds(),
        what=f"working ({note})" if note else "working",
        actor=began.actor,
    )


def _statements(events: Iterable[Event]) -> Iterator[Entry]:
    for event in events:
        data: dict[str, Any] = event.data or {}
        for one in msgspec.convert(data.get("statements", []), list[Statement]):
            until = one.at + timedelta(seconds=one.seconds)
            what = f"line {one.line}: {one.text}"
            yield Entry(type="statement", at=one.at, until=until, seconds=one.seconds, what=what, actor=event.actor)


def _last_sign(start: datetime, stop: datetime, steps: list[Step]) -> datetime:
    signs = [at for s in steps for at in (s.started_at, s.finished_at) if at is not None and start <= at <= stop]
    return max(signs, default=start)


def _waits(proposals: Iterable[Proposal]) -> Iterator[Entry]:
    pauses: dict[int, list[Proposal]] = {}
    for p in proposals:
        pauses.setdefault(p.pause, []).append(p)
    for pause, asked in pauses.items():
        decided = [p.decision.decided_at for p in asked if p.decision is not None]
        at, over = asked[0].created_at, len(decided) == len(asked)
        until = max(decided) if over else None
        yield Entry(
            type="waiting",
            at=at,
            until=until,
            seconds=(until - at).total_seconds() if until else None,
            what="waiting: " + ", ".join(p.title for p in asked),
            detail={"pause": pause, "proposals": [p.id for p in asked]},
        )


def _steps(steps: Iterable[Step], running: bool) -> Iterator[Entry]:
    notes = {"started": "" if running else " (nobody knows whether it happened)", "failed": " (failed)"}
    for s in steps:
        seconds = (s.finished_at - s.started_at).total_seconds() if s.finished_at else None
        yield Entry(
            type="doubt" if s.status == "started" and not running else "step",
            at=s.started_at,
            until=s.finished_at,
            seconds=seconds,
            what=f"{s.name}()" + notes.get(s.status, ""),
            detail={"tries": s.tries, "status": s.status},
        )


prepare_structs(globals())
