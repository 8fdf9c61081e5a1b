"""Decimal amounts are text in JSON, and exact numbers in conditions: when they are asked about, and replayed later."""

from __future__ import annotations

import collections
import dataclasses
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.kinds import questions as values
from hitl_nb.policies.documents.conditions import compile_condition
from hitl_nb.policies.documents.documents import read_policy_mapping
from hitl_nb.policies.documents.exact_numbers import value_with_numbers
from hitl_nb.policies.rules.replay import replay_proposal
from hitl_nb.policies.rules.rules import judge_edit, make_plan, merge_documents
from hitl_nb.policies.rules.verdicts import collect_facts
from hitl_nb.records import Facts, Proposal, Question, fingerprint
from tests.policies.casework import T0


class Line(pydantic.BaseModel):
    price: Decimal
    note: str = "1.5"


class Order(pydantic.BaseModel):
    amount: Decimal
    discount: Decimal | None = None
    name: str = "12.50"
    either: Decimal | str = "1"
    lines: list[Line] = []
    first: Line | None = None
    rates: dict[str, Decimal] = {}


@dataclasses.dataclass
class Refund:
    amount: Decimal


Pair = collections.namedtuple("Pair", "amount note")


def holds(condition: str, value: Any, **more: Any) -> bool | None:
    """Whether a condition is true of a value, as it is asked about, and as it is read back from a store."""
    question = values.build_question(value, title="t", **more)
    stored = msgspec.json.decode(msgspec.json.encode(question), type=Question)
    live, later = (
        compile_condition(condition).evaluate(collect_facts(one, None, agent="a", notebook="n"))
        for one in (question, stored)
    )
    assert live == later
    return live


ORDER = Order(
    amount=Decimal("100.01"),
    lines=[Line(price=Decimal(3))],
    first=Line(price=Decimal(9)),
    rates={"eur": Decimal("1.1")},
)
TABLE = pd.DataFrame({"amount": [Decimal("1.5"), None], "note": ["2.5", "x"]})


@pytest.mark.parametrize(
    ("value", "condition", "expected"),
    [
        (Decimal("100.01"), "value > 100", True),
        ({"amount": Decimal("100.00")}, "value.amount > 100", False),
        ({"amount": Decimal("100.00")}, "value.amount == 100 and value.amount in [1, 100]", True),
        ({"amount": Decimal("0.1")}, "value.amount == 0.1 and not value.amount > 0.1 and value.amount in [0.1]", True),
        ({"amount": Decimal("0.1")}, "any_of([value.amount], [0.1])", True),
        ({"amount": Decimal("0.1"), "more": Decimal("0.2")}, "value.amount + value.more == 0.3", True),
        ({"amount": Decimal(1) / 3}, "value.amount * 3 < 1", True),
        ({"amount": Decimal(9007199254740993)}, "value.amount == 9007199254740993", True),
        ({"amount": Decimal(9007199254740993)}, "value.amount > 9007199254740992", True),
        ({"amount": Decimal("-3.5")}, "abs(value.amount) == 3.5 and -value.amount > 3", True),
        ({"amount": Decimal(3)}, "value.amount / 0 > 1", None),
        ({"amount": Decimal(3)}, "value.amount < 1e308", True),
        ({"amount": Decimal("NaN")}, "value.amount > 1", None),
        ({"amount": Decimal("Infinity")}, "value.amount > 1", None),
        ({"amount": Decimal("1e999999")}, "value.amount > 1", None),
        (
            {"amount": Decimal("1e300")},
            "value.a * value.a * value.a * value.a * value.a > 1",
            None,
        ),
        ({"amount": Decimal(3)}, 'value.amount == "3"', None),
        ({"amount": "100.01"}, "value.amount > 100", None),  # a text that looks like a number is a text
        ({"amount": float("inf")}, "value.amount > 1", None),
        ({"amount": Fraction(1, 3)}, "value.amount * 3 == 1", True),
        ([Decimal(1), "1"], "value[0] == 1 and value[1] == '1'", True),
        ((Decimal(1), Decimal(2)), "value[0] + value[1] == 3", True),
        ({"a": None, "b": Decimal(1)}, "value.b == 1 and value.a == None", True),
        ({Decimal(1): Decimal(2)}, 'value["1"] == 2', True),
        (Pair(Decimal(2), "2"), "value.amount == 2 and value.note == '2'", True),
        (Refund(Decimal(2)), "value.amount == 2", True),
        ([Refund(Decimal(2))], "value[0].amount == 2", True),
        (ORDER, "value.amount > 100 and value.discount == None and value.name == '12.50'", True),
        (ORDER, "value.either > 0", None),  # it may be a text
        (ORDER, "value.lines[0].price + value.first.price == 12 and value.first.note == '1.5'", True),
        (ORDER, "value.rates.eur == 1.1", True),
        ({"order": ORDER}, "value.order.amount > 100", True),
        (TABLE, "value.rows[0][0] == 1.5 and value.rows[0][1] == '2.5'", True),
        ({"a": Decimal(1), "b": [1, {"c": b"x"}], "d": True}, "value.b[0] == 1 and value.d", True),
    ],
)
def test_conditions_read_decimals_as_exact_numbers(value: Any, condition: str, expected: bool | None) -> None:
    assert holds(condition, value) is expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.decimals(-10, 10, places=2))
def test_they_compare_as_decimals_do(a: Decimal, b: Decimal) -> None:
    value = {"a": a, "b": b}
    for sign, same in (("<", a < b), ("==", a == b), (">=", a >= b)):
        assert holds(f"value.a {sign} value.b", value) is same
    assert holds(f"value.b >= {float(b)!r} and value.b == {float(b)!r}", value) is True


RULES = [
    {"id": "small", "when": "value.amount <= 50", "do": "pass"},
    {"id": "big", "when": "value.amount > 100", "do": "ask", "needs": ["1 of bo"]},
]


def test_the_past_is_replayed_as_it_was_judged_and_edits_are_judged_alike() -> None:
    policy = merge_documents([read_policy_mapping({"rule": RULES})])
    question = values.build_question({"amount": Decimal("50.00")}, title="Refund")
    live = make_plan(policy, question, Facts(now=T0), agent="a", notebook="n")
    assert (live.verdict, live.rules) == ("pass", ("small",))
    known = {field: getattr(question, field) for field in question.__struct_fields__}
    p = Proposal(
        **known,
        id="p",
        run="r",
        agent="a",
        notebook="n",
        pause=1,
        created_at=T0,
        facts=Facts(now=T0),
        fingerprint=fingerprint("r", "", question.kind, question.title, question.value),
    )
    stored = msgspec.json.decode(p.json(), type=Proposal)
    assert (replay_proposal(policy, stored).new, replay_proposal(policy, stored).unknown) == ("pass", ())
    assert judge_edit(policy, stored, {"amount": "100.01"}).rules == ("big",)
    assert judge_edit(policy, stored, {"amount": "50.01"}).rules == ()


def test_what_holds_no_numbers_as_text_is_not_copied() -> None:
    for value in ([1, 2], {"a": [1]}, "1.5", (1, 2)):
        question = values.build_question(value, title="t")
        assert value_with_numbers(question) is question.value
