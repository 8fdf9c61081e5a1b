"""When values end, what a pause leaves alone, deep recursion, tracebacks, and other ways to start Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import world
from exact import checks, saving
from forks import Forks

ASK = """\
def ask(v, *, title="edit ask"):
    return hitl.checkpoint(v, title=title).value
"""

ENDING = """\
class Thing:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        if getattr(hitl, "is_running", True):  # what a save leaves behind says nothing
            effect("ended", self.name)
    def use(self, v=0):
        return v
def use(*args):
    effect("used", len(args))
"""

ENDS = {
    "a call": """\
def work():
    use(Thing("argument"), ask(1))
    effect("behind the call")
    Thing("receiver").use(ask(2))
    effect("behind the method")
    x = Thing("operand") == ask(3)
    effect("behind the operator")
work()
""",
    "a name that is bound again": """\
def work():
    x = Thing("first")
    ask(1)
    x = ask(2)
    effect("bound again")
    y = Thing("second")
    ask(y is None)
    del y
    effect("deleted")
work()
effect("behind the function")
""",
    "a loop": """\
def things():
    for k in (1, 2):
        yield Thing(f"item {k}")
    effect("no more")
def work():
    for thing in things():
        effect("turn", ask(1))
    thing = None
    effect("behind the loop")
    for thing in [Thing("listed"), Thing("listed too")]:
        ask(2)
        break
    del thing
    effect("behind the break")
    while Thing("tested") is ask(3):
        pass
    effect("behind while")
work()
""",
    "a handler": """\
def failing():
    held = Thing("in a failing frame")
    ask(1)
    raise ValueError
def work():
    try:
        use(Thing("filed before it failed"), failing())
    except ValueError as error:
        effect("handling")
    effect("behind the handler")
    try:
        use(Thing("filed again"), ask(2), 1 / 0)
    except ZeroDivisionError:
        ask(3)
        effect("handled")
work()
""",
    "a generator left by break": """\
def giving():
    held = Thing("local")
    try:
        yield ask(1)
        yield ask(2)
    finally:
        effect("finally")
def work():
    for v in giving():
        effect("turn", ask(v))
        break
    effect("behind the loop")
    held = giving()
    effect("first", next(held))
    ask(3)
    held = None
    effect("behind the name")
work()
""",
    "a frame that returned": """\
def inner(thing):
    mine = Thing("inner")
    ask(1)
    return thing
def work():
    kept = inner(Thing("given"))
    effect("behind inner")
    kept = ask(2)
    effect("behind work")
work()
effect("behind all")
""",
}


@pytest.mark.parametrize("of", ENDS)
@pytest.mark.parametrize("poll_every", [0, 1])
def test_values_end_as_natively(of: str, poll_every: int, exact_forks: Forks) -> None:
    assert exact_forks(strictly_same, ASK + ENDING + ENDS[of], poll_every)


def strictly_same(source: str, poll_every: int = 0) -> bool:
    """Also the order in which things end. No `assert`: it is run by `python -O`, too."""
    results = checks.native(source), saving.continue_run(source, poll_every)
    expected, got = [(r.journal, r.status, r.error, r.graph, r.pauses) for r in results]
    return expected == got


def test_what_only_a_traceback_holds_ends_with_the_pause(exact_forks: Forks) -> None:
    """Known difference: tracebacks are saved as lines, without values. Natively "held" ends at the end."""
    source = (
        ASK
        + ENDING
        + """\
def failing():
    held = Thing("held")
    1 / 0
try:
    failing()
except ZeroDivisionError:
    ask(1)
    effect("handled")
effect("behind")
"""
    )
    assert exact_forks(saving.continue_run, source).journal == [("handled", "()"), ("behind", "()")]


# -- pauses run no code


def test_a_pause_runs_no_finally(exact_forks: Forks) -> None:
    source = (
        ASK
        + """\
import contextlib
class Guard:
    def __enter__(self):
        return self
    def __exit__(self, *error):
        effect("exit")
@contextlib.contextmanager
def managed():
    try:
        yield 1
    finally:
        effect("managed")
def waiting():
    try:
        yield 1
    except BaseException:
        effect("caught")
    finally:
        effect("finally")
async def coroutine():
    try:
        await later(1)
    finally:
        effect("awaited")
