"""Instrumented code, and what waits in it, through the engine's own pickler into a process that knows nothing of it."""

from __future__ import annotations

import gc
import io
import pickle
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from desk import Desk
from forks import Forks
from savedcodes import FILE, Kept, Notebook, go_on, go_on_with_path, keep, keep_again, natively, run_module

from hitl_nb.engine.compile import units
from hitl_nb.engine.compile.instrumenter import hash_code, hash_instrumenter
from hitl_nb.engine.compile.tree import node_numbers as numbering
from hitl_nb.engine.instrument.plain_code import describe_code, list_global_names
from hitl_nb.engine.refusals import find_path
from hitl_nb.engine.snapshot.loader import END_ENTRY, load_snapshot, open_snapshot
from hitl_nb.engine.snapshot.pickles import saved_code as savedcode
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.pickles.saved_code import describe_units, load_units
from hitl_nb.engine.snapshot.signing import seal
from hitl_nb.engine.snapshot.variables.definitions import DefinitionState
from hitl_nb.errors import Untrusted, WrongPython

pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed file:pytest.PytestUnraisableExceptionWarning")
"""A reader of a file that is saved is not closed here."""


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
    "closures made in a continued frame": """
def make(n):
    n += ask(1)
    def add(k):
        nonlocal n
        n += ask(k)
        return n
    read = lambda: (n, add.__name__)
    tell(ask(2))
    return add, read
add, read = make(10)
tell(add(1), read(), ask(3), add(2), read())
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


# -- what loading does


@pytest.mark.parametrize("name", [name for name, (source, _) in VARIABLES.items() if "yield" in source])
def test_bringing_generators_to_their_places_calls_nothing(name: str) -> None:
    source, _ = VARIABLES[name]
    notebook = Notebook()
    notebook.run(source)
    kept = notebook.keep(*notebook.variables())
    assert notebook.pickler is not None
    found = [each for each in notebook.pickler.generators if each.gi_suspended]
    # One that holds itself is copied twice. Before Python 3.12, it is told as a call when the second copy is dropped.
    if sys.version_info >= (3, 12):
        found = list({id(each): each for each in found}.values())
    begun = [each.gi_code.co_qualname for each in found]
    calls: list[str] = []

    def watch(frame: types.FrameType, event: str, arg: Any) -> None:
        if "__here__" in frame.f_code.co_names:  # the engine's own, in a restored traceback
            return
        if event == "call" and frame.f_code.co_filename == FILE:
            calls.append(frame.f_code.co_qualname)
        elif event == "c_call" and frame.f_code.co_filename == FILE:
            calls.append(arg.__qualname__)

    fresh = Notebook()
    gc.collect()  # generators of other tests, which end when they are collected
    gc.disable()
    sys.setprofile(watch)
    try:
        fresh.load(kept)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert sorted(calls) == sorted(begun)
    notebook.end()


def test_what_a_generator_looks_up_before_its_place_is_complete(forks: Forks) -> None:
    """The object answers for another one, which it does not have yet when its generator is made."""
    source = """
class Front:
    def __init__(self): self.items, self.gen = [], self.write()
    def __getattr__(self, name):
        if name[:2] == "__": raise AttributeError(name)
        return getattr(self.items, name)
    def write(self):
        while True: self.append((yield len(self.items)))
front = Front()
next(front.gen)
"""
    check(forks, source, "front.gen.send('a')\ntell(front.items, front.gen.send('b'), front.items)")


def test_only_codes_that_are_needed_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cells of functions are saved: by name, with a copy apart; one is needed."""
    notebook = Notebook()
    notebook.run("def first(): return 1", "<first of two>")
    notebook.run("def second(): return 2", "<second of two>")
    kept = notebook.keep("first", "second")
    assert sorted(fields[2] for fields in kept.units) == ["<first of two>", "<second of two>"]
    forget_units(monkeypatch)
    compiled = count_compiled(monkeypatch)
    fresh = Notebook()
    fresh.run("def second(): return 22", "<now>")
    compiled.clear()
    load_units(kept.units)
    assert compiled == []
    fresh.load(replace(kept, units=[]))
    assert compiled == ["<first of two>", "<second of two>"]  # one copy for both


