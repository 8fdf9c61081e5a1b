"""Rules: verdicts, terms, and that neither order nor what is unknown makes anything laxer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.errors import PolicyError, StoreCorrupt
from hitl_nb.policies.documents.conditions import compile_condition
from hitl_nb.policies.documents.documents import read_policy_document, read_policy_mapping
from hitl_nb.policies.rules.rules import (
    CallTerms,
    MergedPolicy,
    Plan,
    collect_facts,
    decode_merged_policy,
    find_stricter_plan,
    judge_edit,
    make_plan,
    merge_documents,
)
from hitl_nb.policies.terms.vote_counts import hash_value
from hitl_nb.records import (
    ACTIONS,
    Action,
    DecisionRecord,
    Doubt,
    Facts,
    GuardrailResult,
    Need,
    Proposal,
    Question,
    Terms,
    VoteRecord,
    fingerprint,
)

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
FACTS = Facts(now=T0, labels={"model": "m-3"})
SMALL = {"id": "small", "when": "value.amount <= 50", "do": "pass"}
VIP = {"id": "vip", "when": '"vip" in tags', "do": "ask"}
EMBARGO = {"id": "embargo", "when": 'value.country in ["XX"]', "do": "block"}
RULES = [SMALL, VIP, EMBARGO]


def merge_rules(*rules: Mapping[str, Any], **top: Any) -> MergedPolicy:
    return merge_documents([read_policy_mapping({"rule": list(rules), **top})])


def question(value: Any = None, **fields: Any) -> Question:
    return Question(**{"title": "Refund", "kind": "json", "value": {} if value is None else value, **fields})


def judge(policy: MergedPolicy | None, asked: Question, **options: Any) -> Plan:
    return make_plan(policy, asked, FACTS, agent="refunds", notebook="/srv/refunds.ipynb", **options)


def judge_rule(asked: Question, call: CallTerms | None = None, **rule: Any) -> Plan:
    return judge(merge_rules({"id": "r", "do": "ask", **rule}, groups=GROUPS, fallback=["lea"]), asked, call=call)


GROUPS = {"finance": ["ada", "bo", "cy"], "leads": ["lea"]}


# --- verdicts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "tags", "verdict", "rules"),
    [
        pytest.param({"amount": 40, "country": "DE"}, (), "pass", ("small",), id="vector 4: small"),
        pytest.param({"amount": 40, "country": "DE"}, ("vip",), "ask", ("vip",), id="vector 4: vip"),
        pytest.param({"amount": 40}, (), "ask", ("embargo",), id="vector 4: without country"),
        pytest.param({"country": "DE"}, (), "ask", (), id="vector 4: without amount"),
        pytest.param({"amount": 40, "country": "XX"}, ("vip",), "block", ("embargo",), id="vector 4: embargo"),
        pytest.param({"amount": 200, "country": "DE"}, (), "ask", (), id="vector 4: default"),
    ],
)
def test_the_strictest_rule_wins_in_any_order(
    value: Any, tags: tuple[str, ...], verdict: str, rules: tuple[str, ...]
) -> None:
    for order in permutations(RULES):
        found = judge(merge_rules(*order), question(value, tags=tags))
        assert (found.verdict, found.rules) == (verdict, rules)
        assert found.terms is not None
        assert found.terms.policy == merge_rules(*RULES).sha256
        assert found.why


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        pytest.param("pass", "pass", id="vector 5: a guardrail passes"),
        pytest.param("escalate", "ask", id="vector 5: a guardrail escalates or raises"),
        pytest.param("block", "block", id="vector 5: a guardrail blocks"),
    ],
)
def test_guardrails_make_it_stricter_only(verdict: Any, expected: str) -> None:
    results = (
        GuardrailResult(name="words", verdict="pass"),
        GuardrailResult(name="iban", verdict=verdict, message="no such bank"),
    )
    found = judge(merge_rules(*RULES), question({"amount": 40, "country": "DE"}, guardrails=results))
    assert found.verdict == expected
    if expected != "pass":
        assert found.why == ("guardrail iban: no such bank",)
        assert found.rules == ()
    blocked = judge(merge_rules(*RULES), question({"amount": 40, "country": "XX"}, guardrails=results))
    assert blocked.verdict == "block"


def test_what_is_unknown_is_told() -> None:
    found = judge(merge_rules(*RULES), question({"amount": 40}))
    assert found.why == ("embargo could not be decided: value.country is missing",)
    assert judge(merge_rules(VIP), question(tags=("vip",))).why == ('vip: "vip" in tags',)
    assert judge(merge_rules(VIP), question()).why == ("no rule matched, and the default is ask",)
    whole = judge(merge_rules({"id": "all", "do": "ask", "kind": "json", "agent": "ref*"}), question())
    assert whole.why == ("all: agent fits 'ref*' and kind is json",)


def test_a_rule_asks_under_its_own_terms_if_it_is_unknown() -> None:
    rule = {**EMBARGO, "needs": ["2 of @finance"], "four_eyes": True}
    found = judge(merge_rules(SMALL, rule, groups=GROUPS), question({"amount": 40}))
    assert found.verdict == "ask"
    assert found.terms is not None
    assert found.terms.needs == (Need(count=2, people=("ada", "bo", "cy"), text="2 of @finance"),)
    assert found.terms.four_eyes


def test_without_a_policy_everything_is_as_before() -> None:
    asked = question({"amount": 1}, allow=("approve", "reject"))
    as_before = Plan("ask", (), (), None, ("approve", "reject"))
    assert judge(None, asked) == as_before
    assert judge(None, asked, call=CallTerms()) == as_before


def test_guardrails_without_a_policy() -> None:
    escalated = judge(None, question(guardrails=(GuardrailResult(name="g", verdict="escalate", message="look"),)))
    assert escalated == Plan("ask", (), ("guardrail g: look",), None, question().allow)
    blocked = judge(None, question(guardrails=(GuardrailResult(name="g", verdict="block"),)))
    assert (blocked.verdict, blocked.terms, blocked.why) == ("block", Terms(needs=(Need(),)), ("guardrail g: block",))


DOUBT = Doubt(call="pay()", step="pay", arguments={}, began=T0, noticed=T0, died=True, idempotency_key="k")


@pytest.mark.parametrize(
    "fields", [{"doubt": DOUBT, "allow": ("edit",)}, {"document": "abc"}, {"allow": ("edit", "reject")}]
)
def test_what_only_people_can_answer_never_passes(fields: dict[str, Any]) -> None:
    for policy in (merge_rules({"id": "all", "do": "pass"}), merge_rules(default="pass")):
        found = judge(policy, question(**fields))
        assert found.verdict == "ask"
        assert found.allow == fields.get("allow", question().allow)


def test_an_effect_in_doubt_is_asked_whatever_rules_say() -> None:
    doubt = question(doubt=DOUBT, allow=("edit",))
    policy = merge_rules(
        {"id": "no", "do": "block", "timeline": ["1h reject"]},
        {"id": "few", "do": "ask", "allow": ["approve", "reject"], "timeline": ["2h reject"]},
    )
    found = judge(policy, doubt)
    assert found.verdict == "ask"
    assert found.allow == ("edit",)
    assert found.terms is not None
    assert "reject" not in {step.does for step in found.terms.timeline}


def test_scopes_and_facts_of_a_tool_call() -> None:
    call = question({"name": "refund", "arguments": {"amount": 120}}, kind="tool_call")
    rule = {"id": "big", "tool": "refund", "when": "arguments.amount > 100", "do": "block"}
    assert judge(merge_rules(rule), call).verdict == "block"
    assert judge(merge_rules({**rule, "tool": "ref*"}), call).verdict == "block"
    assert judge(merge_rules({**rule, "tool": "pay"}), call).verdict == "ask"
    for scope in ({"agent": "x*"}, {"notebook": "*/x.ipynb"}, {"title": "x"}, {"kind": "text"}):
        assert judge(merge_rules({**rule, **scope}), call).verdict == "ask"
    found = collect_facts(call, FACTS, agent="a", notebook="n")
    assert (found["tool"], found["arguments"], found["confidence"]) == ("refund", {"amount": 120}, None)
    assert collect_facts(question(), FACTS, agent="a", notebook="n")["arguments"] == {}


def test_now_is_in_the_files_time_zone() -> None:
    office = {"days": "Mon-Fri", "hours": "09:00-17:00", "holidays": ["2026-01-06"]}
    rule = {"id": "r", "when": 'now.office and now.hour == 10 and now.date == "2026-01-05"', "do": "block"}
    policy = merge_rules(rule, timezone="Europe/Berlin", office=office)
    assert judge(policy, question()).verdict == "block"
    for now in (T0 + timedelta(days=1), T0 + timedelta(days=5), T0 + timedelta(hours=8)):
        found = make_plan(policy, question(), Facts(now=now), agent="", notebook="")
        assert found.verdict == "ask"  # a holiday, a Saturday, after hours


# --- terms ----------------------------------------------------------------------------------------------------------


def test_terms_of_several_rules_are_the_strictest_of_each() -> None:
    a = {
        "id": "a",
        "do": "ask",
        "needs": ["1 of @finance", "1 of anyone"],
        "fresh": "4h",
        "undo": "30s",
        "batch": 20,
        "allow": ["approve", "reject"],
        "show": "summary",
        "assign": "least-busy",
    }
    b = {
        "id": "b",
        "do": "ask",
        "needs": ["2 of ada, bo, zed", "1 of @finance"],
        "fresh": "1h",
        "undo": "10s",
        "batch": 1,
        "allow": ["reject", "edit", "approve"],
        "four_eyes": True,
        "blind": True,
    }
    found = judge(merge_rules(b, a, groups=GROUPS, fallback=["@leads"]), question())
    assert found.allow == ("approve", "reject")
    terms = found.terms
    assert terms is not None
    assert [need.text for need in terms.needs] == ["1 of @finance", "2 of ada, bo, zed"]
    assert (terms.rules, terms.four_eyes, terms.blind, terms.fresh, terms.undo, terms.batch, terms.show) == (
        *(("a", "b"), True, True, 3600.0, 30.0, 1, "title"),
    )
    assert terms.assign
    assert terms.fallback == ("lea",)


def test_allow_that_becomes_empty_is_refused() -> None:
    with pytest.raises(PolicyError, match="nothing is allowed for 'Refund'"):
        judge_rule(question(allow=("edit",)), allow=["approve"])


@pytest.mark.parametrize(
    ("timelines", "expected"),
    [
        ([["1h remind", "4h escalate @leads", "8h reject"]], ["1h remind", "4h escalate @leads", "8h reject"]),
        ([["8h reject"], ["4h reject"]], ["4h reject"]),
        ([["1h approve"]], ["1h approve"]),
        ([["1h approve"], ["8h reject"]], ["8h reject"]),
        ([["1h approve"], ["30m remind"]], ["30m remind", "1h approve"]),
        ([["1h approve"], ["2h approve"]], ["2h approve"]),
        ([["1h reject"], ["1h escalate lea"], ["1h remind"]], ["1h remind", "1h escalate lea", "1h reject"]),
        ([["1h reject"], ["2h remind"]], ["1h reject"]),
        ([["1h remind"], ["60m remind"]], ["1h remind"]),
    ],
)
def test_timelines_are_merged_by_time_and_end_with_the_first_decision(
    timelines: Sequence[Sequence[str]], expected: list[str]
) -> None:
    rules = [{"id": f"r{n}", "do": "ask", "timeline": steps} for n, steps in enumerate(timelines)]
    for order in permutations(rules):
        found = judge(merge_rules(*order, groups=GROUPS), question())
        assert found.terms is not None
        assert [step.text for step in found.terms.timeline] == expected


@pytest.mark.parametrize("other", [{"four_eyes": True}, {"needs": ["2 of @finance"]}, {"allow": ["reject", "edit"]}])
def test_the_clock_does_not_approve_in_place_of_people_whom_another_rule_asks(other: dict[str, Any]) -> None:
    rules = [{"id": "a", "do": "ask", "timeline": ["1h approve"]}, {"id": "b", "do": "ask", **other}]
    found = judge(merge_rules(*rules, groups=GROUPS), question())
    assert found.terms is not None
    assert "approve" not in {step.does for step in found.terms.timeline}


def test_terms_of_a_call() -> None:
    call = CallTerms(reviewers=("zed", "@leads"), quorum=2, deadline=timedelta(hours=1), on_deadline="reject")
    found = judge_rule(question(), call, timeline=["30m remind"], needs=["1 of @finance"])
    assert found.terms is not None
    assert [need.text for need in found.terms.needs] == ["1 of @finance", "2 of zed, @leads"]
    assert found.terms.needs[1].people == ("lea", "zed")
    assert [(step.does, step.seconds) for step in found.terms.timeline] == [("remind", 1800.0), ("reject", 3600.0)]
    alone = judge(None, question(), call=CallTerms(reviewers=("ada",), deadline=T0 + timedelta(hours=2)))
    assert alone.terms is not None
    assert (alone.terms.policy, alone.terms.rules, alone.terms.identity) == ("", (), "login")
    assert [(step.does, step.at) for step in alone.terms.timeline] == [("overdue", T0 + timedelta(hours=2))]
    anyone = judge(None, question(), call=CallTerms(quorum=2))
    assert anyone.terms is not None
    assert anyone.terms.needs == (Need(count=2, text="2 of anyone"),)
    passed = judge(merge_rules({"id": "p", "do": "pass"}), question(), call=call)
    assert passed.verdict == "pass"  # the call says who is asked, not whether


@pytest.mark.parametrize(("seconds", "does"), [(-1, "overdue"), (0, "overdue"), (1, "approve")])
def test_nobody_is_taken_to_consent_who_had_no_time_to_decide(seconds: int, does: str) -> None:
    call = CallTerms(deadline=T0 + timedelta(seconds=seconds), on_deadline="approve")
    found = judge(None, question(), call=call)
    assert found.terms is not None
    assert [step.does for step in found.terms.timeline] == [does]


@pytest.mark.parametrize(("exclusive", "does"), [("", "approve"), ("exclusive = true", "overdue")])
def test_a_call_may_let_the_clock_approve_what_a_guardrail_escalated(exclusive: str, does: str) -> None:
    policy = merge_documents([read_policy_document(exclusive, "org.toml", organisation=True)])
    call = CallTerms(deadline=timedelta(hours=1), on_deadline="approve")
    escalated = question(guardrails=(GuardrailResult(name="g", verdict="escalate", message="look"),))
    found = judge(policy, escalated, call=call)
    assert found.terms is not None
    assert (found.verdict, [step.does for step in found.terms.timeline]) == ("ask", [does])


def test_on_deadline_escalate_asks_those_of_fallback() -> None:
    call = CallTerms(deadline=timedelta(hours=1), on_deadline="escalate")
    found = judge_rule(question(), call)
    assert found.terms is not None
    assert [(step.does, step.people) for step in found.terms.timeline] == [("escalate", ("lea",))]
    with pytest.raises(PolicyError, match="no policy file has it"):
        judge(None, question(), call=call)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reviewers": ()}, "reviewers is empty"),
        ({"reviewers": ("a b",)}, "not the name of a user"),
        ({"reviewers": ("anyone",)}, "N of anyone"),
        ({"quorum": 0}, "whole number from 1 on"),
        ({"quorum": True}, "whole number from 1 on"),
        ({"deadline": datetime(2026, 1, 1)}, "without a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"deadline": 60}, "a timedelta or an aware datetime"),
        ({"deadline": timedelta(0)}, "longer than zero"),
        ({"on_deadline": "reject"}, "without a deadline"),
        ({"on_deadline": "later", "deadline": timedelta(1)}, "accepted are wait, reject, approve, escalate"),
        ({"on_deadline": "approve", "deadline": timedelta(1), "quorum": 2}, "one of several people"),
    ],
)
def test_terms_of_a_call_that_cannot_be_used(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        CallTerms(**fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reviewers": ("@nobody",)}, "no policy file defines"),
        ({"reviewers": ("a", "@leads"), "quorum": 3}, "quorum is 3"),
    ],
)
def test_names_of_a_call_that_cannot_be_used(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        judge_rule(question(), CallTerms(**fields))


def test_vector_15_four_eyes_that_leave_too_few() -> None:
    rule = {"id": "both", "do": "ask", "needs": ["1 of ada, bo"], "four_eyes": True}
    policy = merge_rules(rule)
    assert judge(policy, question(), requesters={"ada"}).verdict == "ask"
    with pytest.raises(PolicyError, match=r"nobody can meet '1 of ada, bo' \(rules both\).*ada, bo may not decide"):
        judge(policy, question(), requesters={"ada", "bo"})
    with pytest.raises(PolicyError, match="nobody can meet '2 of ada, bo'"):
        judge(
            merge_rules({**rule, "needs": ["1 of ada, bo"]}),
            question(),
            requesters={"ada"},
            call=CallTerms(reviewers=("ada", "bo"), quorum=2),
        )
    with_fallback = merge_rules(rule, fallback=["lea"])
    assert judge(with_fallback, question(), requesters={"ada", "bo"}).verdict == "ask"
    with pytest.raises(PolicyError, match=r"needs 2, but names 2 of whom one may have asked \(four_eyes\)"):
        merge_rules({**rule, "needs": ["2 of ada, bo"]})


# --- later ----------------------------------------------------------------------------------------------------------


def proposal(policy: MergedPolicy | None, value: Any, made: DecisionRecord | None = None, **fields: Any) -> Proposal:
    asked = question(value)
    found = judge(policy, asked)
    kept: dict[str, Any] = {"terms": found.terms, "decision": made, "status": "decided" if made else "open", **fields}
    return Proposal(
        title=asked.title,
        kind=asked.kind,
        value=asked.value,
        id="p",
        run="r",
        agent="refunds",
        notebook="/srv/refunds.ipynb",
        pause=1,
        fingerprint=fingerprint("r", "", "json", "Refund", value),
        created_at=T0,
        facts=FACTS,
        **kept,
    )


def make_decision(action: Any = "approve", by: Any = "person", reviewer: str = "bo", **fields: Any) -> DecisionRecord:
    return DecisionRecord(action=action, by=by, reviewer=reviewer, decided_at=T0, fingerprint="f", **fields)


DESK = [
    {"id": "support", "when": "value.amount <= 50", "do": "ask", "needs": ["1 of support"]},
    {"id": "finance", "when": "value.amount > 100", "do": "ask", "needs": ["1 of finance"]},
    {"id": "embargo", "when": 'value.country == "XX"', "do": "block"},
]


def test_vector_35_an_edit_is_judged_again() -> None:
    policy = merge_rules(*DESK)
    p = proposal(policy, {"amount": 40, "country": "DE"})
    assert [need.text for need in p.terms.needs] == ["1 of support"]
    more = judge_edit(policy, p, {"amount": 400, "country": "DE"})
    assert more.verdict == "ask"
    assert more.terms is not None
    assert [need.text for need in more.terms.needs] == ["1 of finance"]
    blocked = judge_edit(policy, p, {"amount": 40, "country": "XX"})
    assert (blocked.verdict, blocked.rules) == ("block", ("embargo",))
    assert judge_edit(None, p, {"amount": 400}).terms is None


def test_vector_24_a_policy_that_became_stricter() -> None:
    before = merge_rules(DESK[0])
    p = proposal(before, {"amount": 40, "country": "DE"}, make_decision(reviewer="support"))
    assert find_stricter_plan(before, p) is None
    assert find_stricter_plan(None, p) is None
    now = merge_rules(*DESK, {"id": "stop", "do": "block"})
    found = find_stricter_plan(now, p)
    assert found is not None
    assert (found.verdict, found.rules) == ("block", ("stop",))
    assert find_stricter_plan(now, msgspec.structs.replace(p, decision=make_decision("reject"))) is None
    assert find_stricter_plan(now, msgspec.structs.replace(p, decision=None)) is None


def test_needs_that_the_votes_do_not_meet() -> None:
    def find_plan(rule: dict[str, Any], made: DecisionRecord, **options: Any) -> Plan | None:
        return find_stricter_plan(
            merge_rules({"id": "a", "do": "ask", **rule}), proposal(None, {"amount": 40}, made), **options
        )

    bo = make_decision(reviewer="bo", authn="login")
    assert find_plan({}, bo) is None
    assert find_plan({"needs": ["1 of bo, cy"]}, bo) is None
    assert (
        find_plan({"needs": ["1 of bo, cy"]}, make_decision(reviewer="bo")) is not None
    )  # nobody knows that it was bo
    assert find_plan({"needs": ["1 of cy"]}, bo) is not None
    assert find_plan({"needs": ["2 of anyone"]}, bo) is not None
    assert find_plan({"four_eyes": True}, bo, requesters={"bo"}) is not None
    assert find_plan({"four_eyes": True}, bo, requesters={"cy"}) is None
    assert find_plan({"do": "pass"}, bo) is None
    assert find_plan({}, make_decision(by="policy", reviewer="policy:a")) is not None
    assert find_plan({"needs": ["2 of anyone"]}, make_decision(by="script", reviewer="script")) is None
    assert find_plan({"needs": ["1 of cy"]}, make_decision(by="deadline", reviewer="deadline")) is not None
    local = merge_rules({"id": "a", "do": "ask", "needs": ["1 of bo"]}, identity="local")
    assert find_stricter_plan(local, proposal(None, {"amount": 40}, make_decision(reviewer="bo"))) is None


def test_votes_that_no_longer_count_once_people_must_log_in() -> None:
    needs = {"id": "a", "do": "ask", "needs": ["1 of bo"]}
    local, login = merge_rules(needs, identity="local"), merge_rules(needs, identity="login")
    assert find_stricter_plan(login, proposal(local, {"amount": 40}, make_decision(reviewer="bo"))) is not None
    assert (
        find_stricter_plan(login, proposal(local, {"amount": 40}, make_decision(reviewer="bo", authn="login"))) is None
    )
    assert (
        find_stricter_plan(login, proposal(local, {"amount": 40}, make_decision(by="deadline", reviewer="deadline")))
        is None
    )
    assert (
        find_stricter_plan(local, proposal(login, {"amount": 40}, make_decision(reviewer="bo", authn="login"))) is None
    )
    anyone = {"id": "a", "do": "ask"}
    asked = proposal(merge_rules(anyone, identity="local"), {"amount": 40}, make_decision(reviewer="bo"))
    assert find_stricter_plan(merge_rules(anyone, identity="login"), asked) is None


@pytest.mark.parametrize("by", ["person", "deadline"])
def test_what_people_may_no_longer_do(by: Any) -> None:
    def find_plan(action: Any, *allow: str, narrowed: tuple[Action, ...] = ACTIONS, **made: Any) -> Plan | None:
        p = proposal(
            merge_rules({"id": "a", "do": "ask"}), {"amount": 40}, make_decision(action, reviewer="bo", by=by, **made)
        )
        p = msgspec.structs.replace(p, allow=narrowed)
        return find_stricter_plan(merge_rules({"id": "a", "do": "ask", "allow": list(allow)}), p)

    refused = find_plan("approve", "edit", "reject")
    assert refused is not None
    assert (refused.verdict, refused.rules, refused.allow) == ("ask", ("a",), ("edit", "reject"))
    assert find_plan("approve", "approve") is None
    assert find_plan("edit", "approve", "reject", value={"amount": 1}) is not None
    assert find_plan("edit", "approve", "edit", value={"amount": 1}) is None
    assert find_plan("respond", "approve", value="why?") is not None
    assert find_plan("respond", "respond", value="why?") is None
    assert find_plan("reject", "approve") is None  # nothing is done, so nothing forbids it
    assert find_plan("approve", "edit", narrowed=("approve",)) is not None  # they have none in common
    # the edit itself had made a rule match that allows no edits: it was judged then
    assert find_plan("edit", "approve", narrowed=("approve",), value={"amount": 1}) is None


def test_votes_for_the_decided_value_count() -> None:
    def vote(who: str, value: Any, seats: tuple[str, ...]) -> VoteRecord:
        return VoteRecord(
            reviewer=who, action="approve", value_sha256=hash_value(value), at=T0, seats=seats, authn="login"
        )

    made = make_decision(reviewer="bo", authn="login")
    p = proposal(None, {"amount": 40}, made, votes=(vote("cy", {"amount": 40}, ("ada", "bo")),))
    two = merge_rules({"id": "a", "do": "ask", "needs": ["2 of ada, bo"]})
    assert find_stricter_plan(two, p) is None
    assert (
        find_stricter_plan(two, msgspec.structs.replace(p, votes=(vote("cy", {"amount": 41}, ("ada",)),))) is not None
    )
    assert find_stricter_plan(two, msgspec.structs.replace(p, votes=(vote("cy", {"amount": 40}, ("bo",)),))) is not None


def test_an_edited_decision_is_judged_by_its_value() -> None:
    policy = merge_rules(DESK[0])
    p = proposal(policy, {"amount": 40, "country": "DE"}, make_decision("edit", value={"amount": 40, "country": "XX"}))
    assert find_stricter_plan(merge_rules(*DESK), p) is not None


def test_a_merged_policy_is_kept_as_its_canonical_text() -> None:
    office = {"days": "Mon-Fri", "hours": "09:00-17:00", "holidays": ["2026-12-25"]}
    policy = merge_rules(
        *DESK, {"id": "x", "do": "ask", "timeline": ["4wh reject"]}, office=office, timezone="Europe/Berlin"
    )
    again = decode_merged_policy(policy.json())
    assert again == policy
    assert again.sha256 == policy.sha256
    assert len(policy.sha256) == 64
    for damaged in (b"", b"{", b'{"rules": 1}', b"\xff"):
        with pytest.raises(StoreCorrupt, match="the stored policy is damaged"):
            decode_merged_policy(damaged)


# --- any order, and unknown -----------------------------------------------------------------------------------------

CONDITIONS = st.sampled_from(
    ["value.a > 1", "value.a <= 1", "value.b", "value.missing == 1", '"vip" in tags', "confidence < 0.5", "True"]
)
RULE = st.fixed_dictionaries(
    {"when": CONDITIONS, "do": st.sampled_from(["pass", "ask", "block"])},
    optional={
        "needs": st.lists(
            st.sampled_from(["1 of anyone", "2 of @g", "1 of ada, bo", "1 of bo, cy"]), min_size=1, max_size=2
        ),
        "timeline": st.sampled_from([["1h remind", "2h reject"], ["90m escalate lea"], ["1h remind"], ["3h reject"]]),
        "fresh": st.sampled_from(["1h", "2h"]),
        "undo": st.sampled_from(["10s", "30s"]),
        "batch": st.integers(1, 3),
        "four_eyes": st.booleans(),
        "blind": st.booleans(),
        "show": st.sampled_from(["title", "summary"]),
        "allow": st.sampled_from([["approve", "reject"], ["reject", "edit", "approve"]]),
    },
).map(lambda rule: {key: rule[key] for key in ("when", "do")} if rule["do"] == "pass" else rule)
VALUES = st.fixed_dictionaries({}, optional={"a": st.integers(0, 2) | st.text(max_size=1), "b": st.booleans()})


@given(data=st.data(), rules=st.lists(RULE, max_size=6), value=VALUES, tags=st.sampled_from([(), ("vip",)]))
def test_any_order_of_rules_and_files_gives_the_same(
    data: st.DataObject, rules: list[dict[str, Any]], value: Any, tags: tuple[str, ...]
) -> None:
    numbered = [{**rule, "id": f"r{n}"} for n, rule in enumerate(rules)]
    files = [numbered[n::2] for n in range(2)]
    tops: list[dict[str, Any]] = [
        {"groups": {"g": ["ada", "bo", "cy"]}, "default": "pass", "fallback": ["lea"]},
        {"default": data.draw(st.sampled_from(["pass", "ask"]), label="default")},
    ]

    def find_plan(shuffled: bool) -> tuple[MergedPolicy, Plan]:
        documents = [
            read_policy_mapping({**top, "rule": data.draw(st.permutations(rules)) if shuffled else rules}, f"{n}.toml")
            for n, (top, rules) in enumerate(zip(tops, files, strict=True))
        ]
        policy = merge_documents(data.draw(st.permutations(documents)) if shuffled else documents)
        return policy, judge(policy, question(value, tags=tags))

    assert find_plan(shuffled=True) == find_plan(shuffled=False)


@given(rules=st.lists(RULE, max_size=6), value=VALUES)
def test_what_is_unknown_never_passes(rules: list[dict[str, Any]], value: Any) -> None:
    """It passes only if a rule that passes is certainly true, and every stricter one is certainly false."""
    numbered = [{**rule, "id": f"r{n}"} for n, rule in enumerate(rules)]
    found = judge(merge_rules(*numbered, groups={"g": ["ada", "bo", "cy"]}), question(value))
    facts = collect_facts(question(value), FACTS, agent="", notebook="")
    certain = {rule["id"]: compile_condition(rule["when"]).evaluate(facts) for rule in numbered}
    passes = any(certain[rule["id"]] is True for rule in numbered if rule["do"] == "pass")
    stopped = any(certain[rule["id"]] is not False for rule in numbered if rule["do"] != "pass")
    assert (found.verdict == "pass") is (passes and not stopped)
    blocked = any(certain[rule["id"]] is True for rule in numbered if rule["do"] == "block")
    assert (found.verdict == "block") is blocked


# --- documents ------------------------------------------------------------------------------------------------------

FILE = """\
version = 1
default = "ask"

