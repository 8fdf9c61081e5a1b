"""Recorded answers to the proposals of a run, in the order of the audit log.

Answers come from people, from decisions files, and from the clock (a timed action of a policy).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Event, Proposal, Run, Terms
from hitl_nb.scripted_review.decision_file import DecisionEntry, EntryAction

_MAX_EVENTS = 1_000_000
_STEPS_TAKEN = frozenset({"proposal.reminded", "proposal.overdue", "proposal.escalated"})


@dataclass(frozen=True)
class AnswerGiven:
    """One recorded answer to a proposal: a decision, a vote, or a timed action of the clock.

    Attributes:
        action: The action; "wait" if the clock acted.
        event: Number of its entry in the audit log.
        reviewer: Name of the person or file that answered; "" for the clock.
        is_decision: True if it is the decision itself, made without votes.
        at: For the clock: the time at which its action was due, by the store's clock. None for other answers.
    """

    action: EntryAction
    event: int
    reviewer: str = ""
    is_decision: bool = False
    at: datetime | None = None


def newest_runs(ledger: Ledger, notebook: str) -> list[Run]:
    """Return the newest run for each agent and key of a notebook, oldest first."""
    newest: dict[tuple[str, str], Run] = {}
    before: str | None = None
    while page := ledger.runs.list_newest(notebook=notebook, before=before):
        before = page[-1].id
        for run in page:
            newest.setdefault((run.agent, run.key), run)
    return list(reversed(newest.values()))


def list_answers(ledger: Ledger, run: Run) -> list[tuple[Proposal, list[AnswerGiven]]]:
    """Return the proposals of a run in the order in which they were asked, each with its recorded answers.

    Proposals that a policy decided, that expired or that were superseded are left out.
    """
    found = [
        proposal
        for proposal in ledger.proposals.list_of_run(run.id)
        if proposal.status == "open" or _is_answered(proposal)
    ]
    events: dict[str, list[Event]] = {}
    if any(proposal.terms is not None for proposal in found):
        for event in ledger.audit.read_run_events(run.id, limit=_MAX_EVENTS):
            if event.proposal is not None:
                events.setdefault(event.proposal, []).append(event)
    return [(proposal, list(_iterate_answers(proposal, events.get(proposal.id, [])))) for proposal in found]


def count_given(entry: DecisionEntry, answers: Sequence[AnswerGiven]) -> int:
    """Return how many answers, counted from the first one, come from an entry of a decisions file.

    Args:
        entry: The entry.
        answers: The answers to one proposal that no other entry gave; at least one.

    Returns:
        The number of the entry's votes if the answers begin with these votes; 1 if the first answer is the entry's
        action; otherwise 0.
    """
    if entry.votes is msgspec.UNSET:
        voted = not answers[0].is_decision and answers[0].action != "wait"
        return int(entry.action == answers[0].action and not voted)
    given = [(one.reviewer, one.action) for one in answers[: len(entry.votes)]]
    return len(given) if given == [(one.reviewer, one.action) for one in entry.votes] else 0


def _is_answered(proposal: Proposal) -> bool:
    return proposal.status == "decided" and proposal.decision is not None and proposal.decision.by != "policy"


def _iterate_answers(proposal: Proposal, events: Sequence[Event]) -> Iterator[AnswerGiven]:
    taken = 0
    for event in events:
        data: dict[str, Any] = event.data or {}
        if event.type == "vote":
            yield AnswerGiven(data["action"], event.n, event.actor)
        elif event.type in _STEPS_TAKEN and "due" in data:
            if not _is_same_wait(proposal.terms, taken):
                yield AnswerGiven("wait", event.n, at=datetime.fromisoformat(data["due"]))
            taken += 1
    made = proposal.decision
    if made is None:
        return
    logged = next((event for event in events if event.n == made.event), None)
    due = ((logged and logged.data) or {}).get("due")
    if due is not None and not (made.by == "deadline" and _is_same_wait(proposal.terms, taken)):
        yield AnswerGiven("wait", made.event, at=datetime.fromisoformat(due))
    if made.by != "deadline" and all(one.reviewer != made.reviewer for one in proposal.votes):
        yield AnswerGiven(made.action, made.event, made.reviewer, is_decision=True)


def _is_same_wait(terms: Terms | None, n: int) -> bool:
    """Return whether step `n` of a proposal's timeline is due at the same time as the step before.

    One "wait" entry then makes the clock do both. The first step has the number 0.
    """
    steps = () if terms is None else terms.timeline
    if not 0 < n < len(steps):
        return False
    a, b = steps[n - 1], steps[n]
    return (a.seconds, a.working, a.at) == (b.seconds, b.working, b.at)
