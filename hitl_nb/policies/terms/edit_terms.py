"""Terms of an edited value: what the policy requires for it is added to the proposal's terms, or the edit is refused.

Terms say how many votes of which people are needed (the *needs*), and more.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from hitl_nb.errors import InvalidEdit
from hitl_nb.policies.terms.seats import People, check_seat
from hitl_nb.records import Action, Need, PolicyVerdict, Proposal, Terms, VoteRecord


class EditPlan(Protocol):
    """Result of judging an edited value by the policy. A `Plan` of `policies/rules/rules.py` has these fields."""

    @property
    def verdict(self) -> PolicyVerdict:
        """The verdict: "pass" (no person is needed), "ask" or "block" (the edited value is refused)."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that give this verdict. Empty if it is the policy's default."""
        ...

    @property
    def why(self) -> tuple[str, ...]:
        """Sentences that explain the verdict to people."""
        ...

    @property
    def terms(self) -> Terms | None:
        """Terms for the edited value: who must agree, by when. None: any reviewer decides alone."""
        ...

    @property
    def allow(self) -> tuple[Action, ...]:
        """Actions that reviewers may take under these terms."""
        ...


def add_edit_terms(proposal: Proposal, vote: VoteRecord, people: People, judged: EditPlan | None) -> Proposal:
    """Return the proposal with the terms that the policy requires for an edited value. No need is removed.

    The proposal is returned unchanged if the vote is no edit, was not judged, or if the policy requires nothing more.

    Args:
        proposal: The proposal.
        vote: The vote with the edited value.
        people: The requesters of the run, and the people who are away.
        judged: Plan of the policy for the edited value. None: it was not judged.

    Raises:
        InvalidEdit: The policy blocks the edited value.
        NotAReviewer, OwnRequest: The person who edited may not vote under the new terms.
    """
    if vote.action != "edit" or judged is None or proposal.terms is None:
        return proposal
    refuse_blocked(judged)
    if judged.terms is None or judged.verdict == "pass":
        return proposal
    allow = tuple(one for one in proposal.allow if one in judged.allow) or proposal.allow
    proposal = msgspec.structs.replace(proposal, terms=merge_stricter(proposal.terms, judged.terms), allow=allow)
    check_seat(proposal, people, vote)
    return proposal


def refuse_blocked(judged: EditPlan) -> None:
    """Raise an error if the policy blocks an edited value.

    Raises:
        InvalidEdit: The policy blocks it. The message names the rules and their reasons.
    """
    if judged.verdict == "block":
        why = f": {'; '.join(judged.why)}" if judged.why else ""
        raise InvalidEdit({"": f"the policy blocks this value ({', '.join(judged.rules) or 'default'}){why}"})


def merge_stricter(old: Terms, new: Terms) -> Terms:
    """Combine two terms into terms that require everything that either of them requires.

    The timeline of `old` is kept, because it has already begun.
    """
    had = {(need.count, frozenset(need.people)) for need in old.needs}
    return msgspec.structs.replace(
        old,
        rules=tuple(sorted({*old.rules, *new.rules})),
        needs=(*old.needs, *(need for need in new.needs if not _is_met_by(need, had))),
        four_eyes=old.four_eyes or new.four_eyes,
        blind=old.blind or new.blind,
        identity="login" if "login" in (old.identity, new.identity) else "local",
        fallback=tuple(dict.fromkeys((*old.fallback, *new.fallback))),
        fresh=_smallest(old.fresh, new.fresh),
        undo=max(old.undo or 0.0, new.undo or 0.0) or None,
        batch=_smallest(old.batch, new.batch),
        show="title" if "title" in (old.show, new.show) else "summary",
    )


def _is_met_by(need: Need, had: set[tuple[int, frozenset[str]]]) -> bool:
    """Return whether the needs in `had` already include a need. Any need includes "1 of anyone".

    Args:
        need: The need.
        had: Keys of the other needs: pairs of the number of votes and the people.
    """
    return (need.count, frozenset(need.people)) in had or (not need.people and need.count <= 1 and bool(had))


def _smallest(*limits: Any) -> Any:
    return min((one for one in limits if one is not None), default=None)
