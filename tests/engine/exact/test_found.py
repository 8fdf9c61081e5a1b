"""Short programs that once ran differently when they were saved and continued, each named by what it shows.

`ask(v)` asks a person; the answer is v + 1. Each program is saved at each question, then at each poll too; and each
position that can be read on its way is continued.
"""

from __future__ import annotations

import pytest
from exact import checks, saving
from forks import Forks

ASK = """\
def ask(v, *, title="edit ask"):
    return hitl.checkpoint(v, title=title).value
"""

PROGRAMS = {
    "an effect left of a property that asks": """\
class Root:
    @property
    def now(self):
        return ask(1)
root = Root()
effect("made", (effect("once"), root.now))
""",
    "an effect left of an operator that asks": """\
class Root:
    def __add__(self, other):
        return ask(1)
root = Root()
effect("made", [effect("once"), root + 1])
""",
    "own variable in a cell without a value": """\
def outer():
    def look():
        return found
    ask(1)
    try:
        found
    except UnboundLocalError as error:
        effect("own", str(error))
    try:
        look()
    except NameError as error:
        effect("free", type(error).__name__, str(error))
    found = ask(2)
    effect("found", look(), sorted(locals()))
    del found
    ask(3)
    found
outer()
""",
    "two functions whose decorators are kept": """\
def same(function):
    return function
@same
def first(v=ask(1)):
    return [ask(v), ask(v + 1)]
@same
def second(v=ask(2)):
    return [ask(v), ask(v + 10)]
effect("two", first(), second())
""",
    "decorated by a lambda, with a default that asks": """\
@(lambda function: lambda *args: [function(*args), ask(5)])
def decorated(v, w=ask(2)):
    return ask(v) + w
effect("made", decorated(1), decorated.__name__)
""",
    "thrown and sent into `yield from` over a tuple": """\
def giving(n):
    yield ask(n)
    yield from (1, 2, 3)
def tell(function, *args):
    try:
        effect("got", function(*args))
    except Exception as error:
        effect("failed", type(error).__name__, str(error))
for name, args in (("throw", (ValueError("thrown"),)), ("send", (5,)), ("close", ())):
    held = giving(1)
    effect("first", next(held), next(held))
    ask(5)
    tell(getattr(held, name), *args)
    tell(next, held)
""",
    "comprehension in a lambda": """\
effect("made", (lambda v: v and [ask(v) + u for u in (v, 1)][-1])(3))
""",
    "`and`, `or`, `not` and chained comparisons between questions": """\
effect("made", (ask(0) and ask(1) or ask(2)), not ask(3), ask(1) < ask(2) <= ask(2) != ask(9))
effect("made", ask(1) if ask(-1) else ask(4))
""",
    "an exception with cause and context, asked about on its way": """\
def failing(v):
    try:
        1 / 0
    except ZeroDivisionError as error:
        ask(v)
        raise KeyError(ask(2)) from error
    finally:
        effect("left", ask(3))
try:
    failing(1)
except KeyError as error:
    effect("caught", repr(error.__cause__), repr(error.__context__), ask(4))
    raise
""",
    "return, break and continue out of `finally` and `with`": """\
class Guard:
    def __enter__(self):
        return ask(1)
    def __exit__(self, kind, error, trace):
        effect("exit", kind and kind.__name__, ask(2))
        return True
def leaving(how):
    for k in (1, 2):
        try:
            with Guard() as v:
                if how == "return":
                    return ask(v)
                if how == "break":
                    break
                if how == "raise":
                    raise ValueError(how)
                continue
        finally:
            effect("finally", k, ask(k))
            if how == "swallow":
                return "swallowed"
    else:
        return "else"
    return "behind"
for how in ("return", "break", "raise", "continue", "swallow"):
    effect("left", how, leaving(how))
""",
    "`send`, `throw`, `close` of a generator that waits": """\
def patient(n):
    try:
        while True:
            try:
                n = (yield ask(n)) or n
            except ValueError as error:
                effect("thrown", str(error), ask(5))
    finally:
        effect("ended", ask(6))
held = patient(1)
effect("given", next(held), held.send(7), held.throw(ValueError("v")), next(held))
held.close()
effect("closed", next(held, None))
""",
    "a generator that yields, or returns, while it is closed": """\
def stubborn(how):
    try:
        yield 1
    except GeneratorExit:
        ask(2)
        if how:
            return ask(3)
        yield ask(4)
for how in (0, 1):
    held = stubborn(how)
    next(held)
    try:
        effect("closed", held.close())
    except RuntimeError as error:
        effect("failed", str(error))
""",
    "super() in a chain, with private names": """\
class A:
    def __init__(self, n):
        self.__n = ask(n)
    def act(self):
        return self.__n
class B(A):
    def __init__(self, n):
        super().__init__(n)
        self.__n = ask(n + 5)
    def act(self):
        return super().act() + self.__n + ask(1)
class C(B):
    pass
effect("made", C(1).act())
""",
    "an augmented target is evaluated once": """\
xs = [1, 2, 3]
def at(v):
    effect("at", v)
    return v
class Box:
    n = 1
def box():
    effect("box")
    return made
made = Box()
xs[at(ask(0))] += ask(5)
box().n *= ask(3)
xs[at(0):at(ask(0))] += [ask(1)]
d = {"k": [1]}
d["k"] += [ask(2)]
effect("made", xs, made.n, d)
""",
    "closures share a cell across a pause": """\
def counter():
    count = 0
    def step(by):
        nonlocal count
        count += ask(by)
        return count
    def look():
        return count
    ask(1)
    count = 10
    return step, look
step, look = counter()
effect("made", step(1), look(), step(2), look())
""",
    "walrus in comprehensions, in a function and in a cell": """\
def inner():
    found = [kept for v in (1, 2) if (kept := ask(v)) > 1]
    return found, kept
effect("made", inner(), [(last := ask(v)) for v in (1, 2)], last)
""",
    "guards of `match`": """\
def chosen(value):
    match value:
        case [x, *rest] if ask(x) > 5:
            return "long", x, rest
        case {"k": x} | [x] if ask(x) > 1:
            return "k", x
        case int(x) if ask(x) == 4:
            return ask(x)
        case other:
            return "other", ask(0), other
effect("made", [chosen(v) for v in ([7, 1], [2], {"k": 1}, 3, "text")])
""",
    "await in the middle of an expression": """\
async def deep(n):
    return await deep(ask(n) - 2) + ask(n) if n > 0 else await later(ask(n))
class Manager:
    async def __aenter__(self):
        return await deep(1)
    async def __aexit__(self, kind, error, trace):
        effect("left", kind and kind.__name__, await deep(0))
        return True
async with Manager() as v:
    effect("made", [await deep(k) for k in (0, 1)], v)
    raise ValueError(await deep(1))
""",
    "an asynchronous loop that asks for its item": """\
class Slowly:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        return self
    async def __anext__(self):
        try:
            if not self.n:
                raise StopAsyncIteration
            self.n -= ask(1) - 1
            return await later(ask(self.n)) + ask(5)
        finally:
            effect("item", ask(9))
async for v in Slowly(2):
    effect("v", v, ask(v))
else:
    effect("else")
async def inner():
    async for v in Slowly(3):
        if ask(v) > 3:
            break
    return v, ask(v)
effect("inner", await inner())
""",
    "lambdas of a class": """\
class Ways:
    by_name = {"a": lambda self, k=1: (effect("begun", k), ask(k), effect("ended", k))[1], "b": len}
    def with_default(self, f=lambda v: ask(v) + 1):
        return f(5)
    if True:
        other = lambda self: self.__own(ask(3))
    def __own(self, v):
        return "own", v
ways = Ways()
effect("made", ways.by_name["a"](ways), ways.with_default(), ways.other())
""",
}

