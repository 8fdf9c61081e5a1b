"""Context variables of the user's modules hold behind a pause what the run has set, in each of its tasks too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk

import hitl_nb as hitl

MODULE = """
from contextvars import ContextVar
_user = ContextVar("user", default=None)
class Trace:
    steps = ContextVar("steps", default=())
def set_user(user): _user.set(user)
def user(): return _user.get()
def push(step): Trace.steps.set((*Trace.steps.get(), step))
def steps(): return Trace.steps.get()
"""
ASK = "hitl.checkpoint({n}, title='q{n}')\n"
START = "import asyncio, my_context as c\n"
PROGRAMS = {
    "set before, and between": (
        "c.set_user('ann')\nc.push(1)\n" + ASK.format(n=1) + "c.push(2)\n" + ASK.format(n=2),
        "(c.user(), c.steps())",
        ("ann", (1, 2)),
    ),
    "an object that a variable has too": (
        "class User:\n    pass\nu = User()\nc.set_user(u)\n" + ASK.format(n=1),
        "(c.user() is u, type(u) is User)",
        (True, True),
    ),
    "in a coroutine": (
        "async def f():\n    c.push(1)\n    " + ASK.format(n=1) + "await f()\n",
        "c.steps()",
        (1,),
    ),
    "in each task": (
        (
            "c.set_user('main')\nasync def f(n):\n    c.set_user(n)\n    await asyncio.sleep(0)\n"
            "    hitl.checkpoint(n, title=str(n))\n    await asyncio.sleep(0)\n    return c.user()\n"
            "done = await asyncio.gather(*[f(n) for n in range(3)])\n"
        ),
        "(done, c.user())",
        ([0, 1, 2], "main"),
    ),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "my_context.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield Desk()
    sys.modules.pop("my_context", None)


def another_kernel(desk: Desk) -> None:
    sys.modules.pop("my_context", None)
    desk.new_kernel()


@pytest.mark.parametrize("kind", PROGRAMS)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_was_set_is_there_behind_a_pause(desk: Desk, kind: str, is_restarted: bool) -> None:
    source, read, expected = PROGRAMS[kind]
    source = f"{START}{source}found = {read}\n"
    while desk.run(source).status == "waiting":
        desk.answer()
        if is_restarted:
            another_kernel(desk)
    assert desk.ns["found"] == expected


def test_a_variable_that_is_gone_is_an_error_and_the_run_waits(desk: Desk, tmp_path: Path) -> None:
    source = START + "c.set_user('ann')\n" + ASK.format(n=1) + "found = c.user()\n"
    desk.run(source)
    desk.answer()
    another_kernel(desk)
    (tmp_path / "my_context.py").write_text(MODULE.replace("_user", "_users"))
    with pytest.raises(hitl.HitlError, match=r"the context variable my_context\._user, and it is not here"):
        desk.run(source)
    another_kernel(desk)
    (tmp_path / "my_context.py").write_text(MODULE + "\n")
    assert desk.run(source).status == "finished"
    assert desk.ns["found"] == "ann"
