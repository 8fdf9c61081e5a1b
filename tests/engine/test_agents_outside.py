"""Agents outside notebooks: `agent.run(..., key=...)` in a script, gone on with by further processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

SCRIPT = """
import asyncio, json, sys
import hitl_nb as hitl

rate = 2
sent = []

@hitl.step
def send(order, text):
    with open(sys.argv[2], "a") as log:
        log.write(f"{order}:{text}\\n")
    return len(text)

@hitl.agent
def check(order, n):
    return hitl.checkpoint(n * rate, title=f"Amount of {order}").value

@hitl.agent
ASYNC def refund(order, *, tries=2):
    total = 0
    for n in range(tries):
        amount = check(order, n + 1)
        total += send(order, "x" * amount)
        sent.append(amount)
    return {"order": order, "total": total, "sent": sent}

run = asyncio.run(refund.run("A1", key=sys.argv[1]))
print(json.dumps([run.status, run.result, [p.title for p in run.open], run.key]))
"""


class Script:
    def __init__(self, folder: Path, text: str) -> None:
        self.path, self.log = folder / "script.py", folder / "log"
        self.path.write_text(text)
        self.url = f"diskcache://{folder}/store"

    def run(self, key: str) -> Any:
        env = {**os.environ, "HITL_NB_STORE": self.url}
        made = subprocess.run(
            [sys.executable, str(self.path), key, str(self.log)], env=env, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)

    def decide(self, value: int) -> None:
        store = open_store(self.url)
        ledger = Ledger(store)
        [p] = ledger.proposals.list_open()
        ledger.proposals.decide(p.id, "edit", value=value, reviewer="ann")
        store.close()


@pytest.mark.parametrize("kind", ["", "async"])
def test_each_process_goes_on_where_the_last_one_stopped(tmp_path: Path, kind: str) -> None:
    script = Script(tmp_path, SCRIPT.replace("ASYNC ", f"{kind} " if kind else ""))
    assert script.run("k") == ["waiting", None, ["Amount of A1"], "k"]
    assert script.run("k") == ["waiting", None, ["Amount of A1"], "k"]
    script.decide(5)
    assert script.run("k")[:2] == ["waiting", None]
    script.decide(7)
    finished = ["finished", {"order": "A1", "total": 12, "sent": [5, 7]}, [], "k"]
    assert script.run("k") == finished
    assert script.run("k") == finished
    assert script.log.read_text().splitlines() == ["A1:xxxxx", "A1:xxxxxxx"]


def test_keys_are_runs_of_their_own(tmp_path: Path) -> None:
    script = Script(tmp_path, SCRIPT.replace("ASYNC ", "").replace("tries=2", "tries=1"))
    assert script.run("one")[0] == "waiting"
    script.decide(1)
    assert script.run("two")[0] == "waiting"
    assert script.run("one")[0] == "finished"
    script.decide(2)
    assert script.run("two")[1]["total"] == 2


def test_an_agent_that_failed_goes_on_after_it_was_mended(tmp_path: Path) -> None:
    text = SCRIPT.replace("ASYNC ", "").replace("    return {", "    broken()\n    return {")
    script = Script(tmp_path, text)
    script.run("k")
    script.decide(1)
    script.run("k")
    script.decide(2)
    with pytest.raises(AssertionError, match="NameError"):
        script.run("k")
    script.path.write_text(text.replace("    broken()\n", "    pass\n"))
    assert script.run("k")[0] == "finished"
    assert script.log.read_text().splitlines() == ["A1:x", "A1:xx"]
