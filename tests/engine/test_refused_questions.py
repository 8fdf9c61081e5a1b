"""A question that cannot be asked stops the run, also where the agent's code swallows the error that says so."""

from __future__ import annotations

import textwrap

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl

START = """
import asyncio, contextlib, threading, world
from concurrent.futures import ThreadPoolExecutor
lock = threading.Lock()
lock.acquire()
x = "not asked"
def ask():
    return hitl.checkpoint(1, title="Go on?").value
async def ask_later():
    return ask()
class Swallows:
    def __enter__(self):
        return self
    def __exit__(self, *about):
        return True
"""
END = """
lock.locked() and lock.release()
world.effect("acted", x)
"""


def _in_helper(body: str, kind: str = "def") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{kind} helper():\n{lines}\nx = {'await ' if kind != 'def' else ''}helper()"


SWALLOWS = {
    "except Exception": "try:\n    x = ask()\nexcept Exception:\n    x = 'default'",
    "except": "try:\n    x = ask()\nexcept:\n    x = 'default'",
    "except behind another": "try:\n    x = ask()\nexcept ValueError:\n    pass\nexcept:\n    x = 'default'",
    "except in handler": (
        "try:\n    x = ask()\nexcept (lambda: OSError)():\n    pass\nexcept BaseException as e:\n    x = str(e)"
    ),
    "except*": "try:\n    x = ask()\nexcept* Exception:\n    x = 'default'",
    "suppress": "with contextlib.suppress(Exception):\n    x = ask()",
    "manager": "with Swallows():\n    x = ask()",
    "finally with break": "for _ in [1]:\n    try:\n        x = ask()\n    finally:\n        break",
    "finally that fails": (
        "try:\n    try:\n        x = ask()\n    finally:\n        1 / 0\nexcept ZeroDivisionError:\n    x = 'default'"
    ),
    "manager that fails": (
        "class Fails(Swallows):\n    def __exit__(self, *about):\n        raise OSError\n"
        "try:\n    with Fails():\n        x = ask()\nexcept OSError:\n    x = 'default'"
    ),
    "raised again": (
        "try:\n    try:\n        x = ask()\n    except hitl.CannotPause:\n        raise\n"
        "except Exception:\n    x = 'default'"
    ),
    "loop of tries": (
        "for _ in range(3):\n    try:\n        x = ask()\n        break\n    except Exception:\n        continue"
    ),
    "helper": _in_helper("try:\n    return ask()\nexcept Exception:\n    return 'default'"),
    "helper, suppress": _in_helper("with contextlib.suppress(Exception):\n    return ask()\nreturn 'default'"),
    "helper, another error": (
        "def helper():\n    try:\n        return ask()\n    except Exception as error:\n"
        "        raise ValueError('no') from error\n"
        "try:\n    x = helper()\nexcept ValueError:\n    x = 'default'"
    ),
    "helper, raised again": _in_helper(
        "try:\n    try:\n        return ask()\n    except hitl.CannotPause:\n        raise\n"
        "except Exception:\n    return 'default'"
    ),
    "comprehension": "x = [safe() for _ in range(2)]",
    "condition": "if safe():\n    x = 'default'",
    "loop's iterator": "for x in map(lambda n: safe(), [1]):\n    pass",
    "gather": "x = await asyncio.gather(ask_later(), ask_later(), return_exceptions=True)",
    "gather, raised again": (
        "async def helper():\n    try:\n        return ask()\n    except hitl.CannotPause:\n        raise\n"
        "x = await asyncio.gather(helper(), return_exceptions=True)"
    ),
    "wait": "x = await asyncio.wait([asyncio.create_task(ask_later())])",
    "task group": (
        "async def helper():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(ask_later())\n"
        "try:\n    await helper()\nexcept ExceptionGroup:\n    x = 'default'"
    ),
    "future": (
        "def helper():\n    with ThreadPoolExecutor(1) as pool:\n"
        "        return repr(pool.submit(ask).exception())\nx = helper()"
    ),
    "gate": "try:\n    x = send(1)\nexcept Exception:\n    x = 'default'",
    "step": "x = looks()",
    "async step": "x = await looks_later()",
    "agent": "x = acts()",
}
MORE = """
def safe():
    try:
        return ask()
    except Exception:
        return "default"
@hitl.gate
def send(n):
    return world.effect("sent", n)
@hitl.step
def looks():
    return safe()
@hitl.step
async def looks_later():
    return safe()
@hitl.agent
def acts():
    try:
        return hitl.checkpoint(1, title="Go on?").value
    except Exception:
        return "default"
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("kind", SWALLOWS)
def test_a_run_does_not_finish_without_a_question_that_was_refused(desk: Desk, kind: str) -> None:
    source = START + MORE + SWALLOWS[kind] + END
    for _ in range(2):  # running it again does not get past it
        with pytest.raises(
            hitl.CannotPause,
            match=r"lock \(a lock\)|a step is called once|its item would be lost|except\*|ThreadPoolExecutor",
        ):
            desk.run(source)
        assert desk.record().status == "failed"
        assert desk.open() == []
        assert effects() == []
        assert "sent" not in str(world.journal)
        desk.new_kernel()


FREE = START.replace("lock.acquire()\n", "")
CAUSE_IS_NOT_KEPT = {
    "step": "try:\n    x = looks()\nexcept Exception:\n    x = 'default'",
    "async step": "x = await asyncio.gather(looks_later(), return_exceptions=True)",
    "task that nobody awaits": (
        "tasks = [asyncio.create_task(looks_later())]\nawait asyncio.sleep(0)\nawait asyncio.wait(tasks)\nx = 1"
    ),
    "loop's iterator": "for x in map(lambda n: safe(), [1]):\n    pass",
    "another error behind it": "await asyncio.gather(looks_later(), return_exceptions=True); 1 / 0",
}


@pytest.mark.parametrize("kind", CAUSE_IS_NOT_KEPT)
def test_a_state_behind_a_refused_question_is_not_saved(desk: Desk, kind: str) -> None:
    """Nothing but the question hinders the state from being saved there; the run would continue without it."""
    source = FREE + MORE + CAUSE_IS_NOT_KEPT[kind] + END
    for _ in range(3):
        with pytest.raises(hitl.CannotPause, match=r"a step is called once|a `map` asks code"):
            desk.run(source)
        assert effects() == []
        desk.new_kernel()


def test_a_step_that_starts_beside_a_refused_question_does_not_save_it(desk: Desk) -> None:
    source = (
        FREE
        + MORE
        + """
