"""`hitl-nb policy`: what applies, what is wrong with files, and what a changed file would have said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hitl_nb import settings
from hitl_nb.cli.app import app
from hitl_nb.errors import PolicyError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.documents.documents import read_policy_document
from hitl_nb.policies.rules.rules import make_plan
from hitl_nb.records import Facts, GuardrailResult, Question, Snapshot, now
from hitl_nb.review.policy_files.policy_files import FILE_NAME, load_policy
from hitl_nb.storage import open_store

Run = Callable[..., Result]

OLD = """
[[rule]]
id = "small"
tool = "refund"
when = "arguments.amount <= 50"
do = "pass"

[[rule]]
id = "big"
tool = "refund"
when = 'arguments.amount > 1000 and arguments.country != "DE"'
do = "block"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (settings.POLICY.name, settings.ROOT.name):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def run() -> Run:
    return lambda *words: CliRunner().invoke(app, ["policy", *map(str, words)], prog_name="hitl-nb")


def rows(result: Result) -> list[list[str]]:
    return [line.split("\t") for line in result.stdout.splitlines()]


def ask(folder: Path, amount: Any, **fields: Any) -> None:
    """A refund as the policy of the folder judges it: it passes, is blocked or asked."""
    question = Question(
        title=f"Refund {amount}",
        kind="tool_call",
        value={"name": "refund", "arguments": {"amount": amount, "country": "FR"}},
        **fields,
    )
    notebook = str(folder / "desk.ipynb")
    ledger = Ledger(open_store())
    _, claim = ledger.runs.open(agent="refunds", notebook=notebook, key=f"{amount} {fields}")
    policy, facts = load_policy(notebook), Facts(now=now())
    found = make_plan(policy, question, facts, agent="refunds", notebook=notebook)
    if found.verdict == "ask":
        ledger.runs.pause(claim, Snapshot(envelope=b"x"), [question], plans=[found], facts=facts, policy=policy)
    else:
        ledger.policies.record_verdicts(claim, [question], [found], facts=facts, policy=policy)


def test_show_and_check_without_files(run: Run, folder: Path) -> None:
    assert "no policy applies to" in run("show").stderr
    mistyped = run("show", "typo.ipynb")
    assert mistyped.exit_code == 1
    assert "there is no notebook or folder" in f"{mistyped.stderr}{mistyped.exception}"
    assert json.loads(run("show", "--json").stdout) == {"files": [], "sha256": None, "policy": None}
    checked = run("check")
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert "no policy file applies here" in checked.stderr


