"""The pure machine: who may vote, what votes make, what the clock does. Vectors by their numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, InvalidEdit, NotAReviewer, OwnRequest, StaleDraft, TooLate
from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.terms import People
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import Office, Terms, TimelineStep, VoteRecord
from tests.policies.casework import T0, Case, at, need, proposal, terms, with_fields

NOBODY = People()
ADA = People(requesters=frozenset({"ada"}))
STEPS = ("1h remind", "4h escalate lea", "8h reject")


def case(made_under: Terms, people: People = NOBODY, **more: Any) -> Case:
    return Case(proposal(made_under, **more), people)


def make_judgment(verdict: str, *needs: str, rules: tuple[str, ...] = ("big",), **more: Any) -> Any:
    made_under = terms(*needs, **more) if needs else None
    return SimpleNamespace(verdict=verdict, rules=rules, why=("too much",), terms=made_under, allow=("approve", "edit"))


# Votes


def test_vector_6_a_requester_does_not_approve_but_rejects() -> None:
    c = case(terms("2 of ada, bo, cy", four_eyes=True), ADA)
    for action, value in (("approve", None), ("edit", "v1"), ("respond", "no")):
        with pytest.raises(OwnRequest, match="ada started or continued this run"):
            c.vote("ada", action, value)
    assert c.p.votes == ()
    assert c.vote("ada", "reject") == "reject by ada"
    assert c.wrong is None


def test_vector_7_one_person_votes_once() -> None:
    c = case(terms("2 of ada, bo, cy", four_eyes=True), ADA)
    assert (c.vote("bo"), c.have) == ("open", ["1/2"])
    assert (c.vote("bo"), c.have) == ("open", ["1/2"])
    assert c.vote("cy") == "approve by cy"
    assert c.wrong is None
    assert c.p.decision is not None
    assert c.p.decision.by == "person"


def test_vector_8_an_edit_makes_another_value_to_vote_on() -> None:
    c = case(terms("2 of bo, cy"))
    c.vote("bo")
    assert (c.vote("cy", "edit", "v1"), c.have, c.p.revision) == ("open", ["1/2"], 2)
    assert c.vote("bo") == "edit by bo"
    assert c.p.decision is not None
    assert (c.p.decision.value, c.wrong) == ("v1", None)


def test_vector_9_one_rejection_is_enough() -> None:
    c = case(terms("2 of bo, cy"))
    c.vote("bo")
    with pytest.raises(NotAReviewer, match=r"zed may not decide 'Refund': it takes 2 of bo, cy \(r\)"):
        c.vote("zed")
    assert c.vote("cy", "reject") == "reject by cy"
    assert c.wrong is None
    with pytest.raises(AlreadyDecided, match=r"cy .*rejected it"):
        c.vote("zed")


def test_vector_10_one_vote_counts_in_every_need() -> None:
    assert case(terms("1 of ada, bo", "1 of cy, bo")).vote("bo") == "approve by bo"
    assert case(terms("1 of ada, bo", "1 of cy, bo")).vote("ada") == "open"


@pytest.mark.parametrize(
    ("voters", "states", "have"),
    [(("dee", "cy"), ["open", "open"], ["1/2"]), (("dee", "bo"), ["open", "approve by bo"], ["2/2"])],
    ids=["vector 11, in whose place", "vector 11, another"],
)
def test_vector_11_a_deputy_takes_one_seat(voters: tuple[str, ...], states: list[str], have: list[str]) -> None:
    c = case(terms("2 of bo, cy"), People(away={"cy": "dee"}))
    assert [c.vote(one) for one in voters] == states
    assert c.have == have
    assert c.p.votes[0].seat == "cy"
    assert c.wrong is None


def test_vector_12_a_deputy_who_has_a_seat_is_still_one_person() -> None:
    c = case(terms("2 of bo, cy"), People(away={"cy": "bo"}))
    assert (c.vote("bo"), c.have) == ("open", ["1/2"])
    assert c.vote("cy") == "approve by cy"


def test_vector_13_a_circle_ends_where_it_began() -> None:
    c = case(terms("1 of ada"), People(away={"ada": "bo", "bo": "ada"}))
    with pytest.raises(NotAReviewer):
        c.vote("bo")
    assert c.vote("ada") == "approve by ada"


def test_vector_14_a_deputy_is_no_way_around_four_eyes() -> None:
    people = People(requesters=frozenset({"dee"}), away={"ada": "dee"})
    c = case(terms("1 of ada", four_eyes=True), people)
    with pytest.raises(OwnRequest):
        c.vote("dee")
    assert c.vote("ada") == "approve by ada"


def test_a_chain_of_deputies_has_three_links() -> None:
    c = case(terms("1 of ada"), People(away={"ada": "bo", "bo": "cy", "cy": "dee", "dee": "eve"}))
    for nobody in ("bo", "cy", "eve"):
        with pytest.raises(NotAReviewer):
            c.vote(nobody)
    assert c.vote("dee") == "approve by dee"


def test_deputies_are_matched_to_the_seats_that_are_left() -> None:
    """dee stands in for both, so her seat is whichever the other leaves."""
    c = case(terms("2 of bo, cy"), People(away={"bo": "dee", "cy": "dee"}))
    assert c.vote("dee") == "open"
    assert c.vote("bo") == "approve by bo"


def test_a_vote_on_another_value_is_refused() -> None:
    c = case(terms("2 of bo, cy"))
    seen = machine.prepare_vote(c.p, VoteRecord(reviewer="bo", action="approve", at=T0, authn="login"), c.people)
    c.vote("cy", "edit", "v1")
    with pytest.raises(StaleDraft, match="edited after you opened it"):
        machine.cast_vote(c.p, seen, c.people, T0)


def test_an_action_that_is_not_allowed_is_refused() -> None:
    c = case(terms("1 of bo"), allow=("approve", "reject"))
    with pytest.raises(ValueError, match="'edit' is not allowed"):
        c.vote("bo", "edit", "v1")
    assert c.p.votes == ()


# Who is known


@pytest.mark.parametrize("authn", ["token", "anonymous", None])
def test_named_people_have_logged_in(authn: Any) -> None:
    c = case(terms("1 of bo"), People(os_user="bo"))
    with pytest.raises(NotAReviewer, match="log in there with your own name, then decide at hitl_nb/review/aaaa"):
        c.vote("bo", authn=authn)
    assert c.vote("bo") == "approve by bo"


def test_a_name_that_jupyter_made_up_is_nobody_where_it_matters_who_agrees() -> None:
    """Whoever knows the password of a server has another such name in each browser."""
    for needed in (terms("2 of anyone"), terms("1 of anyone", four_eyes=True)):
        c = case(needed)
        with pytest.raises(NotAReviewer, match="log in there with your own name"):
            c.vote("0f" * 16)
    assert case(terms("1 of anyone")).vote("0f" * 16) == f"approve by {'0f' * 16}"


def test_terms_are_the_same_however_their_numbers_are_written() -> None:
    """The store gives back 60.0 for 60; votes and decisions are bound to the terms' hash."""
    hashes: set[str] = set()
    for undo in (60, 60.0):
        hash_terms.cache_clear()  # it takes equal terms for the same
        hashes.add(hash_terms(terms("1 of bo", undo=undo)))
    assert len(hashes) == 1


