"""A run that fails while it handles an error continues there, in the handler, with that error."""

from __future__ import annotations

import traceback

import pytest
import world
from desk import Desk, effects

FAILED = {
    "a name": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    effect('h')\n    boom()\n    x = str(e)\n",
    "no name": (
        "import sys\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    effect('h')\n    boom()\n"
        "    x = str(sys.exception())\n"
    ),
    "a function": (
        "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        effect('h')\n        boom()\n"
        "        return str(e)\nx = f()\n"
    ),
    "a handler in a handler": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    try:\n        [][0]\n    except IndexError as f:\n"
        "        effect('h')\n        boom()\n        assert f.__context__ is e\n    x = str(e)\n"
    ),
    "a loop and a finally": (
        "for i in range(2):\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        effect('h', i)\n"
        "        if i: boom()\n        x = str(e)\n    finally:\n        y = i\n"
    ),
    "a loop in a handler": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    for i in range(3):\n        effect('h', i)\n"
        "        if i == 2: boom()\n    x = str(e)\n"
    ),
    "a function that a handler calls": (
        "def f(e):\n    effect('h')\n    boom()\n    return str(e)\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    x = f(e)\n"
    ),
}


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("name", FAILED)
def test_it_continues_in_the_handler(name: str, is_new: bool) -> None:
    desk = Desk()
    desk.ns["boom"] = boom
    world.outside["mended"] = False
    with pytest.raises(LookupError):
        desk.run(FAILED[name])
    done = effects()
    if is_new:
        desk.new_kernel()
        done = []
    world.outside["mended"] = True
    assert desk.run(FAILED[name]).status == "finished"
    assert desk.ns["x"] == "division by zero"
    assert effects() == done


def boom() -> None:
    if not is_mended():
        raise LookupError


def is_mended() -> bool:
    return world.outside["mended"]


def test_an_error_in_a_lambda_is_that_error() -> None:
    desk = Desk()
    source = "f = lambda: (effect('once'), ask_first(), 1 / n)[2]\nx = f()"
    desk.cell("n = 0\ndef ask_first():\n    return hitl.checkpoint(1, title='Ask?').value\n")
    desk.run(source)
    desk.answer()
    with pytest.raises(ZeroDivisionError):
        desk.run(source)
    assert effects() == ["once()"]


def test_an_error_before_this_one_shows_the_users_lines_only() -> None:
    source = (
        "class C:\n    @hitl.agent\n    def act(self):\n        return 'a'.lower().no_such_name\n"
        "try:\n    C().act()\nfinally:\n    [][0]\n"
    )
    with pytest.raises(IndexError) as raised:
        Desk().run(source)
    before = raised.value.__context__
    assert isinstance(before, AttributeError)
    assert {entry.filename for entry in traceback.extract_tb(before.__traceback__)} == {world.FILE}
