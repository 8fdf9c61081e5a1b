"""Conversion of the recorded decisions on a notebook to a decisions file that repeats them.

Decisions of a policy need no entry: the policy is evaluated again. Each timed action, and each decision by a deadline,
becomes a "wait" entry. Votes are recorded as votes if it matters who votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Action, Proposal, VoteRecord
from hitl_nb.scripted_review.decision_file import DEFAULT_CLOCK, DecisionEntry, DecisionFile, VoteEntry
from hitl_nb.scripted_review.given_answers import AnswerGiven, list_answers, newest_runs


def record_file(ledger: Ledger, notebook: str) -> DecisionFile | None:
    """Return a decisions file whose entries repeat the decisions on a notebook's newest runs.

    None if nothing was decided on these runs.
    """
    runs = newest_runs(ledger, notebook)
    passed = [proposal for run in runs for proposal in ledger.policies.list_passed(run.id)]
    asked = [proposal for run in runs for proposal in ledger.proposals.list_of_run(run.id)]
    if not any(proposal.status == "decided" for proposal in [*passed, *asked]):
        return None
    judged = [proposal.facts.now for proposal in [*passed, *asked] if proposal.facts is not None]
    clock = min(judged).replace(microsecond=0) if judged else DEFAULT_CLOCK
    four_eyes = any(proposal.terms is not None and proposal.terms.four_eyes for proposal in asked)
    names = sorted({name for run in runs for name in run.requesters}) if four_eyes else ()
    return DecisionFile(record_entries(ledger, notebook), clock=clock, requesters=tuple(names))


def record_entries(ledger: Ledger, notebook: str) -> list[DecisionEntry]:
    """Return entries of a decisions file that repeat the decisions on a notebook's newest runs, oldest first.

    Decisions of people and by deadlines are repeated; policies decide again by themselves.
    """
    found = [pair for run in newest_runs(ledger, notebook) for pair in list_answers(ledger, run)]
    decided = [
        (proposal, answers)
        for proposal, answers in found
        if proposal.status == "decided" and not asks_about_crash(proposal)
    ]
    decided.sort(key=lambda pair: (pair[0].created_at, pair[0].ordinal))
    return [entry for proposal, answers in decided for entry in _repeat_answers(proposal, answers)]


def asks_about_crash(proposal: Proposal) -> bool:
    """Return whether a proposal asks people about a step that was interrupted because its process died.

    When the run is repeated, nothing is interrupted, so the question is not asked.
    """
    return proposal.doubt is not None


def _repeat_answers(proposal: Proposal, answers: Sequence[AnswerGiven]) -> list[DecisionEntry]:
    """Return the entries of a decisions file that repeat the recorded answers to a proposal."""
    entries: list[DecisionEntry] = []
    votes = {one.event: one for one in proposal.votes}  # votes that were replaced or undone are not listed
    for answer in answers:
        if answer.action == "wait":
            entries.append(DecisionEntry(agent=proposal.agent, title=proposal.title, action="wait"))
        elif answer.is_decision or (answer.event in votes and _is_reviewer_irrelevant(proposal)):
            entries.append(_make_decision_entry(proposal))
        elif answer.event in votes:
            _append_vote(entries, proposal, votes[answer.event])
    return entries


def _append_vote(entries: list[DecisionEntry], proposal: Proposal, vote: VoteRecord) -> None:
    """Add a recorded vote to the entries of a decisions file that repeat the answers to a proposal.

    The vote is added to the last entry if that entry has votes; otherwise a new entry is added for the vote.

    Args:
        entries: The entries so far; extended in place.
        proposal: The proposal.
        vote: The recorded vote.
    """
    action, value = (vote.action, vote.value) if entries else _with_document_text(proposal, vote.action, vote.value)
    given = value if action in ("edit", "respond") else msgspec.UNSET
    one = VoteEntry(reviewer=vote.reviewer, action=action, value=given, reason=vote.reason)
    if entries and isinstance(entries[-1].votes, list):
        entries[-1] = msgspec.structs.replace(entries[-1], votes=[*entries[-1].votes, one])
    else:
        entries.append(DecisionEntry(agent=proposal.agent, title=proposal.title, votes=[one]))


def _is_reviewer_irrelevant(proposal: Proposal) -> bool:
    """Return whether it does not matter for the proposal who decides, so that its entry needs no user name.

    That is so if anyone could have decided alone, and one person did.
    """
    terms, decision = proposal.terms, proposal.decision
    if terms is None or decision is None or decision.by == "deadline" or len(proposal.votes) != 1:
        return False
    anyone = all(need.count == 1 and not need.people for need in terms.needs)
    return anyone and not terms.four_eyes and not terms.undo and not terms.blind


def _make_decision_entry(proposal: Proposal) -> DecisionEntry:
    """Return an entry of a decisions file that decides the proposal with its recorded action.

    Such an entry decides alone, also if the policy asks for votes of certain people.
    """
    assert proposal.decision is not None
    action, value = _with_document_text(proposal, proposal.decision.action, proposal.decision.value)
    given = value if action in ("edit", "respond") else msgspec.UNSET
    return DecisionEntry(
        agent=proposal.agent, title=proposal.title, action=action, value=given, reason=proposal.decision.reason
    )


def _with_document_text(proposal: Proposal, action: Action, value: Any) -> tuple[Action, Any]:
    """Return the (action, value) that an entry of a decisions file needs to repeat an action.

    People may have edited a workspace before they approved it. The approval is then repeated as an edit with that text.
    """
    wrote = proposal.document and action == "approve" and "edit" in proposal.allow
    return ("edit", proposal.value) if wrote else (action, value)
