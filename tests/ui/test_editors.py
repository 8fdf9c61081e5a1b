"""Every kind of value is edited in the card with an editor of its own, and the agent goes on with exactly that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab import Page, shot
from letters import OUT_OF_LINE, button, card, ready, type_over

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = """%load_ext hitl_nb
import hitl_nb as hitl
from pydantic import BaseModel

class Address(BaseModel):
    street: str
    zip: int

class Order(BaseModel):
    name: str
    amount: float
    express: bool = False
    to: Address
    tags: list[str] = []
"""
ORDER = "Order(name='Ann', amount=12.5, to=Address(street='Elm 1', zip=123), tags=['new'])"
PLAN = "['look', {'tool': 'refund', 'amount': 5}, 'write', 'drop']"
CALL = "{'name': 'refund', 'arguments': {'order': 'A-1', 'amount': 20, 'notify': True}}"


def field_by_label(card: Any, name: str) -> Any:
    return card.get_by_label(name, exact=True)


def code(card: Any) -> None:
    type_over(card, "x = 1\ny = 2")


def data(card: Any) -> None:
    type_over(card, '[1, {"a": null}, "drei"]')


def form(card: Any) -> None:
    field_by_label(card, "Amount").fill("9.75")
    field_by_label(card, "Express").check()
    field_by_label(card, "Street").fill("Oak 2")


def call(card: Any) -> None:
    card.get_by_text("refund", exact=True).first.wait_for()
    field_by_label(card, "amount").fill("15")
    field_by_label(card, "notify").uncheck()


def plan(card: Any) -> None:
    field_by_label(card, "Move step 3 up").click()
    field_by_label(card, "Step 1").fill("look twice")
    field_by_label(card, "Remove step 4").click()
    field_by_label(card, "amount").fill("7")
    card.get_by_role("button", name="Add a step").click()
    field_by_label(card, "Step 4").fill("tell Ann")


def choice(card: Any) -> None:
    field_by_label(card, "deny").check()


KINDS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "text": ("'Dear Ann'", lambda card: type_over(card, "Dear Bo,\nhello"), "'Dear Bo,\\nhello'"),
    "markdown": ("'# Dear Ann', kind='markdown'", lambda card: type_over(card, "**Dear** Bo"), "'**Dear** Bo'"),
    "code": ("'x = 0', kind='code'", code, "'x = 1\\ny = 2'"),
    "json": ("[0, {'b': True}, 'zwei']", data, "[1, {'a': None}, 'drei']"),
    "form": (ORDER, form, ORDER.replace("12.5", "9.75, express=True").replace("Elm 1", "Oak 2")),
    "tool_call": (f"{CALL}, kind='tool_call'", call, CALL.replace("20", "15").replace("True", "False")),
    "plan": (
        f"{PLAN}, kind='plan'",
        plan,
        "['look twice', 'write', {'tool': 'refund', 'amount': 7}, 'tell Ann']",
    ),
    "choice": ("'pay', options=['pay', 'deny', 3]", choice, "'deny'"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_edited_is_what_the_agent_gets(page: Page, kind: str) -> None:
    proposed, edit, expected = KINDS[kind]
    agent = (
        f"%%agent {kind}\ndecision = hitl.checkpoint({proposed}, title='An edit of {kind}')\n"
        f"print(decision.action, decision.value == {expected}, repr(decision.value))"
    )
    nb = page.open(f"{kind}.ipynb", LOAD, agent)
    nb.run_all()
    shown = card(nb, f"An edit of {kind}")
    shown.wait_for()
    nb.until_kernel()
    edit(shown)
    ready(shown, "Approve with edits").wait_for()
    shot(shown, f"editor-{kind}")
    button(shown, "Approve with edits").click()
    nb.until(1, "edit True")
    nb.close()


def test_heads_of_a_wide_table_are_in_line_with_their_cells(page: Page) -> None:
    """A1, in a cell."""
    frame = "pd.DataFrame({f'a long name of a column, {i}': [1250.5, None, i] for i in range(7)})"
    nb = page.open(
        "wide.ipynb", f"{LOAD}\nimport pandas as pd", f"%%agent wide\nhitl.checkpoint({frame}, title='Wide')"
    )
    nb.run_all()
    grid, remove = card(nb, "Wide").get_by_role("grid"), card(nb, "Wide").get_by_label("Remove row 1", exact=True)
    remove.wait_for()
    outer = grid.bounding_box()
    for left in (0, 100_000):
        grid.evaluate("(node, left) => { node.scrollLeft = left }", left)
        assert grid.evaluate(OUT_OF_LINE) == 0
        box = remove.bounding_box()
        assert outer["x"] <= box["x"]
        assert box["x"] + box["width"] <= outer["x"] + outer["width"]
    assert grid.evaluate("node => node.scrollLeft") > 0
    shot(card(nb, "Wide"), "table-wide-in-a-cell")
    button(card(nb, "Wide"), "Approve").click()
    nb.until_ran(1)
    nb.close()