def test_local_takes_the_users_own_word() -> None:
    c = case(terms("2 of bo, cy", identity="local"), People(os_user="bo"))
    with pytest.raises(NotAReviewer):
        c.vote("cy", authn=None)
    assert c.vote("bo", authn=None) == "open"
    assert c.vote("cy") == "approve by cy"
    assert c.wrong is None
    c.people = People(os_user="dan")
    assert c.wrong == "the vote of bo does not count: they were not logged in"


def test_one_of_anyone_is_whoever_decides_today() -> None:
    assert case(terms("1 of anyone")).vote("uid 7", authn=None) == "approve by uid 7"


@pytest.mark.parametrize("made_under", [terms("1 of anyone", four_eyes=True), terms("2 of anyone")])
def test_anyone_who_must_be_somebody_else_has_logged_in(made_under: Terms) -> None:
    c = case(made_under)
    with pytest.raises(NotAReviewer):
        c.vote("bo", authn=None)
    c.vote("bo")
    c.p.decision or c.vote("cy")
    assert c.p.status == "decided"
    assert c.wrong is None


# The clock


def test_vector_16_the_timeline() -> None:
    c = case(terms("1 of bo", timeline=STEPS))
    assert c.p.deadline == at("8:00:00")
    assert c.tick("0:59:00") is None
    assert c.tick("1:00:00").events[0][0] == "proposal.reminded"
    assert machine.next_due_time(c.p) == at("4:00:00")
    with pytest.raises(NotAReviewer):
        c.vote("lea", when="2:00:00")
    assert c.tick("4:00:00").notices == ("escalated",)
    assert (c.p.widened, machine.next_due_time(c.p)) == (("lea",), at("8:00:00"))
    change = c.tick("8:00:00")
    assert (c.state, change.decision.by, change.due) == ("reject by deadline", "deadline", at("8:00:00"))
    assert c.wrong is None


