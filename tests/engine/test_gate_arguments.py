"""What a gated function is called with: the arguments as they were passed; what was edited, by its annotation."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import check_edit

CLASSES = """
import collections, dataclasses, datetime, decimal, enum, pathlib, typing
from datetime import date
from decimal import Decimal
from typing import Any, Literal
import pydantic

class Size(enum.Enum):
    S = "small"
    L = "large"

class Order(pydantic.BaseModel):
    id: int
    net: Decimal

@dataclasses.dataclass
class Line:
    sku: str
    price: Decimal
    file: bytes = b""

got = []
"""
TWO = "[Line(sku='b', price=Decimal('2'), file=b''), Line(sku='c', price=Decimal('3'), file=b'')]"
PAY = """
@hitl.gate
{kind} pay(order: Order, amount: Decimal, due: date = date(2024, 1, 1), *, tags: set[str] = frozenset()):
    got.append((order, amount, due, tags))
    return type(amount).__name__
name = {call}
"""


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.cell(CLASSES)
    return desk


def restart_kernel(desk: Desk) -> None:
    """A new kernel in which the cells above have been run."""
    desk.new_kernel()
    desk.cell(CLASSES)


def decide(desk: Desk, **arguments: Any) -> Any:
    """Edit these arguments of the open call and go on with the edit as a server stores it."""
    p = desk.open()[0]
    value = {**p.value, "arguments": {**p.value["arguments"], **arguments}}
    desk.answer("edit", check_edit(p, value))
    return p


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("fresh", [True, False])
def test_edited_arguments_have_the_types_of_their_annotations(desk: Desk, kind: str, fresh: bool) -> None:
    call = "pay(Order(id=1, net=Decimal('5')), amount=Decimal('9.90'), tags={'b', 'a'})"
    source = PAY.format(kind=kind, call=("await " if kind == "async def" else "") + call)
    assert desk.run(source).status == "waiting"
    assert desk.open()[0].value["arguments"] == {
        "order": {"id": 1, "net": "5"},
        "amount": "9.90",
        "due": "2024-01-01",
        "tags": ["a", "b"],
    }
    decide(desk, order={"id": 1, "net": "6.50"}, amount="12.50", due="2024-06-01", tags=["c"])
    if fresh:
        restart_kernel(desk)
    assert desk.run(source).status == "finished"
    ns = desk.ns
    order, amount, due, tags = ns["got"][0]
    assert (ns["name"], repr(amount), due.isoformat(), tags) == ("Decimal", "Decimal('12.50')", "2024-06-01", {"c"})
    assert (type(order).__name__, order.id, repr(order.net)) == ("Order", 1, "Decimal('6.50')")


def test_arguments_that_are_not_edited_are_those_that_were_passed(desk: Desk) -> None:
    source = """
@hitl.gate
def pay(amount: Decimal, order: Order, lines: list, who: str = "x"):
    got.append((amount, order, lines, who))