def count_compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose source is compiled from now on."""
    compiled: list[str] = []
    plain = units.compile_unit

    def compile_unit(source: str, filename: str, **options: Any) -> Any:
        compiled.append(filename)
        return plain(source, filename, **options)

    monkeypatch.setattr(units, "compile_unit", compile_unit)
    return compiled


def forget_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    monkeypatch.setattr(units, "_units", {})
    monkeypatch.setattr(units, "_saved_units", {})


def test_a_snapshot_that_is_not_signed_compiles_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`security`: sources are in the signed part, and are looked at when that was checked."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    notebook = Notebook()
    notebook.run("def make():\n    def inner(): return 1\n    return inner\ninner = make()")
    file = io.BytesIO()
    pickler = Pickler(file, notebook.ns)
    for entry in [("inner", notebook.ns["inner"]), (END_ENTRY, None)]:
        pickler.dump(entry)
    header = {
        "source": "",
        "tick": 0,
        "left_out": {},
        "buffers": [],
        "inputs": {},
        "units": describe_units(pickler),
        "instrumenter": hash_instrumenter(),
        "sizes": [2, len(pickle.dumps({}))],
    }
    envelope = seal("here", header, b"{}" + pickle.dumps({}) + file.getvalue())
    assert b"def inner(): return 1" in envelope
    forget_units(monkeypatch)
    compiled = count_compiled(monkeypatch)
    altered = envelope.replace(b"return 1", b"return 2")
    for place, data in (("here", altered), ("elsewhere", envelope), ("here", envelope[:-1]), ("here", b"")):
        with pytest.raises(Untrusted):
            open_snapshot(place, data, bytes)
    assert compiled == []
    assert units._saved_units == {}
    saved = open_snapshot("here", envelope, bytes)
    assert units._saved_units == {}
    load_snapshot(saved, Notebook().ns)
    assert compiled == [FILE]


def test_a_source_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(VARIABLES["lambdas in a dict"][0], "table")
    forget_units(monkeypatch)
    with pytest.raises(LookupError, match="the source of a saved function is missing"):
        Notebook().load(replace(kept, units=[]))


# -- what is seen of it


FAILING = "def make():\n    def fail(): raise ValueError('v')\n    return fail\nfail = make()"
SHOW = """
import traceback
try: fail()
except ValueError as e: last = traceback.extract_tb(e.__traceback__)[-1]
tell(last.filename, last.lineno, last.name, last.line)
"""


def test_tracebacks_show_the_saved_lines(forks: Forks) -> None:
    kept = keep(FAILING, "fail")
    assert forks(go_on, kept, SHOW) == [FILE + " 2 fail def fail(): raise ValueError('v')"]


def test_tracebacks_show_the_cell_of_now_if_it_has_the_same_text(forks: Forks) -> None:
    kept = keep(FAILING, "fail")
    assert forks(go_on, kept, SHOW, (FAILING,), "<now>")[0].startswith("<now> 2 fail")


def test_the_source_of_a_saved_function_is_found(forks: Forks) -> None:
    kept = keep(FAILING, "fail")
    shown = forks(go_on, kept, "import inspect\ntell(inspect.getsource(fail), fail.__code__.co_filename)")
    assert shown == ["    def fail(): raise ValueError('v')\n " + FILE]


def test_code_comes_from_the_notebook_and_state_from_the_snapshot(forks: Forks) -> None:
    """Found by name: as the notebook has it now. Under way, or made inside a function: as it was."""
    source = """
def word(): return "old"
def numbers():
    yield word()
    yield word(), "old"
