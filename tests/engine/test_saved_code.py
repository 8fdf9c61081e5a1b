"""Instrumented code, and what waits in it, through the engine's own pickler into a process that knows nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from forks import Forks
from savedcodes import Kept, go_on, keep, natively


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    made = Forks(tmp_path_factory.mktemp("data"), "savedcodes", "pandas", "tqdm")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def main() -> Iterator[None]:
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


def check(forks: Forks, source: str, then: str = "", *, cells: tuple[str, ...] = ()) -> None:
    """Saved here, continued in new processes: it tells what it tells natively."""
    kept = keep(source)
    while isinstance(kept, Kept):
        kept = forks(go_on, kept, then, cells)
    assert kept == natively(source, then)
    assert kept


VARIABLES = {
    "nested functions that share a cell": (
        """
def make():
    count = 0
    def add():
        nonlocal count
        count += 1
        return count
    def read(): return count
    return add, read
add, read = make()
add()
""",
        "tell(add(), read(), add(), read())",
    ),
    "a nested function that calls itself": (
        """
def make():
    def down(n): return [] if n == 0 else [n, *down(n - 1)]
    return down
down = make()
""",
        "tell(down(3), down.__qualname__, down.__closure__[0].cell_contents is down)",
    ),
    "lambdas in a dict": (
        "factor = 3\ntable = {'a': lambda x: x * factor, 'b': lambda x, y=2: (lambda z: z + y)(x)}",
        "tell(table['a'](2), table['b'](2), table['b'](2, 5))",
    ),
    "defaults, annotations, attributes and text": (
        """
def make():
    def inner(a: int, b=[1], *, c="c") -> str:
        "Says it."
        b.append(a)
        return f"{a}{b}{c}"
    inner.note = "n"
    return inner
f = make()
g = f
""",
        "tell(f(2), g(3), f is g, f.__doc__, f.note, f.__annotations__, f.__kwdefaults__)",
    ),
    "a generator in a loop": (
        "def numbers():\n    for i in range(5): yield i\nrest = numbers()\nnext(rest)",
        "tell(list(rest))",
    ),
    "a generator in try and finally": (
        """
log = []
def numbers():
    try:
        for i in range(3):
            try: yield i
            finally: log.append(i)
    finally: log.append("end")
rest = numbers()
next(rest), next(rest)
""",
        "tell(log)\nrest.close()\ntell(log)",
    ),
    "a generator that has handled an exception": (
        """
def numbers():
    try: raise KeyError("k")
    except KeyError as e:
        got = yield 1
        yield repr(e), got
rest = numbers()
next(rest)
""",
        "tell(rest.send('sent'), list(rest))",
    ),
    "one that is not begun, one that has ended": (
        "def numbers(n): yield n\nfresh, ended = numbers(4), numbers(5)\nlist(ended)",
        "tell(list(fresh), list(ended))",
    ),
    "generators in instances of a dataclass": (
        """
from dataclasses import dataclass
@dataclass
class Source:
    name: str
    items: object
    def take(self): return f"{self.name}{next(self.items)}"
sources = [Source(n, (n * i for i in range(1, 9))) for n in "ab"]
sources[0].take()
""",
        "tell([s.take() for s in sources], [s.take() for s in sources])",
    ),
    "a generator that holds itself": (
        """
def make():
    def numbers():
        held = [me]
        yield 1
        yield held[0] is me, me.gi_running
    me = numbers()
    return me
me = make()
next(me)
""",
        "tell(next(me), list(me))",
    ),
    "a generator of a method, that its object holds": (
        """
class Walk:
    def __init__(self): self.at, self.steps = 0, self.walk()
    def walk(self):
        while self.at < 5:
            self.at += 1
            yield self.at
walk = Walk()
next(walk.steps)
""",
        "walk.at = 3\ntell(next(walk.steps), walk.steps.gi_frame.f_locals.get('self') is walk, list(walk.steps))",
    ),
    "an attribute in front of a yield": (
        """
