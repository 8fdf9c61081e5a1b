"""An agent of several tasks is killed, again and again: each step runs once, each question is asked once.

After a crash the tasks take turns differently than before it. `HITL_NB_SEED` moves all seeds; `make faults` tries 200
agents.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import story
import task_kills
from forks import ChildDied
from shim import Fresh

SEED = int(os.environ.get("HITL_NB_SEED", "0"))


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fresh]:
    started = Fresh()
    yield started
    started.close()


def kill_often(fresh: Fresh, folder: Path, seed: int, kills: int, *, steps: bool = True) -> list[str]:
    """Kill the agent so often, each time a random number of moments after it has begun or continued; what is wrong."""
    _, result = task_kills.program(seed)
    story._folder, dice, killed = folder, random.Random(seed), 0
    while True:
        try:
            made = fresh(task_kills.play, folder, seed, dice.randint(1, 60) if killed < kills else -1, steps=steps)
        except ChildDied as died:
            if died.args != (signal.SIGKILL,):
                raise
            killed += 1
        else:
            break
    wrong = fresh(task_kills.find_wrong, folder)
    return wrong if made == result else [*wrong, f"the result: {made}"]


@pytest.mark.parametrize("seed", range(SEED, SEED + 2))
def test_tasks_that_are_killed_do_all_once(fresh: Fresh, tmp_path: Path, seed: int) -> None:
    assert kill_often(fresh, tmp_path, seed, 3) == [], task_kills.program(seed)[0]


def test_control_without_steps_things_happen_twice(fresh: Fresh, tmp_path: Path) -> None:
    found: list[str] = []
    for seed in range(SEED, SEED + 10):  # whether a kill falls behind a payment is left to chance
        (tmp_path / str(seed)).mkdir()
        found += kill_often(fresh, tmp_path / str(seed), seed, 3, steps=False)
        if any(what.startswith('["pay", ') for what in found):
            return
    pytest.fail(f"no payment was made twice: {found}")


@pytest.mark.faults_long
@pytest.mark.parametrize("seed", range(SEED, SEED + 200))
def test_many_agents_that_are_killed(fresh: Fresh, tmp_path: Path, seed: int) -> None:
    assert kill_often(fresh, tmp_path, seed, 5) == [], task_kills.program(seed)[0]
