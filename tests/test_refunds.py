"""The example, played to its end: paused, killed, decided, continued. Nothing happens twice, nothing is left out."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from hitl_nb.review.deciding import decide
from hitl_nb.store import open_store
from hitl_nb.store.ledger import Ledger

EXAMPLES = Path(__file__).parent.parent / "examples"
WAITING = 75
KILLS = int(os.environ.get("HITL_NB_KILLS", "50"))
"""How often the kernel is killed, over all seeds together."""


class Desk:
    """A copy of the example, with a store and a world of its own."""

    def __init__(self, folder: Path, model_seconds: float = 0) -> None:
        shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("demo.py", "__pycache__", "*.jsonl", ".*"))
        self.notebook = folder / "refunds.ipynb"
        self.log = folder / "effects.jsonl"
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "HITL_NB_MODEL"},
            "HITL_NB_STORE": f"diskcache://{folder}/store",
            "REFUNDS_EFFECTS": str(self.log),
            "REFUNDS_MODEL_SECONDS": str(model_seconds),
        }

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "hitl_nb.cli", "run", str(self.notebook)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> int:
        process = self.start()
        said, _ = process.communicate()
        assert process.returncode in (0, WAITING), said
        return process.returncode

    def hitl(self, *words: str) -> str:
        command = [sys.executable, "-m", "hitl_nb.cli", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def waiting(self) -> list[dict[str, Any]]:
        return json.loads(self.hitl("inbox", "--json"))["proposals"]

    def effects(self) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def lines(self) -> int:
        """How many things have happened so far."""
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    def things(self, effect: str) -> Counter[str]:
        return Counter(line["about"] for line in self.effects() if line["effect"] == effect)

    def calls(self) -> Counter[str]:
        """Model calls as their provider counts them: one an idempotency key."""
        return Counter(
            about for about, _ in {(e["about"], e["key"]) for e in self.effects() if e["effect"] == "model call"}
        )

    def decide(self) -> None:
        """Approve what waits; look up what is in doubt."""
        ledger = Ledger(open_store(self.environment["HITL_NB_STORE"]))
        for proposal in ledger.inbox():
            doubt = re.match(r"Did send_(refund|email)\('([^']+)'", proposal.title)
            if doubt and not self.things(doubt.group(1))[doubt.group(2)]:
                decide(ledger, proposal, "edit", '{"happened": false, "result": null}')
            else:
                decide(ledger, proposal, "approve")

    def printed(self) -> dict[str, str]:
        cells = nbformat.read(self.notebook, as_version=4).cells
        return {
            c.id: "".join(o.get("text", "") for o in c.outputs) for c in cells if c.cell_type == "code"
        }  # fmt: skip

    def check_everything_happened_once(self) -> None:
        nbformat.validate(nbformat.read(self.notebook, as_version=4))
        assert set(self.things("email").values()) == {1}
        assert set(self.things("refund").values()) == {1}
        assert set(self.calls().values()) == {1}
        assert len(self.things("refund")) == 34
        assert len(self.things("email")) == 41
        assert len(self.calls()) == 34

    def orders(self) -> dict[str, str | None]:
        sys.path.insert(0, str(EXAMPLES))
        try:
            from refund_desk import read_requests  # type: ignore[import-not-found]
        finally:
            sys.path.remove(str(EXAMPLES))
        return {request.id: request.order for request in read_requests(EXAMPLES / "data/requests.csv")}


def kernel_of(process: subprocess.Popen[str]) -> psutil.Process | None:
    """The kernel that `hitl-nb run` has started, once there is one."""
    while process.poll() is None:
        try:
            for child in psutil.Process(process.pid).children():
                if "ipykernel_launcher" in " ".join(child.cmdline()):
                    return child
        except psutil.Error:
            continue
        time.sleep(0.02)
    return None


def test_the_whole_story(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", model_seconds=0.05)
    process = desk.start()
    kernel = kernel_of(process)
    assert kernel is not None
    while len(desk.things("email")) < 3:
        assert process.poll() is None
        time.sleep(0.005)
    kernel.kill()
    process.communicate()
    assert process.returncode == 1

    decided: list[str] = []
    while desk.run() == WAITING:
        assert desk.printed()["summary"] == ""
        for proposal in desk.waiting():
            title, context = proposal["title"], str(proposal["context"])
            if title.startswith("Did "):
                desk.decide()
                continue
            decided.append(title)
            if "VIP" in context:
                desk.hitl("respond", proposal["id"], "--message", "call her first")
            elif "return window" in context:
                desk.hitl("reject", proposal["id"], "--reason", "four months is too long")
            elif "40215" in title:
                value = {**proposal["value"], "amount": 1199, "email": "Dear Mr Brandt, we refund 1199 EUR."}
                desk.hitl("edit", proposal["id"], "--value", json.dumps(value))
            else:
                desk.hitl("approve", proposal["id"])
    assert decided == [f"Refund order {n}" for n in (40215, 40398, 39127, 40455)]

    assert set(desk.things("refund").values()) == {1}
    assert set(desk.things("email").values()) == {1}
    assert set(desk.calls().values()) == {1}
    sent = {line["about"]: line for line in desk.effects()}
    assert (sent["40215"]["amount"], sent["40215"]["currency"]) == (1199, "EUR")
    assert sent["R-1007"]["text"] == "Dear Mr Brandt, we refund 1199 EUR."
    assert (sent["40455"]["amount"], sent["40455"]["currency"]) == (28500, "JPY")
    assert not {"40398", "39127"} & desk.things("refund").keys()
    said = desk.printed()["summary"]
    assert "not refunded: four months is too long" in said
    assert "not refunded: call her first" in said
    assert sum(int(line.split()[0]) for line in said.splitlines()) == len(desk.orders()) == 44

    before = desk.log.read_bytes()
    assert desk.run() == 0
    assert desk.log.read_bytes() == before
    assert desk.printed()["summary"] == said


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    desk = Desk(tmp_path / "desk", model_seconds=0.01)
    kills = 0
    while kills < KILLS / 4:
        process = desk.start()
        kernel = kernel_of(process)
        if kernel is not None and strike(desk, process, kernel, dice):
            kills += 1
        said, _ = process.communicate()
        assert process.returncode in (0, 1, WAITING, -9), said
        nbformat.validate(nbformat.read(desk.notebook, as_version=4))
        desk.decide()
    for _ in range(100):
        if desk.run() == 0:
            break
        desk.decide()
    assert "refunded" in desk.printed()["summary"]
    desk.check_everything_happened_once()


def strike(desk: Desk, process: subprocess.Popen[str], kernel: psutil.Process, dice: random.Random) -> bool:
    """Kill the kernel at a random moment (or the command with it); False if it had ended before."""
    if dice.random() < 0.25:
        time.sleep(dice.uniform(0, 2.5))  # anywhere: while it starts, restores, pauses, shuts down
    else:
        enough = desk.lines() + dice.randint(1, 2)
        while process.poll() is None and desk.lines() < enough:
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.03))
    try:
        if dice.random() < 0.5:
            process.kill()
        kernel.kill()
    except psutil.NoSuchProcess:
        return False
    return True
