"""`hitl-nb inbox` and `show` of proposals that have terms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from hitl_nb.cli.app import app
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import requesters
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Proposal, Question, Snapshot, Terms
from hitl_nb.review import decide_from_text as deciding
from hitl_nb.storage import open_store
from tests.policies.casework import terms

Run = Callable[..., Result]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    for module in (requesters, deciding):
        monkeypatch.setattr(module, "os_user", lambda: "bo")
    return Ledger(open_store())


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="hitl-nb")


def ask(ledger: Ledger, *made_under: Terms | None, agent: str = "refunds", verdict: Any = "ask") -> list[Proposal]:
    _, claim = ledger.runs.open(agent=agent, notebook="/nb/a.ipynb")
    bare = [one and msgspec.structs.replace(one, policy="", identity="local") for one in made_under]
    plans = [Plan(verdict, ("big",), ("amount is above 100",), one, ACTIONS) for one in bare]
    questions = [
        Question(title=f"Refund {n}", kind="json", value={"n": n}, position=f"0/{n}") for n in range(len(plans))
    ]
    if verdict != "ask":
        return ledger.policies.record_verdicts(claim, questions, plans)
    return list(ledger.runs.pause(claim, Snapshot(envelope=b"x"), questions, plans=plans).proposals)


def test_the_list_says_what_is_needed_and_until_when(ledger: Ledger, run: Run) -> None:
    asked = ask(ledger, terms("2 of ada, bo", timeline=("1h remind", "8h reject")), None)
    first, second = (line.split("\t") for line in run("inbox").stdout.splitlines())
    assert first[0] == asked[0].id
    assert first[6] == "0 of 2 of ada, bo"
    assert first[7].endswith(" reject")
    assert (second[0], second[6:]) == (asked[1].id, ["", ""])


def test_mine_is_what_i_may_decide_first_what_is_assigned_to_me(ledger: Ledger, run: Run) -> None:
    anyones, adas, bos, assigned = ask(ledger, None, terms("1 of ada"), terms("1 of bo"), terms("1 of bo"))
    ledger.proposals.assign(assigned.id, "bo", actor="ada")
    found = json.loads(run("inbox", "--mine", "--json").stdout)["proposals"]
    assert [p["id"] for p in found] == [assigned.id, anyones.id, bos.id]
    assert adas.id not in run("inbox", "--mine").stdout
    after = run("inbox", "--mine", "--limit", 1, "--after", assigned.id)
    assert [line.split("\t")[0] for line in after.stdout.splitlines()] == [anyones.id]
    assert f"--after {anyones.id}" in after.stderr


def test_passed_is_what_policies_decided_with_the_rule(ledger: Ledger, run: Run) -> None:
    (passed,) = ask(ledger, terms(), verdict="pass")
    (blocked,) = ask(ledger, terms(), agent="other", verdict="block")
    rows = [line.split("\t")[:4] for line in run("inbox", "--passed").stdout.splitlines()]
    assert rows == [[blocked.id, "Refund 0", "blocked", "big"], [passed.id, "Refund 0", "passed", "big"]]
    found = json.loads(run("inbox", "--passed", "--json").stdout)["proposals"]
    assert [p["decision"]["by"] for p in found] == ["policy", "policy"]
    shown = run("show", passed.id).stdout
    assert "passed by the policy big" in shown
    assert "Why nobody was asked" in shown
    refused = run("inbox", "--mine", "--passed")
    assert (refused.exit_code, "wait for nobody" in refused.output) == (2, True)


def test_show_tells_why_who_and_what_i_may_do(ledger: Ledger, run: Run) -> None:
    (p,) = ask(ledger, terms("2 of ada, bo", timeline=("8h reject",)))
    voted = run("approve", p.id, "--reason", "looks\x1b[2Jfine").output
    assert "approved: Refund 0 (recorded as a vote; it has 1 of 2 of ada, bo: bo; waiting for ada)" in voted
    shown = run("show", p.id).stdout
    for part in ("--- Why you are asked\namount is above 100", "1 of 2 of ada, bo: bo; waiting for ada", "--- Until"):
        assert part in shown
    assert "Approved by bo (unsigned: any program of this user can say so)" in shown
    assert "\x1b" not in shown
    said = json.loads(run("show", p.id, "--json").stdout)
    assert said["needs"] == [
        {"text": "2 of ada, bo", "have": 1, "count": 2, "voted": ["bo"], "waiting": ["ada"]},
    ]
    assert said["may"]["actions"] == list(ACTIONS)
    (theirs,) = ask(ledger, terms("1 of cy"), agent="other")
    assert "decide with  nothing: it is not for you" in run("show", theirs.id).stdout


def test_an_edit_in_the_terminal_is_what_others_find_in_the_draft(ledger: Ledger, run: Run) -> None:
    (p,) = ask(ledger, terms("2 of ada, bo"))
    run("edit", p.id, "--value", '{"n": 7}')
    shown = run("show", p.id).stdout
    assert "--- Changed: this is what people vote on" in shown
    assert '+  "n": 7' in shown
    assert json.loads(run("show", p.id, "--json").stdout)["candidate"] == {"n": 7}
