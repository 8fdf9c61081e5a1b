"""Keys, focus and scroll of cards in a notebook, and the notebook that is saved when an agent pauses."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab, Notebook, Page, until
from letters import LOAD, button, card, list_waiting, type_over, until_kept

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LETTER = "%%agent letter{0}\ndone = hitl.checkpoint('Dear {0}, hello.', title='Letter {0}')\nprint('SENT', done.action)"
LONG = "%%agent long\nhitl.checkpoint('\\n'.join(f'line {i}' for i in range(90)), title='Long letter')\nprint('SENT')"
MANY = """%%agent twenty
hitl.checkpoint_all([hitl.proposal(f"Dear {i}", title=f"Letter {i}") for i in range(1, 21)])"""
OPEN_CARDS = "() => document.querySelectorAll('.jp-hitl-value:not([aria-busy=\"true\"]) .cm-content').length"
CELLS = """() => {
  const { cells } = window.jupyterapp.shell.currentWidget.content.model;
  return Array.from({ length: cells.length }, (_, i) => [cells.get(i).type, cells.get(i).sharedModel.getSource()]);
}"""
PLACE = """() => {
  const { content } = window.jupyterapp.shell.currentWidget;
  const view = content.node.querySelector('.jp-WindowedPanel-outer');
  const active = document.activeElement;
  return {
    mode: content.mode, cell: content.activeCellIndex, scroll: view.scrollTop,
    focus: active.className, top: active.getBoundingClientRect().top,
  };
}"""
HEIGHT = """card => {
  const { marginTop, marginBottom } = getComputedStyle(card);
  return card.getBoundingClientRect().height + parseFloat(marginTop) + parseFloat(marginBottom);
}"""
"""The height of a card with its margins."""
BETWEEN_CARDS = """view => {
  const [, first, second] = view.querySelectorAll('.jp-hitl-card');
  const { bottom } = view.getBoundingClientRect();
  view.scrollTop += second.getBoundingClientRect().top - bottom + 60;
  return new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => {
    const top = card => card.querySelector('.jp-hitl-decision-bar').getBoundingClientRect().top;
    resolve([top(first) < bottom, top(second) < bottom]);
  })));
}"""
"""Scroll so that 60 pixels of the third card are in view; return whether its decision bar and the one above show."""
FOCUSED = "title => document.activeElement?.closest('article')?.querySelector('h3')?.textContent.trim() === title"


@pytest.fixture(scope="module")
def page(browser: Any, lab: Lab) -> Page:
    """A window of the size of a laptop."""
    return Page(browser.new_context(viewport={"width": 1280, "height": 800}).new_page(), lab)


@pytest.fixture(scope="module")
def second(browser: Any, lab: Lab) -> Page:
    """Somebody else's browser."""
    return Page(browser.new_context(viewport={"width": 1280, "height": 800}).new_page(), lab)


def letters(page: Page, name: str, count: int) -> Notebook:
    """A notebook with so many agents, all of which wait."""
    nb = page.open(name, LOAD, *(LETTER.format(i) for i in range(1, count + 1)))
    nb.run(0)
    nb.until_ran(0)
    for i in range(1, count + 1):  # one by one: a cell that pauses ends the queue
        nb.run(i)
        card(nb, f"Letter {i}").wait_for(state="attached")
        nb.until_kernel()
    return nb


def focus(nb: Notebook, title: str) -> Any:
    """Give a card the focus, as Escape in one of its fields does, and wait until keys may decide in it."""
    one = card(nb, title)
    one.evaluate("card => card.focus()")
    nb.page.wait_for_timeout(450)  # the time in which no key decides: only real time ends it
    return one


def until_focused(nb: Notebook, title: str) -> None:
    until(nb.page, FOCUSED, title)


def refuse(call: Any) -> None:
    """Let a call of a browser fail."""
    call.abort()


