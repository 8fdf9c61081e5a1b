"""Terms that are renewed: who votes, what stays of the votes, and a timeline that begins again."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.terms import People
from hitl_nb.policies.terms.terms_renewal import merge_renewed_terms, renew_terms
from hitl_nb.records import Terms
from tests.policies.casework import Case, at, proposal, terms


def renew_case(c: Case, made: Terms, when: float = 0) -> Any:
    return c.take(renew_terms(c.p, made, c.people, at(when), why="files"))


def test_other_people_decide_from_then_on() -> None:
    c = Case(proposal(terms("2 of ada, bo")))
    c.vote("ada")
    change = renew_case(c, terms("2 of bo, cy"))
    assert [type_ for type_, _ in change.events] == ["terms.changed"]
    assert (change.events[0][1]["dropped"], c.p.votes, c.p.decision) == (["ada"], (), None)
    c.vote("bo")
    assert c.vote("cy") == "approve by cy"
    assert c.wrong is None


def test_votes_that_are_enough_by_then_decide() -> None:
    c = Case(proposal(terms("3 of ada, bo, cy")))
    c.vote("ada")
    c.vote("bo")
    renew_case(c, terms("2 of ada, bo"), 5)
    assert c.state == "approve by bo"
    assert c.p.decision is not None
    assert c.p.decision.decided_at == at(5)
    assert c.wrong is None


def test_votes_that_are_enough_by_then_settle() -> None:
    c = Case(proposal(terms("2 of ada, bo", undo=30.0)))
    c.vote("bo")
    renew_case(c, terms("1 of bo, cy", undo=30.0), 5)
    assert (c.state, c.p.settles_at) == ("settling", at(35))
    c.undo("bo", 34)
    assert (c.state, c.p.votes) == ("open", ())


def test_votes_that_are_not_of_one_mind_decide_nothing() -> None:
    c = Case(proposal(terms("3 of ada, bo, cy", blind=True)))
    c.vote("bo")
    c.vote("ada", "reject")
    renew_case(c, terms("2 of ada, bo", blind=True))
    assert c.state == "open"


def test_four_eyes_and_a_login_are_asked_for_from_then_on() -> None:
    c = Case(proposal(terms("2 of ada, bo", identity="local")), People(frozenset({"ada"}), {}, "ada"))
    c.vote("ada", authn=None)
    renew_case(c, terms("1 of ada, bo", four_eyes=True, identity="local"))
    assert c.p.votes == ()
    c = Case(proposal(terms("2 of ada, bo", identity="local")), People(os_user="ada"))
    c.vote("ada", authn=None)
    renew_case(c, terms("2 of ada, bo"))
    assert c.p.votes == ()


def test_an_approval_that_settles_is_open_again_if_it_is_not_enough() -> None:
    c = Case(proposal(terms("1 of bo", undo=30.0)))
    assert c.vote("bo") == "settling"
    renew_case(c, terms("2 of bo, cy", undo=30.0), 5)
    assert (c.state, c.have) == ("open", ["1/2"])


def test_another_timeline_begins_when_it_is_applied() -> None:
    """Nobody is rejected at once by a deadline that nobody knew of."""
    c = Case(proposal(terms("1 of bo")))
    renew_case(c, terms("1 of bo", timeline=("8h reject",)), 72 * 3600)
    assert machine.next_due_time(c.p) == c.p.deadline == at(80 * 3600)
    same = terms("1 of bo, cy", timeline=("8h reject",))
    renew_case(c, same, 76 * 3600)
    assert machine.next_due_time(c.p) == at(80 * 3600)
    assert renew_case(c, same, 77 * 3600) is None


def test_nobody_left_asks_the_fallback() -> None:
    c = Case(proposal(terms("1 of bo")), People(away={"cy": None}))
    change = renew_case(c, terms("1 of cy", fallback=("lea",)))
    assert [type_ for type_, _ in change.events] == ["terms.changed", "proposal.stuck", "proposal.escalated"]
    assert c.p.widened == ("lea",)


def test_what_the_call_asked_for_stays() -> None:
    asked = terms("1 of bo", "1 of fin", timeline=("8h reject",))
    then, now = terms("1 of fin"), terms("2 of fin, max")
    made = merge_renewed_terms(asked, then, now)
    assert [need.text for need in made.needs] == ["2 of fin, max", "1 of bo"]
    assert made.timeline == asked.timeline
    only_call = merge_renewed_terms(msgspec.structs.replace(asked, policy=""), None, None)
    assert only_call.needs == asked.needs
    assert merge_renewed_terms(then, then, None).needs == Terms().needs
