"""Conditions: what they may hold, what they mean, and that none can stop the process."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.conditions import MAX_CONDITION_CHARS, compile_condition
from hitl_nb.policies.documents.kleene import UNKNOWN, is_like

FACTS: dict[str, Any] = {
    "value": {
        "amount": 150.0,
        "items": [1, 2],
        "name": "Ada",
        "flag": True,
        "nothing": None,
        "deep": {"a": [{"b": 3}]},
        "table": {"columns": [{"name": "a", "type": "integer"}], "rows": [[1], [2]]},
        "file": {"base64": "YWJj"},
    },
    "kind": "json",
    "title": "Refund 150 EUR",
    "tags": ["vip"],
    "confidence": None,
    "agent": "refunds",
    "notebook": "/srv/refunds.ipynb",
    "context": "",
    "guardrails": {"iban": "pass"},
    "labels": {"model": "m-3"},
    "now": {"hour": 9, "weekday": 0, "date": "2026-01-05"},
    "tool": "",
    "arguments": {},
}


def evaluate(text: str, facts: dict[str, Any] = FACTS) -> bool | None:
    return compile_condition(text).evaluate(facts)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('value.amount > 100 and "vip" in tags', id="vector 1"),
        pytest.param("value.items == [1, 2]", id="vector 1: a field named as a method of dict"),
        pytest.param("value.amount > 100 or value.missing > 1", id="vector 2: true whatever is unknown"),
        "100 < value.amount <= 150",
        "value.amount == 150",
        'value["amount"] == 150 and value.items[0] == 1 and value.items[-1] == 2',
        "value.deep.a[0].b == 3",
        'lower(value.name) == "ada"',
        "len(value.items) == 2 and len(tags) == 1 and len(value.name) == 3",
        "abs(-3) == 3 and -value.amount < 0 and +1 == 1",
        "value.amount * 2 + 1 - 1 == 300 and value.amount / 3 == 50",
        'any_of(tags, ["gold", "vip"]) and not any_of(tags, ["gold"])',
        'like(title, "Refund *") and like(title, "*150*") and not like(title, "refund *")',
        '"amount" in value and "other" not in value and "fund" in title',
        "value.flag == True and value.flag and value.nothing == None",
        'guardrails.iban == "pass" and labels.model == "m-3" and now.hour == 9 and now.weekday == 0',
        'now.date < "2026-02-01"',
        "value.items == [0 + 1, 2] and 1 in value.items",
        "not value.missing or True",
        '"a" < "b" < "c"',
    ],
)
def test_true(text: str) -> None:
    assert evaluate(text) is True
    assert evaluate(f"not ({text})") is False


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("value.missing > 1", "value.missing is missing", id="vector 2: a missing field"),
        pytest.param("not (value.missing > 1)", "value.missing is missing", id="vector 2: not unknown"),
        pytest.param("confidence < 0.9", "confidence is not given", id="vector 2: no confidence"),
        ("value.amount > 100 and value.missing > 1", "value.missing is missing"),
        ("value.amount < 100 or value.missing > 1", "value.missing is missing"),
        ("1 < 2 < value.missing", "value.missing is missing"),
        ('value.amount > "100"', "value.amount > '100' compares a number and text"),
        ('value.amount == "150.0"', "value.amount == '150.0' compares a number and text"),
        ("value.flag == 1", "value.flag == 1 compares true or false and a number"),
        ("value.amount", "value.amount is a number, not true or false"),
        ("not value.amount", "value.amount is a number, not true or false"),
        ("value.amount and True", "value.amount is a number, not true or false"),
        ("value.amount / 0 > 1", "value.amount / 0 has no number as its result"),
        ("1e300 * 1e300 > 1", "1e+300 * 1e+300 has no number as its result"),
        ("value.name + 1 > 1", "value.name + 1 has no number as its result"),
        ("value.items[2] == 1", "value.items[2] is missing"),
        ("value.items.length == 1", "value.items.length is missing"),
        ("len(value.amount) > 1", "len(value.amount) takes text, a list or an object, not a number"),
        ("len(value.table) < 9", "len(value.table) takes text, a list or an object, not a table (its rows are in"),
        ("len(value.file) < 9", "len(value.file) takes text, a list or an object, not bytes"),
        ("value.missing in []", "value.missing is missing"),
        ("1 in title", "1 in title compares a number and text"),
        ("any_of(tags, [1]) or value.nothing > 1", "any_of(tags, [1]) takes two lists of plain values of one kind"),
        ("value.nothing < 1", "value.nothing is not given"),
        ("value.__class__ == 1", "value.__class__ is missing"),
        ("[value.missing] == [1]", "value.missing is missing"),
    ],
)  # fmt: skip
def test_unknown(text: str, why: str) -> None:
    assert evaluate(text) is None
    assert compile_condition(text).explain(FACTS).startswith(why)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("value.clear()", "calls no function", id="vector 3: method"),
        pytest.param('open("x")', "accepted are len, lower, abs, any_of, like", id="vector 3: builtin"),
        pytest.param("[x for x in tags]", "ListComp", id="vector 3: comprehension"),
        pytest.param("lambda: True", "Lambda", id="vector 3: lambda"),
        pytest.param("(a := 1) > 0", "NamedExpr", id="vector 3: walrus"),
        pytest.param('f"{title}" == "x"', "JoinedStr", id="vector 3: f-string"),
        pytest.param("2 ** 3 > 1", "operators are", id="vector 3: power"),
        pytest.param("value is None", "in place of is", id="vector 3: is"),
        pytest.param("valu > 1", "did you mean value?", id="vector 3: unknown name"),
        ("now.hours > 1", "did you mean hour?"),
        ('now["hours"] > 1', "did you mean hour?"),
        ("len > 1", "write len(...)"),
        ("len(1, 2) > 1", "len takes"),
        ("like(title, pattern=title)", "like takes"),
        ("value.from == 1", 'value["from"]'),
        ("", "not one Python expression"),
        ("a = 1", "not one Python expression"),
        ("True; True", "not one Python expression"),
        ("title\0", "not one Python expression"),
        ("value[1:2] == []", "one key or number"),
        ("~1 > 1", "write not"),
        ("1e999 > 1", "too large"),
        ("b'x' == title", "literals are"),
        ("1j == 1", "literals are"),
        ("... == 1", "literals are"),
        ("{'a': 1} == value", "Dict"),
        ("(1, 2) == value", "Tuple"),
        ("1 if True else 2", "IfExp"),
        ("[*tags] == tags", "Starred"),
        ("value % 2 == 1", "operators are"),
        ("value @ value == 1", "operators are"),
        ('"x" * 10 == "x"', "take numbers only"),
        ("[1] * 10 == [1]", "take numbers only"),
        ("await value", "not accepted"),
        ("x" * (MAX_CONDITION_CHARS + 1), "at most 1000"),
        ("-" * 900 + "1 > 0", "nested"),
        ("(" * 400 + "1" + ")" * 400 + " > 0", "not one Python expression"),
        ("+".join(["1"] * 400) + "> 0", "nested"),
        ("value" + ".a" * 400, "nested"),
    ],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as error:
        compile_condition(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_that_would_fill_the_memory_are_unknown() -> None:
    facts = {**FACTS, "value": {"n": 10**600, "x": float("nan"), "y": float("inf"), "long": "a" * 100_000}}
    assert evaluate("value.n * value.n * value.n > 1", facts) is None
    assert evaluate("value.n + 0.5 > 1", facts) is None
    assert evaluate("value.n > 1", facts) is True
    assert evaluate("value.x == value.x", facts) is None
    assert evaluate("value.x < 1", facts) is None
    assert evaluate("value.y - value.y < 1", facts) is None
    assert evaluate("value.long * 1000000 == 1", facts) is None
    assert evaluate("value.long + value.long == 1", facts) is None


def test_values_that_are_nested_deeply_are_unknown() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert evaluate("value == context", {**FACTS, "value": deep, "context": [deep]}) is None


def test_large_lists_are_compared_in_linear_time() -> None:
    facts = {**FACTS, "value": {"a": list(range(50_000)), "b": list(range(50_000, 100_000))}}
    assert evaluate("any_of(value.a, value.b)", facts) is False  # by pairs this would take minutes


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "a*", True),
        ("abc", "*c", True),
        ("abc", "*", True),
        ("", "*", True),
        ("abc", "a*b*c", True),
        ("aba", "aba*aba", False),
        ("abaaba", "aba*aba", True),
        ("a.c", "a?c", False),
        ("a[b]c", "a[b]*", True),
        ("xaxbx", "*a*b*", True),
        ("xbxax", "*a*b*", False),
    ],
)
def test_like(text: str, pattern: str, fits: bool) -> None:
    assert is_like(text, pattern) is fits


def test_like_takes_linear_time() -> None:
    assert not is_like("a" * 200_000, "*a" * 400 + "b")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
OPERANDS = st.sampled_from(
    ["value", "value.a", "value.b", "context", "value[0]", "tags", "1", "-2.5", '"a"', "True", "None", "[1, 'a']"]
)
OPERATORS = ("and", "or", "<", "==", "!=", ">=", "in", "not in", "+", "-", "*", "/")
EXPRESSIONS = st.recursive(
    OPERANDS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner)
        | st.builds("not {}".format, inner)
        | st.builds("{}({})".format, st.sampled_from(["len", "lower", "abs"]), inner)
        | st.builds("{}({}, {})".format, st.sampled_from(["like", "any_of"]), inner, inner)
    ),
    max_leaves=6,
)


@given(text=EXPRESSIONS, value=VALUES, context=VALUES)
def test_every_condition_is_true_false_or_unknown_and_unknown_is_explained(text: str, value: Any, context: Any) -> None:
    facts = {**FACTS, "value": value, "context": context}
    before = json.dumps(facts)
    try:
        condition = compile_condition(text)
    except PolicyError:
        return
    found = condition.evaluate(facts)
    assert found in (True, False, None)
    if found is None:
        assert condition.explain(facts)
    assert json.dumps(facts) == before


@given(value=VALUES, a=EXPRESSIONS, b=EXPRESSIONS)
def test_the_tables_of_kleene(value: Any, a: str, b: str) -> None:
    facts = {**FACTS, "value": value}
    try:
        left, right = evaluate(a, facts), evaluate(b, facts)
        both, either = evaluate(f"({a}) and ({b})", facts), evaluate(f"({a}) or ({b})", facts)
    except PolicyError:
        return
    assert both is (False if False in (left, right) else None if None in (left, right) else True)
    assert either is (True if True in (left, right) else None if None in (left, right) else False)


def test_unknown_is_not_a_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)
