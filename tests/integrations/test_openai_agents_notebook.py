"""`reviewed()` of the OpenAI Agents SDK in a cell of a notebook: it pauses in one kernel and continues in another."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import hitl_nb as hitl

pytest.importorskip("agents", reason="openai-agents is not installed: pip install 'hitl_nb[openai-agents]'")

CELLS = (
    "%load_ext hitl_nb\nfrom openai_agents_desk import shop\nfrom hitl_nb.integrations.openai_agents import reviewed",
    """%%agent desk
print("before")
answer = await reviewed(shop, "please refund", ask=["refund"])
print("after:", answer)""",
    "print(len(answer))",
)


def test_a_cell_continues_in_a_new_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    store, path = f"diskcache://{tmp_path}/s", tmp_path / "desk.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in CELLS]), path)

    asked = hitl.run_notebook(path, store=store)
    assert (asked.status, [one.title for one in asked.open], asked.error) == ("waiting", ["Call refund"] * 2, None)
    first, second = asked.open
    edited = {"name": "refund", "arguments": {"order": "A", "amount": 5.0}}
    hitl.decide(first, "edit", edited, reviewer="ann", store=hitl.open_store(store))
    hitl.decide(second, "reject", reason="no", reviewer="ann", store=hitl.open_store(store))
    asked = hitl.run_notebook(path, store=store)
    assert [one.title for one in asked.open] == ["Call refund"]
    hitl.decide(asked.open[0], "approve", reviewer="ann", store=hitl.open_store(store))
    done = hitl.run_notebook(path, store=store)
    assert (done.status, done.error) == ("finished", None)

    printed = "".join(one.get("text", "") for one in nbformat.read(path, as_version=4).cells[1].outputs)
    assert printed.startswith("before\n")
    assert printed.count("before") == 1
    assert "paid A 5.0 | The tool was not called. A person rejected the call. Reason: no | paid C 30.0" in printed
    effects = [line for line in (tmp_path / "log").read_text().splitlines() if "model" not in line]
    assert effects == ['["look", "A"]', '["pay", "A", 5.0]', '["pay", "C", 30.0]']
