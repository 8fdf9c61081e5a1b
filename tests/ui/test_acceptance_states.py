"""The card in each of its states, in one page: nothing for axe in three themes, and all of it within reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe import THEMES, needs_axe, violations
from lab import Lab, Page, shot, until
from letters import button
from phone import PHONE, TARGETS, fits
from states import NOTEBOOK, SOCKETS, States, card_of, until_drawn, until_state

from hitl_nb.records import Proposal
from tests.freeport import find_free_port

pytestmark = [pytest.mark.ui, pytest.mark.slow]

CARDS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-pause"
INBOX = "#hitl-nb-inbox"
OPEN = ["open", "suggestion", "edited", "invalid", "invalid-table", "doubt", "vote", "voted", "settling", "blocked"]
"""States in which something can be decided or written."""

STICKS_OUT = """([selector, width]) => [...document.querySelectorAll(selector)].flatMap(root => {
  root.style.width = `${width}px`;
  const edge = root.getBoundingClientRect().right + 1;
  const isCut = node => {
    for (let at = node.parentElement; at !== root.parentElement; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== 'visible' && at !== root) return true;
    }
    return false;
  };
  return [root, ...root.querySelectorAll('*')].filter(node => node.getClientRects().length > 0).filter(node =>
    node === root
      ? node.scrollWidth > node.clientWidth + 1
      : (node.getBoundingClientRect().right > edge && !isCut(node)) ||
        (node.scrollWidth > node.clientWidth + 1 && SCROLLS(node))
  ).map(node => node.outerHTML.slice(0, 160));
})""".replace(
    "SCROLLS(node)",
    "/auto|scroll/.test(getComputedStyle(node).overflowX) && !node.closest('[role=grid], .cm-scroller, pre, table')"
    " && !node.matches('.jp-hitl-table-scroll, :has(> table)')",
)
"""What makes a card or panel of a width scroll sideways, or sticks out of it. Tables and code scroll by themselves."""

MARK_CONTROLS = """card => {
  const all = card.querySelectorAll('button, a[href], input, select, textarea, summary, [contenteditable="true"]');
  const controls = [...all].filter(one => one.getClientRects().length > 0 && !one.disabled)
    .filter(one => !one.closest('[role=grid], [role=menu]'))
    .filter(one => one.type !== 'radio' || one.name !== all[[...all].indexOf(one) - 1]?.name);
  controls.forEach((one, i) => { one.dataset.control = i; });
  return controls.map(one => one.getAttribute('aria-label') || one.innerText || one.outerHTML.slice(0, 80));
}"""
"""Numbers the controls of a card, the first radio button of a group for all of it, and returns their names."""

FOCUSED = """id => {
  const at = document.activeElement;
  const card = at?.closest('article')?.dataset.proposal;
  return card === id ? at.closest('[data-control]')?.dataset.control ?? '' : null;
}"""
"""The number of the control with the focus; "" for another place of the card, null for one outside of it."""

MOVING = """() => [...document.querySelectorAll('.jp-hitl-root, .jp-hitl-root *')].filter(node => {
  const { transitionDuration, animationName, animationDuration } = getComputedStyle(node);
  return /[1-9]/.test(transitionDuration) || (animationName !== 'none' && /[1-9]/.test(animationDuration));
}).length"""
"""The number of elements that would not change at once."""


@pytest.fixture(scope="module")
def states(lab: Lab) -> Iterator[States]:
    prepared = States(lab)
    yield prepared
    prepared.close()


@pytest.fixture(scope="module")
def page(browser: Any, lab: Lab, states: States) -> Page:
    """A window that shows all cards at once, beside them the inbox with the card whose cell is gone."""
    context = browser.new_context(viewport={"width": 1500, "height": 9000})
    context.add_init_script(f"({SOCKETS})({find_free_port()})")
    shown = Page(context.new_page(), lab)
    shown.show(NOTEBOOK)
    window = shown.page
    until_drawn(window, states)
    orphaned = states.of["orphaned"].id
    window.evaluate("id => window.jupyterapp.commands.execute('hitl-nb:open-inbox', { proposal: id })", orphaned)
    window.locator(INBOX).get_by_text("Cell is gone").wait_for()
    states.reach(window)
    return shown


def names_of(window: Any, p: Proposal) -> tuple[str, str, float]:
    """The word and the icon of a decided card, and its height."""
    card = card_of(window, p)
    word = card.locator(".jp-hitl-state").first.inner_text()
    icon = card.locator(".jp-hitl-badge path").first.get_attribute("d")
    return word, str(icon), card.bounding_box()["height"]


@needs_axe
def test_axe_finds_nothing_in_any_state_and_theme(page: Page, states: States) -> None:
    """A23. Without a connection first, and what was decided then is told afterwards."""
    window = page.page
    window.evaluate("() => window.cut()")
    until_state(card_of(window, states.of["open"]), "Not connected")
    wrong: list[str] = []
    for theme in THEMES:
        page.theme(theme)
        wrong += [f"{theme}, not connected: {one}" for one in violations(window, CARDS)]
    states.decide_while_typing(window)
    until_state(card_of(window, states.of["open"]), "Your decision")
    for theme in reversed(THEMES):
        wrong += [f"{theme}: {one}" for one in violations(window, f"{CARDS}, {INBOX}")]
        shot(window, f"states-{theme.lower().replace(' ', '-')}")
        if theme != THEMES[0]:
            page.theme(THEMES[THEMES.index(theme) - 1])
    assert not wrong, "\n".join(wrong)
    assert "Anonymous" not in window.locator("body").inner_text()  # A22
    shown = window.locator(f":is({CARDS}, {INBOX}) article").evaluate_all(
        "cards => cards.map(one => one.dataset.state ?? one.dataset.kind)"
    )
    open_states = {"open", "edited", "invalid", "doubt", "vote", "voted", "settling", "blocked", "stuck", "orphaned"}
    assert open_states | {"approved", "edited", "rejected", "answered", "expired", "superseded"} <= set(shown)


def test_a_decided_card_is_two_lines_and_its_kind_has_a_name_and_an_icon_of_its_own(page: Page, states: States) -> None:
    """A17."""
    kinds = [names_of(page.page, states.of[n]) for n in ("approved", "decided-with-edits", "rejected", "answered")]
    words, icons, heights = zip(*kinds, strict=True)
    assert words == ("Approved", "Approved with edits", "Rejected", "Answered")
    assert len(set(icons)) == 4
    assert max(heights) <= 60


def test_every_control_is_reached_by_tab(page: Page, states: States) -> None:
    """A23."""
    window = page.page
    missed: dict[str, list[str]] = {}
    for name in OPEN:
        card = card_of(window, states.of[name])
        controls = card.evaluate(MARK_CONTROLS)
        assert controls, name
        card.focus()
        reached: set[str] = set()
        for _ in range(3 * len(controls)):
            window.keyboard.press("Tab")
            at = window.evaluate(FOCUSED, states.of[name].id)
            if at is None:
                break
            reached.add(at)
        left = [control for i, control in enumerate(controls) if str(i) not in reached]
        missed |= {name: left} if left else {}
    assert missed == {}


def test_nothing_scrolls_sideways_in_a_narrow_card_or_panel(page: Page, states: States) -> None:
    """A23: cards of 400 px, and a panel of 320 px."""
    window = page.page
    for selector, width in [(CARDS, 400), (f"{INBOX} .jp-hitl-inbox", 320)]:
        window.evaluate(STICKS_OUT, [selector, width])
        window.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert window.evaluate(STICKS_OUT, [selector, width]) == []
    shot(window.locator(INBOX), "inbox-320")
    window.locator(INBOX).get_by_role("button", name="Back", exact=True).click()
    window.locator(INBOX).get_by_role("option").first.wait_for()
    window.locator(f"{INBOX} .jp-hitl-item input:enabled").first.click()
    window.locator(INBOX).get_by_role("toolbar").wait_for()
    assert window.evaluate(STICKS_OUT, [f"{INBOX} .jp-hitl-inbox", 320]) == []
    shot(window.locator(CARDS).first, "card-400")
    window.evaluate("all => document.querySelectorAll(all).forEach(one => { one.style.width = '' })", CARDS)


def test_nothing_moves_for_who_wants_less_motion(page: Page) -> None:
    """A29."""
    window = page.page
    assert window.evaluate(MOVING) > 0
    window.emulate_media(reduced_motion="reduce")
    assert window.evaluate(MOVING) == 0
    window.emulate_media(reduced_motion="no-preference")


def test_an_open_suggestion_is_asked_about(page: Page, states: States) -> None:
    """A19."""
    window, p = page.page, states.of["suggestion"]
    card = card_of(window, p)
    button(card, "Approve").click()
    asked = window.get_by_role("dialog", name="1 suggestion is open")
    asked.get_by_text("very sorry").wait_for()
    assert states.ledger.proposals.load(p.id).status == "open"
    button(asked, "Approve without them").click()
    card.get_by_text("Approved", exact=True).wait_for()
    decision = states.ledger.proposals.load(p.id).decision
    assert decision is not None
    assert (decision.action, decision.value) == ("approve", None)


@needs_axe
def test_every_state_fits_a_phone_and_a_finger(browser: Any, lab: Lab, page: Page, states: States) -> None:
    """A23: targets of 44 px, nothing scrolls sideways; A22 too. The phone is another person's."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    window = context.new_page()
    for name, p in states.of.items():
        window.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
        window.locator(f'article[data-proposal="{p.id}"]').wait_for()
        until(window, "() => document.querySelector('.jp-hitl-value[aria-busy=\"true\"]') === null")
        assert window.evaluate(TARGETS) == [], name
        assert fits(window), name
        assert violations(window, ".jp-hitl-page") == [], name
        assert "Anonymous" not in window.locator("body").inner_text(), name
        window.set_viewport_size({"width": 320, "height": 700})
        assert fits(window), name
        window.set_viewport_size(PHONE)
    context.close()