def test_vector_17_too_early_in_time_too_late() -> None:
    for user, when, state in (("lea", "5:00:00", "approve by lea"), ("bo", "7:59:59", "approve by bo")):
        c = case(terms("1 of bo", timeline=STEPS))
        c.tick("1:00:00")
        c.tick("4:00:00")
        assert c.vote(user, when=when) == state
        assert c.wrong is None
    c = case(terms("1 of bo", timeline=STEPS))
    for when in ("1:00:00", "4:00:00"):
        c.tick(when)
    with pytest.raises(AlreadyDecided, match="the deadline rejected it at 2026-01-05 17:00:00"):
        c.vote("bo", when="8:00:00")
    assert (c.state, c.p.votes) == ("reject by deadline", ())


def test_what_is_due_comes_before_a_vote() -> None:
    c = case(terms("1 of bo", timeline=("8h reject",)))
    late = VoteRecord(reviewer="bo", action="approve", at=at("8:00:00"), authn="login")
    with pytest.raises(AlreadyDecided, match="must be taken first"):
        machine.cast_vote(c.p, late, c.people, at("8:00:00"))


def test_vector_18_time_when_nobody_could_be_told() -> None:
    c = case(terms("1 of bo", timeline=STEPS))
    late = 72 * 3600
    assert c.tick(late).notices == ("reminded",)
    assert machine.next_due_time(c.p) == datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
    assert c.tick(late) is None
    assert c.tick(late + 3 * 3600).notices == ("escalated",)
    assert machine.next_due_time(c.p) == datetime(2026, 1, 8, 16, 0, tzinfo=UTC) == c.p.deadline


def test_a_delay_in_working_hours_leaves_working_hours() -> None:
    """Reminded after 2 working hours, but the machine slept until Friday 16:00; the 2 that follow end on Monday."""
    office = Office(timezone="UTC")
    steps = (
        TimelineStep(does="remind", seconds=2 * 3600, working=True),
        TimelineStep(does="reject", seconds=4 * 3600, working=True),
    )
    c = case(Terms(needs=(need("1 of bo"),), timeline=steps, office=office))
    assert machine.next_due_time(c.p) == at("2:00:00")
    c.tick((4 * 24 + 7) * 3600)
    assert machine.next_due_time(c.p) == datetime(2026, 1, 12, 10, 0, tzinfo=UTC) == c.p.deadline


def test_a_date_does_not_shift() -> None:
    date = at("10:00:00")
    steps = (TimelineStep(does="remind", seconds=3600), TimelineStep(does="reject", at=date))
    c = case(Terms(needs=(need("1 of bo"),), timeline=steps))
    c.tick("5:00:00")
    assert machine.next_due_time(c.p) == date == c.p.deadline
    c.tick("10:00:00")
    assert c.state == "reject by deadline"
    assert c.wrong is None


def test_vector_21_silence_is_consent_only_where_it_is_said() -> None:
    c = case(terms("1 of anyone", timeline=("1h approve",)))
    c.tick("1:00:00")
    assert c.p.decision is not None
    assert (c.state, c.p.decision.by, c.p.decision.signature) == ("approve by deadline", "deadline", None)
    assert c.wrong is None
    assert verify_as_person(c) is not None


def verify_as_person(c: Case) -> str | None:
    """What is said if the record says that a person decided."""
    made = with_fields(c.p.decision, by="person", reviewer="bo")
    return machine.verify_decision_votes(with_fields(c.p, decision=made), c.people)


def test_the_clock_does_not_approve_what_somebody_wants_changed() -> None:
    c = case(terms("1 of bo", "1 of cy", timeline=("1h approve",)))
    c.vote("bo", "edit", "v1")
    assert c.tick("1:00:00").notices == ("overdue",)
    assert (c.state, c.p.overdue, machine.next_due_time(c.p)) == ("open", True, None)