PROGRAMS |= {
    "a comprehension without calls over a generator that asks": """\
def giving(n):
    for k in range(n):
        yield ask(k)
held = giving(3)
effect("some", next(held), {v: v + 1 for v in held if v != 2}, held.gi_frame)
def inner():
    held, kept = giving(2), [1, 2]
    other = giving(2)
    return [v for v in kept], sorted({(v, w) for v in other for w in kept if w < v})
effect("inner", inner())
""",
}

REFUSED = {
    "a loop over map(): its item would be lost": """\
for v in map(ask, [1, 2, 3]):
    effect("v", v)
""",
    "next() of a named map()": """\
held = map(ask, [1, 2])
effect("v", next(held))
""",
    "a loop over enumerate() of an instance": """\
class Walk:
    n = 3
    def __iter__(self):
        return self
    def __next__(self):
        self.n -= 1
        return ask(self.n)
for i, v in enumerate(Walk()):
    effect("v", v)
""",
}

ENDINGS = {
    "a generator that is closed since no name has it": """\
def giving():
    try:
        yield 1
    finally:
        ask(2)
def work():
    held = giving()
    next(held)
    HOW
work()
""",
    "a `__del__`": """\
class Held:
    def __del__(self):
        ask(1)
def work():
    held = Held()
    HOW
work()
""",
}


@pytest.mark.parametrize("how", ["held = None", "del held", "return held and 1", "pass", "print(held) ; held = 3"])
@pytest.mark.parametrize("shows", ENDINGS)
def test_refused_where_no_exception_leaves(shows: str, how: str, exact_forks: Forks) -> None:
    result = exact_forks(saving.continue_run, ASK + ENDINGS[shows].replace("HOW", how))
    assert result.status == "refused"
    assert "a value ends" in result.error


def test_a_generator_that_an_error_ends_is_refused_as_such(exact_forks: Forks) -> None:
    """The frame of the loop has no place any more when its generator is closed."""
    giving = ENDINGS["a generator that is closed since no name has it"].partition("def work")[0]
    result = exact_forks(saving.continue_run, f"{ASK}{giving}for n in giving():\n    assert n < 0, 'an error'\n")
    assert result.status == "refused"
    assert "a value ends" in result.error


@pytest.mark.parametrize("shows", PROGRAMS)
@pytest.mark.parametrize("way", ["questions", "polls", "law"])
def test_as_natively(shows: str, way: str, exact_forks: Forks) -> None:
    source = ASK + PROGRAMS[shows]
    if way == "law":
        assert exact_forks(checks.check_law, source)
    else:
        assert exact_forks(checks.check_saved, source, 1 if way == "polls" else 0)


@pytest.mark.parametrize("shows", REFUSED)
def test_refused_and_not_wrong(shows: str, exact_forks: Forks) -> None:
    result = exact_forks(saving.continue_run, ASK + REFUSED[shows])
    assert result.status == "refused"
    assert "item would be lost" in result.error
    assert result.journal == []