def test_show(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = folder.parent / "org.toml"
    organisation.write_text('exclusive = true\n[[rule]]\nid = "all"\ndo = "ask"\nneeds = ["2 of ada, bo, cy"]\n')
    monkeypatch.setenv(settings.POLICY.name, str(organisation))
    (folder / FILE_NAME).write_text(OLD)
    (folder / "desk.ipynb").touch()
    shown = run("show", "desk.ipynb")
    assert rows(shown) == [
        ["all", "ask", "", "", "2 of ada, bo, cy", str(organisation)],
        [
            "big",
            "block",
            "tool refund",
            'arguments.amount > 1000 and arguments.country != "DE"',
            "",
            f"{folder}/{FILE_NAME}",
        ],
    ]
    assert f"{organisation} (of HITL_NB_POLICY)" in shown.stderr
    assert "rule small, since it passes" in shown.stderr
    document = json.loads(run("show", "--json").stdout)
    assert [file["organisation"] for file in document["files"]] == [True, False]
    assert [rule["id"] for rule in document["policy"]["rules"]] == ["all", "big"]
    assert len(document["sha256"]) == 64


def test_check(run: Run, folder: Path) -> None:
    file = folder / FILE_NAME
    file.write_text(OLD)
    checked = run("check")
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert "no errors: 2 rules" in checked.stderr
    file.write_text('[[rule]]\nid = "loose"\nwhen = "value.amount > 1"\ndo = "ask"\n')
    checked = run("check", file)
    assert checked.exit_code == 0
    assert rows(checked)[0][0] == "warning"
    assert "rule loose: it reads value without a scope" in rows(checked)[0][1]
    bad, worse = folder / "bad.toml", folder / "worse.toml"
    bad.write_text('[[rule]]\nid = "a"\nwhen = "valu > 1"\ndo = "ask"\n')
    worse.write_text("version = 2")
    checked = run("check", bad, worse, folder / "gone.toml")
    assert checked.exit_code == 1
    assert [row[0] for row in rows(checked)] == ["error"] * 3
    assert (
        "bad.toml, line 3, rule a: the condition reads 'valu', which is not a fact; did you mean value?"
        in checked.stdout
    )
    document = json.loads(run("check", bad, file, "--json").stdout)
    assert (len(document["errors"]), len(document["warnings"])) == (1, 1)


def test_check_of_a_changed_copy(run: Run, folder: Path) -> None:
    (folder / FILE_NAME).write_text(OLD)
    new = folder / "new.toml"
    new.write_text(OLD.replace("<= 50", "<= 80"))
    assert run("check", new).exit_code == 0  # its ids are those of the file that it takes the place of
    new.write_text(OLD.replace("version", "") + "\n[office]\n")
    assert run("check", new).exit_code == 0


def test_a_changed_file_against_the_past(run: Run, folder: Path) -> None:
    (folder / FILE_NAME).write_text(OLD)
    for amount in (40, 70, 90, 2000):
        ask(folder, amount)
    ask(folder, 30, guardrails=(GuardrailResult(name="iban", verdict="escalate", message="no such bank"),))
    new = folder / "new.toml"
    new.write_text(OLD.replace("<= 50", "<= 80") + '[[rule]]\nid = "label"\nwhen = "labels.model == 1"\ndo = "ask"\n')
    document = json.loads(run("test", new, "--json").stdout)
    assert document["proposals"] == 5
    assert document["verdicts"] == {"ask": {"ask": 3}, "pass": {"ask": 1}, "block": {"block": 1}}
    assert document["unknown"] == {"label": 5}
    new.write_text(OLD.replace("<= 50", "<= 80"))
    tested = run("test", new)
    assert tested.exit_code == 0
    assert rows(tested)[0] == ["then \\ now", "pass", "ask", "block", "error"]
    assert rows(tested)[1:4] == [
        ["pass", "1", "0", "0", "0"],
        ["ask", "1", "2", "0", "0"],
        ["block", "0", "0", "1", "0"],
    ]
    assert rows(tested)[4] == ["id", "title", "agent", "then", "now", "why"]
    assert [row[1:5] for row in rows(tested)[5:]] == [["Refund 70", "refunds", "ask", "pass"]]
    document = json.loads(run("test", new, "--json").stdout)
    assert [(one["title"], one["old"], one["new"], one["rules"]) for one in document["changed"]] == [
        ("Refund 70", "ask", "pass", ["small"])
    ]
    assert (folder / FILE_NAME).read_text() == OLD


def test_a_changed_file_that_would_refuse_a_checkpoint(run: Run, folder: Path) -> None:
    ask(folder, 70, allow=("edit",))
    new = folder / FILE_NAME
    new.write_text('[[rule]]\nid = "a"\ntool = "refund"\ndo = "ask"\nallow = ["approve"]\n')
    tested = run("test", new)
    assert tested.exit_code == 1
    assert "nothing is allowed for 'Refund 70'" in tested.stdout
    new.write_text("version = 2")
    tested = run("test", new)
    assert tested.exit_code == 1
    assert "version is 2" in tested.stderr


def test_proposals_without_recorded_facts_and_those_of_long_ago(run: Run, folder: Path) -> None:
    ask(folder, 70)  # without a policy, so its time and labels were not recorded
    new = folder / "new.toml"
    new.write_text(OLD + '[[rule]]\nid = "night"\nwhen = "now.hour < 25"\ndo = "pass"\n')
    document = json.loads(run("test", new, "--json").stdout)
    assert (document["proposals"], document["unknown"]) == (1, {"night": 1})
    assert json.loads(run("test", new, "--since", "1h", "--json").stdout)["proposals"] == 1
    refused = run("test", new, "--since", "yesterday")
    assert refused.exit_code == 2
    assert "'yesterday' is not a duration" in refused.stderr


BAD = """version = 2
defualt = "ask"
timezone = "Mars/Olympus"
[groups]
a-group = []
[[rule]]
id = "one"
do = "maybe"
when = 'value.clear()'
needs = ["two of ada"]
colour = "red"
[[rule]]
id = "Two Words"
do = "ask"
[[rule]]
id = "three"
timeline = ["soon remind"]
[[rule]]
id = "four"
do = "pass"
needs = ["1 of ada"]
"""
TOGETHER = """[[rule]]
id = "one"
do = "ask"
needs = ["2 of ada"]
[[rule]]
id = "two"
do = "ask"
needs = ["1 of @nobody"]
[[rule]]
id = "three"
do = "ask"
timeline = ["4wh remind"]
"""


def test_check_tells_all_errors_of_all_files(run: Run, folder: Path) -> None:
    bad, together = folder / "bad.toml", folder / "together.toml"
    bad.write_text(BAD)
    together.write_text(TOGETHER)
    checked = run("check", together, bad, folder / "gone.toml", "--json")
    assert checked.exit_code == 1
    errors = json.loads(checked.stdout)["errors"]
    lines = [(2, "one"), (6, "two"), (10, "three")]
    places = [f"{together}, line {n}, rule {rule}: " for n, rule in lines]
    assert all(error.startswith(place) for error, place in zip(errors[:3], places, strict=True))
    found = [re.match(f"{re.escape(str(bad))}, line (\\d+)", error) for error in errors[3:-1]]
    assert [int(one[1]) for one in found if one] == [2, 1, 3, 4, 8, 9, 10, 11, 12, 17, 16, 21]
    assert "cannot be read" in errors[-1]
    with pytest.raises(PolicyError, match=re.escape(errors[3])):
        read_policy_document(BAD, str(bad))  # what an agent is told is the first of them


def test_check_tells_all_errors_of_the_files_that_apply(run: Run, folder: Path) -> None:
    (folder / FILE_NAME).write_text(TOGETHER)
    checked = run("check")
    assert (checked.exit_code, len(rows(checked))) == (1, 3)
    (folder / "other.toml").write_text('[[rule]]\nid = "other"\ndo = "maybe"\n')
    checked = run("check", "other.toml")
    assert [row[1].partition(":")[0].rpartition("/")[2] for row in rows(checked)] == ["other.toml, line 3, rule other"]


@pytest.mark.parametrize("command", [("show",), ("check",), ("check", "~nobody-here/x.toml")])
def test_a_home_that_nobody_knows(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    if len(command) == 1:
        monkeypatch.setenv(settings.POLICY.name, "~nobody-here/x.toml")
    done = run(*command)
    said = f"{done.stdout}{done.stderr}{done.exception}"
    assert done.exit_code == 1
    assert "~nobody-here/x.toml: " in said


def test_output_that_a_terminal_cannot_take(folder: Path) -> None:
    """In a process: it is about its own standard output."""
    (folder / "bad.toml").write_text('[[rule]]\nid = "ä"\ndo = "ask"\n', "utf-8")
    command = [sys.executable, "-c", "from hitl_nb.cli.app import main; main()", "policy", "check", "bad.toml"]
    plain = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert (plain.returncode, plain.stderr) == (1, b"")
    assert b"id is '\\xe4'" in plain.stdout
