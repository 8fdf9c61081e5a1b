"""Script of the server's origin, as in a notebook's HTML, decides with the session, but never as the page of its own.

The attacker is script in another page of the server: it has all that the HTML of a trusted output in JupyterLab has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from hitl_nb_server import Server
from letters import button
from people import PASSWORD, PEOPLE, approval, start_server

from hitl_nb import settings
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.records import Proposal

pytestmark = [pytest.mark.ui, pytest.mark.slow]

REACH = {
    "fetch": "async page => (await fetch(page)).text()",
    "frame": """page => new Promise(done => {
        const frame = document.body.appendChild(document.createElement('iframe'));
        frame.onload = () => done(frame.contentDocument?.documentElement.outerHTML ?? '');
        frame.src = page;
    })""",
    "object": """page => new Promise(done => {
        const one = document.body.appendChild(document.createElement('object'));
        one.onload = () => done(one.contentDocument?.documentElement.outerHTML ?? '');
        one.onerror = () => done('');
        one.type = 'text/html';
        one.data = page;
    })""",
    "window": """async page => {
        const opened = window.open(page, 'reach');
        return await window.reach(opened);
    }""",
    "window of its own first": """async page => {
        const opened = window.open('', 'reach');
        opened.document.body.textContent = 'mine';
        opened.location = page;
        return await window.reach(opened);
    }""",
}
"""Ways for script to get the page's HTML."""
WATCH = """window.reach = async opened => {
    for (;;) {
        let text = '';
        try {
            if (opened.closed) return '';  // what it looks like when it was taken away
            text = opened.document.getElementById('hitl-page')?.outerHTML ?? '';
        } catch (refused) {
            return '';
        }
        if (text) return text;
        await new Promise(done => setTimeout(done, 5));
    }
}"""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE)


@pytest.fixture
def window(browser: Any, team: Server) -> Iterator[Any]:
    """Ann's browser, logged in, with another page of the server in it, where script of somebody else runs."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{team.port}/login")
    xsrf = next(one["value"] for one in context.cookies() if one["name"] == "_xsrf")
    form = {"password": PASSWORD, "username": "ann", "_xsrf": xsrf}
    context.request.post(f"http://127.0.0.1:{team.port}/login", form=form, max_redirects=0)
    page.goto(f"http://127.0.0.1:{team.port}/login?here")
    page.evaluate(WATCH)
    yield page
    context.close()


def who(team: Server, p: Proposal) -> str:
    decided = team.ledger.proposals.load(p.id)
    assert decided.decision is not None
    return format_decider(decided.decision, team.ledger.reviewers.identify(decided))


@pytest.fixture(autouse=True)
def _trust_server_key(team: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SERVER_KEY.name, team.public_key())


@pytest.mark.parametrize("way", REACH)
def test_script_of_another_page_gets_no_pass_and_its_decision_is_marked(team: Server, window: Any, way: str) -> None:
    (p,) = team.pause_run("Dear Ann", agent=f"reach-{way.replace(' ', '-')}")
    got = window.evaluate(REACH[way], f"/hitl_nb/review/{p.id}")
    assert "data-pass" not in got or 'data-pass=""' in got
    decide = """async ([id, body, pass]) => (await fetch(`/hitl_nb/api/proposals/${id}/decision`, {
        method: 'POST', body: JSON.stringify(body), headers: {
            'Content-Type': 'application/json', 'X-Hitl-Page': pass,
            'X-XSRFToken': /_xsrf=([^;]*)/.exec(document.cookie)[1] } })).status"""
    assert window.evaluate(decide, [p.id, approval(p), "2|1:0|10:1|12:hitl_nb_page|4:YW5u|00"]) == 200
    assert who(team, p) == "Ann (ann), logged in, in a window where notebooks' HTML runs"


def test_what_a_person_decides_in_the_page_is_not_marked(team: Server, window: Any) -> None:
    (p,) = team.pause_run("Dear Ann", agent="person")
    alone = window.context.new_page()
    alone.goto(f"http://127.0.0.1:{team.port}/hitl_nb/review/{p.id}")
    button(alone.locator(".jp-hitl-card"), "Approve").click()
    decided = alone.locator(".jp-hitl-decided")
    decided.get_by_text("Approved", exact=True).wait_for()
    assert who(team, p) == "Ann (ann), logged in"
    assert decided.get_by_title("Ann (ann), logged in", exact=True).count() == 1
    assert "HTML runs" not in decided.inner_html()
