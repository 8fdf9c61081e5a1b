"""A pause checks its state without running the user's code in this process; what cannot be loaded is refused."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

import pytest
from desk import Desk

from hitl_nb.engine.snapshot import load_check as loadcheck
from hitl_nb.errors import CannotPause

FORKS = hasattr(os, "fork") and sys.platform != "darwin"
ASK = 'd = hitl.checkpoint("go", title="Go?")\n'
HOOK = """
class Client:
    loaded = []
    def __init__(self, url):
        self.url = url
    def __getstate__(self):
        return {"url": self.url}
    def __setstate__(self, state):
        Client.loaded.append(state)
        self.__dict__.update(state)
"""
PROXY = """
class Proxy:
    def __init__(self, of):
        self.of = of
    def __getattr__(self, name):
        return getattr(self.of, name)
"""

HASHED = """
class Key:
    def __init__(self, v):
        self.v = v
    def __hash__(self):
        return hash(self.v)
def in_a_circle():
    key = Key(1)
    key.held_by = {key: 1}
    return key
"""

REBUILT = """
def rebuild():
    raise LookupError("gone")
class C:
    def __reduce__(self):
        return rebuild, ()
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_setstate_does_not_run_here_when_pausing(desk: Desk) -> None:
    desk.cell(HOOK)
    assert desk.run(f"c = Client('x')\n{ASK}u = c.url").status == "waiting"
    assert desk.ns["Client"].loaded == []


@pytest.mark.skipif(not FORKS, reason="needs fork")
@pytest.mark.parametrize(
    ("define", "make", "said"),
    [
        (HOOK.replace("Client.loaded.append(state)", "raise OSError('no network')"), "Client('x')", "no network"),
        (
            REBUILT,
            "C()",
            "gone",
        ),
        (PROXY, "Proxy([1])", "RecursionError"),
        (PROXY.replace("getattr(self.of, name)", "self.of[name]"), "Proxy({})", "RecursionError"),
        (HASHED, "in_a_circle()", "no attribute 'v'"),
    ],
)
def test_what_cannot_be_loaded_is_refused_before_it_is_shown(desk: Desk, define: str, make: str, said: str) -> None:
    desk.cell(define)
    with pytest.raises(CannotPause, match=said):
        desk.run(f"orders = [1, {make}]\n{ASK}u = orders")
    assert desk.open() == []


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_a_process_with_many_files_pauses(desk: Desk, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    with contextlib.ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        file = opened.enter_context((tmp_path / "file").open("w"))
        newest = 0
        while newest < 1100:  # `select` takes those below 1024
            newest = os.dup(file.fileno())
            opened.callback(os.close, newest)
        desk.cell(HOOK)
        assert desk.run(f"c = Client('x')\n{ASK}c.url").status == "waiting"


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_a_class_is_proven_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    forks: list[int] = []
    fork = os.fork

    def count_fork() -> int:
        forks.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", count_fork)
    desk.cell(HOOK)
    source = f"c = Client('x')\nfor i in range(3):\n    {ASK}u = c.url"
    for _ in range(3):
        assert desk.run(source).status == "waiting"
        desk.answer()
    assert desk.run(source).status == "finished"
    assert len(forks) == 1


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_loading_that_takes_long_does_not_hold_the_pause(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loadcheck, "PROOF_SECONDS", 0.2)
    desk.cell(HOOK.replace("Client.loaded.append(state)", "import time; time.sleep(3600)"))
    assert desk.run(f"c = Client('x')\n{ASK}u = c").status == "waiting"


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_the_child_prints_nothing_and_runs_no_exit_handlers(
    desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noisy = f"""
import atexit, pathlib, os
atexit.register(lambda: pathlib.Path({str(tmp_path / "exit")!r}).touch())
class Noisy:
    def __setstate__(self, state):
        print("made again"); os.write(1, b"made again")
    def __getstate__(self):
        return 1
    def __del__(self):
        pathlib.Path({str(tmp_path / "deleted")!r}).touch()
"""
    desk.cell(noisy)
    assert desk.run(f"n = Noisy()\n{ASK}u = n").status == "waiting"
    assert "made again" not in capfd.readouterr().out
    assert list(tmp_path.glob("[de]*")) == []


def test_plain_data_of_libraries_forks_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    desk.cell(
        "import pandas as pd, numpy as np, collections, datetime, dataclasses, enum, typing\n"
        "@dataclasses.dataclass(frozen=True, slots=True)\nclass D:\n    a: int\n"
        "class P(typing.NamedTuple):\n    x: int\n"
        "Q = collections.namedtuple('Q', 'y')\n"
        "class E(enum.Enum):\n    A = 1\n"
        "class Plain:\n    def __init__(self, x):\n        self.x = x\n"
    )
    source = (
        "xs = [pd.DataFrame({'a': [1]}), np.arange(3), D(1), P(1), Q(2), E.A, Plain(3), "
        f"datetime.datetime.now(), collections.Counter('ab')]\n{ASK}u = xs"
    )
    assert desk.run(source).status == "waiting"
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
