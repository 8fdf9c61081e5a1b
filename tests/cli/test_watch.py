"""What the command line says where nobody watches deadlines, and what `hitl-nb run` waits for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from hitl_nb.cli.app import app
from hitl_nb.cli.watch import MAX_SETTLING_SECONDS, wait_for_settling
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Need, Proposal, Question, Snapshot, Terms, TimelineStep
from hitl_nb.storage import open_store

NB = "/ann/a.ipynb"
TERMS = Terms(needs=(Need(people=("ada",), text="1 of ada"),), timeline=(TimelineStep(does="remind", seconds=3600),))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    url = f"diskcache://{tmp_path}/store"
    monkeypatch.setenv("HITL_NB_STORE", url)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    return Ledger(open_store(url))


def ask(ledger: Ledger, terms: Terms = TERMS) -> Proposal:
    _, claim = ledger.runs.open(agent="refunds", notebook=NB)
    plans = [Plan("ask", (), (), terms, ("approve", "reject"))]
    questions = [Question(title="Refund", kind="text", value="x", position="0")]
    return ledger.runs.pause(claim, Snapshot(envelope=b"s"), questions, plans=plans).proposals[0]


def hitl(*words: str) -> Result:
    return CliRunner().invoke(app, words, prog_name="hitl-nb")


def find_findings(name: str) -> list[Any]:
    return [one for one in json.loads(hitl("doctor", "--json").stdout)["findings"] if one["what"] == name]


def test_inbox_and_doctor_say_that_nobody_watches_deadlines(ledger: Ledger) -> None:
    assert "nobody watches" not in hitl("inbox").stderr
    assert find_findings("deadlines") == []
    ask(ledger)
    assert "nobody watches deadlines" in hitl("inbox").stderr
    assert [one["state"] for one in find_findings("deadlines")] == ["note"]
    ledger.watchers.record_heartbeat(ProcessIdentity.current("watch"), ledger.now())
    assert "nobody watches" not in hitl("inbox").stderr
    assert [(one["state"], one["found"].split(" (")[0]) for one in find_findings("deadlines")] == [
        ("ok", "watched by watch")
    ]


def test_doctor_says_what_is_wrong_with_the_channels(ledger: Ledger, tmp_path: Path) -> None:
    assert find_findings("channels") == []
    file = tmp_path / "channels.toml"
    file.write_text('ada = { urls = ["json://hunter2"] }')
    file.chmod(0o644)
    [wrong] = find_findings("channels")
    assert (wrong["state"], "chmod 600" in wrong["found"]) == ("wrong", True)
    file.chmod(0o600)
    assert [(one["state"], one["found"]) for one in find_findings("channels")] == [("ok", "ada")]
    file.write_text('ada = { urls = ["pager://hunter2"] }')
    [missing] = find_findings("channels")
    assert (missing["state"], "no notifier is installed for pager://" in missing["found"]) == ("wrong", True)
    assert "hitl_nb.notifiers" in missing["mend"]


def test_watch_once_does_what_is_due_and_ends(ledger: Ledger, tmp_path: Path) -> None:
    ask(ledger)
    (tmp_path / "channels.toml").write_text("ada = 1")
    (tmp_path / "channels.toml").chmod(0o600)
    wrong = hitl("watch", "--once")
    assert wrong.exit_code == 1
    assert "channel 'ada'" in wrong.stderr
    (tmp_path / "channels.toml").unlink()
    assert hitl("watch", "--once").exit_code == 0
    assert ledger.watchers.list_running(ledger.now()) == []
    assert hitl("watch", "--once", "--public-url", "hub.example").exit_code == 2


def ask_settling(ledger: Ledger, seconds: float) -> Proposal:
    """A proposal that was approved and can be taken back for a while."""
    p = ask(ledger, Terms(needs=(Need(people=("ada",), text="1 of ada"),), undo=seconds))
    p = msgspec.structs.replace(p, settles_at=ledger.now() + timedelta(seconds=seconds))
    ledger.store.transact(lambda tx: rows.put_proposal(tx, p))
    return p


def test_run_waits_for_an_approval_that_is_about_to_be_a_decision(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_settling(ledger, 30)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        later = ledger.now() + timedelta(seconds=seconds)
        monkeypatch.setattr(clock, "store_now", lambda reads: later)
        monkeypatch.setattr(clock, "local_microseconds", lambda: int(later.timestamp() * 1e6))
        ledger.store.transact(lambda tx: tx.delete(tx.scan("due/", "due0")[0][0]))
        p = rows.load_proposal(ledger.store, ledger.proposals.list_open(notebook=NB)[0].id)
        assert p is not None
        ledger.store.transact(lambda tx: rows.put_proposal(tx, msgspec.structs.replace(p, settles_at=None)))

    wait_for_settling(ledger, NB, sleep)
    assert len(slept) == 1
    assert 0 < slept[0] <= 30


def test_run_does_not_wait_for_what_settles_later_nor_for_another_notebooks(ledger: Ledger) -> None:
    def never(seconds: float) -> None:
        raise AssertionError(seconds)

    ask_settling(ledger, MAX_SETTLING_SECONDS + 30)
    assert not wait_for_settling(ledger, NB, never)
    ask_settling(ledger, 5)
    assert not wait_for_settling(ledger, "/another.ipynb", never)
