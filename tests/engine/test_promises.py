"""What DESIGN section 3 promises of the engine, one test for each way to break it."""

from __future__ import annotations

import inspect
import os
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from desk import Desk, effects
from forks import ChildDied, Forks
from IPython.core.ultratb import VerboseTB

import hitl_nb as hitl
from hitl_nb.engine.snapshot import signing as seal
from hitl_nb.errors import (
    CannotPause,
    CellChanged,
    NotInAgent,
    RunClaimed,
    StoreCorrupt,
    StoreFull,
    Untrusted,
    WrongPython,
)
from hitl_nb.notebook.ipython.tracebacks import correct_records
from hitl_nb.records import Step

LOOP = """
sent = []
for order in ["a", "b", "c"]:
    draft = effect("write", order)
    reply = hitl.checkpoint(draft, title=f"Reply to {order}").value
    sent.append(effect("send", reply))
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_loop_goes_on_in_a_new_kernel_each_time(desk: Desk) -> None:
    done: list[str] = []
    for order in "abc":
        outcome = desk.run(LOOP)
        assert outcome.status == "waiting"
        assert outcome.proposals[0].title == f"Reply to {order}"
        done += effects()
        desk.answer("edit", f"dear {order}")
        desk.new_kernel()
    assert desk.run(LOOP).status == "finished"
    done += effects()
    assert done == [
        *("write('a',)", "send('dear a',)", "write('b',)", "send('dear b',)", "write('c',)", "send('dear c',)"),
    ]
    assert desk.ns["sent"] == ["dear a", "dear b", "dear c"]
    assert desk.ledger.audit.verify().ok


@pytest.mark.parametrize("name", ["end", "definition", "annotations", "modules", "process", "stack", "result", "ä"])
def test_variables_may_have_any_name(name: str, desk: Desk) -> None:
    source = f"{name} = [1]\nhitl.checkpoint(1, title='T')\n{name}.append(2)\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns[name] == [1, 2]


def test_a_waiting_cell_run_again_shows_the_same_proposal(desk: Desk) -> None:
    first = desk.run(LOOP).proposals
    world.journal.clear()
    again = desk.run(LOOP)
    desk.new_kernel()
    assert again.status == "waiting"
    assert again.proposals == desk.run(LOOP).proposals == first
    assert effects() == []


# -- a decision answers the question that was asked


def test_opaque_code_that_asks_another_question_asks_anew(desk: Desk) -> None:
    desk.cell("import world\ndef ask():\n    return hitl.checkpoint(world.outside['limit'], title='Limit').value\n")
    source = "x = [ask() for _ in range(1)]"
    world.outside["limit"] = 10
    desk.run(source)
    desk.answer("edit", 99)
    world.outside["limit"] = 20
    assert desk.run(source).proposals[0].value == 20
    desk.answer("approve")
    desk.run(source)
    assert desk.ns["x"] == [20]


def test_opaque_code_that_asks_the_same_again_is_answered(desk: Desk) -> None:
    desk.cell("def ask(n):\n    return hitl.checkpoint(n, title='N').value\n")
    source = "x = [ask(n) for n in (1, 2)]"
    for value in (10, 20):
        assert desk.run(source).status == "waiting"
        desk.answer("edit", value)
        desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == [10, 20]


@pytest.mark.parametrize("field", ["title", "value", "kind", "position"])
def test_a_tampered_proposal_is_not_used(desk: Desk, field: str) -> None:
    desk.run(LOOP)
    decided = desk.answer("approve")
    record = msgspec.json.decode(desk.ledger.store.get(f"proposal/{decided.id}") or b"")
    record[field] = "markdown" if field == "kind" else "another"
    desk.ledger.store.transact(lambda tx: tx.put(f"proposal/{decided.id}", msgspec.json.encode(record)))
    desk.new_kernel()
    with pytest.raises(StoreCorrupt):
        desk.run(LOOP)
    assert effects() == []


def test_a_planted_decision_is_not_used(desk: Desk) -> None:
    desk.run(LOOP)
    decided = desk.answer("edit", "honest")
    record = msgspec.json.decode(desk.ledger.store.get(f"proposal/{decided.id}") or b"")
    record["decision"]["value"] = "planted"
    desk.ledger.store.transact(lambda tx: tx.put(f"proposal/{decided.id}", msgspec.json.encode(record)))
    with pytest.raises(StoreCorrupt):
        desk.run(LOOP)
    assert effects() == ["write('a',)"]


# -- one resume


HELD = """
import world
hitl.checkpoint(1, title="approve 1")
effect("began", 1)
world.outside["call"]()
effect("after", 1)
"""


def test_while_one_process_runs_it_another_is_told(desk: Desk) -> None:
    told: list[str] = []

    def other_process() -> None:
        with pytest.raises(RunClaimed) as caught:
            desk.ledger.runs.claim(desk.record().id, label="other")
        told.append(caught.value.owner)

    world.outside["call"] = other_process
    desk.run(HELD)
    desk.answer()
    desk.run(HELD)
    assert told
    assert told[0]
    assert effects() == ["began(1,)", "after(1,)"]


def test_two_processes_resume_at_once_and_one_wins(forks: Forks, tmp_path: Path) -> None:
    url = f"diskcache://{tmp_path}/store"
    source = 'x = hitl.checkpoint(1, title="edit 1").value\neffect("won", x)\n'
    assert forks(world.engine, source, url, "a").status == "waiting"
    results = forks(race, source, url, 4)
    assert "finished" in {status for status, _ in results} <= {"finished", "RunClaimed"}
    assert sum(journal.count(("won", "(2,)")) for _, journal in results) == 1


def race(source: str, url: str, count: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Let `count` processes go on with a run at the same moment."""
    import pickle

    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.storage import open_store

    store = open_store(url)
    world.decide(Ledger(store), "a")
    store.close()
    start, go = os.pipe()
    pipes: list[int] = []
    for _ in range(count):
        near, far = os.pipe()
        if os.fork() == 0:
            os.close(go)
            os.read(start, 1)  # ends when the parent closes the other end
            try:
                result = world.engine(source, url, "a")
                answer = (result.error[0] if result.status == "failed" else result.status, result.journal)
            except BaseException as error:  # noqa: BLE001 - told to the parent
                answer = (repr(error), [])
            os.write(far, pickle.dumps(answer))
            os._exit(0)
        os.close(far)
        pipes.append(near)
    os.close(start)
    os.close(go)
    found = []
    for near in pipes:
        with os.fdopen(near, "rb") as pipe:
            found.append(pickle.loads(pipe.read()))
    return found


