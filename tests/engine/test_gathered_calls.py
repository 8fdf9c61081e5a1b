"""Async gated tools side by side: each call is asked about once and made once, whatever way they are gathered."""

from __future__ import annotations

import inspect

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl

START = """
import asyncio, functools, world
@hitl.gate(title="{n}")
async def send(n):
    await asyncio.sleep(0)
    return world.effect("sent", n)
async def helper(n):
    return await send(n)
def prepared(n):
    return world.effect("prepared", n)
@hitl.step
def looked(n):
    return world.effect("looked", n)
@hitl.step
async def looked_later(n):
    await asyncio.sleep(0)
    return world.effect("looked", n)
class Tool:
    @hitl.gate(title="{n}")
    async def send(self, n):
        return world.effect("sent", n)
tool = Tool()
numbers = [0, 1, 2]
"""

GATHERED = {
    "list": "x = await asyncio.gather(*[send(n) for n in numbers])",
    "generator": "x = await asyncio.gather(*(send(n) for n in numbers))",
    "map": "x = await asyncio.gather(*map(send, numbers))",
    "exceptions returned": "x = await asyncio.gather(*[send(n) for n in numbers], return_exceptions=True)",
    "exceptions of some": "x = await asyncio.gather(send(0), send(1), send(2), return_exceptions=True)",
    "variable": "calls = [send(n) for n in numbers]\nx = await asyncio.gather(*calls)",
    "dict": "calls = {n: send(n) for n in numbers}\nx = await asyncio.gather(*calls.values())",
    "methods": "x = await asyncio.gather(*[tool.send(n) for n in numbers])",
    "partial": "x = await asyncio.gather(*[functools.partial(send, n)() for n in numbers])",
    "helpers": "x = await asyncio.gather(*[helper(n) for n in numbers])",
    "helpers in a tuple": "x = await asyncio.gather(*tuple(helper(n) for n in range(len(numbers))))",
    "helpers, mapped": "x = await asyncio.gather(*list(map(helper, numbers)))",
    "mixed": "x = await asyncio.gather(helper(0), send(1), *[send(n) for n in [2]])",
    "nested": "x, y = await asyncio.gather(asyncio.gather(*[send(n) for n in numbers]), asyncio.sleep(0))",
    "tasks": "x = await asyncio.gather(*[asyncio.create_task(send(n)) for n in numbers])",
    "wait": (
        "done, _ = await asyncio.wait([asyncio.create_task(send(n)) for n in numbers])\n"
        "x = sorted(task.result() for task in done)\ndel done, _"
    ),
    "wait_for": "x = [await asyncio.wait_for(send(n), 60) for n in numbers]",
    "shield": "x = []\nfor n in numbers:\n    x.append(await asyncio.shield(send(n)))",
    "task group": (
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        tasks = [group.create_task(send(n)) for n in numbers]\n    return [task.result() for task in tasks]\n"
        "x = await main()"
    ),
    "task group in the cell": (
        "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(send(n)) for n in numbers]\n"
        "x = [task.result() for task in tasks]\ndel tasks, group"
    ),
    "task group, named tasks": (
        "group = tasks = None\nasync with asyncio.TaskGroup() as group:\n    a = group.create_task(send(0))\n"
        "    for n in range(1, 3):\n        group.create_task(helper(n), name=f'task {n}')\n"
        "x = [a.result(), 1, 2]\ndel a, group"
    ),
    "task group in an agent": (
        "@hitl.agent\nasync def act():\n    async with asyncio.TaskGroup() as group:\n"
        "        tasks = [group.create_task(send(n)) for n in numbers]\n    return [task.result() for task in tasks]\n"
        "x = await act()"
    ),
    "task of a helper": (
        "async def main(n):\n    return await asyncio.create_task(send(n))\nx = [await main(n) for n in numbers]"
    ),
    "awaited later": "a, b, c = send(0), send(1), send(2)\nx = [await a, await b, await c]",
}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def _finish(desk: Desk, source: str, *, fresh: bool) -> tuple[list[str], list[str]]:
    """Approve all questions; what was asked, and what was done."""
    asked: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked += [p.title for p in outcome.proposals]
        assert len(asked) < 9
        desk.answer()
        if fresh:
            done = list(world.journal)
            desk.new_kernel()
            world.journal[:] = done
    return asked, effects()


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", GATHERED)
def test_each_gathered_call_is_asked_once_and_made_once(desk: Desk, kind: str, fresh: bool) -> None:
    asked, done = _finish(desk, START + GATHERED[kind], fresh=fresh)
    assert asked == ["0", "1", "2"]
    assert done == ["sent(0,)", "sent(1,)", "sent(2,)"]
    assert desk.ns["x"] == [0, 1, 2]