def test_vector_20_an_approval_may_be_taken_back() -> None:
    def approved() -> Case:
        c = case(terms("1 of bo, cy", undo=30.0))
        assert c.vote("bo") == "settling"
        return c

    c = approved()
    assert (c.undo("bo", 29), c.p.votes) == ("open", ())
    with pytest.raises(TooLate):
        approved().undo("bo", 30)
    with pytest.raises(NotAReviewer):
        approved().undo("cy", 29)
    assert approved().vote("cy", "reject", when=5) == "reject by cy"
    with pytest.raises(AlreadyDecided, match="approved by bo; it settles at"):
        approved().vote("cy", when=5)
    c = approved()
    assert c.tick(29.9) is None
    c.tick(30)
    assert (c.state, c.p.decision.by) == ("approve by bo", "person")
    assert c.wrong is None
    with pytest.raises(TooLate):
        c.undo("bo", 31)


def test_vector_20_the_timeline_waits_while_an_approval_settles() -> None:
    def approved() -> Case:
        c = case(terms("1 of bo", undo=30.0, timeline=("8h reject",)))
        c.vote("bo", when="7:59:50")
        assert c.tick("8:00:05") is None
        return c

    c = approved()
    c.tick("8:00:20")
    assert c.state == "approve by bo"
    c = approved()
    assert c.undo("bo", "8:00:05") == "open"
    c.tick("8:00:06")
    assert c.state == "reject by deadline"


def test_taking_an_edit_back_takes_its_value_back() -> None:
    c = case(terms("2 of bo, cy, dan", undo=30.0))
    c.vote("bo")
    c.vote("cy", "edit", "v1")
    assert c.vote("dan") == "settling"
    c.undo("dan", 1)
    assert (c.p.candidate, c.have) == ("v1", ["1/2"])
    c = case(terms("1 of bo", undo=30.0))
    c.vote("bo", "edit", "v1")
    c.undo("bo", 1)
    assert c.vote("bo") == "settling"
    c.tick(40)
    assert c.state == "approve by bo"


def test_each_person_takes_the_own_vote_back_while_others_are_needed() -> None:
    c = case(terms("3 of bo, cy, dan, lea"))
    c.vote("bo")
    c.vote("cy")
    assert (c.undo("bo", 1), c.have, [one.reviewer for one in c.p.votes]) == ("open", ["1/3"], ["cy"])
    for user in ("bo", "dan"):
        with pytest.raises(TooLate, match=f"no vote of {user}"):
            c.undo(user, 2)
    c.vote("dan")
    c.vote("bo", "reject")
    assert c.state == "reject by bo"
    with pytest.raises(TooLate, match="is decided"):
        c.undo("cy", 3)


def test_an_edit_that_is_taken_back_stays_if_another_person_voted_for_it() -> None:
    def make_edited() -> Case:
        c = case(terms("3 of bo, cy, dan"))
        c.vote("bo")
        c.vote("cy", "edit", "v1")
        return c

    c = make_edited()
    revision = c.p.revision
    c.undo("cy", 1)
    assert (c.p.candidate, c.p.revision, c.have) == (UNSET, revision + 1, ["1/3"])  # the vote of bo counts again
    c = make_edited()
    c.vote("dan")
    c.undo("cy", 1)
    assert (c.p.candidate, c.p.revision, c.have) == ("v1", revision, ["1/3"])
    c.vote("cy")
    assert (c.vote("bo"), c.p.decision.value, c.wrong) == ("edit by bo", "v1", None)


def test_a_vote_that_is_taken_back_is_in_the_way_of_no_deadline() -> None:
    c = case(terms("2 of bo, cy", timeline=("1h approve",)))
    c.vote("bo", "edit", "v1")
    c.undo("bo", 1)
    c.tick("1:00:00")
    assert c.state == "approve by deadline"


def test_a_hidden_vote_is_taken_back() -> None:
    c = case(terms("2 of bo, cy, dan", blind=True))
    c.vote("bo", "reject")
    c.undo("bo", 1)
    c.vote("cy")
    assert c.vote("dan") == "approve by dan"


# Blind


def test_vector_34_nothing_is_decided_before_all_have_voted() -> None:
    c = case(terms("2 of bo, cy", blind=True))
    assert c.vote("bo", "reject") == "open"
    assert c.vote("cy") == "reject by bo"
    assert c.wrong is None


def test_vector_34_votes_that_differ_are_shown() -> None:
    c = case(terms("2 of bo, cy", blind=True))
    c.vote("bo")
    assert c.p.revision == 1
    assert (c.vote("cy", "edit", "v1"), c.p.candidate) == ("open", "v1")
    assert c.vote("bo") == "edit by bo"
    assert c.wrong is None


