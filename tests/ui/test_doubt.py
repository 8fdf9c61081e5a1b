"""The card of an effect in doubt, after a kernel was killed in the middle of a step."""

from __future__ import annotations

import pytest
from axe import violations
from lab import Lab, Page, shot
from letters import button, card, ledger, list_waiting, of

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = """%load_ext hitl_nb
import hitl_nb as hitl, os, signal
@hitl.step
def pay(amount: float) -> str:
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "paid again"
"""
AGENT = "%%agent payments\nreceipt = pay(12.50)\nprint('RECEIPT:', receipt)"
TITLE = "Did pay(12.5) happen?"
APPROVE = """async ({ id, ...shown }) => {
  const { serverSettings } = window.jupyterapp.serviceManager;
  const answer = await fetch(`${serverSettings.baseUrl}hitl_nb/api/proposals/${id}/decision`, {
    method: 'POST', body: JSON.stringify({ action: 'approve', ...shown }),
    headers: { Authorization: `token ${serverSettings.token}`, 'Content-Type': 'application/json' },
  });
  return answer.status;
}"""
"""Approve without an answer, as a script could; returns the status of the server's answer."""


def test_a_person_says_what_came_of_a_step_that_a_kernel_died_in(page: Page, lab: Lab) -> None:
    nb = page.open("doubt.ipynb", LOAD, AGENT)
    nb.run_all()
    nb.accept()  # the kernel died
    nb.until_kernel()
    nb.run_all()
    shown = card(nb, TITLE)
    shown.wait_for()
    radios, primary = shown.get_by_role("radio"), shown.locator("footer button").first
    assert [radios.nth(i).is_checked() for i in range(3)] == [False] * 3
    assert primary.get_attribute("aria-disabled") == "true"
    assert primary.inner_text() == "Continue"
    shot(shown, "doubt-nothing-chosen")
    primary.click(force=True)
    (p,) = list_waiting(lab, "doubt.ipynb")
    for element in (shown, primary):
        element.focus()
        nb.page.wait_for_timeout(450)  # the time in which no key decides: only real time ends it
        for key in ("a", "Enter", "Control+Enter"):
            nb.page.keyboard.press(key)
    seen = {"id": p.id, "revision": p.revision, "fingerprint": p.fingerprint}
    assert nb.page.evaluate(APPROVE, seen) == 400
    assert [one.status for one in list_waiting(lab, "doubt.ipynb")] == ["open"]
    assert [radios.nth(i).is_checked() for i in range(3)] == [False] * 3
    radios.nth(1).check()
    assert primary.inner_text() == "Call pay(12.5) again"
    radios.nth(0).check()
    shown.get_by_label("What did it return?").fill("88213")
    assert primary.inner_text() == "Continue as if it happened"
    shot(shown, "doubt-chosen")
    assert violations(page.page, ".jp-hitl-card") == []
    primary.click()
    nb.until(1, "RECEIPT: 88213")
    nb.until_kernel()
    assert [run.status for run in ledger(lab).runs.list_newest(notebook=of(lab, "doubt.ipynb"))] == ["finished"]
    nb.close()


GATED = """%%agent gated
decision = hitl.checkpoint("12.50", title="Pay 12.50?")
receipt = pay(float(decision.value))
print("RECEIPT:", receipt)"""
LIMIT_MS = 40_000
"""Time in which people hear that a kernel died in a step, in milliseconds."""


def test_a_kernel_that_dies_in_a_step_after_a_decision_leaves_a_card_in_doubt(page: Page, lab: Lab) -> None:
    nb = page.open("gated.ipynb", LOAD.replace('"died"', '"died-gated"'), GATED)
    nb.run_all()
    button(card(nb, "Pay 12.50?"), "Approve").click()
    nb.accept()  # the kernel died
    decided = nb.page.locator(".jp-hitl-decided").filter(has_text="Pay 12.50?")
    decided.get_by_text("In doubt.").wait_for(timeout=LIMIT_MS)
    shot(decided, "doubt-while-running")
    nb.page.get_by_role("button", name="none for you", exact=True).click()
    nb.page.get_by_role("button", name="In a tab of its own").click()
    nb.page.get_by_role("group", name="Views").get_by_role("button", name="Runs 1", exact=True).wait_for()
    nb.page.get_by_role("button", name="Beside the notebook").click()
    page.show("gated.ipynb")
    nb.until_kernel()
    decided.get_by_role("button", name="Continue", exact=True).click()
    card(nb, "Did pay(12.5) happen?").wait_for()
    (p,) = list_waiting(lab, "gated.ipynb")
    ledger(lab).runs.cancel(p.run, actor="test")
    nb.close()
