"""Calls that run side by side: known by their keys, and a pause that lets those that are under way end."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import world
from desk import Desk, effects

from hitl_nb.engine.run import session
from hitl_nb.errors import CannotPause

TURNS = """
import asyncio, world
async def turn(name):
    for _ in range(world.outside["turns"].index(name) * 5):
        await asyncio.sleep(0)
"""
"""`turn(name)` lets tasks go on in the order of `world.outside["turns"]`."""


@pytest.fixture
def desk() -> Desk:
    world.outside.clear()
    return Desk()


def in_turns(desk: Desk, cell: str, source: str, turns: list[str], answers: dict[str, tuple[str, Any]]) -> list[str]:
    """Run an agent to its end, each time in another kernel and with its tasks in another order; what was asked."""
    asked: list[str] = []
    for _ in range(len(turns) * 2):
        world.outside["turns"] = turns
        desk.new_kernel()
        desk.cell(TURNS + cell)
        if desk.run(source).status == "finished":
            return asked
        for p in desk.open():
            asked.append(p.title)
            action, value = answers[p.title]
            reason = "no" if action == "reject" else None
            desk.ledger.proposals.decide(p.id, action, value=value, reviewer="ann", reason=reason)
        turns = [*turns[1:], turns[0]]
    raise AssertionError(asked)


KINDS = {
    "checkpoint": """
async def tool(name):
    await turn(name)
    d = hitl.checkpoint(name, title=f"Send {name}?", key=name)
    return f"sent {d.value}" if d.approved else f"kept {name}"
""",
    "gate": """
@hitl.gate(title="Send {name}?", key=lambda name: name)
async def send(name):
    return f"sent {name}"
async def tool(name):
    await turn(name)
    try:
        return await send(name)
    except hitl.Rejected:
        return f"kept {name}"
""",
    "gate that is not async": """
@hitl.gate(title="Send {name}?", key=lambda name: name)
def send(name):
    return f"sent {name}"
async def tool(name):
    await turn(name)
    try:
        return send(name)
    except hitl.Rejected:
        return f"kept {name}"
""",
    "proposals": """
async def tool(name):
    await turn(name)
    [d] = hitl.checkpoint_all([hitl.proposal(name, title=f"Send {name}?", key=name)])
    return f"sent {d.value}" if d.approved else f"kept {name}"
""",
    "same value": """
async def tool(name):
    await turn(name)
    d = hitl.checkpoint("yes", title=f"Send {name}?", key=name)
    return f"sent {name}" if d.approved else f"kept {name}"
""",
    "thread": """
def ask(name):
    d = hitl.checkpoint(name, title=f"Send {name}?", key=name)
    return f"sent {d.value}" if d.approved else f"kept {name}"
async def tool(name):
    await turn(name)
    return await asyncio.to_thread(ask, name)
""",
}


@pytest.mark.parametrize("kind", KINDS)
def test_tools_that_ask_in_another_order_each_time_are_asked_once_each(desk: Desk, kind: str) -> None:
    answers = {"Send A?": ("approve", None), "Send B?": ("reject", None), "Send C?": ("approve", None)}
    cell = KINDS[kind] + "async def all_of():\n    return await asyncio.gather(*map(tool, 'ABC'))\n"
    asked = in_turns(desk, cell, "got = await all_of()", ["A", "B", "C"], answers)
    assert sorted(asked) == ["Send A?", "Send B?", "Send C?"]
    assert desk.ns["got"] == ["sent A", "kept B", "sent C"]


@pytest.mark.parametrize("step", ["async def", "def"])
def test_steps_with_keys_are_called_once_although_their_order_changes(desk: Desk, step: str) -> None:
    cell = f"""
@hitl.step(key=lambda order: order["id"])
{step} pay(order):
    return effect("pay", order["id"])
async def tool(name):
    await turn(name)
    paid = pay({{"id": name}})
    paid = await paid if asyncio.iscoroutine(paid) else paid
    return paid, hitl.checkpoint(name, title=name, key=name).value
