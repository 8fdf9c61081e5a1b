"""HTML that a trusted cell of a real JupyterLab displays decides with the reviewer's session, but never unmarked.

The attacker is script in a cell's output: JupyterLab runs it in its own page, with all rights of that page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from lab import Lab, Page
from letters import LOAD, agent, card, eventually, ledger, list_waiting
from people import PASSWORD, PEOPLE
from test_apart import REACH, WATCH

from hitl_nb import settings
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.decisions.reviewers import SHARED_WINDOW_NOTE, format_decider
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

DECIDE = """const decide = async (asked, pass) => (await fetch(`/hitl_nb/api/proposals/${asked.id}/decision`, {
    method: 'POST', body: JSON.stringify({action: 'approve', revision: asked.revision, fingerprint: asked.fingerprint}),
    headers: { 'Content-Type': 'application/json', 'X-Hitl-Page': pass,
        'X-XSRFToken': /_xsrf=([^;]*)/.exec(document.cookie)[1] } })).status;"""
FORM = """asked => new Promise(done => {
    const frame = document.createElement('iframe');
    frame.name = 'posted';
    document.body.append(frame);
    const form = document.body.appendChild(document.createElement('form'));
    Object.assign(form, { method: 'post', enctype: 'text/plain', target: 'posted',
        action: `/hitl_nb/api/proposals/${asked.id}/decision?_xsrf=${/_xsrf=([^;]*)/.exec(document.cookie)[1]}` });
    const field = form.appendChild(document.createElement('input'));
    const body = JSON.stringify({action: 'approve', revision: 1, fingerprint: asked.fingerprint});
    field.name = body.slice(0, -1) + ',"x":"';
    field.value = '"}';
    frame.onload = () => done('answered');
    form.submit();
})"""
WORKER = """async () => {
    try {
        await navigator.serviceWorker.register('/files/worker.js', { scope: '/' });
        return 'registered';
    } catch (refused) {
        return refused.name;
    }
}"""


class LoggedIn(Page):
    """JupyterLab in the browser of somebody who logged in by name."""

    def load(self) -> None:
        context = self.page.context
        self.page.goto(f"{self.lab.url}/login")
        xsrf = next(one["value"] for one in context.cookies() if one["name"] == "_xsrf")
        form = {"password": PASSWORD, "username": "ann", "_xsrf": xsrf}
        context.request.post(f"{self.lab.url}/login", form=form, max_redirects=0)
        self.page.goto(f"{self.lab.url}/lab?reset")
        self.until_loaded()


@pytest.fixture(scope="module")
def team(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    state = tmp_path_factory.mktemp("state")
    (state / "config").mkdir()
    (state / "config" / "jupyter_server_config.py").write_text(PEOPLE)
    server = Lab(tmp_path_factory.mktemp("notebooks"), state)
    yield server
    server.close()


def ask_question(lab: Lab, agent_name: str) -> Proposal:
    log = ledger(lab)
    _, claim = log.runs.open(agent=agent_name, notebook=str(lab.folder / "elsewhere.ipynb"))
    return log.runs.pause(claim, Snapshot(envelope=b"state"), [build_question("Dear Ann", title="Letter")]).proposals[0]


def who(log: Ledger, p: Proposal) -> str:
    decided = log.proposals.load(p.id)
    assert decided.decision is not None
    return format_decider(decided.decision, log.reviewers.identify(decided))


def test_script_in_an_output_decides_nothing_that_reads_like_a_person_in_the_page(
    browser: Any, team: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Path(team.env["JUPYTER_DATA_DIR"], "hitl_nb", "server_key.pub").read_text().strip()
    monkeypatch.setenv(settings.SERVER_KEY.name, key)
    (team.folder / "worker.js").write_text("addEventListener('fetch', event => {});")
    of_way = {way: ask_question(team, way.replace(" ", "-")) for way in (*REACH, "form")}
    shown = {way: {"id": p.id, "revision": p.revision, "fingerprint": p.fingerprint} for way, p in of_way.items()}
    attack = f"""<script>(async () => {{
        window.reach = undefined; {WATCH}
        {DECIDE}
        const all = {json.dumps(shown)}, told = {{}};
        {
        "".join(
            f'''told[{way!r}] = await ({reach})('/hitl_nb/review/' + all[{way!r}].id).catch(String);
            told[{way!r}] = [/data-pass="([^"]*)"/.exec(told[{way!r}])?.[1] ?? ''];
            told[{way!r}].push(await decide(all[{way!r}], told[{way!r}][0]));'''
            for way, reach in REACH.items()
        )
    }
        told.form = await ({FORM})(all.form);
        told.worker = await ({WORKER})();
        const buttons = [...document.querySelectorAll('.jp-hitl-card button')];
        buttons.find(one => one.textContent.startsWith('Approve')).click();
        window.told = told;
    }})().catch(broken => window.told = {{ broken: String(broken) }})</script>"""
    window = LoggedIn(browser.new_context(viewport={"width": 1300, "height": 1400}).new_page(), team)
    nb = window.open("attack.ipynb", LOAD, agent("attack.txt"), f"from IPython.display import HTML; HTML({attack!r})")
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    (clicked,) = list_waiting(team, "attack.ipynb")
    nb.run(2)
    told = eventually(lambda: nb.page.evaluate("window.told"), nb.page)

    assert {way: told[way] for way in REACH} == {way: ["", 200] for way in REACH}
    assert told["worker"] == "SecurityError"
    assert told["form"] == "answered"
    log = ledger(team)
    assert log.proposals.load(of_way["form"].id).status == "open"
    for way in REACH:
        assert who(log, of_way[way]) == f"Ann (ann), logged in{SHARED_WINDOW_NOTE}"
    eventually(lambda: log.proposals.load(clicked.id).decision, nb.page)
    assert who(log, clicked) != "Ann (ann), logged in"
    nb.close()