@pytest.mark.parametrize("fresh", [True, False])
def test_what_prepares_the_calls_is_not_repeated(desk: Desk, fresh: bool) -> None:
    source = START + "x = await asyncio.gather(*[send(prepared(n)) for n in numbers], send(looked(3)))"
    asked, done = _finish(desk, source, fresh=fresh)
    assert asked == ["0", "1", "2", "3"]
    assert sorted(done) == sorted(
        [f"{what}({n},)" for what in ("prepared", "sent") for n in range(3)] + ["looked(3,)", "sent(3,)"]
    )


def test_a_manager_that_is_no_task_group_is_taken_statement_by_statement(desk: Desk) -> None:
    source = START + (
        "class Group:\n    async def __aenter__(self):\n        world.effect('entered')\n        return self\n"
        "    async def __aexit__(self, *about):\n        world.effect('left')\n"
        "    def create_task(self, call):\n        return call\n"
        "async with Group() as group:\n    call = group.create_task(prepared(1))\n    x = ask(call)\n"
    )
    source = source.replace("numbers =", "def ask(n):\n    return hitl.checkpoint(n, title=str(n)).value\nnumbers =")
    assert _finish(desk, source, fresh=True) == (["1"], ["entered()", "prepared(1,)", "left()"])


def test_a_rejected_call_in_a_task_group_is_raised_by_it(desk: Desk) -> None:
    source = START + (
        "async with asyncio.TaskGroup() as group:\n    for n in numbers:\n        group.create_task(send(n))\n"
    )
    done: list[str] = []
    for action in ("approve", "reject", "approve"):  # the third had begun to ask when the second failed
        desk.run(source)
        desk.answer(action)
        done += effects()
        desk.new_kernel()
    with pytest.raises(ExceptionGroup) as caught:
        desk.run(source)
    assert [type(error) for error in caught.value.exceptions] == [hitl.Rejected]
    assert [*done, *effects()].count("sent(0,)") == 1


def test_a_rejected_call_is_a_result_beside_the_others(desk: Desk) -> None:
    source = (
        START + "x = await asyncio.gather(*[send(n) for n in numbers], return_exceptions=True)\nx = [str(n) for n in x]"
    )
    for action in ("approve", "reject", "approve"):
        assert desk.run(source).status == "waiting"
        desk.answer(action)
        desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert [desk.ns["x"][0], desk.ns["x"][2]] == ["0", "2"]
    assert "because" in desk.ns["x"][1]