# -- steps


STEPS = """
import hitl_nb as hitl
@hitl.step
def send(n):
    return effect("send", n)
def both(n):
    first = send(n)
    answer = hitl.checkpoint(n, title=f"approve {n}").value
    return first, send(answer + 10)
a = send(1)
b = both(2)
c = [both(n) for n in (3, 4)]
"""


def test_steps_are_recorded_not_repeated(desk: Desk) -> None:
    done: list[str] = []
    while desk.run(STEPS).status == "waiting":
        done += effects()
        desk.answer()
        desk.new_kernel()
    done += effects()
    assert done == [f"send({n},)" for n in (1, 2, 12, 3, 13, 4, 14)]
    assert desk.ns["b"] == (2, 12)
    assert desk.ns["c"] == [(3, 13), (4, 14)]


def test_a_step_that_failed_is_not_called_again_in_the_same_try(desk: Desk) -> None:
    source = """
@hitl.step
def pay(n):
    effect("pay", n)
    raise ValueError("declined")
def opaque():
    try:
        pay(1)
    except ValueError as error:
        said = str(error)
    return said, hitl.checkpoint(1, title="approve").value
x = [opaque() for _ in range(1)]
"""
    desk.run(source)
    desk.answer()
    desk.run(source)
    assert effects() == ["pay(1,)"]
    assert desk.ns["x"] == [("declined", 1)]


