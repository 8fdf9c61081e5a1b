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
        """Verdict on the edited value: "pass" (no person is needed), "ask" or "block" (the value is refused)."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the policy rules that give the verdict on the edited value. Empty if the policy's default gives it."""
        ...

    @property
    def why(self) -> tuple[str, ...]:
        """Sentences that explain the verdict on the edited value to people."""
        ...

    @property
    def terms(self) -> Terms | None:
        """Terms for the edited value: who must agree, by when. None: any reviewer decides alone."""
        ...

    @property
    def allow(self) -> tuple[Action, ...]:
        """Actions that reviewers may take if people are asked about the edited value."""
        ...


def add_edit_terms(proposal: Proposal, vote: VoteRecord, people: People, judged: EditPlan | None) -> Proposal:
    """Return the proposal with the terms (who must agree, by when) that the policy requires for an edited value.

    The proposal's own terms stay: the stricter of each is used. The proposal is returned unchanged if the vote is not
    an edit, or if the policy requires nothing more for its value.

    Args:
        proposal: The proposal.
        vote: The vote with the edited value.
        people: The requesters of the run, and the people who are away.
        judged: Plan of the policy for the edited value. None: it was not judged, and the proposal is returned
            unchanged.

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
    """Combine two terms (who must agree, by when) into terms that require everything that either of them requires.

    The timeline (the clock's actions if nobody decides) of `old` is kept, because it has already begun.
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
    """Return whether votes that meet the needs in `had` always meet `need` too.

    That is so if `had` contains the same need. It is also so for the need "1 of anyone", unless `had` is empty.

    Args:
        need: The need: how many votes of which people.
        had: Other needs, as pairs of the number of votes and the people.
    """
    return (need.count, frozenset(need.people)) in had or (not need.people and need.count <= 1 and bool(had))


def _smallest(*limits: Any) -> Any:
    return min((one for one in limits if one is not None), default=None)
