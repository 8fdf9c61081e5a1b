"""Context variables of modules hold behind a pause what the run has set, in each of its tasks too."""

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


PACKAGE = """
from contextvars import ContextVar
_tenant = ContextVar("tenant", default=None)
_span = ContextVar("span", default=None)
_fields = {}
def set_tenant(tenant): _tenant.set(tenant)
def tenant(): return _tenant.get()
def open_span(): _span.set(object())
def bind(**fields):
    for name, value in fields.items():
        _fields.setdefault(name, ContextVar("logged_" + name)).set(value)
"""
START_PACKAGE = "import asyncio, installed_package as p\n"
PACKAGE_PROGRAMS = {
    "set before": ("p.set_tenant('acme')\n" + ASK.format(n=1), "p.tenant()", "acme"),
    "plain data in containers": ("p.set_tenant({'ids': (1, 2)})\n" + ASK.format(n=1), "p.tenant()", {"ids": (1, 2)}),
    "in each task": (
        (
            "p.set_tenant('main')\nasync def f(n):\n    p.set_tenant(n)\n    await asyncio.sleep(0)\n"
            "    hitl.checkpoint(n, title=str(n))\n    await asyncio.sleep(0)\n    return p.tenant()\n"
            "done = await asyncio.gather(*[f(n) for n in range(3)])\n"
        ),
        "(done, p.tenant())",
        ([0, 1, 2], "main"),
    ),
}


@pytest.fixture
def package(tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "installed_package.py").write_text(PACKAGE)
    monkeypatch.setattr(sys, "path", [str(installed), *sys.path])
    yield desk
    sys.modules.pop("installed_package", None)


def restart_with_package(desk: Desk) -> None:
    sys.modules.pop("installed_package", None)
    desk.new_kernel()


@pytest.mark.parametrize("kind", PACKAGE_PROGRAMS)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_plain_data_in_variables_of_packages_is_there_behind_a_pause(
    package: Desk, kind: str, is_restarted: bool
) -> None:
    source, read, expected = PACKAGE_PROGRAMS[kind]
    source = f"{START_PACKAGE}{source}found = {read}\n"
    while package.run(source).status == "waiting":
        package.answer()
        if is_restarted:
            restart_with_package(package)
    assert package.ns["found"] == expected


@pytest.mark.parametrize(
    ("call", "name"), [("p.open_span()", "span of installed_package"), ("p.bind(user='ann')", "logged_user")]
)
def test_what_cannot_be_saved_of_packages_is_named(package: Desk, call: str, name: str) -> None:
    source = f"{START_PACKAGE}{call}\n{ASK.format(n=1)}"
    (proposal,) = package.run(source).proposals
    assert f"context variables that the agent set are not saved: {name};" in " ".join(proposal.notes)
    package.answer()
    restart_with_package(package)
    said: list[str] = []
    package.shown.show_notes = said.extend
    assert package.run(source).status == "finished"
    assert f"context variables that were set before the pause are not set here: {name};" in " ".join(said)


def test_nothing_is_said_of_variables_that_the_run_does_not_set(package: Desk) -> None:
    source = f"{START_PACKAGE}import decimal\ndecimal.getcontext().prec += 0\n{ASK.format(n=1)}"
    assert package.run(source).proposals[0].notes == ()