def make(): return lambda: (word(), "old")
gen, inner = numbers(), make()
next(gen)
"""
    kept = keep(source, "gen", "inner", "word", "numbers")
    now = source.split("gen, inner")[0].replace('"old"', '"new"')
    then = "tell(list(gen), inner(), [*numbers()], word())"
    assert forks(go_on, kept, then, (now,)) == [
        "[('new', 'old')] ('new', 'old') ['new', ('new', 'new')] new",
    ]


def test_a_module_that_was_changed_meanwhile(forks: Forks, tmp_path: Path) -> None:
    """A generator that waits goes on as it was; the module's functions are as its file has them."""
    text = "def numbers():\n    yield 1\n    yield word()\ndef word(): return 'old'\n"
    path = tmp_path / "changing_module.py"
    path.write_text(text)
    source = f"import sys, types\nmodule = types.ModuleType('changing_module')\nmodule.__file__ = {str(path)!r}\n"
    notebook = Notebook()
    notebook.run(source)
    module: Any = notebook.ns["module"]
    run_module(module, text)
    sys.modules["changing_module"] = module
    try:
        notebook.ns["gen"] = module.numbers()
        next(notebook.ns["gen"])
        notebook.ns["word"], notebook.ns["numbers"] = module.word, module.numbers
        kept = notebook.keep("gen", "word", "numbers")
        notebook.end()
    finally:
        del sys.modules["changing_module"]
    path.write_text(text.replace("'old'", "'new'").replace("yield word()", "yield word(), 'new'"))
    then = "tell(list(gen), word(), list(numbers()))"
    assert forks(go_on_with_path, str(tmp_path), kept, then) == ["['new'] new [1, ('new', 'new')]"]


def test_a_function_that_came_from_a_worker_is_saved(forks: Forks) -> None:
    """cloudpickle gives instrumented code a runtime of builtins; here it is known by its mark all the same."""
    notebook = Notebook()
    notebook.run("def make(n):\n    def inner(x): return [n + y for y in range(x)]\n    return inner\ninner = make(3)")
    notebook.ns["inner"] = cloudpickle.loads(cloudpickle.dumps(notebook.ns["inner"]))
    kept = notebook.keep("inner")
    assert forks(go_on, kept, "tell(inner(2))") == ["[3, 4]"]


# -- what is refused