AGENT = """
@hitl.agent
async def act(n):
    world.effect("acted", n)
    return hitl.checkpoint(n, title=str(n)).value
"""
EXACT = {
    "effects between": ("x = await asyncio.gather(*[helper(prepared(n)) for n in numbers])", ["prepared", "sent"]),
    "iterator": ("left = iter(numbers)\nx = await asyncio.gather(*[helper(n) for n in left])", ["sent"]),
    "mapped iterator": ("left = iter(numbers)\nx = await asyncio.gather(*map(helper, left))", ["sent"]),
    "coroutines of before": ("calls = [helper(n) for n in numbers]\nx = await asyncio.gather(*calls)", ["sent"]),
    "tasks of before": (
        "tasks = [asyncio.create_task(send(n)) for n in numbers]\nx = [await task for task in tasks]",
        ["sent"],
    ),
    "task group with effects": (
        (
            "async with asyncio.TaskGroup() as group:\n"
            "    tasks = [group.create_task(send(prepared(n))) for n in numbers]\nx = [task.result() for task in tasks]"
        ),
        ["prepared", "sent"],
    ),
    "task group that awaits": (
        (
            "async with asyncio.TaskGroup() as group:\n    tasks = []\n    for n in numbers:\n"
            "        tasks.append(group.create_task(send(n)))\n        await asyncio.sleep(0)\n"
            "x = [task.result() for task in tasks]"
        ),
        ["sent"],
    ),
    "steps": (
        "x = [n for n, _ in await asyncio.gather(*[asyncio.gather(send(n), looked_later(n)) for n in numbers])]",
        ["sent", "looked"],
    ),
    "steps in tasks": (
        (
            "tasks = [asyncio.create_task(looked_later(n)) for n in numbers]\n"
            "x = await asyncio.gather(*[send(n) for n in numbers])\nawait asyncio.gather(*tasks)"
        ),
        ["sent", "looked"],
    ),
    "agents": ("x = await asyncio.gather(*[act(n) for n in numbers])", ["acted"]),
    "agents, exceptions returned": (
        "x = await asyncio.gather(*[act(n) for n in numbers], return_exceptions=True)",
        ["acted"],
    ),
    "agents in tasks": (
        "tasks = [asyncio.create_task(act(n)) for n in numbers]\nx = [await task for task in tasks]",
        ["acted"],
    ),
    "agents in a task group": (
        (
            "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(act(n)) for n in numbers]\n"
            "x = [task.result() for task in tasks]"
        ),
        ["acted"],
    ),
    "agents in a helper": (
        "async def run(call):\n    return await call\nx = await asyncio.gather(*[run(act(n)) for n in numbers])",
        ["acted"],
    ),
}


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", EXACT)
def test_tasks_continue_where_they_were(desk: Desk, kind: str, fresh: bool) -> None:
    source, what = EXACT[kind]
    asked, done = _finish(desk, START + AGENT + source, fresh=fresh)
    assert asked == ["0", "1", "2"]
    assert sorted(done) == sorted(f"{name}({n},)" for name in what for n in range(3))
    assert desk.ns["x"] == [0, 1, 2]


REFUSED = {
    "task of a library": (
        "task = asyncio.create_task(asyncio.open_connection('localhost', 1))\nawait act(1)",
        r"the task open_connection\(\), started at line \d+, is no code of the notebook.* await it before",
    ),
    "future": ("event = asyncio.get_running_loop().create_future()\nawait act(1)\nawait event", r"something outside"),
    "callback": (
        "asyncio.get_running_loop().call_soon(lambda: hitl.checkpoint(1, title='1'))\nawait asyncio.sleep(0.01)",
        r"a function that the event loop calls",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_tasks_that_cannot_be_saved_are_refused_with_the_way_out(desk: Desk, kind: str) -> None:
    source, why = REFUSED[kind]
    with pytest.raises(hitl.CannotPause, match=why):
        desk.run(START + AGENT + source)
    assert desk.open() == []


@pytest.mark.parametrize("fresh", [True, False])
def test_an_agent_that_is_called_first_and_awaited_later_resumes_exactly(desk: Desk, fresh: bool) -> None:
    source = START + AGENT + "call = act(1)\nhitl.checkpoint(0, title='0')\nx = await call"
    asked, done = _finish(desk, source, fresh=fresh)
    assert (asked, done, desk.ns["x"]) == (["0", "1"], ["acted(1,)"], 1)


def test_a_call_is_awaited_once(desk: Desk) -> None:
    source = START + "call = send(1)\nawait call\nawait call"
    desk.run(source)
    desk.answer()
    with pytest.raises(RuntimeError, match=r"already awaited call of send\(\)"):
        desk.run(source)


def test_a_call_is_a_coroutine_for_asyncio(desk: Desk) -> None:
    source = START + (
        "call = send(1)\nis_one, name = asyncio.iscoroutine(call), call.__qualname__\n"
        "task = asyncio.create_task(call, name='mine')\nshown = repr(task)\ntask.cancel()\n"
        "try:\n    await task\nexcept asyncio.CancelledError:\n    x = 'cancelled'\ncall.close()\n"
    )
    assert desk.run(source).status == "finished"
    assert (desk.ns["is_one"], desk.ns["name"], desk.ns["x"]) == (True, "send", "cancelled")
    assert "send()" in desk.ns["shown"]
    assert inspect.isawaitable(desk.ns["call"])


@pytest.mark.parametrize("body", ["return ask()", "return ask(), 1"])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_pause_that_code_swallows_is_a_pause(desk: Desk, body: str, fresh: bool) -> None:
    source = f"""
def ask():
    return hitl.checkpoint(1, title="1").value
def helper():
    try:
        {body}
    except BaseException:
        return "default"
x = helper()
"""
    assert _finish(desk, source, fresh=fresh)[0] == ["1"]
    assert desk.ns["x"] in (1, (1, 1))
