"""A notebook's kernel is killed, again and again: nothing happens twice, no decision is lost, and it ends all the same.

Three examples: a loop in a cell; an ordinary class with methods and generators; gates, files and git.

What a failing case leaves in its folder (store, notebook, `effects.jsonl`, `kills.jsonl`) says what happened when.
`HITL_NB_SEED` moves all seeds; `make faults` kills 300 times.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from example_desks import WAITING, Desk, Duplicates, Refunds, Release, kernel_of, strike

from tests.commands import Commands

SEED = int(os.environ.get("HITL_NB_SEED", "0"))
NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="the example needs git")


def kill_notebook(desk: Desk, dice: random.Random, kills: int) -> None:
    """Let the notebook go on until it has been killed so often."""
    while kills:
        process = desk.start()
        kernel = kernel_of(process)
        if kernel is not None and strike(desk, process, kernel, dice):
            kills -= 1
        said, _ = process.communicate()
        assert process.returncode in (0, 1, WAITING, -9), said
        nbformat.validate(nbformat.read(desk.notebook, as_version=4))
        desk.decide()


def long(desk: type[Desk], seeds: int, kills: int) -> list[Any]:
    return [pytest.param(desk, SEED + n, kills, marks=pytest.mark.faults_long) for n in range(seeds)]


SHORT = [(Refunds, SEED, 3), (Duplicates, SEED, 2), pytest.param(Release, SEED, 2, marks=NEEDS_GIT)]
LONG = [*long(Refunds, 10, 20), *long(Duplicates, 5, 10), *long(Release, 10, 5)]


@pytest.mark.slow
@pytest.mark.parametrize(("example", "seed", "kills"), [*SHORT, *LONG])
def test_killed_at_random_moments(
    tmp_path: Path, commands: Commands, example: type[Desk], seed: int, kills: int
) -> None:
    desk = example(tmp_path / "desk", commands)
    kill_notebook(desk, random.Random(seed), kills)
    desk.finish()
    desk.check_everything_happened_once()
    desk.check_no_decision_was_lost()


@pytest.mark.slow
def test_control_without_steps_things_happen_twice(tmp_path: Path, commands: Commands) -> None:
    desk = Refunds(tmp_path / "desk", commands, model_seconds=0.01)
    text = desk.notebook.read_text(encoding="utf-8")
    bare = text.replace('"@hitl.step\\n",\n', "").replace("hitl.idempotency_key()", "None")
    assert bare.count("@hitl.step") == 1  # the model's
    desk.notebook.write_text(bare, encoding="utf-8")
    for _ in range(20):
        process = desk.start()
        kernel, before = kernel_of(process), sum(desk.things("refund").values())
        assert kernel is not None
        while process.poll() is None and sum(desk.things("refund").values()) == before:
            time.sleep(0.0005)
        with contextlib.suppress(psutil.NoSuchProcess):  # it paused first
            kernel.kill()
        process.communicate()
        desk.decide()
        if any(not thing.startswith("model call") for thing in desk.twice()):
            return
    raise AssertionError("20 kills, and the check saw nothing twice")


def test_the_whole_story(tmp_path: Path, commands: Commands) -> None:
    desk = Refunds(tmp_path / "desk", commands, model_seconds=0.05)
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
        assert desk.read_printed()["summary"] == ""
        for proposal in desk.list_waiting():
            title, context = proposal["title"], proposal["context"]
            if title.startswith("Did "):
                desk.decide()
                continue
            decided.append(title)
            if "VIP" in context["customer"]:
                desk.hitl("respond", proposal["id"], "--message", "call her first")
            elif context["days since purchase"] > 30:
                desk.hitl("reject", proposal["id"], "--reason", "four months is too long")
            elif "40215" in title:
                value = {**proposal["value"], "amount": 1199, "email": "Dear Mr Brandt, we refund 1199 EUR."}
                desk.hitl("edit", proposal["id"], "--value", json.dumps(value))
            else:
                desk.hitl("approve", proposal["id"])
    assert decided == [f"Refund order {n}" for n in (40215, 40398, 39127, 40455)]

    assert desk.twice() == []
    sent = {line["about"]: line for line in desk.effects()}
    assert (sent["40215"]["amount"], sent["40215"]["currency"]) == (1199, "EUR")
    assert sent["R-1007"]["text"] == "Dear Mr Brandt, we refund 1199 EUR."
    assert (sent["40455"]["amount"], sent["40455"]["currency"]) == (28500, "JPY")
    assert not {"40398", "39127"} & desk.things("refund").keys()
    said = desk.read_printed()["summary"]
    assert "not refunded: four months is too long" in said
    assert "not refunded: call her first" in said
    assert sum(int(line.split()[0]) for line in said.splitlines()) == len(desk.orders()) == 44

    before = desk.log.read_bytes()
    assert desk.run() == 0
    assert desk.log.read_bytes() == before
    assert desk.read_printed()["summary"] == said