async def all_of():
    return await asyncio.gather(*map(tool, "ABC"))
"""
    done: list[str] = []
    new_kernel = desk.new_kernel
    desk.new_kernel = lambda: (done.extend(effects()), new_kernel())
    in_turns(desk, cell, "got = await all_of()", ["A", "B", "C"], dict.fromkeys("ABC", ("approve", None)))
    done += effects()
    assert sorted(done) == ["pay('A',)", "pay('B',)", "pay('C',)"]
    assert desk.ns["got"] == [("A", "A"), ("B", "B"), ("C", "C")]


def test_a_loop_with_one_key_asks_in_each_round(desk: Desk) -> None:
    desk.cell("def ask(n):\n    return hitl.checkpoint('go', title='Go?', key='k').value\n")
    source = """
got = [ask(n) for n in range(2)]
for n in range(2):
    got.append(hitl.checkpoint("go", title="Go?", key="k").value)
"""
    for n in range(4):
        assert desk.run(source).status == "waiting"
        desk.answer("edit", f"go {n}")
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == ["go 0", "go 1", "go 2", "go 3"]


def test_the_same_key_with_another_value_is_another_question(desk: Desk) -> None:
    desk.cell("import world\ndef ask():\n    return hitl.checkpoint(world.outside['n'], title='N', key='k').value\n")
    source = "got = [ask() for _ in range(1)]"
    world.outside["n"] = 1
    desk.run(source)
    desk.answer("edit", 11)
    world.outside["n"] = 2
    assert desk.run(source).proposals[0].value == 2


@pytest.mark.parametrize("calls", ["[pay(n) for n in 'AB']", "ThreadPoolExecutor(2).map(pay, 'AB')"])
def test_one_key_for_two_calls_of_a_step_with_other_arguments_is_an_error(desk: Desk, calls: str) -> None:
    desk.cell(
        "from concurrent.futures import ThreadPoolExecutor\nimport world\n"
        "@hitl.step(key='k')\ndef pay(name):\n    return world.effect('pay', name)\n"
        f"def pay_all():\n    return list({calls})\n"
    )
    with pytest.raises(ValueError, match=r"pay\(\) in the statement at line 1 have the same key 'k'"):
        desk.run("pay_all()")
    assert len(effects()) == 1


def test_one_key_in_two_statements_and_rounds_means_two_calls(desk: Desk) -> None:
    desk.cell("import world\n@hitl.step(key='k')\ndef pay(name):\n    return world.effect('pay', name)\n")
    source = "got = [pay('A'), pay('B')]\nfor name in 'CD':\n    got.append(pay(name))\nhitl.checkpoint(1, title='Go?')"
    desk.run(source)
    assert effects() == ["pay('A',)", "pay('B',)", "pay('C',)", "pay('D',)"]
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert (desk.ns["got"], effects()) == (list("ABCD"), [])


def test_one_key_for_two_calls_at_once_is_an_error_that_names_it(desk: Desk) -> None:
    definitions = """
async def tool(name):
    await turn(name)
    return hitl.checkpoint(name, title=name, key="order 7").value
async def all_of():
    async def slow(name):
        try:
            return await tool(name)
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
    return await asyncio.gather(slow("A"), slow("B"))
