"""What was decided on a notebook, as the entries of a decisions file that decides it again.

What a policy passed or blocked needs no entry: it is judged again. What the clock did, and what it decided, is as many
waits. Votes are written down as votes where it matters who votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Action, Proposal, Vote
from hitl_nb.scripted_review.decision_file import CLOCK, DecisionFile, Entry, VoteEntry
from hitl_nb.scripted_review.given_answers import AnswerGiven, answers_to, newest_runs


def record_file(ledger: Ledger, notebook: str) -> DecisionFile | None:
    """The decisions file that repeats a notebook's newest runs; None if nothing was decided on them."""
    runs = newest_runs(ledger, notebook)
    passed = [p for run in runs for p in ledger.passed_from(run.id)]
    asked = [p for run in runs for p in ledger.proposals(run.id)]
    if not any(p.status == "decided" for p in [*passed, *asked]):
        return None
    judged = [p.facts.now for p in [*passed, *asked] if p.facts is not None]
    clock = min(judged).replace(microsecond=0) if judged else CLOCK
    four_eyes = any(p.terms is not None and p.terms.four_eyes for p in asked)
    names = sorted({name for run in runs for name in run.requesters}) if four_eyes else ()
    return DecisionFile(record_entries(ledger, notebook), clock=clock, requesters=tuple(names))


def record_entries(ledger: Ledger, notebook: str) -> list[Entry]:
    """The entries that decide again what people and the clock decided on a notebook's newest runs."""
    found = [pair for run in newest_runs(ledger, notebook) for pair in answers_to(ledger, run)]
    decided = [(p, answers) for p, answers in found if p.status == "decided" and not asks_about_crash(p)]
    decided.sort(key=lambda pair: (pair[0].created_at, pair[0].ordinal))
    return [entry for p, answers in decided for entry in _repeat(p, answers)]


def asks_about_crash(proposal: Proposal) -> bool:
    """Whether it asks what came of a step whose process died: a question that another run does not have."""
    return proposal.doubt is not None


def _repeat(p: Proposal, answers: Sequence[AnswerGiven]) -> list[Entry]:
    """The entries that decide a proposal again."""
    entries: list[Entry] = []
    votes = {one.event: one for one in p.votes}  # those that were replaced or taken back are not among them
    for answer in answers:
        if answer.action == "wait":
            entries.append(Entry(agent=p.agent, title=p.title, action="wait"))
        elif answer.is_decision or (answer.event in votes and _is_all_the_same_who(p)):
            entries.append(_decide_again(p))
        elif answer.event in votes:
            _append_vote(entries, p, votes[answer.event])
    return entries


def _append_vote(entries: list[Entry], p: Proposal, vote: Vote) -> None:
    """Add a vote, to the last entry if that has votes."""
    action, value = (vote.action, vote.value) if entries else _with_text(p, vote.action, vote.value)
    given = value if action in ("edit", "respond") else msgspec.UNSET
    one = VoteEntry(reviewer=vote.reviewer, action=action, value=given, reason=vote.reason)
    if entries and isinstance(entries[-1].votes, list):
        entries[-1] = msgspec.structs.replace(entries[-1], votes=[*entries[-1].votes, one])
    else:
        entries.append(Entry(agent=p.agent, title=p.title, votes=[one]))


def _is_all_the_same_who(p: Proposal) -> bool:
    """Whether anyone might have decided it alone, and one person did: then the entry needs no name."""
    terms, decision = p.terms, p.decision
    if terms is None or decision is None or decision.by == "deadline" or len(p.votes) != 1:
        return False
    anyone = all(need.count == 1 and not need.people for need in terms.needs)
    return anyone and not terms.four_eyes and not terms.undo and not terms.blind


def _decide_again(p: Proposal) -> Entry:
    """The entry that decides it, no matter who is asked."""
    assert p.decision is not None
    action, value = _with_text(p, p.decision.action, p.decision.value)
    given = value if action in ("edit", "respond") else msgspec.UNSET
    return Entry(agent=p.agent, title=p.title, action=action, value=given, reason=p.decision.reason)


def _with_text(p: Proposal, action: Action, value: Any) -> tuple[Action, Any]:
    """What repeats an action. In a workspace people wrote before they decided, so it is the text that counts."""
    wrote = p.document and action == "approve" and "edit" in p.allow
    return ("edit", p.value) if wrote else (action, value)
