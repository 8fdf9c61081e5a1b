"""Judgment of an edit: needs of the edited value are added to the terms, or the edit is refused."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from hitl_nb.errors import InvalidEdit
from hitl_nb.policies.terms.seats import People, check_seat
from hitl_nb.records import Action, Need, PolicyVerdict, Proposal, Terms, VoteRecord


class EditPlan(Protocol):
    """Plan for an edited value: a `Plan` of `policies/rules/rules.py`."""

    @property
    def verdict(self) -> PolicyVerdict:
        """The verdict."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules with this verdict."""
        ...

    @property
    def why(self) -> tuple[str, ...]:
        """Sentences for people."""
        ...

    @property
    def terms(self) -> Terms | None:
        """Terms for the value. None: any reviewer decides alone."""
        ...

    @property
    def allow(self) -> tuple[Action, ...]:
        """Actions that reviewers may take."""
        ...


def add_edit_terms(proposal: Proposal, vote: VoteRecord, people: People, judged: EditPlan | None) -> Proposal:
    """Return the proposal with the needs of an edited value added. No need is removed."""
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
    """Refuse an edited value that the policy blocks.

    Raises:
        InvalidEdit: The policy blocks it.
    """
    if judged.verdict == "block":
        why = f": {'; '.join(judged.why)}" if judged.why else ""
        raise InvalidEdit({"": f"the policy blocks this value ({', '.join(judged.rules) or 'default'}){why}"})


def merge_stricter(old: Terms, new: Terms) -> Terms:
    """Combine terms so that they ask for everything that either asks for. The old timeline, already begun, is kept."""
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
    """Return whether the need is already present, or is "1 of anyone", which any other need includes."""
    return (need.count, frozenset(need.people)) in had or (not need.people and need.count <= 1 and bool(had))


def _smallest(*limits: Any) -> Any:
    return min((one for one in limits if one is not None), default=None)