[groups]
finance = ["ada", "bo", "cy"]

[[rule]]
id = "first"
do = "ask"

[[rule]]
id = "second"
tool = "refund"
{line}
do = "ask"
"""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('whn = "True"', r"line 14, rule second: unknown key 'whn'; did you mean when\?"),
        ('when = "value.clear()"', "line 14, rule second: `value.clear\\(\\)` calls no function"),
        ("when = 3", "when is a int; write an expression as text"),
        ('needs = ["1 of @finanze"]', "line 12, rule second: the group @finanze is unknown; known are @finance"),
        ('needs = ["4 of @finance"]', "'4 of @finance' needs 4, but names 3; name more or need fewer"),
        ('needs = ["all of us"]', "'all of us' is not a need"),
        ('needs = ["@leads"]', "'@leads' is not a need; .*; without a count, '1 of @leads'"),
        ('needs = ["0 of ada"]', "'0 of ada' is not a need"),
        ('needs = "1 of ada"', "needs is '1 of ada'; write a list"),
        ('four_eyes = "yes"', "four_eyes is 'yes'; write true or false"),
        ('four_eyes = true\ntimeline = ["1h approve"]', "approves by itself, but the rule asks for four_eyes"),
        ('needs = ["2 of @finance"]\ntimeline = ["1h approve"]', "approves by itself, but the rule asks for 2 of"),
        ('timeline = ["1h"]', "'1h' is not a step"),
        ('timeline = ["1x reject"]', "'1x' is not a duration; write a number and one of s m h d wh"),
        ('timeline = ["1h aprove"]', r"'aprove' is not a step; did you mean approve\?"),
        ('timeline = ["1h reject", "2h remind"]', "no step can follow it"),
        ('timeline = ["3h remind", "2h reject"]', "is not before '2h reject'"),
        ('timeline = ["1h escalate"]', "names nobody"),
        ('timeline = ["1h reject ada"]', "only remind and escalate name people"),
        ('timeline = ["1wh reject"]', r"counts working hours; add \[office\]"),
        ('when = "now.office"', r"counts working hours; add \[office\]"),
        ('fresh = "4wh"', "working hours belong to a timeline"),
        ('fresh = "0s"', "must be longer than zero and at most ten years"),
        ("batch = 0", "batch is 0; write a whole number from 1 on"),
        ('allow = ["approve", "aprove"]', r"allow is 'aprove'; did you mean approve\?"),
        ("allow = []", "allow is \\[\\]; write a list with at least one"),
        ('show = "all"', "show is 'all'; accepted are title, summary"),
        ('assign = "ada"', "assign is 'ada'; accepted are least-busy"),
        ('kind = "tool_cal"', r"'tool_cal' is not a kind; did you mean tool_call\?"),
        ('limit = ["50 per day"]', "line 14, rule second: limit is not built yet; remove it and use do = 'ask'"),
        ("earn = { alpha = 0.05 }", "earn is not built yet"),
        ("double = 0.05", "double is not built yet"),
        ('title = "https://ada:secret@example.com/"', "holds a URL with credentials"),
    ],
)
def test_a_bad_rule_is_told_exactly(line: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as error:
        merge_documents([read_policy_document(FILE.format(line=line), "policy.toml")])
    assert str(error.value).startswith("policy.toml")
    assert "ada:" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version = 2", "version is 2; this hitl_nb reads version = 1"),
        ("version = ", "this is not TOML: Invalid value"),
        ('defautl = "ask"', r"unknown key 'defautl'; did you mean default\?"),
        ('default = "earn"', "default = 'earn' is not built yet; use 'ask'"),
        ('default = "maybe"', "default is 'maybe'; accepted are pass, ask, block"),
        ('identity = "link"', "identity = 'link' is not built yet"),
        ("exclusive = true", "exclusive counts only in a file of HITL_NB_POLICY"),
        ('timezone = "Europe/Atlantis"', "timezone is 'Europe/Atlantis', which is not known here"),
        ('fallback = "lea"', "fallback is a str; write a list of names"),
        ('fallback = ["@leads"]', "fallback: the group @leads is unknown"),
        ("[groups]\nfinance = []", "the group finance is empty"),
        ('[groups]\nfinance = ["@leads"]', "a group holds people, not groups"),
        ('[groups]\n"a b" = ["ada"]', "'@a b' is not the name"),
        ('[office]\ndays = "Mon-Fry"', "office.days is 'Mon-Fry'"),
        ('[office]\nhours = "9-17"', "office.hours is '9-17'"),
        ('[office]\nholidays = ["Christmas"]', "office.holidays has 'Christmas'"),
        ('[office]\nopen = "9"', "unknown key 'open'"),
        ('[rule]\nid = "a"', r"write \[\[rule\]\] with two brackets"),
        ('[[rule]]\nid = "A"\ndo = "ask"', "line 1, rule 1: id is 'A'; write 1 to 40 characters"),
        ('[[rule]]\ndo = "ask"', "rule 1: the id is missing; write 1 to 40 characters"),
        ('[[rule]]\nid = "a"', "rule a: do is missing"),
        ('[[rule]]\nid = "a"\ndo = "earn"', "line 3, rule a: do = 'earn' is not built yet; use 'ask'"),
        ('[[rule]]\nid = "a"\ndo = "deny"', "do is 'deny'; accepted are pass, ask, block: write 'block'"),
        ('[[rule]]\nid = "a"\ndo = "permit"', "do is 'permit'; accepted are pass, ask, block: write 'pass'"),
    ],
)
def test_a_bad_file_is_told_exactly(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        merge_documents([read_policy_document(text, "policy.toml")])


def test_how_people_are_asked_does_not_belong_to_a_rule_that_passes() -> None:
    text = '[[rule]]\nid = "small"\ndo = "pass"\nneeds = ["1 of ada"]\n'
    with pytest.raises(PolicyError, match="line 4, rule small: needs says how people are asked, and this rule never"):
        read_policy_document(text, "a.toml")


def test_vector_4_a_file_with_earn_is_refused() -> None:
    with pytest.raises(PolicyError, match="do = 'earn' is not built yet; use 'ask'"):
        merge_rules(*RULES, {"id": "learn", "when": "value.amount <= 80", "do": "earn"})


def test_the_strictest_default_counts_and_ask_is_that_of_a_file_that_says_nothing() -> None:
    def find_plan(*defaults: str | None) -> str:
        tops: list[dict[str, Any]] = [{"default": one} if one else {} for one in defaults]
        return judge(
            merge_documents([read_policy_mapping(top, f"{n}.toml") for n, top in enumerate(tops)]), question()
        ).verdict

    assert find_plan("pass", "pass") == "pass"
    for defaults in permutations(["pass", "ask"]):
        assert find_plan(*defaults) == "ask"
    for defaults in permutations(["pass", None]):
        assert find_plan(*defaults) == "ask"
    for defaults in permutations(["pass", "ask", "block"]):
        assert find_plan(*defaults) == "block"


def test_ids_are_unique_over_all_files() -> None:
    files = [read_policy_mapping({"rule": [VIP]}, name) for name in ("a.toml", "b.toml")]
    with pytest.raises(PolicyError, match=r"b.toml, rule vip: the id is used by another rule \(a.toml, rule vip\)"):
        merge_documents(files)


def test_a_rule_keeps_what_its_own_file_says() -> None:
    rule = {"id": "a", "do": "ask", "needs": ["1 of @g"], "timeline": ["1h escalate"]}
    a = read_policy_mapping(
        {"rule": [rule], "groups": {"g": ["ada"]}, "identity": "local", "fallback": ["lea"]}, "a.toml"
    )
    b = read_policy_mapping({"groups": {"g": ["bo"]}, "fallback": ["max"]}, "b.toml")
    terms = judge(merge_documents([a, b]), question()).terms
    assert terms is not None
    assert (terms.needs[0].people, terms.identity, terms.fallback) == (("ada",), "local", ("lea",))
    assert terms.timeline[0].people == ("lea",)
    assert merge_documents([a, b]).identity == "login"
    with pytest.raises(PolicyError, match="policy files disagree about the group @g"):
        judge(merge_documents([a, b]), question(), call=CallTerms(reviewers=("@g",)))


def test_a_group_of_another_file_counts_unless_files_disagree() -> None:
    rule = read_policy_mapping({"rule": [{"id": "a", "do": "ask", "needs": ["1 of @g"]}]}, "a.toml")
    b, c = (read_policy_mapping({"groups": {"g": [who]}}, f"{who}.toml") for who in ("bo", "cy"))
    terms = judge(merge_documents([rule, b]), question()).terms
    assert terms is not None
    assert terms.needs[0].people == ("bo",)
    with pytest.raises(PolicyError, match=r"files disagree about the group @g; define it in a\.toml too"):
        merge_documents([rule, b, c])


def test_one_office_counts_working_hours() -> None:
    def file(name: str, hours: str) -> Any:
        rule = {"id": name, "do": "ask", "timeline": ["4wh reject"]}
        return read_policy_mapping({"rule": [rule], "office": {"hours": hours}}, f"{name}.toml")

    merge_documents([file("a", "09:00-17:00"), file("b", "09:00-17:00")])
    with pytest.raises(PolicyError, match=r"rule b counts other working hours than rule a of a.toml"):
        merge_documents([file("a", "09:00-17:00"), file("b", "08:00-16:00")])


def test_an_exclusive_policy_takes_away_what_others_grant() -> None:
    text = 'exclusive = true\ndefault = "pass"\n[groups]\ng = ["ada"]'
    ours = read_policy_document(text, "org.toml", organisation=True)
    rules = [
        {"id": "mine", "do": "pass"},
        {"id": "slow", "when": 'title == "Slow"', "do": "ask", "timeline": ["1h escalate me", "2h approve"]},
        {"id": "stop", "when": 'title == "Stop"', "do": "block"},
    ]
    theirs = read_policy_mapping(
        {"rule": rules, "default": "pass", "fallback": ["me"], "groups": {"g": ["me"]}}, "mine.toml"
    )
    assert judge(merge_documents([theirs]), question()).verdict == "pass"
    policy = merge_documents([theirs, ours])
    assert policy.ignored == (
        "mine.toml: default = 'pass'",
        "mine.toml: fallback",
        "mine.toml: rule mine, since it passes",
        "mine.toml: rule slow, that it approves by itself",
        "mine.toml: rule slow, that more people may decide: they are reminded only",
    )
    assert judge(policy, question()).rules == ()
    assert judge(policy, question(title="Stop")).verdict == "block"
    slow = judge(policy, question(title="Slow"), call=CallTerms(deadline=timedelta(hours=3), on_deadline="approve"))
    assert slow.terms is not None
    assert [step.does for step in slow.terms.timeline] == ["remind", "overdue"]
    assert slow.terms.timeline[0].text == "1h remind me"
    assert slow.terms.fallback == ()
    ask = merge_documents([theirs, read_policy_document("exclusive = true", "org.toml", organisation=True)])
    assert judge(ask, question()).verdict == "ask"
    named = judge(ask, question(), call=CallTerms(reviewers=("me",)))
    assert named.terms is not None


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("do = 'ask'\nneeds = ['1 of @g']", "files disagree about the group @g; define it in org.toml too"),
        ("do = 'pass'\nwhen = 'now.office'", "it counts working hours; add .office. with days and hours to the file"),
    ],
)
def test_others_do_not_complete_what_an_exclusive_policy_leaves_open(rule: str, says: str) -> None:
    always = {"days": "Mon-Sun", "hours": "00:00-23:59"}
    theirs = read_policy_mapping({"groups": {"g": ["me"]}, "office": always, "timezone": "Asia/Tokyo"}, "mine.toml")
    for exclusive in ("false", "true"):
        text = f"exclusive = {exclusive}\n[[rule]]\nid = 'r'\n{rule}"
        documents = [theirs, read_policy_document(text, "org.toml", organisation=True)]
        if exclusive == "true":
            with pytest.raises(PolicyError, match=says):
                merge_documents(documents)
        else:
            assert merge_documents(documents).rules[0].timezone == "Asia/Tokyo"


def test_working_hours_are_ordered_by_when_they_are_over() -> None:
    office = {"days": "Mon-Fri", "hours": "09:00-17:00"}
    rules = [
        {"id": "a", "do": "ask", "timeline": ["10wh reject"]},  # Tuesday 11:00, since it is asked on Monday at 9:00
        {"id": "b", "do": "ask", "timeline": ["12h remind", "30h escalate lea"]},
    ]
    terms = judge(merge_rules(*rules, office=office), question()).terms
    assert terms is not None
    assert [step.text for step in terms.timeline] == ["12h remind", "10wh reject"]
    assert terms.office is not None
    never = {"id": "a", "do": "ask", "timeline": ["80000h reject", "70000wh remind"][::-1]}
    with pytest.raises(PolicyError, match="the step '70000wh remind' is never due"):
        judge(merge_rules(never, office=office), question())