def test_no_key_of_a_card_acts_on_cells(page: Page, lab: Lab) -> None:
    """A2."""
    nb = letters(page, "scope.ipynb", 2)
    cells = page.page.evaluate(CELLS)
    one = focus(nb, "Letter 1")
    keyboard = page.page.keyboard
    for at in range(one.get_by_role("button").count()):
        pressed = one.get_by_role("button").nth(at)
        if not pressed.is_enabled():
            continue
        # D twice is a chord of JupyterLab: it deletes the cell.
        for keys in [("x",), ("d", "d"), ("m",), ("b",), ("z",), ("Shift+Enter",), ("Control+Enter",)]:
            if keys[0].endswith("Enter") and "primary" in (pressed.get_attribute("class") or ""):
                continue  # it decides; see below
            pressed.focus()
            for key in keys:
                keyboard.press(key)
            keyboard.press("Escape")
        assert page.page.evaluate(CELLS) == cells
    keyboard.press("Control+s")
    until(page.page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    focus(nb, "Letter 1")
    button(card(nb, "Letter 1"), "Reject…").focus()
    keyboard.press("a")
    nb.until(1, "SENT approve")
    nb.until_kernel()
    focus(nb, "Letter 2")
    button(card(nb, "Letter 2"), "Approve").focus()
    keyboard.press("Control+Enter")
    keyboard.press("Enter")
    nb.until(2, "SENT approve")
    assert page.page.evaluate(CELLS) == cells
    nb.close()


def test_after_a_decision_the_next_card_has_the_focus_and_stays_where_it_was(page: Page) -> None:
    """A7."""
    nb = letters(page, "five.ipynb", 5)
    card(nb, "Letter 3").scroll_into_view_if_needed()
    third, fourth = card(nb, "Letter 3").evaluate(HEIGHT), card(nb, "Letter 4").bounding_box()
    focus(nb, "Letter 3")
    page.page.keyboard.press("a")
    until_focused(nb, "Letter 4")
    nb.until(3, "SENT approve")
    nb.until_kernel()
    until_focused(nb, "Letter 4")
    moved = fourth["y"] - card(nb, "Letter 4").bounding_box()["y"]
    folded = nb.page.locator(".jp-hitl-decided").filter(has_text="Letter 3").evaluate(HEIGHT)
    assert -1 <= moved <= third - folded + 1
    live = page.page.locator(".jp-hitl-said")
    live.get_by_text("Approved. 4 more wait in this notebook.").wait_for(state="attached")
    page.page.keyboard.press("j")
    until_focused(nb, "Letter 5")
    page.page.keyboard.press("k")
    until_focused(nb, "Letter 4")
    page.page.keyboard.press("k")
    until_focused(nb, "Letter 2")
    page.page.keyboard.press("Escape")
    until(page.page, "() => document.activeElement.classList.contains('jp-Cell')")
    assert page.page.evaluate(PLACE)["mode"] == "command"
    nb.close()


def test_a_held_key_decides_one(page: Page, lab: Lab) -> None:
    """A21: held A."""
    nb = letters(page, "held.ipynb", 3)
    focus(nb, "Letter 1")
    for _ in range(10):
        page.page.keyboard.down("a")  # from the second on it is a repetition
    until_focused(nb, "Letter 2")
    nb.page.wait_for_timeout(450)
    for _ in range(10):
        page.page.keyboard.down("a")
    page.page.keyboard.up("a")
    nb.until(1, "SENT approve")
    assert [p.title for p in list_waiting(lab, "held.ipynb")] == ["Letter 2", "Letter 3"]
    nb.close()


def test_keys_in_fields(page: Page) -> None:
    """A8, and Ctrl Enter, Shift Enter and Escape in a field."""
    nb = letters(page, "fields.ipynb", 1)
    type_over(card(nb, "Letter 1"), "Dear 1")
    page.page.keyboard.press("Shift+Enter")
    page.page.keyboard.type("hello")
    editor = card(nb, "Letter 1").locator(".jp-hitl-value .cm-content").first
    assert editor.inner_text().split("\n") == ["Dear 1", "hello"]
    page.page.keyboard.press("Control+Enter")
    assert page.page.evaluate("() => document.activeElement.classList.contains('jp-mod-primary')")
    editor.click()
    page.page.keyboard.press("Tab")
    assert not page.page.evaluate("() => !!document.activeElement.closest('.cm-editor')")
    assert editor.inner_text().split("\n") == ["Dear 1", "hello"]
    editor.click()
    page.page.keyboard.press("Escape")
    assert page.page.evaluate("() => document.activeElement.matches('article.jp-hitl-card')")
    page.page.keyboard.press("Escape")
    assert page.page.evaluate("() => document.activeElement.classList.contains('jp-Cell')")
    nb.close()


def test_the_decision_bar_stays_in_the_window_and_covers_nothing(page: Page) -> None:
    """A9."""
    nb = page.open("long.ipynb", LOAD, LONG)
    nb.run_all()
    card(nb, "Long letter").wait_for()
    nb.until_kernel()
    bar = card(nb, "Long letter").locator(".jp-hitl-decision-bar")
    focus(nb, "Long letter")
    page.page.keyboard.press("a")
    page.page.locator(".jp-hitl-said").get_by_text("Read to the end, then press A again").wait_for()
    try:
        for width, height, sticky in [(1280, 800, True), (640, 400, False)]:
            page.page.set_viewport_size({"width": width, "height": height})
            card(nb, "Long letter").evaluate("card => card.scrollIntoView({ block: 'start' })")
            if sticky:
                box = bar.bounding_box()
                assert box["y"] + box["height"] <= height
            else:
                assert bar.bounding_box()["y"] > height
            covered = page.page.evaluate(
                """() => {
                  const card = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card');
                  const bar = card.querySelector('.jp-hitl-decision-bar');
                  const controls = [...card.querySelectorAll('button, input, textarea, .cm-content')];
                  return controls.filter(one => !bar.contains(one) && one.offsetParent).filter(one => {
                    one.focus();
                    const [at, over] = [one.getBoundingClientRect(), bar.getBoundingClientRect()];
                    return at.height < 400 && at.bottom > over.top + 1 && at.top < over.bottom - 1;
                  }).map(one => one.outerHTML.slice(0, 80));
                }"""
            )
            assert covered == []
    finally:
        page.page.set_viewport_size({"width": 1280, "height": 800})
    focus(nb, "Long letter")
    page.page.keyboard.press("a")
    nb.until(1, "SENT")
    nb.close()


def test_the_notebook_is_saved_when_an_agent_pauses(page: Page) -> None:
    """A11."""
    letters(page, "saved.ipynb", 1)
    until(page.page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    again = page.show("saved.ipynb")
    card(again, "Letter 1").wait_for()
    button(card(again, "Letter 1"), "Approve").click()
    again.until(1, "SENT approve")
    until(page.page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    again.close()


def test_a_decision_of_somebody_else_leaves_the_window_alone(page: Page, second: Page, lab: Lab) -> None:
    """A3."""
    # The card is above the cell in which the other person types: what it loses in height must not move that cell.
    nb = page.open("quiet.ipynb", LOAD, *["print()"] * 5, LETTER.format(1), *["print()"] * 20)
    nb.run(0)
    nb.until_ran(0)
    nb.run(6)
    card(nb, "Letter 1").wait_for()
    until(page.page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    other = second.show("quiet.ipynb")
    card(other, "Letter 1").wait_for()
    # The window of the one who decides does not run the cell: the other one has to.
    second.page.route("**/hitl_nb/api/runs/*/resume*", refuse)
    nb.cell(12).locator(".cm-content").click()
    page.page.keyboard.type("here = ")
    before = page.page.evaluate(PLACE)
    assert before["mode"] == "edit"
    button(card(other, "Letter 1"), "Approve").click()
    nb.until(6, "SENT approve")
    nb.until_kernel()
    page.page.keyboard.type("1")
    after = page.page.evaluate(PLACE)
    assert after["top"] == pytest.approx(before["top"], abs=1)
    assert {**after, "top": 0, "scroll": 0} == {**before, "top": 0, "scroll": 0}
    assert "here = 1" in nb.cell(12).locator(".cm-content").inner_text()
    second.page.unroute("**/hitl_nb/api/runs/*/resume*")
    nb.close()


def test_twenty_cards_in_one_notebook_need_two_websockets(page: Page, lab: Lab) -> None:
    """One for the live feed, and one for all drafts, also while several cards are edited."""
    opened: list[Any] = []
    page.page.on("websocket", lambda socket: opened.append(socket) if "/hitl_nb/api/" in socket.url else None)
    page.load()  # the feed's is opened as soon as JupyterLab starts
    nb = page.open("twenty.ipynb", LOAD, MANY)
    nb.run(0)
    nb.until_ran(0)
    nb.run(1)
    until(page.page, f"{OPEN_CARDS} >= 20")
    nb.until_kernel()
    view = page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    assert view.evaluate(BETWEEN_CARDS) == [True, False]  # no second bar lies on the head of its card
    for number in (20, 1):
        type_over(card(nb, f"Letter {number}").first, "Dear Ann")
    until_kept(lab, "twenty.ipynb", "Dear Ann")
    paths = sorted(socket.url.split("/hitl_nb/api/")[1].split("?")[0] for socket in opened)
    assert (paths, [socket.is_closed() for socket in opened]) == (["drafts/rooms", "feed"], [False, False])
    nb.close()