"""
    desk.cell(TURNS + definitions)  # not instrumented: it is made again
    source = "got = await all_of()"
    world.outside["turns"] = ["A", "B"]
    desk.run(source)
    desk.answer()
    with pytest.raises(ValueError, match=r"same key 'order 7'"):
        desk.run(source)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "hitl.checkpoint(1, title='t', key=1.5)",
            "TypeError: key of the proposal 't' must be a str or an int, not float",
        ),
        ("hitl.checkpoint(1, title='t', key=True)", "TypeError: key of the proposal 't' must be"),
        ("hitl.checkpoint(1, title='t', key='')", "ValueError: key of the proposal 't' must not be empty"),
        ("hitl.gate(lambda: 1, key=[])", "TypeError: key of the gate <lambda>() must be a str or an int, not list"),
        (
            "hitl.gate(lambda n: n, key=lambda n: None)(1)",
            "TypeError: the key function of the gate <lambda>() returned",
        ),
        ("hitl.step(lambda: 1, key=())", "TypeError: "),
        ("hitl.step(key={})(len)", "TypeError: key of the step len() must be a str or an int, not dict"),
        ("hitl.step(key=lambda n: 0.5)(lambda n: n)(1)", "TypeError: key of the step <lambda>() must be"),
        (
            "hitl.checkpoint_all([hitl.proposal(n, title='t', key='k') for n in (1, 2)])",
            "ValueError: two proposals have the same key 'k'",
        ),
    ],
)
def test_what_is_no_key_is_refused_with_a_sentence(desk: Desk, source: str, error: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        desk.run(source)
    said = f"{type(caught.value).__name__}: {caught.value}"
    assert said.startswith(error) or "unexpected keyword argument 'key'" in said


@pytest.mark.parametrize(
    "key",
    ["lambda order: order", "lambda first: first", "lambda note, order: order", "lambda order, **_: order", "str"],
)
def test_a_key_function_takes_the_arguments_that_it_names(desk: Desk, key: str) -> None:
    note = "" if key in ("lambda first: first", "str") else ", note='n'"
    source = f"@hitl.step(key={key})\ndef pay(order{note}):\n    return order\ngot = pay('A')"
    assert desk.run(source).status == "finished"
    assert any("%22A%22" in key for key in desk.keys("step/"))


# -- a pause lets the steps that are under way end

PAYING = """
import asyncio, contextvars, world
@hitl.step
async def pay(n=1):
    effect("begin", n)
    world.outside["began"].set()
    await world.outside["go"].wait()
    return effect("paid", n)
@hitl.step
def pay_now(n=1):
    effect("begin", n)
    world.outside["loop"].call_soon_threadsafe(world.outside["began"].set)
    world.outside["proceed"].wait(60)
    return effect("paid", n)
@hitl.step
async def pay_in_thread(n=1):
    return await asyncio.to_thread(pay_now, n)
@hitl.step
async def pay_in_executor(n=1):
    return await asyncio.get_running_loop().run_in_executor(None, pay_now, n)
def go_on_outside():  # what the step waits for is not the run's: it happens though the run is paused
    asyncio.get_running_loop().call_soon(world.outside["go"].set, context=contextvars.Context())
async def ask():
    await world.outside["began"].wait()
    go_on_outside()
    world.outside["proceed"].set()
    return hitl.checkpoint("go", title="Go?").value
async def begin():
    import threading
    world.outside.update(began=asyncio.Event(), go=asyncio.Event(), loop=asyncio.get_running_loop())
    world.outside["proceed"] = threading.Event()