def test_a_hidden_edit_is_not_what_others_vote_on() -> None:
    c = case(terms("2 of bo, cy", blind=True))
    c.vote("bo", "edit", "v1")
    assert (c.p.revision, c.have) == (1, ["1/2"])
    assert (c.vote("cy"), c.p.candidate, c.p.revision) == ("open", "v1", 2)
    assert c.vote("cy") == "edit by cy"


# An edit is judged again


def test_vector_35_an_edit_into_another_rule_adds_its_needs() -> None:
    c = case(terms("1 of sam"), value=40)
    assert c.vote("sam", "edit", 400, judged=make_judgment("ask", "1 of fin")) == "open"
    assert c.have == ["1/1", "0/1"]
    assert [one[0] for one in c.change.events] == ["vote", "terms.changed"]
    with pytest.raises(NotAReviewer):
        c.vote("zed")
    assert c.vote("fin") == "edit by fin"
    assert (c.p.decision.value, c.wrong) == (400, None)


def test_vector_35_an_edit_to_what_is_blocked_is_refused() -> None:
    c = case(terms("1 of sam"), value=40)
    before = c.p
    with pytest.raises(InvalidEdit, match=r"the policy blocks this value \(big\): too much"):
        c.vote("sam", "edit", 400, judged=make_judgment("block"))
    assert c.p == before


def test_an_edit_cannot_leave_needs_behind() -> None:
    c = case(terms("1 of sam", "1 of fin", four_eyes=True), value=400)
    assert c.vote("sam", "edit", 40, judged=make_judgment("ask", "1 of sam")) == "open"
    assert c.p.terms.four_eyes
    assert c.have == ["1/1", "0/1"]


# Nobody may


def test_nobody_may_so_the_fallback_is_asked_at_once() -> None:
    c = case(terms("1 of ada, bo", four_eyes=True, fallback=("lea",)), People(ADA.requesters, {"bo": None}))
    assert [one[0] for one in c.change.events] == ["proposal.stuck", "proposal.escalated"]
    assert (c.p.widened, c.p.stuck, c.change.notices) == (("lea",), "", ("stuck", "escalated"))
    assert c.vote("lea") == "approve by lea"
    assert c.wrong is None


def test_nobody_may_and_nobody_is_left() -> None:
    c = case(terms("2 of ada, bo", fallback=("lea",)), People(away={"ada": None, "bo": "ada", "lea": None}))
    assert c.p.stuck.startswith("2 of ada, bo must agree, and of those who may, nobody can now")
    assert c.p.status == "open"
    assert case(terms("2 of ada, bo")).p.stuck == ""


def test_four_eyes_counts_one_person_less() -> None:
    assert case(terms("2 of ada, bo, cy", four_eyes=True), ADA).p.stuck == ""
    assert "2 of ada, bo" in case(terms("2 of ada, bo", four_eyes=True), ADA).p.stuck


# What is kept is compared with the votes


@pytest.mark.parametrize(
    "change",
    [
        lambda p: with_fields(p, votes=p.votes[:1]),
        lambda p: with_fields(p, votes=(p.votes[1], p.votes[0])),
        lambda p: with_fields(p, decision=with_fields(p.decision, action="edit", value="v9")),
        lambda p: with_fields(p, votes=(p.votes[0], with_fields(p.votes[1], reviewer="zed"))),
        lambda p: with_fields(p, votes=(p.votes[0], with_fields(p.votes[1], value_sha256="0"))),
        lambda p: with_fields(p, votes=(p.votes[0], with_fields(p.votes[1], authn=None))),
        lambda p: with_fields(p, terms=with_fields(p.terms, needs=())),
        lambda p: with_fields(p, decision=with_fields(p.decision, by="deadline")),
    ],
)
def test_a_decision_that_the_votes_do_not_make_is_noticed(change: Any) -> None:
    c = case(terms("2 of bo, cy"))
    c.vote("bo")
    assert c.vote("cy") == "approve by cy"
    assert c.wrong is None
    assert machine.verify_decision_votes(change(c.p), c.people) is not None


def test_a_decision_says_what_it_was_made_under() -> None:
    c = case(terms("1 of bo", fresh=3600.0))
    c.vote("bo", when=10)
    assert c.p.decision.policy == "p"
    assert c.p.decision.terms_sha256 == c.p.votes[0].terms_sha256 != ""
    assert c.p.decision.valid_until == at(10) + timedelta(hours=1)
