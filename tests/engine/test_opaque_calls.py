"""Code of a module is made again after each decision: what its calls, tasks and threads recorded is not done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk, effects

LIBRARY = """
import asyncio
from pathlib import Path
import hitl_nb as hitl
from world import effect

@hitl.step
def note(x):
    return effect("note", x)

@hitl.step
async def send(x):
    await asyncio.sleep(0)
    return effect("send", x)

@hitl.step
def flaky():
    effect("flaky")
    if not Path("mended").exists():
        raise OSError("disk full")

def ask():
    return hitl.checkpoint("a", title="T").action

async def work(x):
    note(x)
    await asyncio.sleep(0)
    await send(x)

async def in_a_task():
    await asyncio.create_task(work("x"))
    return ask()

async def side_by_side():
    note("before")
    await asyncio.gather(work("x"), work("y"))
    note("between")
    action = ask()
    await asyncio.gather(work("u"), work("v"))
    return action

async def waited_for():
    note("before")
    await asyncio.wait_for(work("x"), 5)
    return ask()

async def in_threads():
    await asyncio.to_thread(note, "x")
    await asyncio.to_thread(note, "y")
    action = ask()
    await asyncio.to_thread(note, "z")
    return action

async def ask_soon():
    return ask()

def made_by_a_function():
    note("made")
    return ask_soon()

async def fails():
    return await asyncio.create_task(work_and_fail())

async def work_and_fail():
    await work("x")
    flaky()
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    import sys

    (tmp_path / "opaque_library.py").write_text(LIBRARY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Desk()
    sys.modules.pop("opaque_library", None)


@pytest.mark.parametrize(
    ("call", "before", "after"),
    [
        ("in_a_task", ["note x", "send x"], []),
        (
            "side_by_side",
            ["note before", "note x", "note y", "send x", "send y", "note between"],
            ["note u", "note v", "send u", "send v"],
        ),
        ("waited_for", ["note before", "note x", "send x"], []),
        ("in_threads", ["note x", "note y"], ["note z"]),
        ("made_by_a_function", ["note made"], []),
    ],
)
def test_steps_before_a_question_are_made_once(call: str, before: list[str], after: list[str], desk: Desk) -> None:
    cell = "import opaque_library as lib"
    source = f"x = []\nfor n in range(2):\n    x.append(await lib.{call}())\n"
    desk.cell(cell)
    done: list[str] = []
    for _ in range(2):  # both turns of the loop do the same, with records of their own
        desk.run(source)
        done += effects()
        desk.answer()
        desk.new_kernel()
        desk.cell(cell)
    desk.run(source)
    done += effects()
    expected = [f"{name}({value!r},)" for name, value in (one.split() for one in before + after)]
    assert sorted(done) == sorted(expected * 2)
    assert desk.ns["x"] == ["approve", "approve"]


def test_steps_before_an_error_are_made_once(desk: Desk) -> None:
    desk.cell("import opaque_library as lib")
    with pytest.raises(OSError, match="disk full"):
        desk.run("await lib.fails()\n")
    assert effects() == ["note('x',)", "send('x',)", "flaky()"]
    Path("mended").touch()
    desk.run("await lib.fails()\n")
    assert effects()[3:] == ["flaky()"]