"""

BESIDE = {
    "gather": "    return await asyncio.gather(pay(), ask())",
    "gather returns exceptions": "    return await asyncio.gather(pay(), ask(), return_exceptions=True)",
    "task group": """    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pay()), group.create_task(ask())]
    return [task.result() for task in tasks]""",
    "wait_for": "    return await asyncio.wait_for(asyncio.gather(pay(), ask()), 60)",
    "question with a timeout": "    return await asyncio.gather(pay(), asyncio.wait_for(ask(), 60))",
    "step with a timeout": "    return await asyncio.gather(asyncio.wait_for(pay(), 60), ask())",
    "task": """    task = asyncio.create_task(pay())
    answer = await ask()
    return [await task, answer]""",
    "thread": "    return await asyncio.gather(asyncio.to_thread(pay_now), ask())",
    "thread of a step": "    return await asyncio.gather(pay_in_thread(), ask())",
    "executor of a step": "    return await asyncio.gather(pay_in_executor(), ask())",
    "thread in a group": """    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.to_thread(pay_now)), group.create_task(ask())]
    return [task.result() for task in tasks]""",
    "as completed": """    found = []
    for one in asyncio.as_completed([pay(), ask()]):
        found.append(await one)
    return sorted(found, key=str)""",
    "a step that swallows": """    async with asyncio.TaskGroup() as group:
        async def swallowing():
            try:
                return await pay()
            except asyncio.CancelledError:
                effect("cancelled")
                raise
        tasks = [group.create_task(swallowing()), group.create_task(ask())]
    return [task.result() for task in tasks]""",
}


@pytest.mark.parametrize("way", BESIDE)
def test_a_step_beside_a_question_ends_and_is_recorded(desk: Desk, way: str) -> None:
    desk.cell(PAYING + "async def both():\n    await begin()\n" + BESIDE[way])
    assert desk.run("got = await both()").status == "waiting"
    assert [one for one in effects() if "cancelled" not in one] == ["begin(1,)", "paid(1,)"]
    assert [p.title for p in desk.open()] == ["Go?"]
    assert [step.status for step in desk.ledger.steps.list_of_run(desk.record().id)] == ["done"]
    desk.answer("edit", "went")
    cells = desk.cells
    desk.new_kernel()
    for cell in cells:
        desk.cell(cell)
    # The step comes from the record now, so that nothing is begun that could let the question go on.
    cell = "async def ask():\n    return hitl.checkpoint('go', title='Go?').value"
    desk.cell(cell)
    assert desk.run("got = await both()").status == "finished"
    assert desk.ns["got"] == [1, "went"]
    assert effects() == []


def test_what_a_step_leaves_at_work_would_be_lost(desk: Desk) -> None:
    """The step ends while the pause waits for it, and what it has submitted does not."""
    leaving = """
def blocks():
    world.outside["never"].wait()
@hitl.step
async def leaves(n=1):
    asyncio.get_running_loop().run_in_executor(world.outside["pool"], blocks)
    return await pay(n)
async def both():
    await begin()
    world.outside["never"] = __import__("threading").Event()
    return await asyncio.gather(leaves(), ask())
"""
    desk.cell(PAYING + leaving)
    world.outside["pool"] = ThreadPoolExecutor(1)
    try:
        with pytest.raises(CannotPause, match=r"the submitted call of blocks\(\), which a step has started"):
            desk.run("got = await both()")
    finally:
        world.outside["never"].set()
    assert desk.open() == []


def test_a_pause_says_that_it_waits_for_a_step_that_looks_again_and_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PATIENCE_SECONDS", 0.0)
    said: list[str] = []

    def note_sentences(sentences: list[str]) -> None:
        said.extend(sentences)
        world.outside["told"].set()

    monkeypatch.setattr(desk.shown, "show_notes", note_sentences)
    world.outside["told"] = asyncio.Event()
    looking = "async def pay():\n    world.outside['began'].set()\n    while not world.outside['told'].is_set():\n"
    looking += "        await asyncio.sleep(0.001)\n    return effect('paid')\npay = hitl.step(pay)\n"
    desk.cell(PAYING + looking + "async def both():\n    await begin()\n" + BESIDE["gather"])
    assert desk.run("got = await both()").status == "waiting"
    assert len([one for one in said if "when pay() has ended" in one]) == 1
    assert effects() == ["paid()"]


def test_a_step_that_fails_beside_a_question_is_recorded_too(desk: Desk) -> None:
    cell = PAYING.replace('return effect("paid", n)', 'raise OSError("no line")', 1)
    desk.cell(
        cell
        + "async def both():\n    await begin()\n    return await asyncio.gather(pay(), ask(), return_exceptions=True)"
    )
    assert desk.run("got = await both()").status == "waiting"
    assert [step.status for step in desk.ledger.steps.list_of_run(desk.record().id)] == ["failed"]
    desk.answer()
    desk.new_kernel()
    desk.cell(cell.replace('await world.outside["began"].wait()', "pass"))
    desk.cell(
        "async def both():\n    await begin()\n    return await asyncio.gather(pay(), ask(), return_exceptions=True)"
    )
    assert desk.run("got = await both()").status == "finished"
    assert str(desk.ns["got"]) == "[OSError('no line'), 'go']"


def test_no_step_begins_once_the_pause_is_decided(desk: Desk) -> None:
    desk.cell(PAYING)
    source = """
