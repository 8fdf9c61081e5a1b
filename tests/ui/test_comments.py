"""Two people at one draft: what they say about it, what they suggest, and how it came about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe import needs_axe, violations_in_themes
from lab import PICTURES, Lab, Page, shot
from letters import button, card, eventually, ledger, list_waiting

from hitl_nb.drafts.draft import Draft

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
AGENT = """%%agent writer
decision = hitl.checkpoint("Dear Ann,\\n\\nwe are sorry for the delay, and refund 50 EUR.\\n\\nThe shop", title="TITLE")
print(decision.action)
"""


@pytest.fixture(scope="module")
def other(browser: Any, lab: Lab) -> Iterator[Page]:
    """Somebody else's browser."""
    context = browser.new_context(viewport={"width": 1300, "height": 1400})
    yield Page(context.new_page(), lab)
    context.close()


def open_paused(page: Page, title: str, *, kind: str = "") -> Any:
    """A notebook whose agent waits, and its card."""
    agent = AGENT.replace("TITLE", title).replace('title="', f'kind="{kind}", title="' if kind else 'title="')
    nb = page.open(f"{title}.ipynb", LOAD, agent)
    nb.run_all()
    shown = card(nb, title)
    shown.wait_for()
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    shown.get_by_role("button", name="Colour by author").wait_for()
    return shown


def select(shown: Any, text: str) -> None:
    """Select a text in a card's editor that stands there once, as a person does with the keyboard."""
    box = shown.locator(".jp-hitl-text .cm-content")
    said = says(shown)
    box.click()
    box.press("Control+Home")
    for _ in range(said.index(text)):
        box.press("ArrowRight")
    for _ in text:
        box.press("Shift+ArrowRight")


def says(shown: Any) -> str:
    return "\n".join(line.strip("\n") for line in shown.locator(".jp-hitl-text .cm-line").all_inner_texts())


def marked_texts(shown: Any) -> list[str]:
    return list(shown.locator("mark.jp-hitl-remark").all_inner_texts())


def test_a_comment_moves_with_its_text_and_the_other_answers_and_resolves(page: Page, other: Page, lab: Lab) -> None:
    mine = open_paused(page, "refund")
    other.show("refund.ipynb")
    theirs = card(other.page, "refund")
    theirs.get_by_role("button", name="Colour by author").wait_for()

    select(mine, "50 EUR")
    shot(mine, "comments-selection")
    mine.locator(".jp-hitl-text .cm-content").press("Control+Alt+m")
    page.page.keyboard.type("Is that the whole price?")
    button(mine, "Comment").click()
    theirs.get_by_text("Is that the whole price?").wait_for()
    assert marked_texts(theirs) == ["50 EUR"]

    box = theirs.locator(".jp-hitl-text .cm-content")
    box.click()
    box.press("Control+Home")
    other.page.keyboard.type("Good day!\n")
    eventually(lambda: says(mine).startswith("Good day!\nDear Ann"), page.page)
    assert marked_texts(mine) == ["50 EUR"]

    button(theirs, "Reply").click()
    other.page.keyboard.type("Yes, without postage.")
    button(theirs, "Send").click()
    mine.get_by_text("Yes, without postage.").wait_for()
    mine.locator("mark.jp-hitl-remark").click()
    mine.locator(".jp-hitl-thread.jp-mod-chosen").wait_for()
    shot(page.page, "comments-thread")
    button(mine, "Resolve").click()
    theirs.get_by_text("Resolved by").wait_for()
    eventually(lambda: marked_texts(theirs) == [], other.page)
    shot(theirs, "comments-resolved")
    (p,) = list_waiting(lab, "refund.ipynb")
    said, answer = ledger(lab).comments.list_on_document(p.id)
    assert (said.quote, said.state, answer.thread) == ("50 EUR", "resolved", said.id)
    assert said.anchor is not None


def test_a_suggestion_is_accepted_by_the_other_and_a_text_that_is_gone_is_struck(
    page: Page, other: Page, lab: Lab
) -> None:
    mine = open_paused(page, "suggest", kind="markdown")
    other.show("suggest.ipynb")
    theirs = card(other.page, "suggest")
    theirs.get_by_role("button", name="Colour by author").wait_for()

    select(theirs, "are sorry for")
    button(theirs, "Suggest a change").click()
    other.page.keyboard.type("apologise for")
    button(theirs, "Suggest").click()
    mine.locator(".jp-hitl-suggestion ins").wait_for()
    shot(mine, "comments-suggestion")
    button(mine, "Accept").click()
    theirs.get_by_text("Accepted by").wait_for()
    eventually(lambda: "we apologise for the delay" in says(theirs), other.page)
    assert says(theirs) == says(mine)

    select(theirs, "The shop")
    button(theirs, "Comment on the selection").click()
    other.page.keyboard.type("Which one?")
    button(theirs, "Comment").click()
    mine.get_by_text("Which one?").wait_for()
    select(mine, "The shop")
    page.page.keyboard.press("Delete")
    mine.get_by_text("The text it was about is gone.").wait_for()
    theirs.get_by_text("The text it was about is gone.").wait_for()
    shot(theirs, "comments-gone")


