"""What CPython's own tests have found when they paused between their statements (`tests/foreign`), as short programs.

`ask(v)` asks a person; the answer is v + 1. Each program is saved at each question, then at each poll too.
"""

from __future__ import annotations

import pytest
from desk import Desk
from exact import checks
from exact.pausing import Paused
from forks import Forks

ASK = """\
import types
def ask(v, *, title="edit ask"):
    return hitl.checkpoint(v, title=title).value
@types.coroutine
def waits(v):
    effect("waits", v)
    effect("got", (yield v))
    return ask(v)
class Told:
    def __enter__(self):
        pass
    def __exit__(self, kind, error, traceback):
        effect("ended", kind and kind.__name__, str(error))
        return True
told = Told()
"""

PROGRAMS = {
    "a coroutine driven by hand asks": """\
async def work():
    effect("done", ask(1))
with told:
    work().send(None)
""",
    "a generator that can be awaited, sent to and thrown into": """\
async def work(v):
    try:
        return await waits(v)
    finally:
        effect("left", ask(v))
one, two, three = work(1), work(2), work(3)
for each in one, two, three:
    effect("first", each.send(None))
ask(1)
with told:
    one.send(5)
with told:
    two.throw(ValueError("thrown"))
with told:
    three.close()
""",
    "two that wait in one another": """\
async def inner():
    await waits(1)
async def outer():
    try:
        await waits(2)
        await one
    except RuntimeError as error:
        effect("caught", str(error))
one, two = inner(), outer()
two.send(None)
with told:
    two.send(None)
ask(1)
with told:
    two.throw(ValueError("thrown"))
ask(2)
""",
    "a generator that can be awaited hands on to a coroutine": """\
async def inner():
    return await waits(1)
@types.coroutine
def outer():
    effect("outer", (yield from inner()))
two = outer()
next(two)
ask(1)
with told:
    two.send(3)
""",
    "in an `__await__` of its own": """\
class Made:
    def __init__(self, how):
        effect("made", how.__name__)
        self.how = how
    def __await__(self):
        effect("awaited", self.how.__name__)
        return self.how(self)
    def given(self):
        effect("begun")
        yield 1
        effect("between")
        yield 2
        return 3
    def items(self):
        return iter((1, 2))
    def coroutine(self):
        return waiting().__await__()
async def waiting():
    effect("coroutine")
    await waits(1)
    return await waits(2)
async def work(how):
    effect("end", await Made(how))
for how in (Made.given, Made.items, Made.coroutine):
    work_now = work(how)
    for _ in range(4):
        with told:
            effect("sent", work_now.send(None))
        ask(1)
""",
    "a circle of contexts": """\
try:
    try:
        raise KeyError("a")
    except KeyError as a:
        first = a
        try:
            raise KeyError("b")
        except KeyError as b:
            try:
                raise KeyError("c")
            except KeyError as c:
                first.__context__ = c
                ask(1)
                raise ValueError
except ValueError as error:
    found = error
    for _ in range(6):
        found = found and found.__context__
        effect("context", repr(found))
""",
    "names of generators": """\
def given():
    yield 1
async def work():
    pass
one, two, three = given(), given(), work()
one.__name__, one.__qualname__ = "named", "its.named"
three.__name__ = "named, too"
next(two)
two.__name__ = "begun"
ask(1)
effect("names", one.__name__, one.__qualname__, two.__name__, two.__qualname__, three.__name__)
three.close()
""",
}


@pytest.mark.parametrize("shows", PROGRAMS)
def test_as_natively(shows: str, exact_forks: Forks) -> None:
    for poll_every in (0, 1):
        assert exact_forks(checks.check_saved, ASK + PROGRAMS[shows], poll_every)


READ = """\
class Thing:
    def __del__(self):
        effect("ended")
def work():
    thing = Thing()
    for _ in (1, 2):
        pass
    del thing
    effect("behind")
work()
"""


def test_reading_the_stack_keeps_nothing_alive(exact_forks: Forks) -> None:
    assert exact_forks(checks.check_law, READ)


FIELDS = """
class Slotted(Exception):
    __slots__ = ("x",)
one, two, three, four, five = (
    Slotted(1), ImportError("no", name="n", path="p"), UnicodeEncodeError("utf8", "abc", 1, 2, "r"), StopIteration(3),
    OSError(2, "no", "file"),
)
one.x, three.start, four.value, five.filename = 5, 0, 4, "other"
hitl.checkpoint(1, title="x")
found = [one.x, two.name, two.path, three.start, str(three), four.value, five.errno, five.filename]
"""


def test_slots_and_fields_of_exceptions_are_kept() -> None:
    native = Desk()
    native.cell(FIELDS.replace("hitl.checkpoint(1,", "dict("))
    desk = Desk()
    desk.run(FIELDS)
    desk.answer()
    desk.new_kernel()
    desk.run(FIELDS)
    assert desk.ns["found"] == native.ns["found"]


KEYS = """
def work():
    class Key:
        found = {}
        def __init__(self, name):
            self.name = name
        def __hash__(self):
            return hash(self.name)
        def __eq__(self, other):
            assert members
            return self.name == other.name
    members = {Key("first"), Key("second")}
    Key.found[Key("third")] = 3
    hitl.checkpoint(1, title="x")
    return Key("first") in members, len(members), Key.found[Key("third")]
found = work()
"""


def test_keys_are_found_whose_class_leads_to_their_dict() -> None:
    desk = Desk()
    desk.run(KEYS)
    desk.answer()
    desk.new_kernel()
    desk.run(KEYS)
    assert desk.ns["found"] == (True, 2, 3)


LOOP_OF_A_THREAD = """
import asyncio
async def work():
    await asyncio.sleep(0)
    return 7
def run():
    return asyncio.run(work())
found = await asyncio.to_thread(run)
hitl.checkpoint(1, title="x")
"""


def test_a_thread_of_the_run_may_start_an_event_loop() -> None:
    desk = Desk()
    desk.run(LOOP_OF_A_THREAD)
    assert desk.ns["found"] == 7


REDIRECTED = """
import contextlib, io, sys
text = io.StringIO()
out, error = contextlib.redirect_stdout(text), contextlib.redirect_stderr(sys.stdout)
ask(1)
with out, error:
    print("in the text")
    ask(2)
    print("as an error", file=sys.stderr)
tell(text.getvalue())
"""


def test_a_redirection_is_kept_before_it_is_entered() -> None:
    native, made = (getattr(Paused(), way)(REDIRECTED) for way in ("native", "run"))
    assert made.said == native.said
