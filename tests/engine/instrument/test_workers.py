"""Functions of an instrumenting notebook, given to workers without hitl_nb and to compilers, do what others do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from instrument.shells import Shell

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.instrument import bytecode_readers

NO_HITL = """
import importlib
import sys

class NoHitl:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hitl_nb":
            raise ImportError("no hitl_nb here")

sys.meta_path.insert(0, NoHitl())
"""
DEFINITIONS = """
import contextlib, dataclasses

@dataclasses.dataclass
class Part:
    n: int

    def twice(self):
        return self.n * 2 + sum(abs(i) for i in range(self.n))

@contextlib.contextmanager
def opened(n):
    try:
        yield Part(n)
    finally:
        abs(n)

factor = 3

def work(n):
    found = []
    for i in range(n):
        with opened(i) as part:
            found.append(part.twice() * factor)
    def inner():
        yield from (max(x, 1) for x in found)
    return [abs(x) for x in inner()], sorted(locals())

def fails(n):
    with opened(n) as part:
        return part.twice() / 0

class Scale:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return [self.by * abs(y) for y in range(x)]

scale, short = Scale(2), lambda x: abs(x) + factor
"""


CELLS = {
    "joblib": """
import joblib
with joblib.parallel_backend("loky", n_jobs=1):
    run = joblib.Parallel()
    r = [run(joblib.delayed(f)(3) for _ in range(2)) for f in (work, scale, short)]
    try:
        run([joblib.delayed(fails)(1)])
    except ZeroDivisionError as error:
        r.append(str(error))
r
""",
    "cloudpickle": """
import cloudpickle, subprocess, sys
program = "import sys, cloudpickle; print([f(3) for f in cloudpickle.load(sys.stdin.buffer)], 'hitl_nb' in sys.modules)"
subprocess.run([sys.executable, "-c", program], input=cloudpickle.dumps([work, scale, short]), capture_output=True)
""",
    "concurrent.futures": """
import concurrent.futures as cf, multiprocessing as mp
with cf.ProcessPoolExecutor(1, mp_context=mp.get_context("fork")) as pool:
    r = list(pool.map(work, [1, 2]))
r
""",
    "multiprocessing": """
import concurrent.futures as cf, multiprocessing as mp, math
with cf.ProcessPoolExecutor(1, mp_context=mp.get_context("spawn")) as pool:
    r = list(pool.map(math.floor, [short(1.5)]))
    try:
        list(pool.map(work, [1]))
    except cf.BrokenExecutor as error:
        r.append(type(error))
r
""",
    "dask": """
import dask
tasks = [dask.delayed(work)(2), dask.delayed(short)(1)]
dask.compute(*tasks, scheduler="processes", num_workers=1)
""",
}


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Shell, Shell]]:
    main = sys.modules["__main__"]
    shells = Shell(is_hooked=False), Shell(is_hooked=True)
    sys.modules["__main__"] = main
    yield shells
    for shell in shells:
        shell.close()


@pytest.mark.parametrize("library", CELLS)
def test_workers(pair: tuple[Shell, Shell], library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library)
    (tmp_path / "sitecustomize.py").write_text(NO_HITL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    native, hooked = (shell.run_all([DEFINITIONS, CELLS[library]]) for shell in pair)
    assert native[1].error == ""
    assert hooked == native
    assert find_code(pair[1].shell.user_ns["work"].__code__) is not None


NUMBA = """
import numba
from numba import njit as fast
---
@numba.njit
def f(n):
    s = 0
    for i in range(n):
        s += abs(i)
    return s
f(5)
---
@fast(cache=False)
def g(n):
    return f(n) + max(n, 2)
g(4)
---
def slow(n):
    total = 0
    for i in range(n):
        if max(i, 2) > 2:
            total += i
    return total
slow(6)
---
quick = numba.njit(slow)
quick(6), slow(6)
---
def make(k):
    @numba.njit
    def inner(x):
        return abs(x) + k
    return inner
make(2)(3)
---
def wrap(function):
    return numba.njit(function)
@wrap
def wrapped(x):
    return abs(x) * 2
wrapped(-4)
"""


@pytest.mark.slow
def test_numba(pair: tuple[Shell, Shell]) -> None:
    pytest.importorskip("numba")
    cells = NUMBA.strip().split("\n---\n")
    native, hooked = (shell.run_all(cells) for shell in pair)
    for cell, before, after in zip(cells, native, hooked, strict=True):
        assert before.error == "", cell
        assert after == before, cell


STAND_IN = """
def compile(model=None, *, mode=""):
    function = getattr(model, "__func__", None) or getattr(type(model), "forward", model)
    return [type(value).__name__ for value in function.__code__.co_consts], function.__code__.co_code.hex()
"""
COMPILED = """
def helper(x):
    return [abs(x) for x in range(x)]
class Model:
    def forward(self, x):
        return abs(x) + max(x, 1)
    def other(self, x):
        return helper(abs(x))
---
torch.compile(helper, mode="fast"), torch.compile(model=Model()), torch.compile(Model().other)
---
helper(3), Model().forward(-2)
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_a_compiler_that_is_called_reads_native_code(
    pair: tuple[Shell, Shell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    (tmp_path / "torch.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    cells = COMPILED.strip().split("\n---\n")
    try:
        if is_there:
            importlib.import_module("torch")
            bytecode_readers.watch_readers()
        native, hooked = (shell.run_all(["import torch", *cells]) for shell in pair)
    finally:
        sys.modules.pop("torch", None)  # the stand-in is for no other test
    assert [seen.error for seen in native] == [""] * 4
    assert hooked == native
