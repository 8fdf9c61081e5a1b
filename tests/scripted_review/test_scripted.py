"""ScriptedReviewer and `HITL_NB_REVIEWER`: decisions written down beforehand, used once each, and exactly."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import hitl_nb as hitl
from hitl_nb import settings
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.scripted_review.decision_recording import record_entries
from hitl_nb.testing import ScriptedReviewer


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"diskcache://{tmp_path}/store"
    monkeypatch.setenv("HITL_NB_STORE", url)
    return url


@hitl.agent
def letters(names: list[str]) -> list[Any]:
    answers = {}
    for name in names:
        answers[name] = hitl.checkpoint(f"Dear {name}", title=f"Letter {name}")
    return [(d.action, d.value, d.reason, d.by) for d in answers.values()]


@hitl.agent
def both() -> list[Any]:
    found = hitl.checkpoint_all([hitl.proposal(1, title="One"), hitl.proposal(2, title="Two")])
    return [d.value for d in found]


def run(agent: Any, *args: Any, key: str = "1") -> Any:
    return asyncio.run(agent.run(*args, key=key))


def test_answers_to_the_end() -> None:
    entries = [
        {"agent": "other", "action": "reject"},
        {"title": "*B*", "action": "reject", "reason": "no"},
        {"agent": "let*", "action": "edit", "value": "Hi"},
        {"action": "respond", "value": "who?"},
        {"action": "approve"},
    ]
    with ScriptedReviewer(entries) as reviewer:
        done = run(letters, ["A", "B", "C", "D"])
        assert done.status == "finished"
        assert reviewer.unused == [entries[0]]
    assert done.result == [
        ("edit", "Hi", None, "script"),
        ("reject", None, "no", "script"),
        ("respond", "who?", None, "script"),
        ("approve", "Dear D", None, "script"),
    ]
    assert settings.REVIEWER.name not in os.environ


def test_without_an_entry_the_run_waits_and_a_person_may_decide() -> None:
    with (
        ScriptedReviewer([{"action": "approve"}]),
        pytest.raises(hitl.Unanswered, match="waits for a decision on 'Let"),
    ):
        run(letters, ["A", "B"])
    waiting = run(letters, ["A", "B"])
    assert [p.title for p in waiting.open] == ["Letter B"]


def test_all_of_a_pause_or_none_of_it() -> None:
    with ScriptedReviewer([{"title": "One", "action": "approve"}]) as reviewer:
        with pytest.raises(hitl.Unanswered, match="'Two'"):
            run(both)
        assert len(reviewer.unused) == 1
    assert [p.title for p in run(both).open] == ["One", "Two"]
    with ScriptedReviewer([{"action": "approve"}, {"action": "edit", "value": 5}]):
        assert run(both).result == [1, 5]


def test_what_does_not_fit_decides_nothing() -> None:
    with (
        ScriptedReviewer([{"action": "edit", "value": 5}]),
        pytest.raises(hitl.HitlError, match="'Letter A' cannot be"),
    ):
        run(letters, ["A"])
    assert [p.status for p in run(letters, ["A"]).open] == ["open"]


def test_a_file_from_python(tmp_path: Path) -> None:
    file = tmp_path / "some.decisions.json"
    file.write_text('{"version": 1, "decisions": [{"action": "approve"}]}')
    with ScriptedReviewer(file):
        assert run(letters, ["A"]).result[0][1] == "Dear A"
    with pytest.raises(hitl.HitlError, match="cannot read"):
        ScriptedReviewer(tmp_path / "none.json")
    with pytest.raises(hitl.HitlError, match=r"ScriptedReviewer.*unknown field `actoin`"):
        ScriptedReviewer([{"actoin": "approve"}])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not a decisions file: Input data was truncated"),
        ('{"version": 2, "decisions": []}', "Invalid enum value 2"),
        (
            '{"version": 1, "decisions": [{"action": "approve", "why": ""}]}',
            r"unknown field `why` - at `\$.decisions\[0\]`",
        ),
        ('{"version": 1, "decisions": [{"action": "accept"}]}', "Invalid enum value 'accept'"),
        ('{"version": 1, "decisions": [{"action": "edit"}]}', r'decisions\[0\] is an "edit" without a "value"'),
        (
            '{"version": 1, "decisions": [{"action": "respond", "value": 1}]}',
            '"respond" whose "value" is not the message',
        ),
        ('{"version": 1, "decisions": [{"action": "reject", "value": 1}]}', 'is a "reject" with a "value"'),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.decisions.json").write_text(text)
    with pytest.raises(hitl.HitlError, match=says):
        ScriptedReviewer(tmp_path / "a.decisions.json")


def test_the_environment_variable_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.REVIEWER.name, "approve")
    with pytest.raises(hitl.HitlError, match="must be script:FILE"):
        run(letters, ["A"])


NOTEBOOK = """%%agent letters
import os, signal
for name in ["A", "B", "C"]:
    answer = hitl.checkpoint(name, title="Letter")
    if answer.value == "two" and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    print(answer.value)"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = [new_code_cell("%load_ext hitl_nb\nimport hitl_nb as hitl"), new_code_cell(NOTEBOOK)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "a.ipynb")
    return tmp_path / "a.ipynb"