held = waiting()
next(held)
unbegun = coroutine()
try:
    with Guard(), managed():
        for v in waiting():
            ask(1)
except:
    effect("bare")
finally:
    effect("left")
"""
    )
    assert exact_forks(journal_after_pause, source) == []


def journal_after_pause(source: str) -> list[tuple[str, str]]:
    """What is in the journal when a run has paused, and all that it left is gone."""
    import gc

    piece = saving.run_piece(source, None)
    assert piece.position is not None
    gc.collect()
    return list(world.journal)


# -- recursion


@pytest.mark.parametrize("times", [1, 3])
def test_recursion_near_the_limit(times: int, exact_forks: Forks) -> None:
    assert exact_forks(deep_recursion, 900, times) == (saving.Result, "finished", 900 + times)


def deep_recursion(limit: int, times: int) -> object:
    """Pause at nine tenths of the limit, continue, and pause there again."""
    source = (
        ASK
        + f"""\
import sys
def down(n):
    if n == 0:
        found = 0
        for k in range({times}):
            found += ask(0)
        return found
    return down(n - 1) + 1
result = down({limit})
"""
    )
    result = saving.continue_run(source)
    return type(result), result.status, int(result.graph["result"])


# -- tracebacks


FAILS_LATER = """\
def inner(v):
    ask(v)
    return [1 / (v - w) for w in (0,
                                  1)]
def outer(v):
    try:
        return inner(v)
    except ArithmeticError as error:
        ask(5)
        raise KeyError(v) from error
    finally:
        ask(6)
class Guard:
    def __enter__(self):
        return ask(1)
    def __exit__(self, kind, error, trace):
        ask(2)
with Guard() as v:
    for k in range(ask(0)):
        outer(v - 1)
"""


def test_tracebacks_show_the_users_lines(exact_forks: Forks) -> None:
    expected, got = exact_forks(native_and_continued, ASK + FAILS_LATER)
    assert got == expected
    (kind, _, lines, others), (_, _, cause_lines, _) = expected[:4], expected[4][:4]
    assert kind == "KeyError"
    assert [name for name, _ in lines] == ["<module>", "outer"]
    own = [] if sys.version_info >= (3, 12) else ["<listcomp>"]  # a frame that comprehensions have no more
    assert [name for name, _ in cause_lines] == ["outer", "inner", *own]
    assert others == []


def native_and_continued(source: str) -> tuple[object, object]:
    return checks.native(source).error, saving.continue_run(source).error


# -- other ways to start Python


@pytest.mark.parametrize("options", [["-O"], ["-X", "no_debug_ranges"], ["-OO", "-X", "dev"]], ids=" ".join)
def test_python_started_otherwise(options: list[str]) -> None:
    here = Path(__file__).parent.parent
    program = f"""\
from exact import checks, test_lifetimes as tests
for source in (tests.FAILS_LATER, {ASSERTS!r}, tests.ENDING + tests.ENDS["a loop"]):
    for poll_every in (0, 1):
        print(tests.strictly_same(tests.ASK + source, poll_every))

"""
    env = {**os.environ, "PYTHONPATH": f"{here}:{here.parent.parent}"}
    done = subprocess.run(
        [sys.executable, *options, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True"] * 6, done.stderr


ASSERTS = """\
def checked(v):
    "A docstring."
    assert ask(v) > 1, f"no {ask(3)}"
    return checked.__doc__, __debug__
try:
    effect("made", checked(1), checked(0))
except AssertionError as error:
    effect("failed", str(error))
"""


COMPREHENSIONS_THAT_FAIL = """\
class Order:
    def total(self):
        return sum([self.price + item for item in sorted([1, ask(2)])])
{kind}
"""


@pytest.mark.parametrize(
    "kind",
    ["[Order().total() for _ in range(2)]", "{Order().total() for _ in [ask(1)]}", "{1: Order().total() for _ in '1'}"],
)
def test_comprehensions_that_fail_have_the_frames_that_this_python_gives_them(exact_forks: Forks, kind: str) -> None:
    expected, got = exact_forks(native_and_continued, ASK + COMPREHENSIONS_THAT_FAIL.format(kind=kind))
    assert got == expected
    assert expected[0] == "AttributeError"
