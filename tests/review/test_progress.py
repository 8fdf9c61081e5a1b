"""What people are told of a proposal's terms: the same everywhere, and nothing of a vote that is still hidden."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hitl_nb.errors import NotAReviewer
from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import check_permission
from hitl_nb.records import Need, Proposal, Terms, TimelineStep, VoteRecord
from hitl_nb.review.progress import NOBODY, Viewer, describe_progress, may_decide

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
TWO = Need(count=2, people=("ada", "bo", "cy"), text="2 of @finance")
TERMS = Terms(
    rules=("big-refund",),
    needs=(TWO,),
    four_eyes=True,
    timeline=(
        TimelineStep(does="escalate", seconds=4 * 3600, people=("lea",), text="4h escalate @leads"),
        TimelineStep(does="reject", seconds=8 * 3600, text="8h reject"),
    ),
)
PEOPLE = People(requesters=frozenset({"ada"}))


def ask_question(terms: Terms | None = TERMS, **over: Any) -> Proposal:
    made: dict[str, Any] = {"id": "aaaaaaaaaaaa", "run": "r", "agent": "a", "notebook": "n", "pause": 1}
    made |= {"fingerprint": "f", "created_at": T0, "title": "Refund", "kind": "json", "value": {"amount": 400}}
    return machine.begin_proposal(Proposal(**{**made, "terms": terms, **over}), PEOPLE).proposal


def cast_vote(p: Proposal, reviewer: str, action: Any = "approve", at: datetime = T0, **over: Any) -> Proposal:
    vote = VoteRecord(reviewer=reviewer, action=action, at=at, authn="login", **over)
    return machine.cast_vote(p, vote, PEOPLE, at).proposal


def progress_for(p: Proposal, user: str = "cy", **people: Any) -> dict[str, Any]:
    who = Viewer(user, "login")
    return as_json(describe_progress(p, People(PEOPLE.requesters, **people), who, lambda vote: "login"))


def as_json(said: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(said))


def test_without_terms_any_reviewer_decides_and_nothing_else_is_said() -> None:
    said = progress_for(ask_question(None))
    assert said["may"] == {"decide": True, "why_not": None, "actions": list(ask_question().allow), "undo": False}
    assert [said[name] for name in ("needs", "votes", "rules", "timer", "batch")] == [[], [], [], None, None]
    assert "candidate" not in said


def test_who_must_agree_and_who_may_still() -> None:
    p = cast_vote(ask_question(), "bo")
    assert progress_for(p)["needs"] == [
        {"text": "2 of @finance", "have": 1, "count": 2, "voted": ["bo"], "waiting": ["cy"]}  # ada asked for it
    ]
    assert progress_for(p, away={"cy": "dee"})["needs"][0]["waiting"] == ["dee"]
    assert progress_for(p, away={"cy": None})["needs"][0]["waiting"] == []


def test_votes_say_who_for_whom_how_known_and_whether_they_count() -> None:
    p = cast_vote(cast_vote(ask_question(), "bo", reason="fine"), "cy", "edit", value={"amount": 4})
    first, second = progress_for(p)["votes"]
    assert (first["reviewer"], first["reason"], first["known"], first["counts"]) == ("bo", "fine", "login", False)
    assert (second["reviewer"], second["action"], second["counts"]) == ("cy", "edit", True)
    assert progress_for(p)["candidate"] == {"amount": 4}
    assert progress_for(p)["needs"][0]["have"] == 1
    assert "seconds" not in first  # that is the person's own


def test_hidden_votes_are_shown_to_their_own_people_alone() -> None:
    p = cast_vote(ask_question(msgspec.structs.replace(TERMS, blind=True)), "bo", "reject", reason="no")
    assert p.status == "open"
    assert [one["reason"] for one in progress_for(p, "bo")["votes"]] == ["no"]
    for said in (progress_for(p, "cy"), as_json(describe_progress(p, PEOPLE, NOBODY))):
        assert said["votes"] == []
        assert said["blind"] is True
        assert said["needs"] == [{"text": "2 of @finance", "have": 1, "count": 2, "voted": [], "waiting": []}]


@pytest.mark.parametrize(
    ("user", "decides", "actions", "why"),
    [
        ("bo", True, ["approve", "edit", "reject", "respond"], None),
        ("ada", False, ["reject"], "You asked for this, so somebody else must approve it: bo or cy"),
        ("zed", False, [], "This needs @finance: bo or cy"),
    ],
)
def test_what_a_person_may_do_is_what_the_machine_lets_them(
    user: str, decides: bool, actions: list[str], why: str | None
) -> None:
    said = progress_for(ask_question(), user)["may"]
    assert (said["decide"], said["actions"]) == (decides, actions)
    assert said["why_not"] == why
    assert may_decide(ask_question(), PEOPLE, Viewer(user, "login")) is decides


@pytest.mark.parametrize(
    ("changed", "authn", "user", "why"),
    [
        ({"needs": (Need(people=("bo", "cy"), text="1 of bo, cy"),)}, "login", "zed", "This needs bo or cy"),
        (
            {"needs": (Need(text="2 of anyone", count=2),)},
            "login",
            "ada",
            "You asked for this, so somebody else must approve it",
        ),
        ({"blind": True}, "login", "zed", None),
        ({}, "token", "bo", None),  # bo has a seat, but must log in
    ],
)
def test_who_may_not_decide_is_told_why_and_who_can(
    changed: dict[str, Any], authn: Any, user: str, why: str | None
) -> None:
    p = ask_question(msgspec.structs.replace(TERMS, **changed))
    if "blind" in changed:
        p = cast_vote(p, "bo")
    said = describe_progress(p, PEOPLE, Viewer(user, authn))["may"]["why_not"]
    if why is not None:
        assert said == why
    else:
        with pytest.raises(NotAReviewer) as refused:
            check_permission(p, PEOPLE, user, "approve", authn)
        assert said == str(refused.value)


def test_what_was_found_out_about_a_person_holds_only_as_long_as_nothing_about_people_changes() -> None:
    p, who = ask_question(), Viewer("dee", "login")
    away = People(PEOPLE.requesters, {"cy": "dee"})
    assert describe_progress(p, away, who)["may"]["decide"] is True
    assert describe_progress(p, away, who)["may"]["decide"] is True
    assert describe_progress(p, PEOPLE, who)["may"]["decide"] is False  # cy is back
    assert describe_progress(cast_vote(p, "bo", "reject"), away, who)["may"]["decide"] is False


def test_a_server_that_lets_somebody_decide_nothing_says_why() -> None:
    said = describe_progress(ask_question(), PEOPLE, Viewer("bo", "login", "bo is not among the reviewers"))["may"]
    assert said == {
        "decide": False,
        "why_not": "You may look, not decide: bo is not among the reviewers",
        "actions": [],
        "undo": False,
    }
    assert "may" not in describe_progress(ask_question(), PEOPLE)


def test_the_clock_says_what_comes_next_and_last() -> None:
    p = ask_question()
    said = progress_for(p)
    first = {"at": "2026-01-05T13:00:00Z", "does": "escalate", "people": ["lea"]}
    last = {"at": "2026-01-05T17:00:00Z", "does": "reject", "people": []}
    assert said["timer"] == {**first, "steps": [first, last]}
    assert msgspec.to_builtins(describe_progress(p, PEOPLE))["timer"] == first  # in lists
    assert (said["on_deadline"], p.deadline) == ("reject", T0 + timedelta(hours=8))
    later = machine.run_due_step(p, PEOPLE, T0 + timedelta(hours=4))
    assert later is not None
    assert progress_for(later.proposal)["timer"] == {**last, "steps": [last]}
    assert progress_for(later.proposal, "lea")["may"]["decide"] is True


def test_an_approval_that_settles_is_taken_back_by_whose_it_is() -> None:
    p = cast_vote(cast_vote(ask_question(msgspec.structs.replace(TERMS, undo=30.0)), "bo"), "cy")
    said = progress_for(p, "cy")
    steps = progress_for(ask_question())["timer"]["steps"]  # what would come next if it were taken back
    assert said["timer"] == {"at": "2026-01-05T09:00:30Z", "does": "settle", "people": [], "steps": steps}
    assert said["settles_at"] == "2026-01-05T09:00:30Z"
    assert (said["may"]["undo"], said["may"]["actions"]) == (True, ["reject", "respond"])
    assert progress_for(p, "bo")["may"]["undo"] is False


def test_nothing_that_is_closed_can_be_decided() -> None:
    p = cast_vote(ask_question(), "bo", "reject")
    said = progress_for(p)
    assert (p.status, said["may"]["actions"], said["needs"], said["timer"]) == ("decided", [], [], None)
    assert [one["reviewer"] for one in said["votes"]] == ["bo"]