def read_output(notebook: Path) -> str:
    cell = nbformat.read(notebook, as_version=4).cells[1]
    return "".join(o.get("text", "") for o in cell.outputs)


def test_an_entry_that_was_used_before_the_kernel_died_is_not_used_again(notebook: Path) -> None:
    with ScriptedReviewer([{"action": "edit", "value": value} for value in ("one", "two", "three")]):
        assert hitl.run_notebook(notebook).status == "failed"
        assert hitl.run_notebook(notebook).status == "finished"
    assert read_output(notebook) == "one\ntwo\nthree\n"


def test_a_fresh_start_is_answered_afresh(notebook: Path) -> None:
    (notebook.parent / "killed").touch()
    cell = nbformat.read(notebook, as_version=4)
    cell.cells[1].source = cell.cells[1].source.replace("letters", "letters --restart", 1)
    nbformat.write(cell, notebook)
    with ScriptedReviewer([{"action": "edit", "value": value} for value in ("one", "two", "three")]):
        for _ in range(2):
            assert hitl.run_notebook(notebook).status == "finished"
            assert read_output(notebook) == "one\ntwo\nthree\n"


def test_recorded_decisions_decide_the_same_again(notebook: Path, store: str) -> None:
    (notebook.parent / "killed").touch()
    with ScriptedReviewer(
        [{"action": "edit", "value": "x"}, {"action": "reject", "reason": "é"}, {"action": "approve"}]
    ):
        assert hitl.run_notebook(notebook).status == "finished"
    command = [sys.executable, "-m", "hitl_nb.cli", "record", str(notebook)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "3 decisions written to a.decisions.json\n")
    file = notebook.with_suffix(".decisions.json")
    assert file.read_text(encoding="utf-8") == (
        '{"version": 1, "decisions": [\n'
        '  {"agent": "letters", "title": "Letter", "action": "edit", "value": "x"},\n'
        '  {"agent": "letters", "title": "Letter", "action": "reject", "reason": "é"},\n'
        '  {"agent": "letters", "title": "Letter", "action": "approve"}\n]}\n'
    )
    first = read_output(notebook)
    with ScriptedReviewer(file):
        assert hitl.run_notebook(notebook, store=f"{store}-2").status == "finished"
    assert read_output(notebook) == first


def test_questions_after_a_crash_are_not_recorded(tmp_path: Path, store: str) -> None:
    load = """%load_ext hitl_nb
import hitl_nb as hitl, os, signal
@hitl.step
def send():
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "sent"
"""
    cells = [load, "%%agent mail\nhitl.checkpoint('text', title='Mail')\nsend()"]
    path = tmp_path / "doubt.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(c) for c in cells]), path)
    ledger = Ledger(hitl.open_store(store))
    entry = {"action": "approve"}
    with ScriptedReviewer([entry]):
        assert hitl.run_notebook(path).status == "failed"
    [doubt] = hitl.run_notebook(path).open
    ledger.proposals.decide(doubt.id, "edit", value={"happened": True, "result": "sent"}, reviewer="me")
    hitl.run_notebook(path)
    assert [e.title for e in record_entries(ledger, str(path))] == ["Mail"]


