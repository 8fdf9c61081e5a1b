"""A run that dies between recorded calls, and continues from an older save, makes them again under the same names."""

from __future__ import annotations

import random
import sys
import types
from typing import Any

import pytest
import world
from exact import pickles

from hitl_nb.engine.call_keys.expected_calls import CallRecord, ExpectedCalls, digest_call
from hitl_nb.engine.call_keys.keys import KeyCounts, Keys, identify_call
from hitl_nb.engine.compile import compile_unit
from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.frames import SavedStack

PROGRAMS = {
    "functions that a library calls": """
def work(x):
    a = step("work", x)
    return a + 1
def loop(n):
    out = []
    i = 0
    while i < n:
        i += 1
        out.append(sum(apply(work, [i, i + 1])))
        out.append(step("loop", i))
    return out
r = loop(3)
q = [twice(work, v) for v in [1, 2]]
z = [step("item", v) for v in [1, 2] if step("test", v) > 0]
m = list(map(work, [1, 2, 3]))
for k in sorted([3, 1, 2], key=work):
    r.append(apply(lambda v: step("lambda", v) + apply(work, [v])[0], [k]))
""",
    "operators, recursion and generators": """
class A:
    def __init__(self, n): self.n = step("init", n)
    def __add__(self, o): return step("add", self.n + o.n)
    def go(self, d):
        if d == 0: return step("leaf", self.n)
        return self.go(d - 1) + apply(self.go, [0])[0]
def gen(n):
    for i in range(n):
        yield step("generator", i)
x = A(1) + A(2)
y = A(3).go(2)
t = 0
for v in gen(3):
    t += v
    while t < 10:
        t += twice(lambda q: step("twice", q), v)[0] + 1
s = sum(step("sum", v) for v in [1, 2, 3])
w = max(apply(A(5).go, [1, 2]))
try:
    apply(lambda v: 1 // step("error", v), [1, 0])
except ZeroDivisionError:
    e = step("handled", 1)
""",
}


class Crash(BaseException):
    """The process dies."""


class Run:
    """A run whose record outlives its process; it is saved at some polls, and dies behind some calls."""

    def __init__(self, source: str, chance: random.Random, *, crash: float) -> None:
        self.chance, self.crash = chance, crash
        self.unit = compile_unit(source, world.FILE)
        pickles.remember_codes(self.unit)
        self.record: dict[str, tuple[Any, ...]] = {}
        self.journal: list[tuple[str, Any]] = []
        self.crashes = 0
        self.saved = b""
        self.namespace: dict[str, Any] = {}
        self.keys = Keys()
        self.driver = Driver()
        self.own = {"step": self.step, "apply": _apply, "twice": _twice}

    @property
    def named_objects(self) -> pickles.Named:
        return {"namespace": self.namespace, **self.own}

    def step(self, name: str, value: Any) -> Any:
        frame = caller = sys._getframe(1)
        while frame.f_code.co_filename != world.FILE:
            assert frame.f_back is not None
            frame = frame.f_back
        places = self.driver.read_places(frame, lambda function: function is Run.step)
        self.keys.begin_call(places.names, is_exact=places.is_exact and frame is caller)
        key = self.keys.name_call()
        RUNTIME.due = RUNTIME.due or self.keys.has_inexact_execution
        if key in self.record:
            assert self.record[key] == (name, value), f"{key} names two calls"
            return value
        self.journal.append((name, value))
        self.record[key] = name, value
        if self.chance.random() < self.crash:
            raise Crash
        return value

    def poll(self, frame: types.FrameType) -> None:
        places = self.driver.read_places(frame, None)
        self.keys.notice_poll(places.names, is_exact=places.is_exact)
        if self.chance.random() < 0.3:
            stack = self.driver.read_stack(frame, None)
            state = dict(self.namespace), stack.frames, stack.waits_for_answer, self.keys.collect_counts()
            self.saved, _ = pickles.dump(state, self.named_objects, stack.running_frames, world.FILE)

    def live(self) -> None:
        """One process: from the newest save to the end, or to the crash. Raises Crash."""
        self.driver = Driver(self.poll)
        self.namespace = types.ModuleType("__main__").__dict__
        if not self.saved:
            self.namespace.update(self.own)
            self.keys = Keys()
            self.driver.start(types.FunctionType(self.unit.code, self.namespace))
            return
        values, frames, waits, counts = pickles.load(self.saved, self.named_objects)
        self.namespace.clear()
        self.namespace.update(values)
        self.keys = Keys(counts)
        self.driver.resume(SavedStack(frames, waits, {}), None)

    def to_the_end(self) -> tuple[list[tuple[str, Any]], dict[str, str]]:
        RUNTIME.due = True
        try:
            while True:
                try:
                    self.live()
                except Crash:
                    self.crashes += 1
                    continue
                break
        finally:
            RUNTIME.due = False
        plain = (int, list, tuple)
        return self.journal, {n: repr(v) for n, v in self.namespace.items() if isinstance(v, plain)}


def _apply(function: Any, values: list[Any]) -> list[Any]:
    return [function(value) for value in values]


def _twice(function: Any, value: Any) -> tuple[Any, Any]:
    return function(value), function(value)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_call_made_again_has_its_name_again(name: str) -> None:
    expected = Run(PROGRAMS[name], random.Random(0), crash=0).to_the_end()
    crashes = 0
    for seed in range(1, 40):
        run = Run(PROGRAMS[name], random.Random(seed), crash=0.25)
        assert run.to_the_end() == expected, f"seed {seed}"
        crashes += run.crashes
    assert crashes > 100


def test_a_record_that_may_be_asked_for_is_read_whatever_its_number() -> None:
    """A task may be behind a call of before a crash while another one saves the state with higher numbers."""
    keys = Keys(KeyCounts(execution_count=3))
    keys.begin_call(["work", "work:b1.0"], is_exact=True, task="task 1")
    record = keys.name_call("pay", "task 1")

    again = Keys(KeyCounts(execution_count=3))
    again.expected_calls = ExpectedCalls(
        [CallRecord(record), CallRecord(record.replace("/pay/0", "/gate:send/0"), pause=2)]
    )
    for place in ("other:b1.0", "other:b2.0", "other:b3.0"):
        again.begin_call(["other", place], is_exact=True, task="task 2")
    saved = again.collect_counts({"task 1", "task 2"}, asking_task="task 2")
    assert (saved.execution_count, Keys(saved).floor, Keys(saved).first_pause) == (5, 3, 2)

    again.begin_call(["work", "work:b1.0"], is_exact=True, task="task 1")
    assert identify_call(again.name_call("pay", "task 1")) == identify_call(record)
    assert again.collect_counts({"task 1", "task 2"}, asking_task="task 1").floor == 3  # it is being made
    assert again.collect_counts({"task 1", "task 2"}, asking_task="task 2").floor is None


def test_what_a_gated_call_has_recorded_is_read_as_long_as_the_call_may_be_asked_for() -> None:
    gated = "000000003/work:b1.0/0123456789ab/0/gate:send/0/0123456789abcdef"
    inside = f"000000003/work:b1.0/{digest_call(gated)}/0/{digest_call(gated)}:pay/0"
    records = [CallRecord(gated), CallRecord(inside, pause=4)]
    assert ExpectedCalls(records).find_floors({}) == (3, 4)
    assert ExpectedCalls(records).find_floors({"0123456789ab": 1}) == (None, None)
    assert ExpectedCalls([records[0], CallRecord(inside, is_open=True)]).find_floors({"0123456789ab": 1}) == (3, None)
