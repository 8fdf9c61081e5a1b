"""`hitl-nb approve`, `undo` and `away` where a policy says who decides: the same refusals as everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from hitl_nb.cli.app import app
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import requesters
from hitl_nb.policies.rules.rules import CallTerms, Plan, make_plan
from hitl_nb.records import ACTIONS, Facts, Proposal, Question, Snapshot, Terms
from hitl_nb.storage import open_store
from tests.policies.casework import terms

Run = Callable[..., Result]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(requesters, "_os_user", lambda uid: "ada")
    return Ledger(open_store(None))


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], prog_name="hitl-nb")


def ask_question(ledger: Ledger, made_under: Terms) -> Proposal:
    _, claim = ledger.runs.open(agent="refunds", notebook="/nb/a.ipynb")
    plan = Plan("ask", ("r",), (), msgspec.structs.replace(made_under, policy=""), ACTIONS)
    questions = [Question(title="Refund 12", kind="json", value=40)]
    return ledger.runs.pause(claim, Snapshot(envelope=b"x"), questions, plans=[plan]).proposals[0]


def test_who_may_not_is_told_where_to_decide(ledger: Ledger, run: Run) -> None:
    p = ask_question(ledger, terms("1 of ada"))
    said = run("approve", p.id)
    assert said.exit_code == 1
    assert f"log in there with your own name, then decide at hitl_nb/review/{p.id}" in said.stderr
    assert 'identity = "local" into hitl-policy.toml' in said.stderr
    said = run("approve", ask_question(ledger, terms("1 of bo", four_eyes=True)).id)
    assert "ada may not decide 'Refund 12': it takes 1 of bo (r)" in said.stderr
    said = run("approve", ask_question(ledger, terms("1 of anyone", four_eyes=True)).id)
    assert "ada started or continued this run" in said.stderr


def test_what_the_refusal_says_to_do_helps(ledger: Ledger, run: Run, tmp_path: Path) -> None:
    """Named reviewers, and no policy file yet."""
    notebook, question = str(tmp_path / "a.ipynb"), Question(title="Refund", kind="json", value=40)
    _, claim = ledger.runs.open(agent="refunds", notebook=notebook)
    named = make_plan(
        None, question, Facts(now=ledger.now()), agent="refunds", notebook=notebook, call=CallTerms(("ada",))
    )
    [p] = ledger.runs.pause(claim, Snapshot(envelope=b"x"), [question], plans=[named]).proposals
    assert "then `hitl-nb policy apply`" in run("approve", p.id).stderr
    (tmp_path / "hitl-policy.toml").write_text('version = 1\nidentity = "local"\n')
    assert run("policy", "apply").exit_code == 0
    assert run("approve", p.id).exit_code == 0
    assert ledger.proposals.load(p.id).status == "decided"


def test_the_users_own_word_counts_where_the_policy_says_local(ledger: Ledger, run: Run) -> None:
    p = ask_question(ledger, terms("2 of ada, bo", identity="local"))
    assert run("approve", p.id).exit_code == 0
    assert [vote.reviewer for vote in ledger.proposals.load(p.id).votes] == ["ada"]


def test_an_approval_is_taken_back(ledger: Ledger, run: Run) -> None:
    p = ask_question(ledger, terms("1 of ada", identity="local", undo=3600.0))
    said = run("undo", p.id)
    assert (said.exit_code, " on 'Refund 12' that can be taken back" in said.stderr) == (1, True)
    approved = run("approve", p.id).stderr
    assert approved.startswith("approved: Refund 12 (it settles at ")
    assert f"until then `hitl-nb undo {p.id}` takes it back)" in approved
    said = run("undo", p.id[:5])
    assert (said.exit_code, said.stderr) == (0, "taken back: Refund 12; it waits for a decision again\n")
    assert ledger.proposals.load(p.id).votes == ()


def test_being_away(ledger: Ledger, run: Run) -> None:
    assert run("away").stderr == "ada is not away\n"
    said = run("away", "--until", "2999-01-05T09:00+01:00", "--to", "bo")
    assert (said.exit_code, "to 2999-01-05 08:00:00Z; bo votes in their place" in said.stderr) == (0, True)
    assert json.loads(run("away", "--json").stdout)["away"]["to"] == "bo"
    assert ledger.reviewers.list_absentees(ledger.now()) == {"ada": "bo"}
    assert run("away", "--back").stderr == "ada is not away\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "bo"), "say until when"),
        (("--until", "soon"), "'soon' is no time"),
        (("--until", "2020-01-01"), "is over"),
        (("--until", "9999-12-31T23:59-23:59"), "is no time"),
        (("--until", "2999-01-01", "--to", "@leads"), "name one user"),
        (("--until", "2999-01-01", "--to", "ada"), "who is away themselves"),
        (("--back", "--to", "bo"), "cannot be combined with another option"),
    ],
)
def test_an_absence_that_is_none_is_bad_usage(ledger: Ledger, run: Run, words: tuple[str, ...], said: str) -> None:
    result = run("away", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert ledger.audit.newest_event_number() == 0


def test_an_approval_is_flagged_as_wrong_once(ledger: Ledger, run: Run) -> None:
    _, claim = ledger.runs.open(agent="plain", notebook="/nb/b.ipynb")
    (p,) = ledger.runs.pause(
        claim, Snapshot(envelope=b"x"), [Question(title="Refund 13", kind="json", value=1)]
    ).proposals
    assert "was not approved" in run("flag", p.id, "--reason", "paid twice").stderr
    assert run("approve", p.id).exit_code == 0
    assert run("flag", p.id, "--reason", " ").exit_code == 2
    said = run("flag", p.id, "--reason", "paid twice")
    assert (said.exit_code, said.stderr) == (0, "marked as wrong: Refund 13\n")
    flagged = ledger.proposals.load(p.id).flag
    assert flagged is not None
    assert (flagged.reviewer, flagged.reason) == ("ada", "paid twice")
    assert "ada has said before" in run("flag", p.id, "--reason", "again").stderr
    assert ledger.audit.verify().ok
