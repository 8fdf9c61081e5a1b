"""A workspace in JupyterLab: two people write along while the agent does, and say when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe import needs_axe, violations_in_themes
from lab import Lab, Page, shot
from letters import button, card, eventually, ledger, of

from hitl_nb.drafts.draft import Draft
from hitl_nb.records import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = """%load_ext hitl_nb
import pathlib
import time
import hitl_nb as hitl

def wait_for(gate):
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)

def section(title, words, gate):
    yield f"## {title}\\n\\n"
    for n in range(words):
        if n == 5:
            wait_for(gate)
        time.sleep(0.02)  # as a model does
        yield f"{title}{n} "
"""
AGENT = """%%agent writer
with hitl.workspace("Quarterly report", template="# Report\\n\\nBegun by the agent.") as doc:
    doc.append(section("First", 40, "FILE-1"))
    wait_for("FILE-2")
    for one in doc.comments(open=True):
        doc.append(f"As {one.author_name} said: {one.text}")
        doc.resolve(one)
    doc.append(section("Second", 40, "FILE-2"))
    decision = doc.wait_until_done()
    wait_for("FILE-3")
    doc.append(section("Last", 10, "FILE-3"))
    wait_for("FILE-4")
print(decision.action, len(doc.text))
"""


@pytest.fixture(scope="module")
def other(browser: Any, lab: Lab) -> Iterator[Page]:
    """Somebody else's browser."""
    context = browser.new_context(viewport={"width": 1300, "height": 2400})
    yield Page(context.new_page(), lab)
    context.close()


class Written:
    """A notebook whose agent writes; `open` lets it write on."""

    def __init__(self, page: Page, lab: Lab, name: str, agent: str = AGENT) -> None:
        self.lab = lab
        self.name = name
        self.nb = page.open(f"{name}.ipynb", LOAD, agent.replace("FILE", name))
        self.nb.run_all()
        workspace(self.nb).wait_for()
        page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")

    def open(self, gate: int) -> None:
        (self.lab.folder / f"{self.name}-{gate}").touch()

    @property
    def record(self) -> Workspace:
        log = ledger(self.lab)
        (run,) = log.runs.list_newest(notebook=of(self.lab, f"{self.name}.ipynb"))
        return log.workspaces.list_of_run(run.id)[0]

    def text(self) -> str:
        return str(Draft.for_workspace(ledger(self.lab).store, self.record).read_value())


def workspace(where: Any) -> Any:
    """The workspace in a cell's output of the notebook in front (a locator)."""
    return card(where, "Quarterly report").and_(getattr(where, "page", where).locator(".jp-mod-workspace")).first


def show(page: Page, name: str) -> None:
    """Open a notebook whose kernel is busy, so that nothing is waited for but the workspace."""
    page.page.evaluate(
        "path => { window.jupyterapp.commands.execute('docmanager:open', {path}) }",
        name,
    )
    workspace(page.page).wait_for()


def box(shown: Any) -> Any:
    return shown.locator('.jp-hitl-value:not([aria-busy="true"]) .jp-hitl-text .cm-content')


def says(shown: Any) -> str:
    """What an editor has; all lines of it are in sight."""
    return "\n".join(line.strip("\n") for line in box(shown).locator(".cm-line").all_inner_texts())