order = {"id": 1, "net": 5}
pay("9.90", order, [Line("a", Decimal(1), b"\\xff")])
"""
    for edit in (None, {"who": "bo"}):
        desk.run(source, name=f"agent{bool(edit)}")
        name = f"agent{bool(edit)}"
        p = desk.open(name)[0]
        if edit:
            value = check_edit(p, {**p.value, "arguments": {**p.value["arguments"], **edit}})
            desk.ledger.proposals.decide(p.id, "edit", value=value, reviewer="ann")
        else:
            desk.answer(name=name)
        assert desk.run(source, name=name).status == "finished"
    for amount, order, lines, _ in desk.ns["got"]:
        assert amount == "9.90"
        assert order is desk.ns["order"] or order == {"id": 1, "net": 5}
        assert repr(lines) == "[Line(sku='a', price=Decimal('1'), file=b'\\xff')]"
    assert [who for *_, who in desk.ns["got"]] == ["x", "bo"]


@pytest.mark.parametrize(
    ("annotation", "passed", "edit", "expected"),
    [
        ("Decimal", "'9.90'", "12.50", "Decimal('12.50')"),
        ("Decimal | None", "Decimal(1)", None, "None"),
        ("typing.Optional[date]", "None", "2024-06-01", "datetime.date(2024, 6, 1)"),
        ("Order", "{'id': 1, 'net': 5}", {"id": 2, "net": "1.5"}, "Order(id=2, net=Decimal('1.5'))"),
        ("Line", "Line('a', Decimal(1))", {"sku": "b", "price": "2"}, "Line(sku='b', price=Decimal('2'), file=b'')"),
        ("list[Order]", "[]", [{"id": 2, "net": 1}], "[Order(id=2, net=Decimal('1'))]"),
        ("list[Line]", "[Line('a', Decimal(1))]", [{"sku": "b", "price": "2"}, {"sku": "c", "price": "3"}], TWO),
        ("Literal['a', 'b']", "'a'", "b", "'b'"),
        ("Size", "Size.S", "large", "<Size.L: 'large'>"),
        ("Any", "Decimal(1)", "2", "Decimal('2')"),
        ("dict", "{'of': Decimal(1)}", {"of": "2"}, "{'of': Decimal('2')}"),
        ("dict[int, str]", "{1: 'a'}", {"2": "b"}, "{2: 'b'}"),
        ("tuple[int, date]", "(1, date(2024, 1, 1))", [2, "2024-06-01"], "(2, datetime.date(2024, 6, 1))"),
        ("float", "1", 2, "2.0"),
        ("float", "Decimal(1)", "2", "Decimal('2')"),
        ("'Unknown'", "date(2024, 1, 1)", "2024-06-01", "datetime.date(2024, 6, 1)"),
        ("pathlib.Path", "'a.csv'", "b.csv", "PosixPath('b.csv')"),
        ("typing.Annotated[Decimal, pydantic.Field(ge=0)]", "Decimal(1)", "2.5", "Decimal('2.5')"),
    ],
)
def test_an_argument_takes_an_edit_by_its_annotation(
    desk: Desk, annotation: str, passed: str, edit: Any, expected: str
) -> None:
    source = f"@hitl.gate\ndef tool(it: {annotation}, rest=1):\n    got.append(it)\ntool({passed})"
    desk.run(source)
    decide(desk, it=edit)
    restart_kernel(desk)
    assert desk.run(source).status == "finished"
    shown = repr(desk.ns["got"][0])
    assert shown == (
        expected or "[Line(sku='b', price=Decimal('2'), file=b''), Line(sku='c', price=Decimal('3'), file=b'')]"
    )


@pytest.mark.parametrize(
    ("annotation", "passed", "edit", "says"),
    [
        ("Decimal", "Decimal(1)", "ten", 'must be a decimal number such as "12.50", not "ten"'),
        ("Decimal", "'1'", "ten", 'must be a valid decimal, not "ten"'),
        ("typing.Annotated[int, pydantic.Field(ge=0)]", "1", -1, "-1 is less than the minimum of 0"),
        ("date", "date(2024, 1, 1)", "2024-6-1", "must be a date such as"),
        ("Literal['a', 'b']", "'a'", "c", 'must be one of ["a", "b"], not "c"'),
        ("Size", "Size.S", "huge", 'must be one of ["small", "large"], not "huge"'),
        ("int", "1", "x", 'must be a whole number, not "x"'),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_where_it_is_made(
    desk: Desk, annotation: str, passed: str, edit: Any, says: str
) -> None:
    desk.run(f"@hitl.gate\ndef tool(it: {annotation}):\n    got.append(it)\ntool({passed})")
    with pytest.raises(InvalidEdit) as caught:
        decide(desk, it=edit)
    assert list(caught.value.fields) == ["arguments/it"]
    assert says in caught.value.fields["arguments/it"]


def test_names_of_a_call_stay(desk: Desk) -> None:
    desk.run("@hitl.gate\ndef tool(it: int, more: int = 2):\n    got.append((it, more))\ntool(1)")
    p = desk.open()[0]
    for value, path in (
        ({"name": "other", "arguments": {"it": 1}}, "name"),
        ({"name": "tool", "arguments": {"more": 1}}, "arguments/it"),
        ({"name": "tool", "arguments": {"it": 1, "x": 1}}, "arguments/x"),
    ):
        with pytest.raises(InvalidEdit) as caught:
            check_edit(p, value)
        assert list(caught.value.fields) == [path]
    desk.answer("edit", check_edit(p, {"name": "tool", "arguments": {"it": 5}}))
    desk.run("@hitl.gate\ndef tool(it: int, more: int = 2):\n    got.append((it, more))\ntool(1)")
    assert desk.ns["got"] == [(5, 2)]


def test_a_method_is_proposed_without_its_object(desk: Desk) -> None:
    source = """
class Desk:
    def __init__(self):
        self.done = []
    @hitl.gate(title="pay {amount}")
    def pay(self, amount: Decimal, *more: Decimal, **notes: date):
        self.done.append((amount, more, notes))
        return self
d = Desk()
same = d.pay(Decimal(1), Decimal(2), on=date(2024, 1, 1)) is d
"""
    desk.run(source)
    shown = desk.open()[0].value["arguments"]
    assert shown == {"amount": "1", "more": ["2"], "notes": {"on": "2024-01-01"}}
    decide(desk, more=["2", "3.5"], notes={"on": "2024-06-01", "by": "2024-07-01"})
    restart_kernel(desk)
    assert desk.run(source).status == "finished"
    assert desk.ns["same"]
    assert repr(desk.ns["d"].done) == (
        "[(Decimal('1'), (Decimal('2'), Decimal('3.5')), "
        "{'on': datetime.date(2024, 6, 1), 'by': datetime.date(2024, 7, 1)})]"
    )


def test_a_choice_gives_the_option_itself(desk: Desk) -> None:
    source = """
d = hitl.checkpoint(Size.S, title="Size?", options=list(Size))
e = hitl.checkpoint_all([hitl.proposal((1, 2), title="Pair?", options=[(1, 2), (3, 4)])])[0]
"""
    desk.run(source)
    desk.answer("edit", "large")
    restart_kernel(desk)
    desk.run(source)
    desk.answer("edit", [3, 4])
    restart_kernel(desk)
    assert desk.run(source).status == "finished"
    assert desk.ns["d"].value is desk.ns["Size"].L
    assert desk.ns["e"].value == (3, 4)


def test_a_step_gives_back_any_value(desk: Desk) -> None:
    source = """
import numpy as np, pandas as pd
made = []
@hitl.step
def make():
    made.append(1)
    return {"a": Decimal("1.10"), 1: (Size.S, {2}), "n": np.float32(0.1), "t": pd.Timestamp("2024-01-01"),
            "s": pd.Series([1, 2], name="x"), "l": Line("a", Decimal(1), b"\\xff"), "p": pathlib.Path("a")}
value = make()
d = hitl.checkpoint("go", title="T")
shown = repr(value), made
"""
    desk.run(source)
    before = repr(desk.ns["value"])
    desk.answer()
    restart_kernel(desk)
    assert desk.run(source).status == "finished"
    assert desk.ns["shown"] == (before, [1])
