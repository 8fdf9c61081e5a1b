"""The page of its own: a reviewer follows a link on a phone, and the agent goes on in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from axe import needs_axe, violations
from lab import Lab, Page, shot
from letters import LOAD, agent, button, card, effects, ledger, list_waiting, of, type_over
from phone import PHONE, TARGETS, fits, follow

from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Proposal, Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

SCHEME = "() => matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"


def ask_kinds(lab: Lab) -> list[Proposal]:
    """A pause with a question of each kind, as a kernel writes it."""
    shop = {
        "properties": {
            "order": {"title": "Order"},
            "to": {"title": "Address", "properties": {"street": {"title": "Street"}}},
            "express": {"type": "boolean"},
        }
    }
    table = pd.DataFrame({f"column {i}": range(50) for i in range(8)})
    order = {"order": "A-1", "to": {"street": "Elm 1", "zip": 1}, "express": True, "lines": [1, 2]}
    call = {"name": "refund", "arguments": {"order": "A-1", "amount": 129.5, "mail": "Dear Ann, " * 9}}
    plan = ["look at the order", {"tool": "refund", "amount": 5}, "write"]
    questions = [
        build_question("# Report\n\n" + "A word. " * 50, kind="markdown", title="A report", context={"for": "Ann"}),
        build_question("total = sum(one.amount for one in orders if one.customer == 'Ann')", kind="code", title="Code"),
        build_question(order, title="An order", schema=shop),
        build_question(call, kind="tool_call", title="A call", context="The customer *wrote* twice."),
        build_question(plan, kind="plan", title="A plan"),
        build_question(
            "pay", options=["pay", "deny", "ask the customer for the invoice of last year"], title="A choice"
        ),
        build_question(table, title="A table"),
    ]
    runs = ledger(lab).runs
    _, claim = runs.open(agent="kinds", notebook=of(lab, "kinds.ipynb"))
    return list(runs.pause(claim, Snapshot(envelope=b"state"), questions).proposals)


@pytest.fixture(params=["light", "dark"])
def phone(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A phone's window, that must not complain."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, color_scheme=request.param)
    window = context.new_page()
    complaints: list[str] = []
    window.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    window.on("pageerror", lambda error: complaints.append(str(error)))
    yield window
    context.close()
    assert complaints == []


def test_a_decision_on_the_phone_lets_the_notebook_go_on(page: Page, lab: Lab, phone: Any) -> None:
    scheme = phone.evaluate(SCHEME)
    name = f"phone-{scheme}"
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    (p,) = list_waiting(lab, f"{name}.ipynb")

    shown = follow(phone, lab, p)
    type_over(shown, "Dear Ann, from the train.")
    shown.locator("button:enabled", has_text="Approve with edits").wait_for()
    shot(phone, f"page-{scheme}")
    assert fits(phone)
    button(shown, "Approve with edits").tap()
    phone.locator(".jp-hitl-page .jp-hitl-state", has_text="Approved with edits").wait_for()
    nb.until(1, "ended Ann edit")
    assert effects(lab, f"{name}.txt") == ["Dear Ann, from the train."]
    shot(phone, f"page-{scheme}-decided")
    nb.close()


@needs_axe
def test_every_kind_fits_a_phone_and_a_finger_and_axe_finds_nothing(lab: Lab, phone: Any) -> None:
    for p in list_waiting(lab, "kinds.ipynb") or ask_kinds(lab):
        follow(phone, lab, p)
        phone.get_by_role("button", name="Reject…").wait_for()
        shot(phone, f"page-{p.kind}-{phone.evaluate(SCHEME)}")
        assert fits(phone), p.title
        assert phone.evaluate(TARGETS) == [], p.title
        bar = phone.locator(".jp-hitl-decision-bar").bounding_box()
        assert bar["y"] + bar["height"] == pytest.approx(PHONE["height"], abs=1), p.title  # at the bottom
        assert violations(phone, ".jp-hitl-page") == [], p.title
        assert "Anonymous" not in phone.content()
        phone.set_viewport_size({"width": 320, "height": 700})
        assert fits(phone), p.title
        phone.set_viewport_size(PHONE)


@needs_axe
def test_one_follows_another_in_the_order_of_the_server(lab: Lab, phone: Any) -> None:
    first, second, *_ = list_waiting(lab, "kinds.ipynb") or ask_kinds(lab)
    shown = follow(phone, lab, first)
    place = phone.get_by_text(re.compile(r"^\d+ of \d+ for you$"))
    place.wait_for()
    before = place.text_content()
    phone.get_by_role("button", name="Next").tap()
    phone.get_by_role("heading", name=second.title).wait_for()
    assert place.text_content() != before
    phone.get_by_role("button", name="Previous").tap()
    phone.get_by_role("heading", name=first.title).wait_for()
    button(shown, "Reject…").tap()
    dialog = phone.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("not now")
    shot(phone, f"page-reject-{phone.evaluate(SCHEME)}")
    assert violations(phone, ".jp-hitl-page") == []
    assert phone.evaluate(TARGETS) == []
    button(dialog, "Reject").tap()
    phone.get_by_role("status").filter(has_text=f"Rejected. {first.title}").wait_for()
    phone.get_by_role("heading", name=second.title, level=3).wait_for()
    shot(phone, f"page-next-{phone.evaluate(SCHEME)}")
    assert phone.url.endswith(second.id)
    assert ledger(lab).proposals.load(first.id).decision.reason == "not now"
