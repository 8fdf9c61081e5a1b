"""Answers to one pause from a decisions file: decisions, votes of named people, and waits for the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from hitl_nb.errors import AlreadyDecided, HitlError, InvalidEdit, NotAReviewer, StaleDraft
from hitl_nb.kinds.questions import check_edit
from hitl_nb.ledger.decisions.decisions import SubmittedDecision
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.terms import People, need_progress, next_due_time
from hitl_nb.records import Action, Proposal
from hitl_nb.scripted_review.decision_file import VERSION, DecisionEntry, VoteEntry, format_entry
from hitl_nb.scripted_review.fixed_clock import ManualClock


class ScriptedPause:
    """Answers the open proposals of one pause with entries of the decisions file.

    Each proposal uses entries until it is decided. A "wait" entry ends when the clock reaches the next step of its
    proposal's timeline. The clock moves only when all proposals that are still open wait.

    Args:
        ledger: Ledger of the proposals.
        path: The decisions file; its name is used in messages and as the reviewer.
        clock: The clock to move.
        take: Marks the next entry for a proposal as used and returns (its number in the file, the entry). Raises
            Unanswered if there is none.
    """

    def __init__(
        self, ledger: Ledger, path: Path, clock: ManualClock, take: Callable[[Proposal], tuple[int, DecisionEntry]]
    ) -> None:
        self._ledger = ledger
        self._path = path
        self._clock = clock
        self._take = take
        self._open: list[Proposal] = []
        self._next: dict[str, tuple[int, DecisionEntry]] = {}
        self._waits: dict[str, datetime] = {}

    def begin(self, proposals: Sequence[Proposal]) -> None:
        """Take the first entry of the decisions file for each proposal and check it. Nothing is decided yet.

        Raises:
            Unanswered: A proposal has no entry.
            HitlError: An entry is not valid for its proposal.
        """
        self._open = list(proposals)
        for proposal in proposals:
            self._next[proposal.id] = number, entry = self._take(proposal)
            self._check_entry(proposal, number, entry)

    def play(self) -> None:
        """Decide the proposals that were passed to `begin`, with entries of the decisions file.

        Raises:
            Unanswered: A proposal has not enough entries.
            HitlError: An entry is not valid for its proposal, or a vote is refused.
        """
        while True:
            self._open = [proposal for proposal in map(self._answer_proposal, self._open) if proposal.status == "open"]
            if not self._open:
                return
            self._advance_clock()

    def _answer_proposal(self, proposal: Proposal) -> Proposal:
        """Use entries of the decisions file for a proposal until it is decided or waits for the clock.

        Returns:
            The changed proposal.
        """
        while proposal.status == "open" and proposal.id not in self._waits:
            number, entry = self._next.pop(proposal.id, None) or self._take(proposal)
            self._check_entry(proposal, number, entry)
            if entry.action == "wait":
                self._waits[proposal.id] = self._find_due(proposal, number)
            elif entry.votes is not msgspec.UNSET:
                for n, vote in enumerate(entry.votes):
                    proposal = self._vote(proposal, vote, f"decisions[{number}].votes[{n}]")
            else:
                proposal = self._decide(proposal, entry, number)
        return proposal

    def _advance_clock(self) -> None:
        """Move the clock to the earliest time for which a proposal waits, and apply the timed actions due then."""
        self._clock.move_to(min(self._waits.values()))
        self._open = [self._ledger.timers.run_due_steps_of(proposal.id) for proposal in self._open]
        self._waits = {id_: due for id_, due in self._waits.items() if due > self._clock.current_time()}

    def _find_due(self, proposal: Proposal, number: int) -> datetime:
        due = next_due_time(proposal)
        if due is None:
            raise HitlError(
                f"{self._path.name}: decisions[{number}] waits for the clock, but nothing is due for "
                f"{proposal.title!r}: the proposal has no timeline, or all its steps are done; "
                "change the entry's action, or remove the entry"
            )
        return due

    # -- deciding

    def _check_entry(self, proposal: Proposal, number: int, entry: DecisionEntry) -> None:
        """Check that an entry of the decisions file is valid for a proposal.

        Raises:
            HitlError: The entry is not valid.
        """
        if entry.action == "wait":
            self._find_due(proposal, number)
        elif entry.votes is msgspec.UNSET:
            assert entry.action is not msgspec.UNSET
            self._decision_value(proposal, entry.action, entry.value, f"decisions[{number}]")
        else:
            for n, vote in enumerate(entry.votes):
                self._decision_value(proposal, vote.action, vote.value, f"decisions[{number}].votes[{n}]")

    def _decision_value(self, proposal: Proposal, action: Action, value: Any, where: str) -> Any:
        """Convert the value of an entry to the form that the ledger stores; None for actions without a value.

        Args:
            proposal: The proposal.
            action: The action of the entry.
            value: The value in the entry.
            where: Place in the file, for messages.

        Raises:
            HitlError: The proposal does not allow the action, or the edited value is not valid.
        """
        if action not in proposal.allow:
            raise HitlError(
                f"{self._path.name} answers {proposal.title!r} with {action!r}, but it allows only "
                f"{', '.join(proposal.allow)} ({where})"
            )
        if action != "edit":
            return None if value is msgspec.UNSET else value
        try:
            return check_edit(proposal, value)
        except InvalidEdit as error:
            raise HitlError(
                f"{self._path.name}: the entry for {proposal.title!r} cannot be used: {error} ({where})"
            ) from None

    def _decide(self, proposal: Proposal, entry: DecisionEntry, number: int) -> Proposal:
        """Decide the proposal with an entry of the decisions file, also if the policy asks for certain people.

        Returns:
            The decided proposal.
        """
        assert entry.action is not msgspec.UNSET
        assert entry.action != "wait"
        where = f"decisions[{number}]"
        try:
            return self._ledger.proposals.decide(
                proposal.id,
                entry.action,
                value=self._decision_value(proposal, entry.action, entry.value, where),
                reason=entry.reason,
                reviewer=self._path.name,
                by="script",
                fingerprint=proposal.fingerprint,
                revision=proposal.revision,
            )
        except InvalidEdit as error:
            raise HitlError(
                f"{self._path.name}: the entry for {proposal.title!r} cannot be used: {error} ({where})"
            ) from None

    def _vote(self, proposal: Proposal, vote: VoteEntry, where: str) -> Proposal:
        """Submit the vote of a named person from the decisions file.

        Returns:
            The changed proposal.

        Raises:
            HitlError: The vote is refused.
        """
        value = self._decision_value(proposal, vote.action, vote.value, where)
        verdict = SubmittedDecision(
            action=vote.action,
            value=value,
            reason=vote.reason,
            reviewer=vote.reviewer,
            by="script",
            as_vote=True,
            script=self._path.name,
        )
        try:
            return self._ledger.proposals.submit_decision(
                proposal.id, verdict, fingerprint=proposal.fingerprint, revision=proposal.revision
            ).proposal
        except (AlreadyDecided, InvalidEdit, NotAReviewer, StaleDraft) as error:
            raise HitlError(
                f"{self._path.name}: {where}: {vote.action!r} by {vote.reviewer!r} on {proposal.title!r} is refused: "
                f"{error}"
            ) from None


def describe_missing_entry(proposal: Proposal, path: Path) -> str:
    """Return the message for a proposal without an entry. The message contains an entry to add."""
    action = proposal.allow[0]
    entry = DecisionEntry(
        agent=proposal.agent, title=proposal.title, action=action, value="..." if action == "respond" else msgspec.UNSET
    )
    if action == "edit":
        entry = msgspec.structs.replace(entry, value=proposal.value)
    if proposal.settles_at is not None:
        entry = DecisionEntry(agent=proposal.agent, title=proposal.title, action="wait")
    line = format_entry(entry)
    where = f"add to {path.name}" if path.exists() else f"write {path.name} beside the notebook"
    document = line if path.exists() else f'{{"version": {VERSION}, "decisions": [{line}]}}'
    others = ", ".join(f'"{other}"' for other in proposal.allow[1:])
    return (
        f"the agent {proposal.agent!r} waits for a decision on {proposal.title!r}, but there is no entry for it; "
        f"{where}:\n"
        f"  {document}\n"
        + (f'(or another action: {others}; "edit" and "respond" take a "value")\n' if others else "")
        + _describe_terms(proposal)
        + "or decide it in JupyterLab and write the file with `hitl-nb record`"
    )


def _describe_terms(proposal: Proposal) -> str:
    """Return lines about other possible entries for a proposal; "" if it has no terms (who decides, and when)."""
    if proposal.terms is None:
        return ""
    if proposal.settles_at is not None:
        return "(it is approved, and can be undone until the clock moves)\n"
    needs = ", ".join(
        f"{one.have} of {one.count}: {one.text}"
        for one in need_progress(proposal, People(frozenset(proposal.requesters)))
    )
    return (
        '(an action decides it, whatever the policy says; "votes": [{"as": NAME, "action": ...}, ...] instead count as '
        f'the policy says ({needs}); "action": "wait" moves the clock)\n'
    )