def test_record_says_what_is_missing(tmp_path: Path, notebook: Path) -> None:
    def record(*words: object) -> tuple[int, str]:
        command = [sys.executable, "-m", "hitl_nb.cli", "record", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert record(tmp_path / "none.ipynb") == (1, f"hitl-nb: there is no notebook {tmp_path / 'none.ipynb'}\n")
    assert record(notebook) == (1, "hitl-nb: nothing was decided on a.ipynb in this store; run it and decide first\n")
    with ScriptedReviewer([{"action": "approve"}]):
        hitl.run_notebook(notebook)
    code, said = record(notebook, "-o", tmp_path / "no" / "where.json")
    assert (code, said) == (1, f"hitl-nb: cannot write {tmp_path / 'no' / 'where.json'}: No such file or directory\n")
    assert record(notebook) == (0, "1 decisions written to a.decisions.json; 1 more wait for a decision\n")


@hitl.agent
def refund(amount: int) -> Any:
    terms: dict[str, Any] = {"reviewers": ("bo", "cy", "dee"), "quorum": 2}
    decision = hitl.checkpoint(
        amount, title="Refund", **terms, deadline=timedelta(hours=4), on_deadline="reject", tags=["large"]
    )
    return decision.action, decision.value, decision.by, [vote.reviewer for vote in decision.votes]


YES = {"action": "approve"}


@pytest.mark.parametrize(
    ("entries", "result"),
    [
        ([{"votes": [{"as": "bo", **YES}, {"as": "cy", **YES}]}], ("approve", 5, "script", ["bo", "cy"])),
        (
            [{"votes": [{"as": "bo", **YES}]}, {"votes": [{"as": "dee", **YES}]}],
            ("approve", 5, "script", ["bo", "dee"]),
        ),
        (
            [{"votes": [{"as": "bo", **YES}, {"as": "cy", "action": "edit", "value": 4}, {"as": "bo", **YES}]}],
            ("edit", 4, "script", ["cy", "bo"]),
        ),
        ([{"votes": [{"as": "cy", "action": "reject", "reason": "no"}]}], ("reject", None, "script", ["cy"])),
        ([{"votes": [{"as": "bo", **YES}]}, {"action": "wait"}], ("reject", None, "deadline", ["bo"])),
        ([YES], ("approve", 5, "script", [])),
    ],
)
def test_votes_and_waits_lead_to_what_the_call_asks_for(entries: list[dict[str, Any]], result: Any) -> None:
    with ScriptedReviewer(entries) as reviewer:
        assert run(refund, 5).result == result
        assert reviewer.unused == []


def test_a_vote_that_is_refused_fails_the_run_and_is_no_decision(store: str) -> None:
    votes = [{"as": "zed", **YES}]
    with ScriptedReviewer([{"votes": votes}]) as reviewer:
        assert reviewer.unused == [{"votes": votes}]
        with pytest.raises(hitl.HitlError, match=r"decisions\[0\]\.votes\[0\]: 'approve' by 'zed' .*: zed may not"):
            run(refund, 5)
    [asked] = run(refund, 5).open
    assert asked.votes == ()
    ledger = Ledger(hitl.open_store(store))
    assert ledger.audit.verify().ok


@hitl.agent
def at_night() -> Any:
    rule = {"id": "night", "when": "now.hour >= 20", "do": "block"}
    policy = hitl.policy({"version": 1, "default": "pass", "rule": [rule]})
    return hitl.checkpoint("text", title="Mail", policy=policy).action


@pytest.mark.parametrize(
    ("clock", "action"),
    [(None, "approve"), ("2026-01-05T21:00:00Z", "reject"), (datetime(2026, 1, 5, 19, 59, tzinfo=UTC), "approve")],
)
def test_policies_see_the_clock_of_the_reviewer(clock: Any, action: str) -> None:
    with ScriptedReviewer([], clock=clock):
        assert run(at_night).result == action


def test_a_file_has_its_own_clock(tmp_path: Path) -> None:
    file = tmp_path / "some.decisions.json"
    file.write_text('{"version": 1, "clock": "2026-01-05T21:00:00Z"}')
    with ScriptedReviewer(file):
        assert run(at_night).result == "reject"
    with pytest.raises(TypeError, match="belong into the decisions file"):
        ScriptedReviewer(file, clock="2026-01-05T21:00:00Z")
