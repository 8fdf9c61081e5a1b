"""Guardrails: how they are declared and run, and the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

import hitl_nb as hitl
from hitl_nb.records import GuardrailResult
from hitl_nb.review.decision import encode_original
from hitl_nb.review.guardrail_checks import make_guards, run_guards


def run(value: Any, *guardrails: Any, facts: dict[str, Any] | None = None) -> tuple[GuardrailResult, ...]:
    asked = hitl.proposal(value, title="t", guardrails=guardrails)
    return run_guards(make_guards(guardrails), value, facts or {}, lambda: encode_original(asked))


def verdicts(value: Any, *guardrails: Any) -> list[tuple[str, str, str]]:
    return [(one.name, one.verdict, one.message) for one in run(value, *guardrails)]


def test_all_of_them_run_in_order_and_know_those_before() -> None:
    seen: list[Any] = []

    @hitl.guardrail
    def first(value: Any) -> Any:
        seen.append(value)
        return hitl.block("never")

    @hitl.guardrail(name="iban", version="2")
    def second(value: Any, facts: Any) -> Any:
        seen.append((value, facts["title"], facts["guardrails"]))

    results = run("x", first, second, facts={"title": "Refund"})
    assert seen == ["x", ("x", "Refund", {"first": "block"})]
    assert [(r.name, r.version, r.verdict, r.message) for r in results] == [
        ("first", "", "block", "never"),
        ("iban", "2", "pass", ""),
    ]
    assert all(r.milliseconds >= 0 for r in results)
    assert first("y").verdict == "block"  # it stays a function


def test_what_goes_wrong_in_one_asks_a_person() -> None:
    def fails(value: Any) -> Any:
        raise ZeroDivisionError("by zero")

    def wrong(value: Any) -> Any:
        return True

    def empty(value: Any) -> Any:
        return hitl.escalate("  ")

    async def check_late(value: Any) -> None: ...

    def returns_awaitable(value: Any) -> Any:
        return check_late(value)

    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no message")

    def silent(value: Any) -> Any:
        raise Silent

    def check_broken(value: Any) -> Any:
        return hitl.escalate("half \ud83d a character")

    assert verdicts("x", silent, check_broken) == [
        ("silent", "escalate", "it failed with Silent"),
        ("check_broken", "escalate", "half \\ud83d a character"),
    ]
    assert verdicts("x", fails, wrong, empty, returns_awaitable) == [
        ("fails", "escalate", "it failed with ZeroDivisionError: by zero"),
        (
            "wrong",
            "escalate",
            "it returned True; it must return hitl.passed() or None, hitl.escalate(why) or hitl.block(why)",
        ),
        ("empty", "escalate", "it failed with ValueError: hitl.escalate(why) needs a sentence that says why"),
        (
            "returns_awaitable",
            "escalate",
            "it returned a coroutine; it must return hitl.passed() or None, hitl.escalate(why) or hitl.block(why)",
        ),
    ]
    with pytest.raises(TypeError, match=r"the guardrail check_late\(\) must be an ordinary function, not an async one"):
        hitl.guardrail(check_late)
    with pytest.raises(TypeError, match=r"guardrails\[0\] must be an ordinary function"):
        hitl.proposal("x", title="t", guardrails=[check_late])


def test_a_long_message_is_cut() -> None:
    def fails(value: Any) -> Any:
        raise ValueError("x" * 100_000)

    assert len(verdicts("x", fails)[0][2]) == 1000


def test_one_that_changes_the_value_escalates() -> None:
    def clears(value: Any) -> Any:
        value.clear()

    def looks(value: Any) -> Any:
        return hitl.passed()

    def spoils(value: Any) -> Any:
        value["handle"] = object()

    told = "it changed the value that is proposed, and a guardrail may only look at it"
    assert verdicts({"amount": 1}, looks, clears) == [("looks", "pass", ""), ("clears", "escalate", told)]
    assert verdicts({"amount": 1}, spoils) == [("spoils", "escalate", told)]


def test_a_lambda_and_a_partial_have_names() -> None:
    import functools

    def above(limit: float, value: float) -> Any:
        return hitl.escalate("above") if value > limit else None

    assert [name for name, _, _ in verdicts(5.0, lambda v: None, functools.partial(above, 3))] == ["anonymous", "above"]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("A refund for Acme Corp.", "block"),
        ("A REFUND FOR ACME", "block"),
        ("acmeology", "pass"),
        ({"to": ["ann", {"name": "x\nacme"}]}, "block"),
        ({"acme": 1}, "block"),
        ({"id": 4711}, "block"),
        ({"id": 47110}, "pass"),
        (pd.DataFrame({"name": ["acme", "b"]}), "block"),
        (pd.DataFrame({"kind": ["a", "b"]}), "pass"),
    ],
)
def test_a_blocklist_finds_words_in_all_texts(value: Any, verdict: str) -> None:
    assert verdicts(value, hitl.guardrails.blocklist(["Acme", "4711"]))[0][1] == verdict


def test_a_blocklist_says_what_it_found_and_takes_words_only() -> None:
    assert verdicts("acme", hitl.guardrails.blocklist(["acme"], name="names")) == [
        ("names", "block", "it has 'acme', on the list of blocked words")
    ]
    with pytest.raises(TypeError, match="words must be a list of words, not one str"):
        hitl.guardrails.blocklist("acme")
    with pytest.raises(ValueError, match="at least one word"):
        hitl.guardrails.blocklist([])


def test_a_pattern_is_matched_in_linear_time() -> None:
    iban = hitl.guardrails.pattern(r"^DE[0-9]{20}$", name="iban")
    assert verdicts("DE" + "1" * 20, iban) == [("iban", "pass", "")]
    assert verdicts("DE12", iban)[0][1] == verdicts(12, iban)[0][1] == "escalate"
    slow = hitl.guardrails.pattern(r"^(a+)+$")
    assert verdicts("a" * 5000 + "!", slow)[0][1] == "escalate"
    with pytest.raises(ValueError, match="cannot be matched in linear time"):
        hitl.guardrails.pattern(r"(?=a)b")
    with pytest.raises(ValueError, match="cannot be used"):
        hitl.guardrails.pattern("(")


@dataclass
class Refund:
    amount: float
    to: str


def test_what_does_not_fit_a_schema_escalates() -> None:
    positive = hitl.guardrails.satisfies({"properties": {"amount": {"minimum": 0}}, "required": ["amount"]})
    assert verdicts({"amount": 1}, positive)[0][1] == "pass"
    assert verdicts({"amount": -1}, positive)[0][1:] == ("escalate", "amount: -1 is less than the minimum of 0")
    typed = hitl.guardrails.satisfies(Refund)
    assert verdicts({"amount": 1.5, "to": "ann"}, typed)[0][1] == "pass"
    assert verdicts({"amount": "much", "to": "ann"}, typed)[0][1] == "escalate"
    rows = hitl.guardrails.satisfies({"properties": {"n": {"maximum": 2}}})
    assert verdicts(pd.DataFrame({"n": [1, 3]}), rows)[0][1] == "escalate"
    with pytest.raises(TypeError, match="schema is a str"):
        hitl.guardrails.satisfies("amount")


def test_the_module_has_the_built_in_ones() -> None:
    assert set(hitl.guardrails.__all__) == {"blocklist", "pattern", "satisfies"}