async def ask():
    await world.outside["began"].wait()
    go_on_outside()
    return hitl.checkpoint("go", title="Go?").value
async def two():
    await pay(1)
    effect("between")
    return await pay(2)
async def both():
    await begin()
    return await asyncio.gather(two(), ask())
got = await both()
"""
    assert desk.run(source).status == "waiting"
    assert effects() == ["begin(1,)", "paid(1,)"]


def test_tasks_that_a_pause_ends_are_not_reported_as_lost_errors(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.cell(PAYING)
    source = """
async def two():
    await pay(1)
    return await pay(2)
async def both():
    await begin()
    beside = asyncio.create_task(two())
    return await ask()
got = await both()
"""
    assert desk.run(source).status == "waiting"
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_question_that_cannot_be_saved_is_refused_before_steps_are_waited_for(desk: Desk) -> None:
    desk.cell(PAYING + "async def both():\n    await begin()\n" + BESIDE["gather"])
    desk.ns["stuck"] = threading.Lock()
    desk.ns["stuck"].acquire()
    with pytest.raises(CannotPause, match="stuck"):
        desk.run("got = await both()\nprint(stuck)")
    assert effects() == ["begin(1,)", "paid(1,)"]
    assert desk.open() == []


def test_steps_under_way_end_when_what_runs_beside_them_fails(desk: Desk) -> None:
    desk.cell(PAYING)
    source = """
async def fails():
    if world.outside.get("mended"):
        return "fine"
    await world.outside["began"].wait()
    go_on_outside()
    raise OSError("no line")
await begin()
got = await asyncio.gather(pay(), fails())
"""
    with pytest.raises(OSError, match="no line"):
        desk.run(source)
    world.outside["mended"] = True
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == [1, "fine"]
    assert effects() == ["begin(1,)", "paid(1,)"]


def test_a_cancelled_step_is_cancelled_as_it_is_without_a_run(desk: Desk) -> None:
    source = """
import asyncio
import asyncio
import gc
@hitl.step
async def slow():
    try:
        await asyncio.Event().wait()
    finally:
        effect("cleaned up")
async def stop():
    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "stopped"
got = await stop()
"""
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == "stopped"
    assert effects() == ["cleaned up()"]


# -- code that is made again and asks something else


def test_a_helper_that_asks_another_question_each_time_is_named_at_the_second(desk: Desk) -> None:
    desk.cell(
        "import world\ndef draft_and_ask(name):\n"
        "    text = f'Dear {name}, {next(world.outside[\"drafts\"])}'\n"
        "    return hitl.checkpoint(text, title='Send?').value\n"
    )
    world.outside["drafts"] = iter(range(9))
    source = "got = draft_and_ask('Ann')"
    assert desk.run(source).proposals[0].notes == ()
    for _ in range(2):
        desk.answer()
        (p,) = desk.run(source).proposals
        (note,) = p.notes
        assert note.startswith("draft_and_ask() is made again after each decision")
        assert "@hitl.agent" in note


def test_helpers_that_ask_the_same_again_are_not_noted(desk: Desk) -> None:
    desk.cell("def ask(n):\n    return hitl.checkpoint(n, title='N').value\n")
    source = "got = [ask(n) for n in (1, 2)]"
    for _ in range(2):
        (p,) = desk.run(source).proposals
        assert p.notes == ()
        desk.answer()
    assert desk.run(source).status == "finished"
