"""Functions of an instrumented notebook run in a process that has no hitl_nb."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import cloudpickle
import pytest

from hitl_nb.engine.compile import compile_module

SOURCE = """
import contextlib

def double(x):
    return x * 2

class Guard:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self.n > 0

def work(n):
    out = []
    for i in range(n):
        with Guard(i):
            out.append(double(i) + double(i + 1))
            if i == 1:
                raise ValueError(i)
        try:
            out.append([double(v) for v in range(i) if double(v) >= 0])
        except ValueError as error:
            out.append(str(error))
        finally:
            out.append({double(k): double(k) for k in [i]})

    def pairs():
        yield from (double(q) for q in range(2))

    with contextlib.suppress(KeyError):
        out.append(dict(**dict(a=double(1)), **dict(b=double(2))))
        {}["x" + str(double(3))]
    return out, list(pairs()), sorted(locals())
"""

ELSEWHERE = """
import sys

class NoHitl:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hitl_nb":
            raise ImportError("no hitl_nb here")

sys.meta_path.insert(0, NoHitl())
import cloudpickle
with open(sys.argv[1], "rb") as file:
    work = cloudpickle.load(file)
print(work(4) == cloudpickle.loads(cloudpickle.dumps(work))(4), work(4))
"""


@pytest.fixture
def work() -> types.FunctionType:
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    types.FunctionType(compile_module(SOURCE, "<cell>"), namespace)()
    return namespace["work"]


def test_a_worker_needs_no_hitl_nb(work: types.FunctionType, tmp_path: Path) -> None:
    path = tmp_path / "work.pkl"
    path.write_bytes(cloudpickle.dumps(work))
    ended = subprocess.run([sys.executable, "-c", ELSEWHERE, str(path)], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == f"True {work(4)}\n"


def test_instrumented_code_can_be_hashed_and_compared(work: types.FunctionType) -> None:
    assert cloudpickle.loads(cloudpickle.dumps(work)).__code__ != work.__code__  # its runtime is another object
    assert len({work.__code__, work.__code__}) == 1
