"""What is said of a proposal's terms in plain text: in the terminal, in the panel and in a saved notebook."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms_renewal import renew_terms
from hitl_nb.records import DecisionRecord, GuardrailResult, Need, Proposal, Terms, TimelineStep, VoteRecord
from hitl_nb.review.progress import Viewer, describe_progress
from hitl_nb.review.static_html import proposals_html
from hitl_nb.review.terms_sentences import ENOUGH_NOTE, lasting_sections, review_sections

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
TERMS = Terms(
    rules=("big-refund", "vip"),
    needs=(Need(count=2, people=("ada", "bo", "cy"), text="2 of @finance"),),
    timeline=(
        TimelineStep(does="remind", seconds=7200, text="2h remind"),
        TimelineStep(does="escalate", seconds=4 * 3600, people=("lea",), text="4h escalate @leads"),
        TimelineStep(does="reject", seconds=8 * 3600, text="8h reject"),
    ),
)


def ask_question(terms: Terms | None = TERMS, **over: Any) -> Proposal:
    made: dict[str, Any] = {"id": "aaaaaaaaaaaa", "run": "r", "agent": "a", "notebook": "n", "pause": 1}
    made |= {"fingerprint": "f", "created_at": T0, "title": "Refund", "kind": "text", "value": "pay 400"}
    made |= {"why": ("amount is above 100",), "terms": terms}
    return machine.begin_proposal(Proposal(**{**made, **over}), People()).proposal


def sections_for(p: Proposal, user: str = "cy") -> dict[str, list[str]]:
    return dict(review_sections(p, describe_progress(p, People(), Viewer(user, "login"), lambda vote: "login")))


def cast_vote(p: Proposal, reviewer: str, **over: Any) -> Proposal:
    vote = VoteRecord(reviewer=reviewer, action="approve", at=T0, authn="login", **over)
    return machine.cast_vote(p, vote, People(), T0).proposal


def test_an_open_proposal_says_why_who_and_until_when() -> None:
    assert sections_for(cast_vote(ask_question(), "bo", reviewer_name="Bo", reason="fine", surface="page"), "zed") == {
        "Why you are asked": ["amount is above 100", "Rules: big-refund, vip"],
        "Needed": ["1 of 2 of @finance: bo; waiting for ada or cy"],
        "Votes": ["Approved by Bo (bo), logged in, 2026-01-05 09:00:00Z. Reason: fine"],
        "Until": [
            "A reminder is sent at 2026-01-05 11:00:00Z.",
            "From 2026-01-05 13:00:00Z on lea may decide too.",
            "Until 2026-01-05 17:00:00Z; then it is rejected.",
        ],
        "Not for you": ["This needs @finance: ada or cy"],
    }


@pytest.mark.parametrize(
    ("need", "before", "after"),
    [
        (Need(), "1 person: anyone may decide", None),
        (Need(count=3, text="3 of anyone"), "0 of 3 people: anyone may decide", "1 of 3 people: bo; anyone may decide"),
        (Need(people=("bo",), text="1 of bo"), "1 of bo: waiting for bo", None),
    ],
)
def test_how_many_of_whom_must_agree_is_said_in_words(need: Need, before: str, after: str | None) -> None:
    p = ask_question(Terms(needs=(need,)))
    assert sections_for(p)["Needed"] == [before]
    if after is not None:
        assert sections_for(cast_vote(p, "bo"))["Needed"] == [after]


@pytest.mark.parametrize(
    ("reviewer", "needed", "by"),
    [
        ("bo", "1 of 3 people: bo; anyone may decide", "a guest (the server knows its token only), as bo"),
        ("0f" * 16, "1 of 3 people: a guest; anyone may decide", "a guest (the server knows its token only)"),
    ],
)
def test_a_guests_vote_says_the_name_that_it_is_counted_under(reviewer: str, needed: str, by: str) -> None:
    p = ask_question(Terms(needs=(Need(count=3, text="3 of anyone"),), identity="local"))
    told = describe_progress(cast_vote(p, "bo"), People(), Viewer("cy", "login"), lambda vote: "token")
    told["needs"][0]["voted"] = [reviewer]
    told["votes"][0] |= {"reviewer": reviewer, "seat": reviewer}
    found = dict(review_sections(p, told))
    assert found["Needed"] == [needed]
    assert found["Votes"] == [f"Approved by {by}, 2026-01-05 09:00:00Z"]


def test_what_settles_says_until_when_it_can_be_taken_back() -> None:
    p = cast_vote(cast_vote(ask_question(msgspec.structs.replace(TERMS, undo=30.0)), "bo"), "cy")
    assert sections_for(p)["Until"] == [
        "Approved; it settles at 2026-01-05 09:00:30Z, and can be taken back until then."
    ]


def test_what_is_open_although_enough_people_agree_says_how_it_is_decided() -> None:
    """As one of which that is known from before: terms that are changed let votes decide that are enough by then."""
    p = cast_vote(ask_question(), "bo")
    assert sections_for(p)["Needed"] == ["1 of 2 of @finance: bo; waiting for ada or cy"]
    renewed = Terms(needs=(Need(people=("bo",), text="1 of bo"),))
    left = msgspec.structs.replace(p, terms=renewed)
    assert sections_for(left)["Needed"] == ["1 of bo: bo", ENOUGH_NOTE]
    assert cast_vote(left, "bo").status == "decided"
    change = renew_terms(p, renewed, People(), T0, why="files")
    assert change is not None
    assert change.proposal.status == "decided"


def test_a_proposal_without_terms_says_nothing() -> None:
    assert sections_for(ask_question(None, why=())) == {}


def test_a_deadline_that_approves_says_that_nobody_decided() -> None:
    terms = Terms(timeline=(TimelineStep(does="approve", seconds=3600, text="1h approve"),))
    assert sections_for(ask_question(terms))["Until"] == [
        "Until 2026-01-05 10:00:00Z; then it is approved, although nobody has decided."
    ]


def test_what_a_guardrail_said_is_there_once() -> None:
    found = [GuardrailResult(name=name, verdict="escalate", message=f"{name} is odd") for name in ("iban", "words")]
    found.append(GuardrailResult(name="fine", verdict="pass"))
    lines = sections_for(ask_question(None, why=("iban: iban is odd",), guardrails=tuple(found)))["Why you are asked"]
    assert lines == ["iban: iban is odd", "The guardrail words asks for a person: words is odd"]


@pytest.mark.parametrize(("by", "heading"), [("policy", "Why nobody was asked"), ("person", "Why it was asked")])
def test_what_is_saved_with_a_notebook_is_the_same_from_run_to_run(by: Any, heading: str) -> None:
    opened = ask_question()
    later = cast_vote(msgspec.structs.replace(opened, created_at=T0 - timedelta(hours=1)), "bo")
    assert lasting_sections(opened) == lasting_sections(later)
    assert dict(lasting_sections(opened))["Then"] == ["2h remind", "4h escalate @leads", "8h reject"]
    made = DecisionRecord(action="approve", reviewer="policy:small", decided_at=T0, by=by, fingerprint="f")
    done = msgspec.structs.replace(later, status="decided", decision=made)
    assert [name for name, _ in lasting_sections(done)] == [heading]


def test_the_saved_html_has_it_escaped_and_who_voted_only_where_it_is_masked() -> None:
    shown = proposals_html([ask_question(why=("<b>big</b>",))])
    assert "&lt;b&gt;big&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert "2 of @finance" in shown
    done = cast_vote(cast_vote(ask_question(), "bo", reason="<i>fine</i>"), "cy")
    assert done.status == "decided"
    page = proposals_html([done])
    masked = "".join(re.findall(r'(?<=<span class="hitl-who">)[^<]*(?=</span>)', page))
    assert "Approved by bo" in masked
    assert "&lt;i&gt;fine&lt;/i&gt;" in masked
    assert "Approved by" not in re.sub(r'<span class="hitl-who">[^<]*</span>', "", page)