def test_people_are_called_by_their_names(page: Page, other: Page, lab: Lab) -> None:
    mine = open_paused(page, "mention")
    other.show("mention.ipynb")
    theirs = card(other.page, "mention")
    button(theirs, "Comments: none open").click()
    field = theirs.get_by_label("Your comment", exact=True)
    field.fill("I have looked.")
    button(theirs, "Comment").click()
    mine.get_by_text("I have looked.").wait_for()
    field = mine.get_by_label("Your comment", exact=True)
    field.click()
    page.page.keyboard.type("And now? @")
    offered = mine.get_by_role("option")
    offered.first.wait_for()
    shot(mine, "comments-mention")
    me = other.page.evaluate("() => window.jupyterapp.serviceManager.user.identity.username")
    offered.filter(has_text=me).click()
    button(mine, "Comment").click()
    theirs.get_by_text("mentions you").wait_for()
    (p,) = list_waiting(lab, "mention.ipynb")
    assert ledger(lab).comments.list_on_document(p.id)[1].mentions == (me,)


def test_the_past_is_shown_with_its_authors(page: Page, other: Page, lab: Lab) -> None:
    mine = open_paused(page, "past")
    other.show("past.ipynb")
    theirs = card(other.page, "past")
    theirs.get_by_role("button", name="Colour by author").wait_for()
    for shown, window, text in ((mine, page.page, "Mine. "), (theirs, other.page, "Theirs. ")):
        box = shown.locator(".jp-hitl-text .cm-content")
        box.click()
        box.press("Control+Home")
        window.keyboard.type(text)
        eventually(lambda text=text: text in says(mine), page.page)
    (p,) = list_waiting(lab, "past.ipynb")
    draft = Draft.for_proposal(ledger(lab).store, p)
    eventually(lambda: "Theirs." in draft.read_value(), page.page)

    button(mine, "Colour by author").click()
    coloured = mine.locator(".jp-hitl-text .jp-hitl-author")
    coloured.first.wait_for()
    eventually(lambda: coloured.all_inner_texts()[:2] == ["Theirs. ", "Mine. "], page.page)
    button(mine, "History").click()
    slider = mine.get_by_label("Moment")
    slider.wait_for()
    past = mine.locator(".jp-hitl-history .cm-content")
    eventually(lambda: past.inner_text().startswith("Theirs. Mine. Dear Ann"), page.page)
    shot(mine, "history-end")
    slider.focus()
    slider.press("Home")
    mine.get_by_text("Empty: before anything was written").wait_for()
    slider.press("ArrowRight")
    mine.get_by_text("Proposed by writer (agent)").wait_for()
    eventually(lambda: past.inner_text().startswith("Dear Ann"), page.page)
    while not (before := past.inner_text()).startswith("Mine"):  # a busy window sends several letters at once
        slider.press("ArrowRight")
        eventually(lambda before=before: past.inner_text() != before, page.page)
    assert "Dear Ann" in past.inner_text()
    assert "Theirs" not in past.inner_text()
    shot(mine, "history-middle")


def test_the_phone_shows_the_same(page: Page, lab: Lab, browser: Any) -> None:
    mine = open_paused(page, "phone")
    select(mine, "50 EUR")
    button(mine, "Suggest a change").click()
    page.page.keyboard.type("60 EUR, as agreed on the phone with the very patient customer")
    button(mine, "Suggest").click()
    mine.locator(".jp-hitl-suggestion ins").wait_for()
    (p,) = list_waiting(lab, "phone.ipynb")
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    complaints: list[str] = []
    phone.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    phone.on("pageerror", lambda error: complaints.append(str(error)))
    phone.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
    shown = phone.locator(".jp-hitl-card")
    button(shown, "Colour by author").tap()
    button(shown, "History").tap()
    shown.get_by_label("Moment").wait_for()
    shown.locator(".jp-hitl-text .jp-hitl-author").first.wait_for()
    phone.screenshot(path=PICTURES / "comments-phone.png", full_page=True)
    scrolls = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not phone.evaluate(scrolls)
    shown.locator(".jp-hitl-comments-toggle").tap()
    button(shown, "Accept").tap()
    mine.get_by_text("Accepted by").wait_for()
    eventually(lambda: "refund 60 EUR, as agreed" in says(mine), page.page)
    context.close()
    assert complaints == []


@needs_axe
def test_axe_finds_nothing(page: Page, lab: Lab) -> None:
    mine = open_paused(page, "axe", kind="markdown")
    select(mine, "50 EUR")
    button(mine, "Suggest a change").click()
    page.page.keyboard.type("60 EUR")
    button(mine, "Suggest").click()
    mine.locator(".jp-hitl-suggestion ins").wait_for()
    select(mine, "the delay")
    button(mine, "Comment on the selection").click()
    page.page.keyboard.type("look, @")
    mine.get_by_role("option").first.wait_for()
    button(mine, "Colour by author").click()
    button(mine, "History").click()
    mine.get_by_label("Moment").wait_for()
    opened = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card"
    assert violations_in_themes(page, opened, lambda theme: shot(mine, f"comments-{theme}")) == []
