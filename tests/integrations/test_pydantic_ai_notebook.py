"""`reviewed()` of Pydantic AI in a cell of a notebook: a new kernel continues where the last one paused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import hitl_nb as hitl

if importlib.util.find_spec("pydantic_ai") is None:
    pytest.skip("Pydantic AI is not installed: pip install 'hitl_nb[pydantic-ai]'", allow_module_level=True)

SETUP = """%load_ext hitl_nb
from dataclasses import dataclass
from pathlib import Path
from pydantic_ai import Agent
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from hitl_nb.integrations.pydantic_ai import reviewed

def log(text):
    with Path("log").open("a") as file:
        file.write(text + "\\n")

@dataclass
class Receipt:
    order: str
    amount: float

async def answer(messages, info):
    log(f"model {len(messages)}")
    if len(messages) == 1:
        yield "I shall "
        yield "refund it."
        yield {1: DeltaToolCall("refund", '{"order": "5678", "amount": 90.0}', tool_call_id="1")}
    else:
        yield f"done: {messages[-1].parts[0].content}"

desk = Agent(FunctionModel(stream_function=answer))

@desk.tool_plain
def refund(order: str, amount: float) -> Receipt:
    log(f"refund {order} {amount}")
    return Receipt(order, amount)"""
AGENT = """%%agent refunds
out = await reviewed(desk, "please refund 5678", ask=["refund"])
print("out:", out)"""


def test_an_agent_continues_in_a_new_kernel(tmp_path: Path) -> None:
    path, store = tmp_path / "a.ipynb", f"diskcache://{tmp_path}/store"
    nbformat.write(new_notebook(cells=[new_code_cell(SETUP), new_code_cell(AGENT)]), path)
    run = hitl.run_notebook(path, store=store)
    assert (run.status, run.error, [p.title for p in run.open]) == ("waiting", None, ["Call refund"])
    value = {"name": "refund", "arguments": {"order": "5678", "amount": 45.0}}
    hitl.decide(run.open[0], "edit", value, reviewer="ann", store=hitl.open_store(store))
    run = hitl.run_notebook(path, store=store)
    assert (run.status, run.error) == ("finished", None)
    outputs = nbformat.read(path, as_version=4).cells[1].outputs
    done = "done: Receipt(order='5678', amount=45.0)"  # shown while it came, and printed
    assert "".join(output.get("text", "") for output in outputs) == f"I shall refund it.\n{done}\nout: {done}\n"
    assert (tmp_path / "log").read_text().splitlines() == ["model 1", "refund 5678 45.0", "model 3"]