class Log:
    def __init__(self): self.items, self.gen = [], self.write()
    def write(self):
        while True: self.items.append((yield len(self.items)))
log = Log()
next(log.gen); log.gen.send("a")
""",
        "tell(log.gen.send('b'), log.items)",
    ),
    "two generators with shared variables": (
        """
def make():
    seen = []
    def left():
        for i in range(3):
            seen.append(i)
            yield list(seen)
    def right():
        while True: yield seen
    return left(), right(), seen
left, right, seen = make()
next(left), next(right)
""",
        "tell(next(left), next(right) is seen, next(right))",
    ),
    "yield from": (
        """
def inner():
    got = yield 1
    got = yield got
    return got
def middle(): return (yield from inner())
def outer():
    a = yield from middle()
    b = yield from [7, 8, 9]
    return a, b
chain, plain = outer(), outer()
next(chain); chain.send("x")
for _ in range(3): next(plain)
""",
        "tell(chain.send('y'), plain.send(None), list(chain), list(plain))",
    ),
    "coroutines that are not begun": (
        "async def double(x):\n    return 2 * x\nmade = [double(1), double(2)]",
        "tell([await each for each in made])",
    ),
    "bound methods": (
        """
class Base:
    def say(self): return "base"
class Agent(Base):
    def __init__(self): self.n = 1
    def say(self): return f"agent {self.n} {super().say()}"
    @classmethod
    def kind(cls): return cls.__name__
    @staticmethod
    def add(a, b): return a + b
    @property
    def twice(self): return 2 * self.n
    def base(self): return super().say
agent = Agent()
say, kind, base = agent.say, Agent.kind, agent.base()
""",
        "agent.n = 5\ntell(say(), kind(), agent.twice, agent.add(1, 2), base())",
    ),
    "a class in a function": (
        """
def make(word):
    class Inner:
        made = []
        def __init__(self): self.made.append(word)
        def say(self): return word + "".join(x.upper() for x in self.made)
    return Inner
Inner = make("w")
one = Inner()
""",
        "tell(one.say(), Inner().say(), type(one) is Inner, one.made is Inner.made)",
    ),
    "partial and caches": (
        """
import functools
calls = []
@functools.lru_cache
def slow(x):
    calls.append(x)
    return x + 1
def make():
    @functools.cache
    def inner(x):
        calls.append(-x)
        return x
    return inner
inner = make()
slow(1), inner(2)
part = functools.partial(lambda a, b: (a, b), 1)
again = functools.partial(slow, 1)
""",
        "tell(inner(2), inner.cache_info(), part(5), again(), slow.cache_info(), calls)",
    ),
    "an exception with its traceback": (
        """
def fail(): raise ValueError("v")
try: fail()
except ValueError as e: caught, tb = e, e.__traceback__
""",
        """
import traceback
tell(repr(caught), [f.name for f in traceback.extract_tb(tb)])
tell([f.name for f in traceback.extract_tb(caught.__traceback__)])
""",
    ),
    "iterators of Python": (
        """
table = {"a": 1, "b": 2, "c": 3}
keys, pairs, count, both = iter(table), iter(table.items()), enumerate("xyz"), zip([1, 2, 3], "abc")
mapped = map(lambda x: x + 1, (x for x in range(4)))
for each in (keys, pairs, count, both, mapped): next(each)
""",
        "tell(list(keys), list(pairs), list(count), list(both), list(mapped))",
    ),
    "iterrows and groupby": (
        """
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 1], "b": list("xyz")})
rows, groups = df.iterrows(), iter(df.groupby("a"))
next(rows), next(groups)
""",
        "tell([(i, list(row)) for i, row in rows], [(k, len(g)) for k, g in groups])",
    ),
    "tqdm": (
        "import io\nfrom tqdm import tqdm\nbar = iter(tqdm([1, 2, 3], file=io.StringIO()))\nnext(bar)",
        "tell(list(bar))",
    ),
    "read_csv in parts": (
        """
