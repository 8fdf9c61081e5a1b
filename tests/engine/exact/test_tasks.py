"""Questions asked inside tasks of asyncio: all tasks of the run are saved with it, and continue where they were."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from exact.coroutines import program
from exact.pausing import Paused, begin, go_on, run_polled, same
from forks import Forks

from hitl_nb.engine.position.frames.errors import CannotSave

START = """
import asyncio
async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)
async def f(n):
    tell("begin", n)
    await turns(n)
    tell("asks", n)
    got = ask(n * 10)
    tell("got", got)
    await turns(2)
    tell("end", n)
    return got + 1
def deep(n):
    return helper(n) + 1
def helper(n):
    tell("helper", n)
    return ask(n)
async def outer(n):
    try:
        return await f(n) + await f(n + 1)
    finally:
        tell("finally", n)
async def fails(n):
    await turns(n)
    raise ValueError(n)
"""

COUNT = int(os.environ.get("HITL_PROGRAMS", "12"))


@pytest.fixture(scope="module")
def pausing_forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    started = Forks(tmp_path_factory.mktemp("jupyter"), "exact.pausing")
    yield started
    started.close()


PROGRAMS = {
    "gather": "a, b = await asyncio.gather(f(1), f(2))\ntell(a, b)",
    "gather of many": "tell(await asyncio.gather(*[f(n % 3) for n in range(6)]))",
    "gather in a function": (
        "async def main():\n    local = 5\n    got = await asyncio.gather(f(1), outer(0), f(0))\n"
        "    return got, local\n"
        "tell(await main())"
    ),
    "gather in a loop": "for i in range(3):\n    tell(await asyncio.gather(f(i), f(1)))",
    "helpers below a task": (
        "async def g(n):\n    await turns(n)\n    return deep(n) + deep(n + 5)\n"
        "tell(await asyncio.gather(g(2), g(0), f(1)))"
    ),
    "nested gather": "tell(await asyncio.gather(asyncio.gather(f(1), f(2)), outer(0), asyncio.sleep(0, 7)))",
    "gather in tasks": (
        "async def g(n):\n    return await asyncio.gather(f(n), f(n + 1))\ntell(await asyncio.gather(g(0), g(1)))"
    ),
    "one coroutine twice": "c = f(1)\ntell(await asyncio.gather(c, f(0), c))",
    "a child that fails": (
        "try:\n    await asyncio.gather(f(1), fails(3), f(2))\nexcept ValueError as e:\n    tell('caught', e)\n"
        "await turns(9)\ntell('over')"
    ),
    "exceptions returned": "tell(await asyncio.gather(f(1), fails(0), fails(4), f(2), return_exceptions=True))",
    "tasks in variables": (
        "a = asyncio.create_task(f(1), name='mine')\nb = asyncio.create_task(f(0))\nawait turns(1)\n"
        "x = ask(5)\ntell(x, a.done(), b.done(), a.get_name())\ntell(await a, await b)\ntell(a.result(), b.done())"
    ),
    "a task that nobody keeps": "asyncio.create_task(f(0))\nx = ask(1)\nawait turns(9)\ntell(x)",
    "a question below the tasks of the run": (
        "async def main():\n    t = asyncio.create_task(f(2))\n    x = ask(1)\n    y = await f(1)\n"
        "    return x, y, await t\ntell(await main())"
    ),
    "a failed task in a variable": (
        "a = asyncio.create_task(fails(1))\nawait turns(5)\nx = ask(1)\ntell(a.done(), repr(a.exception()))\n"
        "try:\n    await a\nexcept ValueError as e:\n    tell(e)"
    ),
    "a cancelled task in a variable": (
        "a = asyncio.create_task(f(9))\nawait turns(3)\na.cancel()\nawait turns(2)\nx = ask(1)\n"
        "tell(a.cancelled())\ntry:\n    await a\nexcept asyncio.CancelledError:\n    tell('cancelled')"
    ),
    "a task that is being cancelled": (
        "async def g():\n    try:\n        await turns(50)\n    except asyncio.CancelledError:\n"
        "        tell('cancelling')\n"
        "        ask(4)\n        raise\n"
        "a = asyncio.create_task(g())\nawait turns(3)\na.cancel()\nx = ask(1)\n"
        "try:\n    await a\nexcept asyncio.CancelledError:\n    tell('cancelled', x)"
    ),
    "wait_for": "tell(await asyncio.wait_for(f(1), 60), await asyncio.wait_for(outer(0), 60))",
    "gather of wait_for": (
        "tell(await asyncio.gather(asyncio.wait_for(f(1), 60), asyncio.wait_for(outer(0), 60), f(2)))"
    ),
    "wait_for in a task that asks": (
        "async def g(n):\n    got = await asyncio.wait_for(f(n), 60)\n    return got + ask(1)\n"
        "tell(await asyncio.gather(g(0), g(1)))"
    ),
    "wait": (
        "done, pending = await asyncio.wait([asyncio.create_task(f(n)) for n in range(3)])\n"
        "tell(sorted(t.result() for t in done), len(pending))"
    ),
    "wait for the first": (
        "todo = {asyncio.create_task(f(n)) for n in range(3)}\nwhile todo:\n"
        "    done, todo = await asyncio.wait(todo, return_when=asyncio.FIRST_COMPLETED)\n"
        "    tell(sorted(t.result() for t in done), len(todo))"
    ),
    "shield": "t = asyncio.create_task(f(1))\ntell(await asyncio.gather(asyncio.shield(t), f(2)), t.done())",
    "sleeps": (
        "async def g(n):\n    await asyncio.sleep(n / 50)\n    return ask(n)\n"
        "tell(await asyncio.gather(*map(g, [3, 1, 2])))"
    ),
    "lock": (
        "lock = asyncio.Lock()\nasync def g(n):\n    async with lock:\n        tell('in', n)\n"
        "        await turns(1)\n"
        "        ask(n)\n        tell('out', n)\ntell(await asyncio.gather(g(1), g(2), g(3)), lock.locked())"
    ),
    "semaphore": (
        "sem = asyncio.Semaphore(2)\nasync def g(n):\n    async with sem:\n        tell('in', n)\n"
        "        await turns(n % 3)\n"
        "        ask(n)\n        tell('out', n)\ntell(await asyncio.gather(*map(g, range(6))), sem.locked())"
    ),
    "event": (
        "async def main():\n    event = asyncio.Event()\n    async def waits(n):\n        await event.wait()\n"
        "        tell('came', n, ask(n))\n    async def sets():\n        await turns(2)\n        ask('set?')\n"
        "        event.set()\n        event.clear()\n        ask('set')\n"
        "    await asyncio.gather(waits(1), sets(), waits(2))\nawait main()"
    ),
    "queue": (
        "async def main():\n    q = asyncio.Queue(2)\n    async def gives():\n        for n in range(5):\n"
        "            await q.put(n)\n            tell('gave', n)\n            if n % 2: ask(n)\n"
        "    async def takes(k):\n"
        "        while True:\n            n = await q.get()\n            tell(k, 'took', n, ask(n))\n"
        "            q.task_done()\n"
        "    workers = [asyncio.create_task(takes(k)) for k in 'ab']\n    await gives()\n    await q.join()\n"
        "    for w in workers: w.cancel()\n    tell(await asyncio.gather(*workers, return_exceptions=True))\n"
        "await main()"
    ),
    "condition": (
        "async def main():\n    c = asyncio.Condition()\n    async def waits(n):\n        async with c:\n"
        "            await c.wait()\n            tell('woken', n, ask(n))\n    async def tells():\n"
        "        await turns(3)\n"
        "        async with c:\n            ask('notify')\n            c.notify_all()\n            ask('notified')\n"
        "    await asyncio.gather(waits(1), waits(2), tells())\nawait main()"
    ),
    "task group": (
        "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(f(n)) for n in range(3)]\n"
        "    tell('started', ask(9))\ntell([t.result() for t in tasks])"
    ),
    "task group whose body waits": (
        "async def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        a = group.create_task(f(2), name='a')\n"
        "        x = await f(1)\n        b = group.create_task(outer(0))\n"
        "    return a.result(), x, b.result(), a.get_name()\n"
        "tell(await main())"
    ),
    "task group that fails": (
        "async def g(n):\n    try:\n        return await f(n)\n    except asyncio.CancelledError:\n"
        "        tell('cancelled', n)\n        raise\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(g(1))\n"
        "        group.create_task(fails(3))\n        group.create_task(g(9))\n        await turns(30)\n"
        "try:\n    await main()\nexcept ExceptionGroup as e:\n    tell(repr(e.exceptions))\n"
        "await turns(2)\ntell(asyncio.current_task().cancelling())"
    ),
    "a question while a group is being cancelled": (
        "async def g(n):\n    try:\n        await turns(40)\n    except asyncio.CancelledError:\n"
        "        tell('cancelled', ask(n))\n        raise\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(g(1))\n"
        "        group.create_task(fails(3))\n        group.create_task(g(2))\n        await turns(30)\n"
        "try:\n    await main()\nexcept ExceptionGroup as e:\n    tell(repr(e.exceptions))\n"
        "await turns(2)\ntell('over')"
    ),
    "timeout": (
        "async with asyncio.timeout(50) as t:\n    x = await f(1)\n    tell(x, t.expired())\n"
        "async def main():\n    async with asyncio.timeout(50):\n        return await asyncio.gather(f(1), f(0))\n"
        "tell(await main(), t.expired())"
    ),
    "timeout that comes": (
        "async def g(n):\n    try:\n        async with asyncio.timeout(0.02):\n            ask(n)\n"
        "            await asyncio.sleep(5)\n    except TimeoutError:\n        tell('late', ask(n))\n"
        "await asyncio.gather(g(1), g(2))"
    ),
    "wait_for that comes": (
        "async def g(n):\n    ask(n)\n    try:\n        await asyncio.sleep(5)\n    finally:\n"
        "        tell('left', n)\n"
        "try:\n    await asyncio.wait_for(asyncio.gather(g(1), g(2)), 0.05)\nexcept TimeoutError:\n    tell('late')"
    ),
    "cancelled by another": (
        "async def main():\n    lock = asyncio.Lock()\n    async def g(n):\n        async with lock:\n"
        "            ask(n)\n            await turns(3)\n            tell('out', n)\n"
        "    a, b, c = [asyncio.create_task(g(n)) for n in range(3)]\n    await turns(2)\n    b.cancel()\n"
        "    return await asyncio.gather(a, b, c, return_exceptions=True), lock.locked()\ntell(await main())"
    ),
    "as completed": (
        "async def main():\n"
        "    for one in asyncio.as_completed([asyncio.create_task(f(n)) for n in (3, 1, 2)]):\n        tell('next')\n"
        "        tell(await one, ask(5))\n"
        "    several = [*asyncio.as_completed([asyncio.create_task(f(n)) for n in (5, 6)])]\n    ask(6)\n"
        "    tell(await several[0], await several[1])\nawait main()"
    ),
    "callbacks of the notebook": (
        "async def main():\n    kept = set()\n    def told(t):\n        tell('told', t.get_name(), t.result())\n"
        "    for n in range(3):\n        t = asyncio.create_task(f(n), name=str(n))\n        kept.add(t)\n"
        "        t.add_done_callback(kept.discard)\n        t.add_done_callback(told)\n"
        "    stop = asyncio.create_task(turns(99))\n    asyncio.get_running_loop().call_later(0.01, stop.cancel)\n"
        "    asyncio.get_running_loop().call_soon(kept.update, [0])\n"
        "    asyncio.get_running_loop().call_soon(lambda: tell('soon', kept.discard(0)))\n"
        "    asyncio.get_running_loop().call_later(0.05, lambda n: tell('later', n), 7)\n"
        "    while kept:\n        tell(len(kept))\n        await turns(1)\n    await asyncio.sleep(0.1)\n"
        "    return len(kept)\ntell(await main())"
    ),
    "classes": (
        "class Agent:\n    def __init__(self, n):\n        self.n = n\n    async def go(self):\n"
        "        got = [ask(i) async for i in self.items()] if False else [ask(i) for i in range(self.n)]\n"
        "        await turns(1)\n        self.got = got\n        return self\n"
        "a, b = await asyncio.gather(Agent(2).go(), Agent(3).go())\ntell(a.got, b.got)"
    ),
    "a task that holds itself": (
        "async def g():\n    me = asyncio.current_task()\n    await turns(1)\n    x = ask(2)\n"
        "    return me is asyncio.current_task(), x\ntell(await asyncio.gather(g(), g()))"
    ),
    "the run's own task": (
        "me = asyncio.current_task()\nasync def g():\n    x = ask(2)\n    return me is asyncio.current_task(), x\n"
        "tell(await asyncio.gather(g(), g()), me is asyncio.current_task())"
    ),
    "callbacks between tasks": (
        "async def main():\n    tasks = []\n    async def g(n):\n        await turns(n)\n        x = ask(n)\n"
        "        if n: return x + await tasks[n - 1]\n        return x\n"
        "    tasks += [asyncio.create_task(g(n)) for n in range(3)]\n    return await tasks[2]\ntell(await main())"
    ),
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_tasks_continue_as_natively(kind: str) -> None:
    same(START + PROGRAMS[kind])


IN_ONE_LOOP = ["gather of many", "task group that fails", "a child that fails", "timeout that comes", "queue", "lock"]


@pytest.mark.parametrize("kind", IN_ONE_LOOP)
def test_what_a_pause_leaves_in_the_loop_of_the_kernel_is_quiet(
    kind: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    source = START + PROGRAMS[kind]
    assert Paused().run_in_one_loop(source).said == Paused().native(source).said
    gc.collect()
    assert caplog.text == ""
    assert [w for w in recwarn if "never awaited" in str(w.message)] == []


AT_EVERY_POLL = ["gather in tasks", "tasks in variables", "a task that is being cancelled", "task group that fails"]


@pytest.mark.parametrize("kind", PROGRAMS if "HITL_PROGRAMS" in os.environ else AT_EVERY_POLL)
def test_tasks_that_are_saved_at_every_poll_continue_as_natively(kind: str) -> None:
    native = Paused().native(START + PROGRAMS[kind])
    assert run_polled(START + PROGRAMS[kind]).said == native.said


@pytest.mark.timeout(0)
@pytest.mark.parametrize("shard", range(2))
def test_random_programs_continue_as_natively(shard: int) -> None:
    for seed in range(shard, COUNT, 2):
        source = program(seed)
        native = Paused().native(source)
        assert Paused().run(source).said == native.said, f"seed {seed}"


def test_a_place_in_a_task_has_the_same_name_after_a_pause() -> None:
    source = START + (
        "async def g(n):\n    ask(n)\n    ask(n)\n    await asyncio.gather(h(n), h(n))\nasync def h(n):\n    ask(n)\n"
        "await asyncio.gather(g(1), g(2))\nawait asyncio.create_task(g(3))\n"
    )
    straight = Paused()
    straight.only_saves = True
    straight.start(source)
    assert sorted(Paused().run(source).names) == sorted(straight.names)
    assert len({*straight.names}) == 12
    assert {name[0] for name in straight.names} == {
        "task 1",
        "task 2",
        "task 3",
        *(f"task {a}.{b}" for a in "123" for b in "12"),
    }


@pytest.mark.parametrize(
    "kind", ["gather of many", "task group that fails", "semaphore", "queue", "callbacks of the notebook"]
)
def test_tasks_continue_in_new_processes(kind: str, pausing_forks: Forks) -> None:
    source = START + PROGRAMS[kind]
    state, is_over = pausing_forks(begin, source)
    while not is_over:
        state, is_over = pausing_forks(go_on, source, state)
    assert state[3] == Paused().native(source).said


MADE_AGAIN = {
    "a library starts tasks of the notebook's functions": (
        (
            "from exact.library import each\nasync def g(n):\n    tell('g', n)\n    return ask(n) if n == 2 else n\n"
            "tell('before')\ngot = await each(g, [1, 2])\ntell(got)"
        ),
        ["before", "g 1", "g 2", "g 1", "g 2", "[1, 2]"],
    ),
    "beside a task of the notebook": (
        (
            "from exact.library import each\nasync def g(n):\n    tell('g', n)\n    return ask(n)\n"
            "t = asyncio.create_task(turns(30))\ngot = await each(g, [1])\ntell(got, t.done())"
        ),
        ["g 1", "g 1", "[1] False"],
    ),
    "another task waits for a library": (
        (
            "from exact.library import slow\nasync def g():\n    tell('g')\n    got = await slow(5, 9)\n    tell(got)\n"
            "await asyncio.gather(g(), f(1))"
        ),
        ["g", "begin 1", "asks 1", "got 10", "end 1", "5"],
    ),
    "a library's own task": (
        "from exact.library import Client\nhitl = Client()\nhitl.open()\ndel hitl\nawait f(1)",
        ["begin 1", "asks 1", "got 10", "end 1"],
    ),
}


@pytest.mark.parametrize("kind", MADE_AGAIN)
def test_what_began_inside_a_call_of_a_library_begins_again_with_it(kind: str) -> None:
    source, said = MADE_AGAIN[kind]
    program = Paused().run(START + source)
    assert (program.said, program.pauses) == (said, 1)


REFUSED = {
    "coroutines that a library has begun": (
        "from exact.library import all_of\nawait all_of([f(1), f(2)])",
        r"coroutines that were given to all_of\(\) have begun.*asyncio\.gather",
    ),
    "a task of a library's coroutine": (
        "from exact.library import slow\nt = asyncio.create_task(slow(1, 9))\nawait f(1)\nawait t",
        r"the task slow\(\), started at line \d+, is no code of the notebook.*await it",
    ),
    "a future that somebody else resolves": (
        "fut = asyncio.get_running_loop().create_future()\nawait f(1)",
        r"an unfinished asyncio\.Future waits for something outside.*asyncio\.Event",
    ),
    "a submitted call": (
        "import time\nfut = asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)\nawait f(1)\nawait fut",
        "waits for something outside",
    ),
    "a task that awaits such a future": (
        (
            "fut = asyncio.get_running_loop().create_future()\nasync def g():\n    await fut\n"
            "await asyncio.gather(g(), f(1))"
        ),
        "waits for something outside|awaits a Future that cannot be saved",
    ),
    "a callback that asks": (
        (
            "loop = asyncio.get_running_loop()\n"
            "loop.set_exception_handler(lambda loop, about: caught.append(about['exception']))\n"
            "caught = []\nloop.call_soon(lambda: ask(1))\nawait turns(2)\nloop.set_exception_handler(None)\ndel loop\n"
            "raise caught[0]"
        ),
        "a function that the event loop calls .* cannot ask; ask in a task",
    ),
    "a barrier": (
        "b = asyncio.Barrier(2)\nasync def g():\n    await b.wait()\nawait asyncio.gather(g(), f(1))",
        "Barrier",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_lost_is_refused_with_the_way_out(kind: str) -> None:
    source, why = REFUSED[kind]
    with pytest.raises((CannotSave, TypeError), match=why):
        Paused().run(START + source)