@hitl.step
async def pay(n):
    return world.effect("paid", n)
async def asks():
    for x in map(lambda n: ask(), [1]):
        pass
async def pays():
    return await pay(1)
x = await asyncio.gather(asks(), pays(), return_exceptions=True)
"""
        + END
    )
    for paid in (["paid(1,)"], []):
        with pytest.raises(hitl.CannotPause, match="a `map` asks code"):
            desk.run(source)
        assert effects() == paid
        world.journal.clear()


def test_another_question_is_not_asked_behind_a_refused_one(desk: Desk) -> None:
    """Decided, it would continue the run without the one that was refused."""
    source = (
        FREE
        + MORE
        + """
async def asks():
    await asyncio.sleep(0)
    return hitl.checkpoint(2, title="Another?").value
x = await asyncio.gather(looks_later(), asks(), return_exceptions=True)
"""
        + END
    )
    with pytest.raises(hitl.CannotPause, match="a step is called once"):
        desk.run(source)
    assert desk.open() == []


@pytest.mark.parametrize("end", ["", "except hitl.CannotPause:\n    x = 'default'\n"])
def test_a_finally_runs_whole_for_a_refused_question(desk: Desk, end: str) -> None:
    body = "try:\n    x = ask()\nfinally:\n    world.effect('cleaned', 1)\n    world.effect('cleaned', 2)\n"
    source = START + (f"try:\n{textwrap.indent(body, '    ')}{end}" if end else body) + END
    if end:
        assert desk.run(source).status == "finished"
    else:
        with pytest.raises(hitl.CannotPause):
            desk.run(source)
    assert effects() == ["cleaned(1,)", "cleaned(2,)", *(["acted('default',)"] if end else [])]


@pytest.mark.parametrize("kind", ["helper", "gather"])
def test_the_error_says_that_it_was_swallowed(desk: Desk, kind: str) -> None:
    with pytest.raises(hitl.CannotPause) as caught:
        desk.run(START + MORE + SWALLOWS[kind] + END)
    assert "was not asked" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize("kind", ["except Exception", "helper", "step", "gather"])
def test_the_question_is_asked_once_it_can_be(desk: Desk, kind: str) -> None:
    """What a swallowed refusal left behind is no result: after the cause is gone, the same place asks."""
    source = START.replace("lock.acquire()", "world.outside['busy'] and lock.acquire()") + MORE + SWALLOWS[kind] + END
    source = source.replace('"Go on?").value', '"Go on?").value if world.outside["may ask"] else "not needed"')
    world.outside.update({"busy": True, "may ask": True})
    with pytest.raises(hitl.CannotPause):
        desk.run(source)
    world.outside.update({"busy": False, "may ask": kind != "step"})
    lock = desk.ns["lock"]
    if lock.locked():
        lock.release()
    outcome = desk.run(source)
    assert outcome.status == ("finished" if kind == "step" else "waiting")
    if kind == "step":
        assert desk.ns["x"] == "not needed"


NAMED = {
    "except": "try:\n    x = ask()\nexcept hitl.CannotPause:\n    x = 'default'",
    "except HitlError": "try:\n    x = ask()\nexcept hitl.HitlError:\n    x = 'default'",
    "among others": "try:\n    x = ask()\nexcept (ValueError, hitl.CannotPause):\n    x = 'default'",
    "suppress": "x = 'default'\nwith contextlib.suppress(hitl.CannotPause):\n    x = ask()",
    "helper": _in_helper("try:\n    return ask()\nexcept hitl.CannotPause:\n    return 'default'"),
    "helper, behind another": _in_helper(
        "try:\n    return ask()\nexcept ValueError:\n    return 0\n"
        "except hitl.CannotPause as error:\n    return 'default'"
    ),
    "helper, inside a broad one": _in_helper(
        "try:\n    with contextlib.suppress(OSError):\n        try:\n            return ask()\n"
        "        except hitl.CannotPause:\n            return 'default'\nexcept Exception:\n    return 0"
    ),
    "helper, name": _in_helper("try:\n    return ask()\nexcept errors:\n    return 'default'"),
    "helper, suppress": _in_helper("with contextlib.suppress(hitl.CannotPause):\n    return ask()\nreturn 'default'"),
    "async helper": _in_helper("try:\n    return ask()\nexcept hitl.CannotPause:\n    return 'default'", "async def"),
    "except*": "try:\n    x = ask()\nexcept* hitl.CannotPause:\n    x = 'default'",
    "method": (
        "class Tool:\n    def call(self):\n        if True:\n            try:\n                return ask()\n"
        "            except hitl.CannotPause:\n                return 'default'\nx = Tool().call()"
    ),
    "another error": (
        "def helper():\n    try:\n        return ask()\n    except hitl.CannotPause as error:\n"
        "        raise ValueError('no') from error\n"
        "try:\n    helper()\nexcept ValueError:\n    x = 'default'"
    ),
}


@pytest.mark.parametrize("kind", NAMED)
def test_code_that_names_the_error_goes_on_without_the_question(desk: Desk, kind: str) -> None:
    source = f"{START}errors = (hitl.CannotPause, OSError)\n{NAMED[kind]}{END}"
    assert desk.run(source).status == "finished"
    assert effects() == ["acted('default',)"]


def test_an_error_that_no_question_raised_is_an_error_like_others(desk: Desk) -> None:
    desk.run("try:\n    raise hitl.CannotPause('mine')\nexcept Exception as error:\n    x = str(error)")
    assert desk.ns["x"] == "mine"


def test_a_step_beside_a_refused_question_is_recorded(desk: Desk) -> None:
    """The refusal belongs to the call that swallowed it, not to those that run beside it."""
    source = (
        START
        + MORE
        + """
@hitl.step
async def pay(n):
    await asyncio.sleep(0)
    return world.effect("paid", n)
x = await asyncio.gather(ask_later(), pay(1), return_exceptions=True)
"""
        + END
    )
    with pytest.raises(hitl.CannotPause):
        desk.run(source)
    assert effects() == ["paid(1,)"]
    world.journal.clear()
    with pytest.raises(hitl.CannotPause):
        desk.run(source)
    assert effects() == []