def read_printed(page: Any) -> str:
    """What the agent's cell has printed."""
    return "".join(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output pre").all_inner_texts())


def type_at(shown: Any, key: str, text: str) -> None:
    """Type where a key leads to, one letter after the other."""
    box(shown).click()
    box(shown).press(key)
    shown.page.keyboard.type(text, delay=15)


def test_people_write_while_the_agent_does_and_say_that_it_is_done(page: Page, other: Page, lab: Lab) -> None:
    written = Written(page, lab, "together")
    show(other, "together.ipynb")
    mine, theirs = workspace(page.page), workspace(other.page)
    theirs.get_by_text("The agent and people write").wait_for()
    mine.get_by_text("First2").wait_for()
    theirs.get_by_text("First2").wait_for()

    type_at(mine, "Control+Home", "Mine before. ")
    theirs.get_by_text("Mine before.").wait_for()
    box(theirs).click()
    box(theirs).press("Control+Home")
    box(theirs).press("End")
    written.open(1)
    mine.get_by_text("writer (agent) is writing …").wait_for()
    other.page.keyboard.type(" Theirs while it writes.", delay=40)
    shot(mine, "workspace-writing")
    mine.get_by_text("First39").wait_for()
    assert "Mine before. # Report Theirs while it writes.\n" in written.text()

    box(theirs).press("Control+Home")
    box(theirs).press("Shift+End")
    button(theirs, "Comment on the selection").click()
    other.page.keyboard.type("Say more about costs.")
    button(theirs, "Comment").click()
    mine.get_by_text("Say more about costs.").wait_for()
    button(mine, "Colour by author").click()
    shot(mine, "workspace-comment")
    assert "writer (agent)" in mine.get_by_label("Authors").inner_text()
    written.open(2)
    mine.get_by_text("Resolved by").wait_for()
    eventually(lambda: "Second39" in written.text(), page.page)
    assert "said: Say more about costs." in written.text()

    for shown in (mine, theirs):  # they were at work there, so nothing was taken from under their hands
        button(shown, "Decide").click()
    mine.get_by_text("Your decision").first.wait_for()
    assert box(mine).count() == 0
    asking = card(page.page, "This is the workspace that writer and people write").last
    theirs_asking = card(other.page, "This is the workspace that writer and people write").last
    button(asking, "Done").wait_for()
    assert button(asking, "Take all back").count() == 0
    type_at(asking, "Control+End", " Mine at the end.")
    box(theirs_asking).get_by_text("Mine at the end.").wait_for()
    shot(page.page, "workspace-asking")
    eventually(lambda: "Mine at the end." in written.text(), page.page)
    button(theirs_asking, "Done").click()

    eventually(lambda: written.record.status == "done", page.page)
    written.open(3)
    eventually(lambda: "Last9" in written.text(), page.page)
    workspace(page.page).get_by_text("The agent and people write").wait_for()
    type_at(workspace(page.page), "Control+Home", "Mine after. ")
    eventually(lambda: written.text().startswith("Mine after. Mine before."), page.page)
    written.open(4)
    closed = workspace(page.page)
    closed.get_by_text("Closed", exact=True).wait_for()
    shot(page.page, "workspace-closed")
    # One of the windows has executed the cell again, and has what it printed.
    eventually(lambda: any("edit " in read_printed(one.page) for one in (page, other)), page.page)
    final = written.text()
    for words in (
        *("Mine after. Mine before. # Report Theirs while it writes.\n\nBegun by the agent.\n\n## First",),
        *(f"{title}{n} " for title, count in (("First", 40), ("Second", 40), ("Last", 10)) for n in range(count)),
        *(" said: Say more about costs.", "Mine at the end."),
    ):
        assert final.count(words.strip()) >= 1, words


LONG = """%%agent writer
with hitl.workspace("Quarterly report", template="\\n".join(f"Line {n}" for n in range(200))) as doc:
    doc.append(section("First", 40, "FILE-1"))
    wait_for("FILE-2")
"""
PLACE = """async card => {
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const [line] = [...card.querySelectorAll('.cm-line')].filter(one => one.textContent.includes('Here I am'));
  return [line.getBoundingClientRect().top, card.querySelector('.cm-scroller').scrollTop].map(Math.round);
}"""


def place(shown: Any) -> list[int]:
    """Where on the screen the person's line is, and how far the editor is scrolled, once all is drawn."""
    return list(shown.evaluate(PLACE))


def test_nothing_moves_under_a_person(page: Page, other: Page, lab: Lab) -> None:
    written = Written(page, lab, "still", LONG)
    show(other, "still.ipynb")
    mine, theirs = workspace(page.page), workspace(other.page)
    box(theirs).wait_for()
    box(mine).click()
    box(mine).press("Control+End")
    page.page.keyboard.type("Here I am")
    eventually(lambda: "Here I am" in written.text(), page.page)
    before = place(mine)
    assert before[1] > 0
    written.open(1)
    eventually(lambda: "First39" in written.text(), page.page)
    box(mine).get_by_text("First39").wait_for()
    assert abs(place(mine)[0] - before[0]) < 3

    box(theirs).click()
    box(theirs).press("Control+Home")
    other.page.keyboard.type("Above\n" * 10)  # as fast as can be: several lines in a frame
    eventually(lambda: written.text().startswith("Above\n" * 10), page.page)

    def scrolled_along() -> bool:
        top, scrolled = place(mine)
        # By all ten lines, but for what CodeMirror lets go: less than a pixel of each.
        return scrolled > before[1] + 150 and abs(top - before[0]) < 10

    eventually(scrolled_along, page.page)
    page.page.keyboard.type(" still.")
    eventually(lambda: "Here I am still." in written.text(), page.page)

    box(mine).press("Control+End")
    written.open(2)
    workspace(page.page).get_by_text("Closed", exact=True).wait_for()


def test_it_is_written_in_the_inbox_and_on_a_page_of_its_own(page: Page, browser: Any, lab: Lab) -> None:
    written = Written(page, lab, "elsewhere")
    page.page.evaluate("() => { window.jupyterapp.commands.execute('hitl-nb:open-inbox') }")
    inbox = page.page.locator(".jp-hitl-inbox:visible")
    inbox.get_by_role("button", name="elsewhere.ipynb").click()
    live = inbox.locator(".jp-hitl-card.jp-mod-workspace")
    type_at(live, "Control+Home", "From the inbox. ")
    eventually(lambda: "From the inbox." in written.text(), page.page)
    shot(page.page, "workspace-inbox")

    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    phone.goto(f"{lab.url}/hitl_nb/workspace/{written.record.id}?token={lab.token}")
    there = phone.locator(".jp-hitl-card.jp-mod-workspace")
    type_at(there, "Control+Home", "From a phone. ")
    live.get_by_text("From a phone.").wait_for()
    written.open(1)
    there.get_by_text("First39").wait_for()
    shot(phone, "workspace-phone")
    written.open(2)
    there.get_by_text("writer asks whether it is done.").wait_for()
    shot(phone, "workspace-phone-asked-while-typing")
    button(phone, "Decide").click()
    button(phone, "Done").wait_for()
    shot(phone, "workspace-phone-asking")
    button(phone, "Done").click()
    eventually(lambda: written.record.status != "open" or not written.record.proposal, page.page)
    written.open(3)
    written.open(4)
    there.get_by_text("Closed", exact=True).wait_for()
    assert written.text().startswith("From a phone. From the inbox. # Report")
    phone.context.close()
    inbox.get_by_role("button", name="Back").click()


@needs_axe
def test_axe_finds_nothing(page: Page, lab: Lab) -> None:
    opened = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card"
    written = Written(page, lab, "axe")
    page.page.evaluate("() => { window.jupyterapp.commands.execute('hitl-nb:open-inbox') }")
    inbox = page.page.locator(".jp-hitl-inbox:visible")
    inbox.get_by_text("Workspaces (").wait_for()
    mine = workspace(page.page)
    button(mine, "Colour by author").click()
    button(mine, "History").click()
    mine.get_by_label("Moment").wait_for()
    both = f"{opened}, .jp-hitl-workspaces"
    found = violations_in_themes(page, both, lambda theme: shot(page.page, f"workspace-{theme}"))
    written.open(1)
    written.open(2)
    button(mine, "Decide").wait_for()
    found += violations_in_themes(page, opened)
    button(mine, "Decide").click()
    asking = card(page.page, "This is the workspace that writer and people write").last
    button(asking, "Done").wait_for()
    mine.get_by_text("in the card below").wait_for()  # and no second document
    assert found + violations_in_themes(page, opened) == []
