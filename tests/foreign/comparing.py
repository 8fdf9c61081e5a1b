"""Runs test modules natively and instrumented, each in a process of its own, and compares test by test."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.foreign.catalogue import Run
from tests.foreign.differences import EXPLAINED

HERE = Path(__file__).parent
ENGINE = "hitl_nb.engine.compile:compile_module"
AS_IT_IS = "none"
SECONDS = 300


@dataclass(frozen=True)
class Outcome:
    """How the tests of one module ended in one process.

    Attributes:
        words: for each test `ok`, `fail`, `error`, `skip`, `expected failure` or `unexpected success`; `(import)` or
            `(process)` if it did not come to the tests.
        details: tracebacks of those that did not succeed.
        loaded: the modules that were put through the instrumenter.
    """

    words: dict[str, str]
    details: dict[str, str] = field(default_factory=dict[str, str])
    loaded: tuple[str, ...] = ()
    seconds: float = 0.0


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
    def unexplained(self) -> list[str]:
        return [name for name in self.different if name not in EXPLAINED]

    @property
    def outdated(self) -> list[str]:
        """Names of the tests that are said to differ and did not."""
        return [name for name in self.tests if name in EXPLAINED and name not in self.different]

    def describe(self, name: str) -> str:
        """What a test ended with on both sides, and the traceback."""
        words = f"{self.native.words.get(name)} -> {self.instrumented.words.get(name)}"
        return f"{name}: {words}\n{self.instrumented.details.get(name, '')}"


def has_tests(run: Run) -> bool:
    """Whether this Python was installed with the tests."""
    try:
        return importlib.util.find_spec(run.tests) is not None
    except ModuleNotFoundError:
        return False


def run_module(run: Run, compiler: str) -> Outcome:
    """Run one test module in a new process; `compiler` is `none` for Python as it is."""
    with tempfile.TemporaryDirectory(prefix="hitl-foreign-", ignore_cleanup_errors=True) as folder:
        written = Path(folder) / "outcomes.json"
        work = Path(folder) / "work"
        work.mkdir()
        command = [sys.executable, str(HERE / "one_module.py"), run.tests, str(written), compiler, *run.instrumented]
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
        return Outcome(found["words"], found["details"], tuple(found["instrumented"]), seconds)


def compare_module(run: Run, compiler: str = ENGINE) -> Comparison:
    return Comparison(run, run_module(run, AS_IT_IS), run_module(run, compiler))


def compare(runs: Iterable[Run], compiler: str = ENGINE, processes: int = 2) -> Iterator[Comparison]:
    """Each module natively and instrumented, in the order given."""
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda run: compare_module(run, compiler), runs)
