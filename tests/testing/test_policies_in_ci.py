"""Notebooks with policies under `pytest --nbval`: what passes, what is blocked, who votes, what the clock does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hitl_nb.headless.run_notebook import run_notebook
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.scripted_review.decision_file import format_document
from hitl_nb.scripted_review.decision_recording import record_file
from hitl_nb.storage import open_store
from hitl_nb.testing import ScriptedReviewer
from tests.testing.test_nbval import LOAD, Folder

POLICY = """
version = 1
[groups]
finance = ["ada", "bo", "cy"]

[[rule]]
id = "small"
when = 'value.amount <= 50'
do = "pass"

[[rule]]
id = "embargo"
when = 'value.country == "XX"'
do = "block"

[[rule]]
id = "big"
when = 'value.amount > 100'
do = "ask"
needs = ["2 of @finance"]
timeline = ["1h remind", "8h reject"]

[[rule]]
id = "before-noon"
when = 'now.hour < 12'
do = "block"
"""
AGENT = """%%agent refunds
report = []
for amount, country in [(10, "DE"), (20, "XX"), (500, "DE"), (5000, "FR"), (30, "DE")]:
    decision = hitl.checkpoint({"amount": amount, "country": country}, title=f"Refund of {amount}")
    report.append((amount, decision.action, decision.value and decision.value["amount"], decision.by != "policy"))
report"""
ENTRIES: list[dict[str, Any]] = [
    {
        "title": "Refund of 500",
        "votes": [
            {"as": "bo", "action": "edit", "value": {"amount": 450, "country": "DE"}, "reason": "less"},
            {"as": "ada", "action": "approve"},
        ],
    },
    {"title": "Refund of 5000", "action": "wait"},
    {"title": "Refund of 5000", "action": "wait"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name in ("notebooks", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "notebooks" / ".git").mkdir()
    (tmp_path / "notebooks" / "hitl-policy.toml").write_text(POLICY)
    return Folder(tmp_path / "notebooks", tmp_path / "tmp")


def test_what_a_file_decides_is_recorded_and_gives_the_same_outputs(tmp_path: Path, folder: Folder) -> None:
    file = folder.notebook("refunds", LOAD, AGENT)
    url = f"diskcache://{tmp_path}/store"
    with ScriptedReviewer(ENTRIES, clock="2026-03-02T12:00:00Z"):
        done = run_notebook(file, store=url)
    assert (done.status, done.error) == ("finished", None)
    shown = nbformat.read(file, 4).cells[1].outputs
    assert "".join(shown[-1]["data"]["text/plain"]) == (
        "[(10, 'approve', 10, False),\n (20, 'reject', None, False),\n (500, 'edit', 450, True),\n"
        " (5000, 'reject', None, True),\n (30, 'approve', 30, False)]"
    )
    said = json.dumps(shown)
    assert "Passed by policy: Refund of 10 (small)" in said
    assert "Blocked by policy: Refund of 20 (embargo)" in said

    recorded = record_file(Ledger(open_store(url)), str(file))
    assert recorded is not None
    file.with_suffix(".decisions.json").write_text(format_document(recorded), encoding="utf-8")
    written = json.loads(format_document(recorded))
    assert written["clock"] == "2026-03-02T12:00:00Z"
    assert written["decisions"] == [{"agent": "refunds", **entry} for entry in ENTRIES]
    assert folder.validate() == 0, folder.found
