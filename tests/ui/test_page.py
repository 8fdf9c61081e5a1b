"""The page of its own: a reviewer follows a link on a phone, and the agent goes on in the notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe import needs_axe, violations
from lab import Lab, Page, shot
from letters import LOAD, agent, button, card, effects, list_waiting, type_over

from hitl_nb.records import Proposal

pytestmark = [pytest.mark.ui, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
KINDS = """%%agent kinds
import pandas as pd
hitl.checkpoint_all([
    hitl.proposal("# Report\\n\\n" + "A word. " * 50, kind="markdown", title="A report", context={"for": "Ann"}),
    hitl.proposal("total = sum(one.amount for one in orders if one.customer == 'Ann')", kind="code", title="Code"),
    hitl.proposal({"order": "A-1", "to": {"street": "Elm 1", "zip": 1}, "lines": [1, 2]}, title="An order"),
    hitl.proposal(["look at the order", {"tool": "refund", "amount": 5}, "write"], kind="plan", title="A plan"),
    hitl.proposal("pay", options=["pay", "deny", "ask the customer for the invoice of last year"], title="A choice"),
    hitl.proposal(pd.DataFrame({f"column {i}": range(500) for i in range(8)}), title="A table"),
])
"""


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


def follow(phone: Any, lab: Lab, p: Proposal) -> Any:
    """The proposal's card on its page (a locator)."""
    phone.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
    shown = phone.locator(".jp-hitl-page .jp-hitl-card")
    shown.get_by_role("heading", name=p.title).wait_for()
    return shown


def fits(phone: Any) -> bool:
    """Whether nothing has to be scrolled sideways, but what scrolls by itself."""
    return bool(phone.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_a_decision_on_the_phone_lets_the_notebook_go_on(page: Page, lab: Lab, phone: Any) -> None:
    scheme = phone.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
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
    shown.get_by_text("Approved with edits", exact=False).wait_for()
    nb.until(1, "ended Ann edit")
    assert effects(lab, f"{name}.txt") == ["Dear Ann, from the train."]
    shot(phone, f"page-{scheme}-decided")
    nb.close()


@needs_axe
def test_every_kind_fits_a_phone_and_axe_finds_nothing(page: Page, lab: Lab, phone: Any) -> None:
    if not list_waiting(lab, "kinds.ipynb"):
        nb = page.open("kinds.ipynb", LOAD, KINDS)
        nb.run_all()
        card(nb, "A table").wait_for()
        nb.until_kernel()
        nb.close()
    for p in list_waiting(lab, "kinds.ipynb"):
        follow(phone, lab, p)
        phone.get_by_role("button", name="Reject", exact=True).wait_for()
        shot(phone, f"page-{p.kind}")
        assert fits(phone), p.title
        assert violations(phone, ".jp-hitl-page") == [], p.title
