"""A decision is about what the reviewer saw, whatever another cell did to the object meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, get_ledger, run_cell
from hitl_nb.engine.run.resume import RunOutcome
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.storage import open_store

SOURCE = """
import hitl_nb as hitl
order = {"id": 5678, "amount": 80}
decision = hitl.checkpoint(order, title="Refund")
"""


@pytest.mark.parametrize("action", ["approve", "edit"])
def test_an_object_changed_while_it_waited_is_not_what_was_decided(
    action: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    ledger = get_ledger(open_store(f"memory:{tmp_path.name}-{action}"))
    ns: dict[str, Any] = {"__name__": "__main__"}

    def run() -> RunOutcome:
        cell = AgentCell("n", "a", "", compile_cell(SOURCE, "<cell>"), ns)
        return asyncio.run(run_cell(ledger, cell, Saver(ns), RunDisplay()))

    proposal = run().proposals[0]
    ns["order"]["amount"] = 8000
    edited = {"id": 5678, "amount": 80} if action == "edit" else None
    ledger.proposals.decide(proposal.id, action, value=edited, reviewer="ann")
    assert run().status == "finished"
    assert ns["decision"].value == ns["decision"].original == {"id": 5678, "amount": 80}