def test_a_step_is_retried_and_its_last_error_raised(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_nb.agent_api.steps._backoff_seconds", lambda attempt: 0)
    source = """
import world
keys = set()
@hitl.step(idempotent=True, retries=2)
def flaky():
    keys.add(hitl.idempotency_key())
    if effect("try", world.outside.setdefault("tries", iter([1, 1, 0])).__next__()):
        raise OSError("again")
    return "done"
x = flaky()
"""
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == "done"
    assert len(effects()) == 3
    assert len(desk.ns["keys"]) == 1


DYING = """
import os, signal
@hitl.step
def send(n):
    effect("send", n)
    if dies():
        os.kill(os.getpid(), signal.SIGKILL)
    return {"sent": n}
before = effect("before", 1)
x = send(7)
after = effect("after", x)
"""


def run_dying(source: str, url: str, flag: str) -> world.Result:
    """Run a cell in which `dies()` is true if `flag` is set, once."""
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.storage import open_store

    def dies() -> bool:
        if Path(flag).exists():
            Path(flag).unlink()
            return True
        return False

    made = world._namespace

    def namespace(told: Any) -> dict[str, Any]:
        ns = made(told)
        ns.update(dies=dies, hitl=hitl, effect=world.effect)
        return ns

    world._namespace = namespace
    run = Ledger(open_store(url)).runs.find(agent="a", notebook="nb")
    assert run is None or run.status != "waiting"
    return world.engine(source, url, "a")


def decide_all(url: str, action: str, value: Any) -> list[str]:
    """Decide what waits, whatever it is; the titles."""
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.storage import open_store

    ledger = Ledger(open_store(url))
    asked = ledger.proposals.list_open()
    for p in asked:
        ledger.proposals.decide(p.id, action, value=value, reviewer="ann")
    return [p.title for p in asked]


@pytest.mark.parametrize(
    ("action", "value", "result", "sends"),
    [
        ("edit", {"happened": True}, None, 0),
        ("edit", {"happened": True, "result": {"sent": 70}}, {"sent": 70}, 0),
        ("edit", {"happened": False}, {"sent": 7}, 1),
    ],
)
def test_an_effect_in_doubt_is_a_question(
    forks: Forks, tmp_path: Path, action: str, value: Any, result: Any, sends: int
) -> None:
    url, flag = f"diskcache://{tmp_path}/store", tmp_path / "flag"
    flag.touch()
    with pytest.raises(ChildDied):
        forks(run_dying, DYING, url, str(flag))
    asked = forks(run_dying, DYING, url, str(flag))
    assert asked.status == "waiting"
    assert ("send", "(7,)") not in asked.journal
    assert forks(decide_all, url, action, value) == ["Did send(7) happen?"]
    done = forks(run_dying, DYING, url, str(flag))
    assert done.status == "finished"
    assert done.journal == [("send", "(7,)")] * sends + [("after", f"({result!r},)")]


def test_a_second_call_that_dies_too_is_a_question_of_its_own(forks: Forks, tmp_path: Path) -> None:
    """Found by killing the refunds 200 times: "it did not happen" was taken for an answer about the next call."""
    url, flag = f"diskcache://{tmp_path}/store", tmp_path / "flag"
    answers = [("edit", {"happened": False, "result": None}), ("edit", {"happened": False, "result": None})]
    for action, value in answers:
        flag.touch()
        with pytest.raises(ChildDied):
            forks(run_dying, DYING, url, str(flag))
        assert forks(run_dying, DYING, url, str(flag)).status == "waiting"
        assert forks(decide_all, url, action, value) == ["Did send(7) happen?"]
    assert [n for n, _ in forks(run_dying, DYING, url, str(flag)).journal] == ["send", "after"]


DIES_INSIDE = """
import os, signal
@hitl.step(idempotent=True)
async def look_up(text, n):
    effect("look up", n)
    if dies():
        os.kill(os.getpid(), signal.SIGKILL)
    return n
class Desk:
    async def settle(self, n):
        effect("before", n)
        return await look_up(f"{n}", n)
got = await Desk().settle(7)
effect("after", got)
"""


def test_a_coroutine_on_the_stack_makes_its_call_again_with_all_that_belongs_to_it(
    forks: Forks, tmp_path: Path
) -> None:
    """Found by killing the duplicates: what is made again with the call was forgotten, and the run was lost."""
    url, flag = f"diskcache://{tmp_path}/store", tmp_path / "flag"
    flag.touch()
    with pytest.raises(ChildDied):
        forks(run_dying, DIES_INSIDE, url, str(flag))
    done = forks(run_dying, DIES_INSIDE, url, str(flag))
    assert done.error is None
    assert done.journal == [("look up", "(7,)"), ("after", "(7,)")]


def test_a_failed_step_that_dies_when_it_is_called_again_is_in_doubt(forks: Forks, tmp_path: Path) -> None:
    url, flag, failed = f"diskcache://{tmp_path}/store", tmp_path / "flag", tmp_path / "failed"
    source = DYING.replace(
        "    if dies():",
        f"    if not os.path.exists({str(failed)!r}):\n        open({str(failed)!r}, 'w').close()\n"
        "        raise OSError('no line')\n    if dies():",
    )
    assert forks(run_dying, source, url, str(flag)).error is not None
    flag.touch()
    with pytest.raises(ChildDied):
        forks(run_dying, source, url, str(flag))
    assert forks(run_dying, source, url, str(flag)).status == "waiting"
    assert forks(decide_all, url, "edit", {"happened": True}) == ["Did send(7) happen?"]
    assert [n for n, _ in forks(run_dying, source, url, str(flag)).journal] == ["after"]


def test_an_idempotent_step_is_called_again_with_the_same_key(forks: Forks, tmp_path: Path) -> None:
    url, flag = f"diskcache://{tmp_path}/store", tmp_path / "flag"
    source = DYING.replace("@hitl.step\n", "@hitl.step(idempotent=True)\n").replace(
        'effect("send", n)', f'open({str(tmp_path / "keys")!r}, "a").write(hitl.idempotency_key() + "\\n")'
    )
    flag.touch()
    with pytest.raises(ChildDied):
        forks(run_dying, source, url, str(flag))
    assert forks(run_dying, source, url, str(flag)).status == "finished"
    first, second = (tmp_path / "keys").read_text().split()
    assert first == second


# -- failing


FAILS = """
a = effect("a", 1)
xs = []
for i in range(3):
    xs.append(effect("loop", i))
    if i == 1:
        b = check(i)
c = effect("c", 2)
"""


def test_a_failed_run_goes_on_from_the_failing_statement(desk: Desk) -> None:
    desk.cell("def check(i):\n    raise ValueError(i)\n")
    with pytest.raises(ValueError, match="1"):
        desk.run(FAILS)
    assert desk.record().status == "failed"
    desk.cell("def check(i):\n    return i\n")
    assert desk.run(FAILS).status == "finished"
    assert effects() == ["a(1,)", "loop(0,)", "loop(1,)", "loop(2,)", "c(2,)"]
    assert desk.ns["xs"] == [0, 1, 2]


def test_a_failed_run_goes_on_in_a_new_kernel(desk: Desk) -> None:
    desk.cell("def check(i):\n    raise ValueError(i)\n")
    with pytest.raises(ValueError, match="1"):
        desk.run(FAILS)
    desk.new_kernel()
    desk.cell("def check(i):\n    return i\n")
    assert desk.run(FAILS).status == "finished"
    assert effects() == ["loop(2,)", "c(2,)"]
    assert desk.ns["xs"] == [0, 1, 2]


def test_the_failing_statement_may_be_mended(desk: Desk) -> None:
    desk.cell("def check(i):\n    raise ValueError(i)\n")
    with pytest.raises(ValueError, match="1"):
        desk.run(FAILS)
    mended = FAILS.replace("b = check(i)", "b = 5")
    assert desk.run(mended).status == "finished"
    assert desk.ns["b"] == 5
    assert effects() == ["a(1,)", "loop(0,)", "loop(1,)", "loop(2,)", "c(2,)"]


def test_a_statement_of_which_a_call_was_made_may_not_be_mended(desk: Desk) -> None:
    source = "x = effect('made', 1) + fail()\n"
    desk.cell("def fail():\n    raise ValueError\n")
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        desk.run(source)
    with pytest.raises(CellChanged):
        desk.run("x = effect('made', 1) + 2\n")
    desk.cell("def fail():\n    return 3\n")
    desk.run(source)
    assert effects() == ["made(1,)"]
    assert desk.ns["x"] == 4


def test_failing_inside_try_finally_and_handlers_goes_on_where_it_failed(desk: Desk) -> None:
    source = """
try:
    a = effect("a", 1)
    b = fail()
    c = effect("c", 3)
except KeyError:
    effect("wrong", 0)
"""
    desk.cell("def fail():\n    raise ValueError\n")
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        desk.run(source)
    desk.new_kernel()
    desk.cell("def fail():\n    return 2\n")
    assert desk.run(source).status == "finished"
    assert effects() == ["c(3,)"]


def test_an_interrupt_fails_the_run_and_it_goes_on(desk: Desk) -> None:
    desk.cell("def work():\n    raise KeyboardInterrupt\n")
    source = "a = effect('a', 1)\nwork()\nb = effect('b', 2)\n"
    with pytest.raises(KeyboardInterrupt):
        desk.run(source)
    assert desk.record().status == "failed"
    desk.cell("def work():\n    effect('work')\n")
    desk.run(source)
    assert effects() == ["a(1,)", "work()", "b(2,)"]


# -- edited cells


def test_comments_and_layout_do_not_count(desk: Desk) -> None:
    desk.run(LOOP)
    desk.answer()
    edited = "# a comment\n\n" + LOOP.replace("sent = []", "sent   =   [  ]  # empty")
    assert desk.run(edited).status == "waiting"
    assert effects() == ["write('a',)", "send('a',)", "write('b',)"]


def test_what_ran_must_not_be_changed(desk: Desk) -> None:
    desk.run(LOOP)
    desk.answer()
    for old, new in [("sent = []", "sent = [1]"), ('"write"', '"other"'), ("Reply to", "Answer to"), ('"c"]', '"d"]')]:
        with pytest.raises(CellChanged) as caught:
            desk.run(LOOP.replace(old, new))
        assert "--as-recorded" in str(caught.value)
        assert "--restart" in str(caught.value)
        assert caught.value.diff
    assert desk.record().status == "ready"
    assert effects() == ["write('a',)"]


def test_new_code_below_the_pause_runs(desk: Desk) -> None:
    source = "a = effect('a', 1)\nb = hitl.checkpoint(a, title='A').value\nc = effect('c', b)\n"
    desk.run(source)
    desk.answer("edit", 5)
    desk.new_kernel()
    desk.run(source.replace("effect('c', b)", "effect('changed', b)") + "d = effect('new', b)\n")
    assert effects() == ["changed(5,)", "new(5,)"]


def test_as_recorded_and_restart(desk: Desk) -> None:
    source = "a = effect('a', 1)\nb = hitl.checkpoint(a, title='A').value\n"
    edited = source.replace("'a'", "'z'")
    desk.run(source)
    desk.answer("edit", 5)
    with pytest.raises(CellChanged):
        desk.run(edited)
    assert desk.run(edited, as_recorded=True).status == "finished"
    assert desk.ns["b"] == 5
    outcome = desk.run(edited, restart=True)
    assert (outcome.status, outcome.run.generation) == ("waiting", 2)
    assert effects() == ["a(1,)", "z(1,)"]


def test_a_finished_cell_restores_its_variables_and_runs_what_was_added(desk: Desk) -> None:
    source = "a = [effect('a', 1)]\nb = a\n"
    assert desk.run(source).status == "finished"
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert effects() == []
    assert desk.ns["a"] is desk.ns["b"]
    assert desk.run(source + "c = effect('c', a)\n").status == "finished"
    assert effects() == ["c([1],)"]


# -- what may be loaded


def test_a_snapshot_with_one_byte_changed_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from hitl_nb.ledger.ledger import ClaimedState

    desk.run(LOOP)
    desk.answer()
    run = desk.record()
    state = desk.ledger.runs.load_snapshot(run.id)
    assert state is not None
    envelope = state.envelope
    desk.new_kernel()
    monkeypatch.setattr("pickle.loads", _never)
    monkeypatch.setattr("hitl_nb.engine.snapshot.read_back.Unpickler", _never)
    monkeypatch.setattr("hitl_nb.engine.snapshot.loader.Unpickler", _never)
    claim = desk.ledger.runs.claim_saved

    def give(data: bytes) -> None:
        def change_state(run_id: str, **more: Any) -> ClaimedState:
            return claim(run_id, **more)._replace(state=state._replace(envelope=data))

        monkeypatch.setattr(desk.ledger.runs, "claim_saved", change_state)

    chosen = random.Random(1)
    for at in [0, 5, 6, 40, len(envelope) - 1, *(chosen.randrange(len(envelope)) for _ in range(50))]:
        changed = bytearray(envelope)
        changed[at] ^= 1 << chosen.randrange(8)
        give(bytes(changed))
        with pytest.raises(Untrusted):
            desk.run(LOOP)
    for cut in (0, 10, len(envelope) // 2):
        give(envelope[:cut])
        with pytest.raises(Untrusted):
            desk.run(LOOP)
    assert effects() == []


def _never(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("loaded")


def test_a_snapshot_of_another_run_is_refused(desk: Desk) -> None:
    desk.run(LOOP)
    desk.run("x = hitl.checkpoint('evil', title='T').value\n", name="other")
    desk.answer()
    stolen = desk.ledger.runs.load_snapshot(desk.record("other").id)
    assert stolen is not None
    key = f"snapshot/{desk.record().id}"
    raw = desk.ledger.store.get(f"snapshot/{desk.record('other').id}")
    assert raw is not None
    desk.ledger.store.transact(lambda tx: tx.put(key, raw))
    desk.new_kernel()
    with pytest.raises(Untrusted):
        desk.run(LOOP)
    assert desk.record().status == "ready"


def test_a_snapshot_of_another_python_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(seal, "PYTHON", "cpython 3.99")
        desk.run(LOOP)
    desk.answer()
    desk.new_kernel()
    with pytest.raises(WrongPython, match=r"cpython 3\.99"):
        desk.run(LOOP)
    assert desk.record().status == "ready"


def test_a_blob_with_one_byte_changed_is_refused(desk: Desk) -> None:
    source = "import numpy\nbig = numpy.ones(3_000_000, 'u1')\nhitl.checkpoint(1, title='T')\nn = len(big)\n"
    desk.run(source)
    desk.answer()
    key = next(k for k in desk.keys("blob/"))
    raw = desk.ledger.store.get(key) or b""
    desk.ledger.store.transact(lambda tx: tx.put(key, b"y" + raw[1:]))
    desk.new_kernel()
    with pytest.raises(StoreCorrupt):
        desk.run(source)


# -- what cannot pause


CANNOT: dict[str, tuple[str, str]] = {
    "loop_over_an_async_generator": (
        "async def count():\n    yield 1\nasync for x in count():\n    ask()\n",
        r"line 4.*async_generator.*loop over a list",
    ),
    "async_generator_in_use": (
        "async def count():\n    yield 1\ng = count()\nask()\nawait g.__anext__()\n",
        r"g \(an? async_generator\).*list",
    ),
    "generator_with_a_held_lock": (
        """
import threading
def giving():
    lock = threading.Lock()
    lock.acquire()
    yield 1
    lock.release()
g = giving()
next(g)
ask()
next(g, None)
""",
        r"g \(its variable lock\) \(a lock\).*somebody holds it",
    ),
    "file": ("with open('/dev/null') as f:\n    ask()\n", r"with block.*(move the checkpoint|TextIOWrapper)"),
    "lock": ("import threading\nwith threading.Lock():\n    ask()\n", r"with thread\.lock.*move the checkpoint"),
    "step": ("@hitl.step\ndef s():\n    ask()\ns()\n", r"inside the step s\(\)"),
    "lock_value": (
        "import threading\nlock = threading.Lock()\nlock.acquire()\nask()\nlock.release()\n",
        r"lock \(a lock\).*somebody holds it",
    ),
    "local_of_an_agent": (
        "import queue\n@hitl.agent\ndef f():\n    n, jobs = 1, queue.Queue()\n    ask()\n    jobs.get()\nf()",
        r"line 5 of f.*jobs \(a Queue\)",
    ),
}


@pytest.mark.parametrize("name", CANNOT)
def test_cannot_pause_says_why_and_stores_nothing(desk: Desk, name: str) -> None:
    source, sentence = CANNOT[name]
    source = source.replace("ask()", "hitl.checkpoint(1, title='T')")
    with pytest.raises(CannotPause, match=sentence) as caught:
        desk.run(source)
    assert "\n" not in str(caught.value)
    assert desk.keys("proposal/") == []
    assert desk.record().status == "failed"


CONTINUES = {
    "generator": """
for x in (effect("item", i) for i in range(2)):
    ask()
    effect("behind", x)
""",
    "generator_in_use": """
g = (effect("item", i) for i in range(3))
next(g)
ask()
effect("rest", list(g))
""",
    "warnings": """
import warnings
before = list(warnings.filters)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    ask()
    effect("inside", warnings.filters[0][0], warnings.filters[0][2].__name__)
effect("behind", len(warnings.filters) == len(before))
""",
    "exit_while_unwinding": """
class G:
    def __enter__(self):
        effect("enter")
    def __exit__(self, *about):
        effect("exit", about)
        ask()
        effect("exited")
for i in [1, 2]:
    with G():
        break
    effect("never")
effect("behind", i)
""",
}
"""What could not pause while runs were taken operation by operation."""


@pytest.mark.parametrize("name", CONTINUES)
def test_what_is_in_use_at_a_pause_continues_exactly(desk: Desk, name: str) -> None:
    source = CONTINUES[name].replace("ask()", "hitl.checkpoint(1, title='T')")
    native = world.native(source)
    desk.new_kernel()
    done: list[tuple[str, str]] = []
    pauses = 0
    while desk.run(source).status == "waiting":
        pauses += 1
        done += world.journal
        desk.answer()
        desk.new_kernel()
    done += world.journal
    assert pauses == native.pauses >= 1
    assert done == native.journal


BINDINGS = {
    "item": "xs = [1]\nxs[5] = effect('f', 2)\n",
    "unpacking": "a, b = effect('f', (1, 2, 3))\n",
    "attribute": "o = 1\no.x = effect('f', 2)\n",
    "loop": "for a, b in [(1, 2), effect('f', (1, 2, 3))]:\n    effect('turn', a)\n",
    "comprehension": "xs = [effect('turn', a) for a, b in [(1, 2), effect('f', (1, 2, 3))]]\n",
    "deleted": "xs = [1]\neffect('f')\ndel xs[5]\n",
}
"""Statements that fail once their value is there."""


@pytest.mark.parametrize("name", BINDINGS)
def test_what_fails_as_it_binds_a_value_does_not_make_it_again(desk: Desk, name: str) -> None:
    source = "effect('before')\n" + BINDINGS[name]
    with pytest.raises((IndexError, ValueError, AttributeError)) as first:
        desk.run(source)
    assert [done.partition("(")[0] for done in effects()][:2] == ["before", "f"]
    desk.new_kernel()
    with pytest.raises(type(first.value)):
        desk.run(source)
    assert effects() == []


def test_a_binding_that_failed_is_mended_and_has_its_value_still(desk: Desk) -> None:
    source = "for row in [1]:\n    a, b = effect('f', (1, 2, 3))\n    effect('bound', a, b)\n"
    with pytest.raises(ValueError, match="unpack"):
        desk.run(source)
    desk.new_kernel()
    assert desk.run(source.replace("a, b = ", "a, b, c = ")).status == "finished"
    assert effects() == ["bound(1, 2)"]


def test_a_checkpoint_outside_an_agent() -> None:
    for call in (lambda: hitl.checkpoint(1, title="T"), lambda: hitl.checkpoint_all([]), lambda: hitl.gate(print)(1)):
        with pytest.raises(NotInAgent, match="%%agent"):
            call()
    with pytest.raises(NotInAgent):
        hitl.idempotency_key()


# -- variables


CLIENT = """
class Client:
    made = 0
    def __init__(self, name):
        effect("connect", name)
        self.name = name
    def __reduce__(self):
        raise TypeError("a connection")
    def get(self):
        return self.name
"""


@pytest.mark.parametrize("bind", ["client = Client('db')\n", "client, n = Client('db'), 1\n"])
def test_a_client_is_never_made_again_by_its_line(desk: Desk, bind: str) -> None:
    desk.cell(CLIENT)
    with pytest.raises(CannotPause, match=r"client \(a Client\).*a connection.*hitl\.resource\(\.\.\.\)"):
        desk.run(bind + "hitl.checkpoint(1, title='T')\nclient.get()\n")
    assert desk.keys("proposal/") == []
    assert effects() == ["connect('db',)"]


def test_a_value_that_is_not_needed_any_more_is_left_out(desk: Desk) -> None:
    desk.cell(CLIENT)
    source = "client = Client('db')\nx = client.get()\nhitl.checkpoint(1, title='T')\ny = x\n"
    assert desk.run(source).status == "waiting"
    assert [note for note in desk.open()[0].notes if "client (a Client) is not saved" in note]
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["y"] == "db"
    assert effects() == []


def test_in_the_same_kernel_the_live_objects_go_on(desk: Desk) -> None:
    source = "box = [object()]\nother = box\nhitl.checkpoint(1, title='T')\nbox.append(2)\n"
    desk.run(source)
    box = desk.ns["box"]
    desk.answer()
    desk.run(source)
    assert desk.ns["box"] is box is desk.ns["other"]
    assert len(box) == 2


def test_large_values_are_stored_once(desk: Desk) -> None:
    source = """
import numpy
big = numpy.zeros(5_000_000, "u1")
same = [big, big]
text = "x" * 300_000
hitl.checkpoint(1, title="one")
n = len(big)
hitl.checkpoint(2, title="two")
same[0][0] = 7
ok = big[0] == 7 and same[1] is big and len(text) == 300_000
"""
    desk.run(source)
    blobs = desk.keys("blob/")
    size = sum(len(desk.ledger.store.get(key) or b"") for key in blobs)
    assert size == 5_300_000
    desk.answer()
    desk.run(source)
    assert desk.keys("blob/") == blobs
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["ok"]


# -- code comes from the notebook


def test_a_function_that_was_mended_is_used_mended(desk: Desk) -> None:
    source = "f = make\nx = hitl.checkpoint(1, title='T').value\ny = make(x), f(x)\n"
    desk.cell("def make(n):\n    return 'old', n\n")
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.cell("def make(n):\n    return 'new', n\n")
    desk.run(source)
    assert desk.ns["y"] == (("new", 1), ("new", 1))


def test_objects_of_a_class_that_was_mended_get_it_mended_in_the_same_kernel_and_in_later_ones(desk: Desk) -> None:
    cell = "class Helper:\n    def help(self):\n        return 1 / 0\n"
    source = "helper = Helper()\nhitl.checkpoint(1, title='T')\nx = helper.help()\n"
    for failures in (0, 1, 2):
        desk.new_kernel()
        desk.cell(cell)
        name = f"agent {failures}"
        desk.run(source, name=name)
        desk.answer(name=name)
        for _ in range(failures):
            with pytest.raises(ZeroDivisionError):
                desk.run(source, name=name)
        desk.cell(cell.replace("1 / 0", "nothing"))
        with pytest.raises(NameError):
            desk.run(source, name=name)
        desk.new_kernel()
        desk.cell(cell.replace("1 / 0", "5"))
        desk.run(source, name=name)
        assert desk.ns["x"] == 5


def test_functions_and_classes_come_along_into_an_empty_kernel(desk: Desk) -> None:
    desk.cell("""
rate = 3
def helper(n): return n * rate
def make(n):
    global made
    made = n
    return helper(n)
class Order:
    def __init__(self, n): self.n = n
    def total(self): return helper(self.n)
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    def read(): return n
    return up, read
""")
    source = "o = Order(2)\nup, read = counter()\nhitl.checkpoint(1, title='T')\nx = make(4), o.total(), up(), read()\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == (12, 6, 1, 1)
    assert desk.ns["made"] == 4
    assert desk.ns["make"].__globals__ is desk.ns
    assert type(desk.ns["o"]) is desk.ns["Order"]
    desk.ns["rate"] = 5
    assert desk.ns["make"](1) == 5


def test_an_agent_that_was_mended_behind_its_pause_goes_on_mended(desk: Desk) -> None:
    cell = "@hitl.agent\ndef f(n):\n    x = hitl.checkpoint(n, title='T').value\n    return x + 1\n"
    source = "y = f(1)\n"
    desk.cell(cell)
    desk.run(source)
    desk.answer("edit", 5)
    desk.new_kernel()
    desk.cell(cell.replace("x + 1", "x * 100"))
    desk.run(source)
    assert desk.ns["y"] == 500


# -- edits, gates, several questions


def test_an_edit_that_does_not_fit_asks_again_with_a_note(desk: Desk) -> None:
    source = "x = hitl.checkpoint(Refund(1), title='T').value\n"
    desk.cell("from dataclasses import dataclass\n@dataclass\nclass Refund:\n    amount: int\n")
    desk.run(source)
    p = desk.open()[0]
    desk.ledger.proposals.decide(p.id, "edit", value={"amount": "lots"}, reviewer="ann")
    outcome = desk.run(source)
    assert outcome.status == "waiting"
    assert "amount" in str(outcome.proposals[0].context)
    desk.answer("edit", {"amount": 3})
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == desk.ns["Refund"](3)


def test_several_questions_are_one_pause(desk: Desk) -> None:
    source = (
        "ds = hitl.checkpoint_all([hitl.proposal(n, title=f'T{n}') for n in range(3)])\nx = [d.value for d in ds]\n"
    )
    assert [p.title for p in desk.run(source).proposals] == ["T0", "T1", "T2"]
    for value in (10, 20):
        desk.answer("edit", value)
        assert desk.run(source).status == "waiting"
    desk.answer("reject")
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == [10, 20, None]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_gated_call_runs_with_what_the_reviewer_left(desk: Desk, kind: str) -> None:
    call = "await refund" if kind == "async def" else "refund"
    source = f"""
@hitl.gate(title="Refund {{order}}")
{kind} refund(order, amount=5, *more, note="n"):
    return effect("refund", order, amount, note)
x = {call}("A1", amount=50)
try:
    {call}("B2")
except hitl.Rejected as error:
    said = str(error)
"""
    p = desk.run(source).proposals[0]
    assert (p.title, p.kind) == ("Refund A1", "tool_call")
    value = msgspec.to_builtins(p.value)
    value["arguments"]["amount"] = 20
    desk.answer("edit", value)
    desk.new_kernel()
    assert desk.run(source).proposals[0].title == "Refund B2"
    desk.answer("reject")
    desk.run(source)
    assert effects() == ["refund('A1', 20, 'n')"]
    assert "because" in desk.ns["said"]


def test_the_decisions_that_there_are(desk: Desk) -> None:
    source = """
a = hitl.checkpoint("a", title="choice", kind="choice", options=["a", "b"])
r = hitl.checkpoint("text", title="respond")
n = hitl.checkpoint({"k": 1}, title="reject")
try:
    n.require()
except hitl.Rejected as error:
    said = error.reason, error.reviewer
"""
    desk.run(source)
    desk.answer("edit", "b")
    desk.run(source)
    desk.answer("respond", "do it otherwise")
    desk.run(source)
    desk.answer("reject")
    desk.run(source)
    ns = desk.ns
    assert (ns["a"].action, ns["a"].value, ns["a"].approved) == ("edit", "b", True)
    assert (ns["r"].action, ns["r"].value, ns["r"].approved) == ("respond", "do it otherwise", False)
    assert (ns["n"].action, ns["n"].value, ns["n"].original) == ("reject", None, {"k": 1})
    assert ns["said"] == ("because", "ann")
    assert ns["n"].decided_at.utcoffset() is not None


# -- what the user sees


def test_a_function_that_was_continued_is_shown_with_its_own_arguments(desk: Desk) -> None:
    source = "def f(a, *, b=1):\n    hitl.checkpoint(1, title='T')\n    1 / 0\nf(1)\n"
    desk.run(source)
    desk.answer()
    with pytest.raises(ZeroDivisionError) as caught:
        desk.run(source)
    records = correct_records(VerboseTB().get_records(caught.tb, 5, 0), caught.tb)
    assert inspect.getargvalues(records[-1].frame).args == ["a", "b"]


def test_tracebacks_show_the_users_lines_only(desk: Desk) -> None:
    source = """
@hitl.agent
def inner(n):
    x = hitl.checkpoint(n, title="T").value
    return 1 / (x - x)
@hitl.agent
def outer(n):
    return [
        inner(n)
    ]
outer(1)
"""
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    with pytest.raises(ZeroDivisionError) as caught:
        desk.run(source)
    lines = [
        (e.filename, e.name, e.lineno)
        for e in traceback.extract_tb(caught.value.__traceback__)
        if e.filename == world.FILE
    ]
    assert lines == [(world.FILE, "<module>", 11), (world.FILE, "outer", 9), (world.FILE, "inner", 5)]


def test_a_syntax_error_is_found_before_anything_runs(desk: Desk) -> None:
    with pytest.raises(SyntaxError):
        desk.run("effect('a', 1)\ndef f():\n    return await g()\nreturn 5\n")
    assert effects() == []


# -- the store fails


def test_no_room_while_pausing_half_saves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(work: Callable[..., Any]) -> Any:
        raise StoreFull("no room left")

    source = "a = effect('a', 1)\nx = hitl.checkpoint(a, title='T').value\nb = effect('b', x)\n"
    with monkeypatch.context() as patch:
        patch.setattr(desk.ledger.runs, "pause", lambda *a, **k: desk.ledger.store.transact(full))
        with pytest.raises(StoreFull, match="no room"):
            desk.run(source)
    assert desk.keys("proposal/") == []
    assert desk.run(source).status == "waiting"
    desk.answer()
    assert desk.run(source).status == "finished"
    assert effects() == ["a(1,)", "b(1,)"]


# -- callables that call back


def test_a_checkpoint_called_by_a_builtin_is_not_taken_for_the_builtins_call(desk: Desk) -> None:
    source = """
from functools import partial
ask = partial(hitl.checkpoint, title="T")
xs = list(map(ask, [1, 2]))
ys = sorted([2, 1], key=hitl.agent(lambda_free))
x = [d.value for d in xs]
"""
    desk.cell("def lambda_free(n):\n    return hitl.checkpoint(n, title='K').value\n")
    for _ in range(4):
        assert desk.run(source).status == "waiting"
        desk.answer()
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == [1, 2]
    assert desk.ns["ys"] == [1, 2]


def test_coroutines_within_a_statement_are_made_again(desk: Desk) -> None:
    source = """
from asyncio import gather
@hitl.step
async def send(n):
    return effect("send", n)
async def both(n):
    sent = await send(n)
    return sent, hitl.checkpoint(n, title=f"T{n}").value
x = await gather(both(effect("first", 1)), both(2), send(3))
y = await send(4)
"""
    done: list[str] = []
    while desk.run(source).status == "waiting":
        done += effects()
        desk.answer("edit", desk.open()[0].value * 10)
        desk.new_kernel()
    done += effects()
    assert desk.ns["x"] == [(1, 10), (2, 20), 3]
    assert sorted(done) == ["first(1,)", "send(1,)", "send(2,)", "send(3,)", "send(4,)"]


def test_a_coroutine_that_was_made_before_other_calls_continues(desk: Desk) -> None:
    source = """
from asyncio import gather
async def ask(n):
    return hitl.checkpoint(n, title="T").value
x = await gather(ask(1), ask(effect("between", 2)))
"""
    done: list[str] = []
    while desk.run(source).status == "waiting":
        done += effects()
        desk.answer("edit", desk.open()[0].value * 10)
        desk.new_kernel()
    assert desk.ns["x"] == [10, 20]
    assert done == ["between(2,)"]


def test_a_loop_over_a_map_that_asks_cannot_pause(desk: Desk) -> None:
    with pytest.raises(CannotPause, match=r"line 2.*`map`.*list\(\.\.\.\)"):
        desk.run("from functools import partial\nfor d in map(partial(hitl.checkpoint, title='T'), [1, 2]):\n    d\n")
    assert desk.keys("proposal/") == []


# -- loops that run whole


WHOLE = {
    "for": """
total = 0
for i in range(6):
    total += 100
    total += check(i)
    total += 10000
""",
    "nested": """
total, seen = 0, []
for i in range(4):
    seen.append(i)
    for j in (0, 1, 2):
        seen.append((i, j))
        if j:
            total += check(i + j)
        else:
            seen.append("j")
    else:
        seen.append("else")
    seen.append("end")
""",
    "while": """
n, total = 0, 0
while check(n) < 5:
    n += 1
    total += n
else:
    total += 100
""",
    "head of an inner loop": """
total = 0
for i in range(1, 5):
    total += 100
    for j in range(check(i)):
        total += 1
""",
    "test of an if": """
total = 0
for i in range(5):
    total += 100
    if i == 9:
        total = 0
    elif check(i):
        total += 1
""",
    "break": """
out = []
for i in range(9):
    if i == 7:
        break
    if i == 2:
        continue
    out.append(check(i))
else:
    out = None
""",
    "one line": """
t = 0
for i in range(5): t += 100; t += check(i); t += 10000
""",
    "in an agent": """
@hitl.agent
def f(n):
    seen = []
    for i in range(n):
        seen.append(i)
        seen.append(check(i))
        x = [i for i in seen]
    return seen, i
x = f(5)
""",
}


@pytest.mark.parametrize("kernel", ["the same", "a new one"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_loop_that_ran_whole_goes_on_in_the_round_that_failed(desk: Desk, name: str, kernel: str) -> None:
    desk.cell("def check(n):\n    if n == 3:\n        raise ValueError(n)\n    return n\n")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its argument is compared
        desk.run(WHOLE[name])
    assert caught.value.args == (3,)
    if kernel == "a new one":
        desk.new_kernel()
    desk.cell("def check(n):\n    return n\n")
    assert desk.run(WHOLE[name]).status == "finished"
    expected: dict[str, Any] = {"check": desk.ns["check"], "hitl": world.Native()}
    exec(WHOLE[name], expected)
    names = [n for n in ("total", "seen", "n", "out", "t", "i", "j", "x") if n in expected]
    assert {n: desk.ns[n] for n in names} == {n: expected[n] for n in names}


def test_a_cheap_loop_of_many_rounds_is_one_operation(desk: Desk) -> None:
    desk.cell("def double(n):\n    return 2 * n\n")
    source = "n = 0\nfor i in range(100_000):\n    n += double(i) % 7\nx = hitl.checkpoint(n, title='N').value\n"
    desk.run(source)
    assert int(desk.open()[0].position.split("/")[0]) < 20


DOUBTS = {
    "a callable in a container": """
fs = [ask]
for i in range(2):
    fs[0](i)
""",
    "a callable given to a builtin": """
fs = [ask]
for i in range(1):
    xs = list(map(fs[0], [1]))
""",
    "a key function in a container": """
fs = [ask]
for i in range(1):
    xs = max([1, 2], key=fs[0])
""",
    "a function that calls its argument": """
def call(f): return f(1)
for i in range(2):
    call(ask)
""",
    "a name rebound in the loop": """
f = len
for i in range(2):
    x = f([1])
    f = ask
""",
    "a name rebound between": """
f = abs
for k in (1, 2):
    effect('k', k)
    for i in range(1):
        f(i)
    f = ask
""",
    "a method of a loop variable": """
class O:
    def ask(self): return ask(1)
for o in [O()]:
    o.ask()
""",
    "a property of a loop variable": """
class O:
    @property
    def p(self): return ask(1)
for o in [O()]:
    x = o.p
""",
    "an operator of a variable": """
class O:
    def __add__(self, n): return ask(n)
o = O()
for i in range(2):
    o + i
""",
    "a function of a module": """
import types
m = types.ModuleType('m')
m.ask = ask
for i in range(2):
    m.ask(i)
""",
    "globals": """
for i in range(2):
    globals()['ask'](i)
""",
    "a default argument": """
def g(n, f=ask): return f(n)
for i in range(2):
    g(i)
""",
    "a builtin replaced": """
abs = ask
for i in range(2):
    abs(i)
""",
    "the test of a while": """
n = 0
while n < 2 and ask(n) is not None:
    n += 1
""",
}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_is_in_doubt_is_not_run_whole(desk: Desk, name: str) -> None:
    desk.cell("def ask(n):\n    return hitl.checkpoint(n, title='T').value\n")
    rounds = 0
    while desk.run(DOUBTS[name]).status == "waiting":
        rounds += 1
        desk.answer()
    assert rounds >= 1


def test_an_operator_that_asks_continues_and_nothing_is_done_twice(desk: Desk) -> None:
    desk.cell("class O:\n    def __radd__(self, n):\n        return n + hitl.checkpoint(1, title='T').value\n")
    source = "objects = [3, O(), 4]\nseen = []\nn = 0\nfor o in objects:\n    seen.append(n)\n    n = n + o\n"
    assert desk.run(source).status == "waiting"
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["seen"] == [0, 3, 4]
    assert desk.ns["n"] == 8


DEEP = """
def down(n):
    if n == 0:
        return hitl.checkpoint(0, title="T").value
    r = down(n - 1)
    return r + 1
x = down({depth})
"""


def test_hundreds_of_agents_deep(desk: Desk) -> None:
    """An agent call is more than one call of Python's, whose own limit holds."""
    source = "@hitl.agent" + DEEP.format(depth=250)
    desk.run(source)
    desk.answer("edit", 5)
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == 255


def test_as_deep_as_python_allows_continues(desk: Desk) -> None:
    """Putting the frames back takes no more of them than the code itself took."""
    for depth in range(sys.getrecursionlimit(), 500, -20):
        source, name = DEEP.format(depth=depth), f"deep {depth}"
        try:
            desk.run(source, name=name)
            break
        except RecursionError:
            desk.new_kernel()
    else:
        pytest.fail("no depth was small enough")
    desk.answer("edit", 5, name=name)
    desk.new_kernel()
    desk.run(source, name=name)
    assert desk.ns["x"] == depth + 5


def test_a_recorded_result_that_was_changed_is_refused(desk: Desk) -> None:
    again = STEPS.partition("a = send(1)")[0] + "c = sorted([3, 4], key=both)\n"  # what `sorted` calls is made again
    assert desk.run(again).status == "waiting"
    assert effects() == ["send(3,)"]
    desk.answer()
    for key in desk.keys("step/"):
        record = msgspec.json.decode(desk.ledger.store.get(key) or b"", type=Step)
        planted = msgspec.structs.replace(record, result=(record.result or b"")[:-1] + b"!").json()
        desk.ledger.store.transact(lambda tx, at=key, data=planted: tx.put(at, data))
    desk.new_kernel()
    with pytest.raises(Untrusted):
        desk.run(again)
    assert effects() == []


def test_names_of_the_engine_do_not_stay_behind(desk: Desk) -> None:
    desk.run(LOOP)
    assert [name for name in desk.ns if name.startswith(".")] == []
    desk.answer()
    desk.run(LOOP)
    assert [name for name in desk.ns if name.startswith(".")] == []