import pandas as pd, tempfile, os
path = os.path.join(tempfile.mkdtemp(), "t.csv")
with open(path, "w") as file: n = file.write("a\\n1\\n2\\n3\\n")
parts = pd.read_csv(path, chunksize=1)
next(parts)
""",
        "tell([list(part.a) for part in parts])",
    ),
    "a manager that is made and not entered": (
        """
import contextlib
log = []
@contextlib.contextmanager
def held(name):
    log.append("enter " + name)
    try: yield name
    finally: log.append("leave " + name)
manager = held("m")
""",
        "with manager as name: tell(name, log)\ntell(log)",
    ),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(forks: Forks, name: str) -> None:
    source, then = VARIABLES[name]
    check(forks, source, then)


_DEFINING = [name for name, (source, _) in VARIABLES.items() if "def " in source or "class " in source]
_DEFINING.remove("a generator in try and finally")  # run again, its first generator ends, which is seen


@pytest.mark.parametrize("name", _DEFINING)
def test_variables_where_the_cell_was_run_again_under_another_name(forks: Forks, name: str) -> None:
    source, then = VARIABLES[name]
    check(forks, source, then, cells=(source,))


STACKS = {
    "three frames with shared objects": """
log = []
def inner(items, say):
    own = {"log": log, "items": items}
    answer = ask("a")
    own["log"].append(answer)
    items.append(say())
    return own["log"] is log, own["items"] is items
def outer(n):
    items = [n]
    def say():
        return f"{n}:{len(items)}"
    for i in range(2):
        result = inner(items, say)
    n += 1
    return result, items, say()
tell(outer(5), log)
""",
    "generators and coroutines on the stack": """
def numbers(n):
    for i in range(n):
        yield ask(i)
def tens():
    for i in numbers(3):
        yield 10 * i
async def add(a, b):
    return ask(a) + b
async def all_of(items):
    return [await add(a, b) for a, b in items]
tell(list(x for x in [*map(str, "ab")]))
for x in tens(): tell(x)
tell(await all_of([(1, 2), (3, 4)]))
""",
    "methods, comprehensions and lambdas": """
class Agent:
    def __init__(self, name):
        self.name = ask(name)
        self.done = {}
    def step(self, x): return self.done.setdefault(x, ask(x))
    def all(self, xs): return [self.step(x) for x in xs if x]
agent = Agent("a")
apply = lambda f, *xs: f(xs)
tell(apply(agent.all, 1, 0, 2), agent.done, agent.name)
""",
    "with blocks of the notebook": """
import contextlib
log = []
@contextlib.contextmanager
def held(name):
    log.append("enter " + name)
    try: yield ask(name)
    except KeyError as e: log.append(repr(e))
    finally: log.append(ask("leave ") + name)
class Own:
    def __enter__(self): return ask(self)
    def __exit__(self, kind, error, tb):
        log.append((kind, repr(error), tb is not None, ask("x")))
        return True
with held("a") as a, Own() as own:
    with Own(): raise ValueError("v")
    tell(ask(a))
with held("b"): raise KeyError("k")
tell(log)
""",
    "loops over what libraries make": """
import io
import pandas as pd
from tqdm import tqdm
df = pd.DataFrame({"a": [1, 2], "b": list("xy")})
for i, row in df.iterrows():
    for part in tqdm(["p", "q"], file=io.StringIO()):
        tell(i, row.b, ask(part))
""",
    "exceptions on their way": """
def inner():
    try: 1 / 0
    except ZeroDivisionError as e:
        try: raise KeyError(ask("k")) from e
        finally: tell(ask("f"))
try: inner()
except KeyError as e: tell(repr(e), repr(e.__cause__), ask("n"), e.__traceback__ is not None)
""",
}


@pytest.mark.parametrize("name", STACKS)
def test_stacks(forks: Forks, name: str) -> None:
    check(forks, STACKS[name])
