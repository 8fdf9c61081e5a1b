"""The command line: what it prints, what it answers programs, and its exit codes."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner, Result

from hitl_nb.cli.app import app
from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Snapshot
from hitl_nb.storage import open_store
from tests.indoubt import in_doubt

Run = Callable[..., Result]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"diskcache://{tmp_path}/store"
    monkeypatch.setenv("HITL_NB_STORE", url)
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return url


@pytest.fixture
def ledger(url: str) -> Ledger:
    return Ledger(open_store(url))


@pytest.fixture
def run(url: str) -> Run:
    return lambda *words, **kw: CliRunner().invoke(app, [str(word) for word in words], prog_name="hitl-nb", **kw)


def pause(ledger: Ledger, *questions: Any, agent: str = "mail") -> list[Proposal]:
    _, claim = ledger.runs.open(agent=agent, notebook="/nb/a.ipynb")
    return ledger.runs.pause(claim, Snapshot(envelope=b"x"), questions).proposals


def one(ledger: Ledger, value: Any = "Dear Ms Doe", title: str = "Send the email", **more: Any) -> Proposal:
    return pause(ledger, build_question(value, title=title, **more))[0]


def check_failure(result: Result, says: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.startswith("hitl-nb: ")
    assert result.stderr.count("\n") == 1


def test_inbox_and_show(run: Run, ledger: Ledger) -> None:
    assert "nothing waits" in run("inbox").stderr
    assert run("inbox").stdout == ""
    p = one(ledger, context={"why": "first mail"})
    line = run("inbox").stdout.rstrip("\n").split("\t")
    assert line[:5] == [p.id, "Send the email", "text", "mail", "/nb/a.ipynb"]
    shown = run("show", p.id[:6])
    assert shown.exit_code == 0
    for part in ("Send the email", p.id, "why: first mail", "Dear Ms Doe", "hitl-nb approve"):
        assert part in shown.stdout


def test_show_prints_what_was_said(run: Run, ledger: Ledger) -> None:
    unsigned = " (unsigned: any program of this user can say so)"
    p = one(ledger)
    assert "--- Comments" not in run("show", p.id).stdout
    asked = ledger.comments.add(
        p.id, "Ms or Mrs?\nbob, 2026-01-01: Ms", author="ann", author_name="Ann\nX", quote="Ms\nDoe"
    )
    ledger.comments.add(p.id, "Ms\u202e", author="bob", thread=asked.id)
    better = ledger.comments.add(p.id, "", author="bob", author_name="bob", quote="Dear Ms", suggestion="Hi\nMs")
    ledger.comments.change_state(p.id, better.id, "accepted", actor="ann", actor_name="Ann")
    shown = run("show", p.id).stdout
    comments = shown[shown.index("--- Comments") :].rstrip("\n").split("\n")[1:]
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "THEN", line) for line in comments] == [
        f"Ann X (ann){unsigned}, THEN",
        "| > Ms",
        "| > Doe",
        "| Ms or Mrs?",
        "| bob, 2026-01-01: Ms",
        f"  bob{unsigned}, THEN",
        "  | Ms⟨U+202E⟩",
        "",
        f"bob{unsigned}, THEN [accepted by Ann (ann){unsigned}, THEN]",
        "| - Dear Ms",
        "| + Hi",
        "| + Ms",
    ]


def test_json_documents(run: Run, ledger: Ledger) -> None:
    p = one(ledger, {"amount": 5}, context={"why": "x"})
    document = json.loads(run("show", p.id, "--json").stdout)
    wanted = "id title kind status agent notebook run pause value context revision created_at deadline decision"
    assert set(wanted.split()) <= set(document)
    assert document["value"] == {"amount": 5}
    assert document["decision"] is None
    assert document["created_at"].endswith("Z")
    assert json.loads(run("inbox", "--json").stdout) == {"proposals": [document]}
    (found,) = json.loads(run("runs", "--json").stdout)["runs"]
    wanted = "id agent notebook generation status pauses open created_at updated_at"
    assert set(wanted.split()) <= set(found)
    assert (found["status"], found["pauses"], found["open"]) == ("waiting", 1, 1)
    run("edit", p.id, "--value", '{"amount": 4}', "--reason", "less")
    made = json.loads(run("show", p.id, "--json").stdout)["decision"]
    assert {k: made[k] for k in ("action", "value", "reason", "by")} == {
        "action": "edit", "value": {"amount": 4}, "reason": "less", "by": "person",
    }  # fmt: skip
    assert {"reviewer", "decided_at"} <= set(made)


def test_inbox_pages(run: Run, ledger: Ledger) -> None:
    asked = pause(ledger, *(build_question(i, title=f"No {i}") for i in range(5)))
    first = run("inbox", "--limit", 2)
    assert first.stdout.count("\n") == 2
    assert first.stderr == f"there is more: --after {asked[1].id}\n"
    rest = run("inbox", "--after", asked[1].id, "--json")
    assert [p["title"] for p in json.loads(rest.stdout)["proposals"]] == ["No 2", "No 3", "No 4"]
    assert rest.stderr == ""


@pytest.mark.parametrize(
    ("words", "action", "value", "reason"),
    [
        (("approve",), "approve", None, None),
        (("approve", "--reason", "fine"), "approve", None, "fine"),
        (("edit", "--value", "Dear Mr Roe"), "edit", "Dear Mr Roe", None),
        (("reject", "--reason", "rude"), "reject", None, "rude"),
        (("respond", "--message", "which one?"), "respond", "which one?", None),
    ],
)
def test_decisions(
    run: Run, ledger: Ledger, words: tuple[str, ...], action: str, value: Any, reason: str | None
) -> None:
    p = one(ledger)
    result = run(words[0], p.id, *words[1:])
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "run a.ipynb again to continue" in result.stderr
    made = ledger.proposals.load(p.id).decision
    assert made is not None
    assert (made.action, made.value, made.reason, made.by) == (action, value, reason, "person")
    assert made.reviewer
    assert ledger.runs.load(p.run).status == "ready"


def test_the_second_decision_is_told_who_was_first(run: Run, ledger: Ledger) -> None:
    p = one(ledger)
    run("reject", p.id, "--reason", "no")
    made = ledger.proposals.load(p.id).decision
    assert made is not None
    check_failure(run("approve", p.id), made.reviewer)
    check_failure(run("edit", p.id, "--value", "x"), made.reviewer)


def test_text_of_each_kind(run: Run, ledger: Ledger, tmp_path: Path) -> None:
    text = one(ledger, "a", kind="code")
    file = tmp_path / "new.py"
    file.write_text("print('[1]')\n", encoding="utf-8")
    assert run("edit", text.id, "--file", file).exit_code == 0
    assert ledger.proposals.load(text.id).decision.value == "print('[1]')\n"
    choice = one(ledger, "b", kind="choice", options=["b", "c"])
    assert run("edit", choice.id, "--file", "-", input='"c"').exit_code == 0
    assert ledger.proposals.load(choice.id).decision.value == "c"
    other = one(ledger, "b", kind="choice", options=["b", "c"])
    check_failure(run("edit", other.id, "--value", '"d"'), "does not fit")
    assert ledger.proposals.load(other.id).status == "open"


def test_tables_take_csv(run: Run, ledger: Ledger) -> None:
    pandas = pytest.importorskip("pandas")
    p = one(ledger, pandas.DataFrame({"item": ["cup", "lamp"], "price": [5, 30]}))
    assert p.kind == "table"
    csv_text = run("show", p.id).stdout
    assert "lamp" in csv_text
    result = run("edit", p.id, "--value", "item,price\ncup,4\nlamp,30\n")
    assert result.exit_code == 0, result.output


def test_bad_edits_are_refused_and_decide_nothing(run: Run, ledger: Ledger, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 10}}, "required": ["amount"]}
    p = one(ledger, {"amount": 5}, schema=schema)
    check_failure(run("edit", p.id, "--value", "{amount: 4}"), "JSON")
    check_failure(run("edit", p.id, "--value", '{"amount": 11}'), "amount")
    check_failure(run("edit", p.id, "--file", tmp_path / "nowhere"), "cannot read")
    (tmp_path / "latin").write_bytes(b"\xff")
    check_failure(run("edit", p.id, "--file", tmp_path / "latin"), "not UTF-8")
    check_failure(run("respond", p.id, "--message", "  "), "needs a message")
    assert ledger.proposals.load(p.id).status == "open"


def test_what_is_not_allowed_is_said(run: Run, ledger: Ledger) -> None:
    p = one(ledger, allow=("approve", "reject"))
    check_failure(run("edit", p.id, "--value", "x"), "only with approve, reject")


def test_editor(run: Run, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = one(ledger, {"amount": 5, "text": "ä"})
    check_failure(run("edit", p.id, "--editor"), "neither VISUAL nor EDITOR")
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c 'import sys; sys.exit(3)'")
    check_failure(run("edit", p.id, "--editor"), "ended with code 3")
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    check_failure(run("edit", p.id, "--editor"), "cannot start the editor")
    monkeypatch.setenv("EDITOR", "true")
    check_failure(run("edit", p.id, "--editor"), "nothing was changed")
    change = tmp_path / "change.py"
    change.write_text(
        "import sys, pathlib; p = pathlib.Path(sys.argv[1]); assert p.suffix == '.json'; "
        "p.write_text(p.read_text('utf-8').replace('5', '4'), 'utf-8')"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {change}")
    assert run("edit", p.id, "--editor").exit_code == 0
    assert ledger.proposals.load(p.id).decision.value == {"amount": 4, "text": "ä"}


def test_editor_starts_from_the_draft(
    run: Run, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = one(ledger)
    Draft.for_proposal(ledger.store, p).write_value("Dear all", "ann")
    assert "Dear all" in run("show", p.id).stdout
    add = tmp_path / "add.py"
    add.write_text("import sys; open(sys.argv[1], 'a').write(' of you\\n')")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {add}")
    assert run("edit", p.id, "--editor").exit_code == 0
    assert ledger.proposals.load(p.id).decision.value == "Dear all of you"


@pytest.mark.parametrize(
    "words",
    [
        ("edit", "abcd"),
        ("edit", "abcd", "--value", "x", "--editor"),
        ("edit", "abcd", "--value", "x", "--file", "y"),
        ("reject", "abcd"),
        ("respond", "abcd"),
        ("show",),
        ("inbox", "--limit", "0"),
        ("inbox", "--store", "gopher://x"),
        ("run", "a.ipynb", "--store", "relative/path"),
        ("doctor", "--store", ""),
        ("audit", "--json", "--export", "-"),
        ("frobnicate",),
    ],
)
def test_bad_usage_is_exit_code_2(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""


def test_unknown_proposal(run: Run) -> None:
    check_failure(run("show", "nosuchid"), "nosuchid")
    check_failure(run("approve", "nosuchid"), "nosuchid")


def test_agents_cannot_draw_on_the_terminal(run: Run, ledger: Ledger) -> None:
    p = one(ledger, "\x1b[2Jgone\u202eevil", title="Wire\x1b[31m money")
    for result in (run("show", p.id), run("inbox")):
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output
    assert "⟨U+202E⟩" in run("show", p.id).stdout


def test_audit(run: Run, ledger: Ledger, tmp_path: Path) -> None:
    p = one(ledger)
    run("approve", p.id)
    listed = run("audit")
    assert listed.exit_code == 0
    assert "decision" in listed.stdout
    assert "unbroken" in listed.stderr
    document = json.loads(run("audit", "--json").stdout)
    assert document["verified"] is True
    assert [e["n"] for e in document["events"]] == list(range(1, len(document["events"]) + 1))
    assert run("audit", "--verify").stdout == ""
    file = tmp_path / "log.jsonl"
    assert run("audit", "--export", file).exit_code == 0
    lines = file.read_bytes().splitlines()
    assert [json.loads(line)["n"] for line in lines] == [e["n"] for e in document["events"]]
    for before, after in itertools.pairwise(lines):
        assert json.loads(after)["prev"] == hashlib.sha256(b"hitl/ev/v1\0" + before).hexdigest()
    check_failure(run("audit", "--export", tmp_path / "no" / "log"), "cannot write")


def test_audit_tells_of_tampering(run: Run, ledger: Ledger) -> None:
    p = one(ledger)
    run("approve", p.id)
    key, raw = ledger.store.scan("event/", "event0")[-1]
    ledger.store.transact(lambda tx: tx.put(key, raw.replace(b'"approve"', b'"edit"')))
    for words in (("audit", "--verify"), ("audit",), ("audit", "--json")):
        result = run(*words)
        assert result.exit_code == 1
        assert "the audit log was changed" in result.stderr
    assert json.loads(run("audit", "--json").stdout)["verified"] is False
    found = json.loads(run("doctor", "--json").stdout)["findings"]
    assert [f["state"] for f in found if f["what"] == "audit log"] == ["wrong"]


def test_audit_and_doctor_name_a_record_that_is_not_what_the_log_says(run: Run, ledger: Ledger) -> None:
    p = one(ledger, "wire 100")
    raw = ledger.store.get(f"proposal/{p.id}") or b""
    ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", raw.replace(b"wire 100", b"wire 900")))
    for words in (("audit", "--verify"), ("audit",), ("audit", "--verify", "--json")):
        result = run(*words)
        assert result.exit_code == 1
        assert f"proposal {p.id} is not what the audit log says" in result.stderr
    document = json.loads(run("audit", "--verify", "--json").stdout)
    assert document["verified"] is False
    assert [(d["record"], d["problem"]) for d in document["differs"]] == [(f"proposal/{p.id}", "changed")]
    found = json.loads(run("doctor", "--json").stdout)["findings"]
    assert [(f["what"], p.id in f["found"]) for f in found if f["state"] == "wrong"] == [("records", True)]


def test_doctor(run: Run, ledger: Ledger, url: str) -> None:
    result = run("doctor", "--json")
    findings = {f["what"]: f for f in json.loads(result.stdout)["findings"]}
    assert result.exit_code == 0, result.stdout
    assert url in findings["store"]["found"]
    assert "HITL_NB_STORE" in findings["store"]["found"]
    assert {"SQLite", "diskcache", "folder", "settings of journal", "audit log", "front ends"} <= set(findings)
    assert all(f["mend"] for f in findings.values() if f["state"] != "ok")
    assert len(list(csv.reader(io.StringIO(run("doctor").stdout), delimiter="\t"))) == len(findings)


def test_doctor_names_a_store_that_cannot_be_opened(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run("doctor", "--json", "--store", f"diskcache://{tmp_path}/file")
    assert result.exit_code == 1
    (wrong,) = [f for f in json.loads(result.stdout)["findings"] if f["state"] == "wrong"]
    assert wrong["what"] == "store"


def test_run_prints_what_waits_and_ends_with_75(tmp_path: Path, run: Run, ledger: Ledger) -> None:
    path = tmp_path / "a.ipynb"
    cells = [
        new_code_cell("%load_ext hitl_nb\nimport hitl_nb as hitl"),
        new_code_cell('%%agent ask\nprint(hitl.checkpoint("Dear Ms Doe", title="Send it").value)'),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    command = [sys.executable, "-m", "hitl_nb.cli", "run", str(path)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 75, first.stderr
    (p,) = ledger.proposals.list_open()
    assert first.stdout.split("\t")[:2] == [p.id, "Send it"]
    document = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)
    assert (document["status"], [q["id"] for q in document["open"]], document["error"]) == ("waiting", [p.id], None)
    assert run("edit", p.id, "--value", "Dear Mr Roe").exit_code == 0
    last = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (last.returncode, last.stdout) == (0, ""), last.stderr
    assert "Dear Mr Roe" in path.read_text(encoding="utf-8")


def test_run_of_a_failing_or_missing_notebook(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), path)
    check_failure(run("run", path), "a.ipynb failed in cell 1: ZeroDivisionError: division by zero")
    check_failure(run("run", tmp_path / "no.ipynb"), "there is no notebook")


def test_help_and_completion(run: Run) -> None:
    text = run("--help").stdout
    for name in ("run", "inbox", "show", "runs", "approve", "edit", "reject", "respond", "audit", "doctor"):
        assert name in text
    assert "--install-completion" in text


def test_completes_the_ids_of_what_waits(url: str, ledger: Ledger) -> None:
    p = one(ledger)
    words = {"_HITL_NB_COMPLETE": "complete_bash", "COMP_WORDS": f"hitl-nb show {p.id[:3]}", "COMP_CWORD": "2"}
    script = "import sys; sys.argv = ['hitl-nb']; from hitl_nb.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **words}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [p.id]


def test_an_effect_in_doubt_is_explained_and_answered(run: Run, ledger: Ledger) -> None:
    p, other = pause(ledger, in_doubt("12.50"), in_doubt("3"))
    shown = run("show", p.id).stdout
    for part in ("Did pay(12.50) happen?", "amount = 12.50", "12:04:27 UTC", "0123456789abcdef"):
        assert part in shown
    for word in ("yes --result JSON", "no", "stop"):
        assert f"hitl-nb edit {p.id} --happened {word}\n" in shown
    assert "pay(12.50) is called again." in shown
    assert json.loads(run("show", p.id, "--json").stdout)["doubt"]["call"] == "pay(12.50)"
    check_failure(run("approve", p.id), "look up what happened")
    check_failure(run("reject", p.id, "--reason", "no"), "look up what happened")
    check_failure(run("edit", p.id, "--value", '{"happened": null}'), "happened: must be one of")
    check_failure(run("edit", p.id, "--happened", "perhaps"), "must be yes, no or stop")
    check_failure(run("edit", p.id, "--happened", "yes"), "result: is required")
    check_failure(run("edit", p.id, "--happened", "no", "--result", "1"), "is only for yes")
    assert run("edit", p.id, "--happened", "no", "--value", "x").exit_code == 2
    assert run("edit", p.id, "--result", "1", "--value", "x").exit_code == 2
    done = run("edit", p.id, "--happened", "yes", "--result", "88213")
    assert done.exit_code == 0
    assert "answered, it happened: Did pay(12.50) happen?" in done.stderr
    decided = ledger.proposals.load(p.id).decision
    assert decided is not None
    assert decided.value == {"happened": True, "result": "88213"}
    stopped = run("edit", other.id, "--value", "stop")
    assert "run stopped" in stopped.stderr
    assert "--restart starts it again" in stopped.stderr
    assert ledger.runs.load(p.run).status == "cancelled"


def test_what_an_effect_returned_must_be_said(run: Run, ledger: Ledger) -> None:
    unknown, typed, nothing = pause(ledger, in_doubt("1", None), in_doubt("2", None), in_doubt("3", type(None)))
    check_failure(run("edit", unknown.id, "--happened", "yes"), "result: is required: give what the call returned")
    check_failure(run("edit", unknown.id, "--value", "yes"), "--result null")
    assert ledger.proposals.load(unknown.id).status == "open"
    for p, args in ((unknown, ("--happened", "yes", "--result", "null")), (typed, ("--value", "yes null"))):
        assert run("edit", p.id, *args).exit_code == 0
        decided = ledger.proposals.load(p.id).decision
        assert decided is not None
        assert decided.value == {"happened": True, "result": None}
    assert run("edit", nothing.id, "--happened", "yes").exit_code == 0


def test_happened_is_for_effects_in_doubt(run: Run, ledger: Ledger) -> None:
    assert run("edit", one(ledger).id, "--happened", "yes").exit_code == 2


def of_notebook(ledger: Ledger, path: Path | str, agent: str = "mail") -> str:
    """A run of this notebook that waits; its id."""
    run, claim = ledger.runs.open(agent=agent, notebook=str(path))
    ledger.runs.pause(claim, Snapshot(envelope=b"x"), [build_question("Dear Ms Doe", title="Send the email")])
    return run.id


def test_runs_of_notebooks_that_are_gone(run: Run, ledger: Ledger, tmp_path: Path) -> None:
    there = tmp_path / "there.ipynb"
    there.write_text("{}")
    gone = of_notebook(ledger, tmp_path / "gone.ipynb")
    of_notebook(ledger, there)
    of_notebook(ledger, "script:nightly")
    listed = json.loads(run("runs", "--orphaned", "--json").stdout)["runs"]
    assert [(r["id"], r["orphaned"]) for r in listed] == [(gone, True)]
    assert gone in run("runs", "--orphaned").stdout
    taken = run("adopt", gone, there)
    assert taken.exit_code == 1
    assert "hitl-nb cancel" in taken.stderr
    free = tmp_path / "free.ipynb"
    free.write_text("{}")
    assert "free.ipynb" in run("adopt", gone, free).stderr
    assert ledger.runs.load(gone).notebook == ledger.proposals.list_open()[0].notebook == str(free)
    assert run("runs", "--orphaned").stderr == "every run's notebook is there\n"
    missing = run("adopt", gone, tmp_path / "none.ipynb")
    assert (missing.exit_code, "there is no notebook" in missing.stderr) == (1, True)


def test_a_run_is_cancelled_and_forgotten(run: Run, ledger: Ledger, tmp_path: Path) -> None:
    first, second = of_notebook(ledger, tmp_path / "a.ipynb"), of_notebook(ledger, "script:nightly")
    assert run("cancel", first).exit_code == 0
    assert ledger.runs.load(first).status == "cancelled"
    several = run("forget", "mail")
    assert several.exit_code == 1
    assert "--notebook" in several.stderr
    assert "script:nightly" in several.stderr
    assert "forgot 1 run of mail" in run("forget", "mail", "--notebook", "script:nightly").stderr
    assert [r.id for r in ledger.runs.list_newest()] == [first]
    assert second not in run("runs").stdout
    assert run("forget", "mail").exit_code == 0
    assert run("forget", "mail").exit_code == 1
    assert {e.type for e in ledger.audit.read_events()} >= {"run.cancelled", "run.forgotten"}


def test_a_held_question_is_listed_as_such_and_nobody_has_to_run_it_again(run: Run, ledger: Ledger) -> None:
    _, claim = ledger.held.open(agent="chat", notebook="/nb/chat.py", label="program")
    _, p = ledger.held.ask(claim, build_question("rm -rf build", title="Run it?"))
    assert "held, waiting" in run("runs").stdout
    assert json.loads(run("runs", "--json").stdout)["runs"][0]["held"] is True
    assert "the agent is waiting in another window" in run("approve", p.id).stderr
    ledger.held.resume(claim, None)
    assert f"run {p.run} (chat) is cancelled" in run("cancel", p.run).stderr
