"""Runs test modules natively, instrumented, and with pauses, each in a process of its own; compares test by test."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.foreign.catalogue import Run
from tests.foreign.differences import EXPLAINED, PAUSED, REFUSED

HERE = Path(__file__).parent
ENGINE = "hitl_nb.engine.compile:compile_module"
AS_IT_IS = "none"
SECONDS = 300
ROUNDS = 2
"""In how many processes a test module runs with pauses: each takes its part of the places."""


@dataclass(frozen=True)
class Outcome:
    """How the tests of one module ended in one process.

    Attributes:
        words: for each test `ok`, `fail`, `error`, `skip`, `expected failure` or `unexpected success`; `(import)` or
            `(process)` if it did not come to the tests.
        details: tracebacks of those that did not succeed.
        loaded: the modules that were put through the instrumenter.
        functions: for each module whose functions are marked, how many it has, and how many are instrumented.
        paused: for each test that was paused, what came of it: see `pausing.Paused`.
    """

    words: dict[str, str]
    details: dict[str, str] = field(default_factory=dict[str, str])
    loaded: tuple[str, ...] = ()
    seconds: float = 0.0
    functions: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    paused: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Comparison:
    run: Run
    native: Outcome
    instrumented: Outcome

    @property
    def tests(self) -> list[str]:
        return sorted({*self.native.words, *self.instrumented.words})

    @property
    def different(self) -> list[str]:
        """Names of the tests that did not end as they do natively."""
        return [name for name in self.tests if self.native.words.get(name) != self.instrumented.words.get(name)]

    @property
    def unexplained_tests(self) -> list[str]:
        return [name for name in self.different if name not in EXPLAINED]

    @property
    def outdated_explanations(self) -> list[str]:
        """Names of the tests that are said to differ and did not."""
        return [name for name in self.tests if name in EXPLAINED and name not in self.different]

    def describe(self, name: str) -> str:
        """What a test ended with on both sides, and the traceback."""
        words = f"{self.native.words.get(name)} -> {self.instrumented.words.get(name)}"
        return f"{name}: {words}\n{self.instrumented.details.get(name, '')}"


@dataclass(frozen=True)
class PausedComparison:
    """A test module natively, and with pauses at the places of each round.

    Attributes:
        rounds: how its tests ended in each.
    """

    run: Run
    native: Outcome
    rounds: tuple[Outcome, ...]

    @property
    def tests(self) -> list[str]:
        return sorted(self.native.words)

    @property
    def different(self) -> list[str]:
        """Names of the tests that did not end as they do natively, in any round."""
        names = {name for made in (self.native, *self.rounds) for name in made.words}
        return sorted(
            name for name in names if any(made.words.get(name) != self.native.words.get(name) for made in self.rounds)
        )

    @property
    def unexplained_tests(self) -> list[str]:
        return [name for name in self.different if name not in {**EXPLAINED, **PAUSED}]

    def count(self, what: str) -> int:
        """How many pauses were `tried`, or `continued`."""
        return sum(one[what] for made in self.rounds for one in made.paused.values())

    @property
    def refused_pauses(self) -> Counter[str]:
        """How many pauses were refused, by the sentence in `differences.py`; what it does not know by its own words."""
        found: Counter[str] = Counter()
        for made in self.rounds:
            for one in made.paused.values():
                for reason, places in one["refused"].items():
                    sentence = next((said for words, said in REFUSED.items() if re.search(words, reason)), reason)
                    found[sentence] += len(places)
        return found

    @property
    def unknown_refusals(self) -> list[str]:
        return sorted(self.refused_pauses.keys() - {*REFUSED.values()})

    def describe(self, name: str) -> str:
        """What a test ended with, the last places where it was continued, and the traceback."""
        for made in self.rounds:
            if made.words.get(name) != self.native.words.get(name):
                places = made.paused.get(name, {}).get("places", [])[-4:]
                words = f"{self.native.words.get(name)} -> {made.words.get(name)}"
                return f"{name}: {words} after {places}\n{made.details.get(name, '')}"
        return name


def has_tests(run: Run) -> bool:
    """Whether this Python was installed with the tests."""
    try:
        return importlib.util.find_spec(run.tests) is not None
    except ModuleNotFoundError:
        return False


def run_module(run: Run, compiler: str, part: str = "none") -> Outcome:
    """Run one test module in a new process.

    Args:
        compiler: `none` for Python as it is.
        part: the places where its tests are paused: see `one_module.py`.
    """
    with tempfile.TemporaryDirectory(prefix="hitl-foreign-", ignore_cleanup_errors=True) as folder:
        written = Path(folder) / "outcomes.json"
        work = Path(folder) / "work"
        work.mkdir()
        command = [sys.executable, str(HERE / "one_module.py"), run.tests, str(written), compiler, part]
        command += run.instrumented
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        began = time.monotonic()
        try:
            made = subprocess.run(
                command, cwd=work, env=environment, timeout=SECONDS, stdin=subprocess.DEVNULL, capture_output=True
            )
        except subprocess.TimeoutExpired as late:
            return Outcome({"(process)": "no end"}, {"(process)": repr(late.stderr)[-3000:]}, seconds=SECONDS)
        seconds = time.monotonic() - began
        if not written.exists():
            said = made.stderr.decode(errors="replace")[-6000:]
            return Outcome({"(process)": f"ended with {made.returncode}"}, {"(process)": said}, (), seconds)
        found = json.loads(written.read_text(encoding="utf-8"))
        loaded = tuple(found["instrumented"])
        return Outcome(found["words"], found["details"], loaded, seconds, found["functions"], found["paused"])


def compare_module(run: Run, compiler: str = ENGINE) -> Comparison:
    return Comparison(run, run_module(run, AS_IT_IS), run_module(run, compiler))


def compare_paused(run: Run, rounds: int = ROUNDS, seed: int = 0, most: int = 100) -> PausedComparison:
    """A module natively and with pauses; `most` is the greatest number of pauses of one test in one round."""
    parts = [f"{number},{rounds},{seed},{most}" for number in range(rounds)]
    return PausedComparison(run, run_module(run, AS_IT_IS), tuple(run_module(run, ENGINE, part) for part in parts))


def compare_all_paused(runs: Iterable[Run], processes: int = 2, seed: int = 0) -> Iterator[PausedComparison]:
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda run: compare_paused(run, seed=seed), runs)


def compare(runs: Iterable[Run], compiler: str = ENGINE, processes: int = 2) -> Iterator[Comparison]:
    """Each module natively and instrumented, in the order given."""
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda run: compare_module(run, compiler), runs)