REFUSED = {
    "a generator that code of a library asks": (
        "def numbers():\n    yield 1\n    made.append(ask())\nmade = []\ngen = numbers()\nnext(gen)\nlist(gen)",
        "asks code that cannot be saved inside it",
    ),
    "an async generator": ("async def numbers():\n    yield 1\ngen = numbers()", "cannot pickle 'async_generator'"),
    "a generator that is not instrumented": (
        "ns = {'__name__': '__main__'}\nexec('def numbers():\\n  yield 1', ns)\ngen = ns['numbers']()",
        "numbers is a generator of code that is not instrumented; keep its items: write iter",
    ),
    "a manager of one": (
        """
import contextlib
ns = {"__name__": "__main__"}
exec("def held():\\n  yield 1", ns)
manager = contextlib.contextmanager(ns["held"])()
""",
        "held is a generator of code that is not instrumented; leave its with block",
    ),
    "a generator with what cannot be saved": (
        "import threading\ndef ns():\n    t = threading.Thread()\n    yield 1\n    t.start()\ngen = ns()\nnext(gen)",
        "a thread ends with this process",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    source, match = REFUSED[name]
    with pytest.raises(Exception, match=match):
        keep(source)


def test_the_path_into_a_generator() -> None:
    notebook = Notebook()
    notebook.run("def numbers():\n    held = [object()]\n    yield 1\ngen = numbers()\nnext(gen)")
    held = notebook.ns["gen"].gi_frame.f_locals["held"][0]
    assert find_path(held, {"gen": notebook.ns["gen"]}) == "gen (its variable held)[0]"


# -- what reads code


def test_names_and_shape_are_those_of_the_source() -> None:
    text = """
def f(a, *b):
    with a as c:
        for x in b: c.do(x, kind, sep=other.name)
    return [y.z for y in b]
"""
    native: dict[str, Any] = {}
    exec(compile(text, FILE, "exec"), native)
    first, second = Notebook(), Notebook()
    first.run(text)
    second.run("import os\nclass A:\n    def f(self): yield 1\nfor i in [1]: print(i, end='')\n" + text, "<other>")
    one, other = first.ns["f"].__code__, second.ns["f"].__code__
    assert one.co_code == other.co_code
    assert describe_code(one) == describe_code(other)
    second.run(text.replace("y.z", "y.w"))
    assert describe_code(one) != describe_code(second.ns["f"].__code__)
    assert "due" in one.co_names
    assert list_global_names(one) - {"__traceback__"} == {*native["f"].__code__.co_names}


def test_the_names_that_a_function_reads() -> None:
    notebook = Notebook()
    made = "def make():\n    def inner(): return [other for x in due if x]\n    return inner"
    notebook.run(f"due = poll = pending = other = 1\n{made}")
    notebook.ns["inner"] = notebook.ns["make"]()
    notebook.keep("inner")
    assert notebook.pickler is not None
    assert notebook.pickler.wanted == {"due", "other"}


def test_the_names_that_what_waits_reads() -> None:
    notebook = Notebook()
    notebook.run("""
due = poll = other = word = 1
def numbers():
    yield due
    yield (lambda: other)()
async def say(): return word
gen, coroutine = numbers(), say()
next(gen)
""")
    notebook.keep("gen", "coroutine")
    assert notebook.pickler is not None
    assert notebook.pickler.wanted == {"due", "other", "word"}
    notebook.end()


def test_data_of_a_definition_that_is_not_changed_by_an_edit_elsewhere() -> None:
    text = "class Agent:\n    table = {'a': lambda x: x + 1}\n"
    notebook = Notebook()
    notebook.run(text)
    state = DefinitionState(notebook.ns)
    before = state._hash_value(notebook.ns["Agent"].table)
    notebook.run("first = 1\n" + text, "<edited>")
    assert before is not None
    assert state._hash_value(notebook.ns["Agent"].table) == before
    notebook.run(text.replace("x + 1", "x + 2"))
    assert state._hash_value(notebook.ns["Agent"].table) != before


def test_saved_again_before_it_continues_under_other_file_names(forks: Forks) -> None:
    """Found by killing the duplicates: each kernel names a cell's file anew, and the next one did not know the code."""
    helpers = """
def through(n):
    def numbers():
        yield n
        yield ask(n)
    return [number for number in numbers()]
"""
    kept = keep("tell(through(4), through(5))", cells=(helpers,))
    for kernel in range(3):
        kept = forks(keep_again, kept, (helpers,) if kernel else (), f"<cell of kernel {kernel}>")
    asked_again = forks(go_on, kept, "", (helpers,), "<cell of the last>")
    assert forks(go_on, asked_again, "") == ["[4, 4] [5, 5]"]


# -- saved by another instrumenter


def test_the_hash_of_code_covers_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f(x):\n    return [g(x) for x in x if h(x)]\n"
    code_hashes = {hash_code(units.compile_unit(source, name)) for name in ("<one>", "<two>")}
    assert len(code_hashes) == 1
    monkeypatch.setattr(numbering, "FIRST_NUMBER", 70)
    assert hash_code(units.compile_unit(source, "<three>")) not in code_hashes


def test_a_run_continues_if_another_instrumenter_made_the_same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, source = Desk(), "def f(x):\n    return hitl.checkpoint(x, title='f').value + 1\nx = [f(1), f(2)]\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    monkeypatch.setattr(savedcode, "hash_instrumenter", lambda: "another")
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    with monkeypatch.context() as patch:
        patch.setattr(savedcode, "hash_code", lambda unit: "another")
        with pytest.raises(WrongPython, match=r"saved by another version of hitl_nb.*install that version.*--restart"):
            desk.run(source)
    assert desk.record().status == "ready"
    desk.run(source)
    assert desk.ns["x"] == [2, 3]
