"""What docs/reference/what-resumes.md says about code: a program for each row, in one kernel and in a new one."""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, effects
from world import native

from hitl_nb.engine.instrument.cells import instrument_cell, instrument_source
from hitl_nb.errors import CannotPause

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "what-resumes.md"

ASKS = """
def asks(n):
    effect("asks", n)
    return hitl.checkpoint(n, title="q").value
def gen():
    for n in range(2):
        effect("gen", n)
        yield hitl.checkpoint(n, title="q").value
def counts():
    for n in range(2):
        effect("counts", n)
        yield n
async def waits(n):
    effect("waits", n)
    await asyncio.sleep(0)
    return asks(n)
class Account:
    def __init__(self, n):
        effect("made")
        self.n = asks(n)
    def pay(self):
        effect("pay")
        return asks(self.n + 1)
"""

EXACT = {
    "the cell": {
        "branches": "if effect('a', 1) == asks(2) or asks(3): r = asks(effect('b', 4))",
        "loops": "r = 0\nwhile r < 4:\n    for n in range(2): r += asks(n) + 1",
        "several in a statement": 'r = f"{asks(1)} {asks(2)}", 0 < asks(1) < asks(2), asks(3) if asks(4) else 0',
        "errors": (
            "try:\n    effect('try')\n    raise KeyError(1)\nexcept KeyError:\n    effect('except')\n    r = asks(1)\n"
            "finally:\n    effect('finally')\n    asks(2)"
        ),
        "match": "match effect('m', [1, 2]):\n    case [a, b] if asks(b): r = a",
        "a default": "def f(n=asks(1)): return n\nr = f()",
    },
    "functions": {
        "of the cell": "r = asks(1) + asks(2)",
        "recursion": "def f(n): return asks(n) if n == 0 else f(effect('f', n) - 1) + 1\nr = f(3)",
        "a class": "r = Account(1).pay()",
        "a closure": (
            "def outer():\n    seen = []\n    def inner(n):\n        seen.append(effect('inner', n))\n"
            "        return asks(n), list(seen)\n    return inner\ng = outer()\nr = g(1), g(2)"
        ),
        "a lambda": "f = lambda n: (effect('lambda', n), asks(n))\nr = f(1)",
        "a decorator's wrapper": (
            "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def wrapper(n):\n        effect('wrapper')\n"
            "        return f(n) + f(n + 1)\n    return wrapper\n@twice\ndef f(n): return asks(n)\nr = f(1)"
        ),
        "partial": "import functools\nr = functools.partial(asks, 1)()",
        "an instance": "class A:\n    def __call__(self): return asks(effect('call', 1))\nr = A()()",
        "an iterator": (
            "class A:\n    n = 0\n    def __iter__(self): return effect('iter', self)\n    def __next__(self):\n"
            "        self.n += 1\n        if self.n == 3: raise StopIteration\n        return asks(self.n)\nr = 0\n"
            "for x in A(): r += x"
        ).replace("effect('iter', self)", "effect('iter') or self"),
    },
    "generators": {
        "for": "r = []\nfor x in gen(): r.append(effect('body', x))",
        "while it waits": "r = 0\nfor x in counts(): r += asks(x + 5)",
        "next and send": (
            "def talks():\n    got = yield asks(1)\n    effect('got', got)\n    yield asks(2)\n"
            "g = talks()\nr = next(g), g.send(5)\ng.close()\ng = None"
        ),
        "yield from": "def all():\n    yield from gen()\nr = 0\nfor x in all(): r += effect('body', x)",
        "enumerate": "r = 0\nfor i, x in enumerate(gen()): r += effect('body', x)",
        "zip": "r = 0\nfor x, i in zip(gen(), 'ab'): r += effect('body', x)",
        "islice": "import itertools\nr = 0\nfor x in itertools.islice(counts(), 2): r += asks(x + 5)",
    },
    "comprehensions": {
        "list": "r = [asks(effect('c', n)) for n in (1, 2)]",
        "of a generator": "r = {x: asks(x + 5) for x in counts()}",
        "nested": "r = {n: [asks(m) for m in (effect('m', n), n + 5)] for n in (1, 2)}",
    },
    "coroutines": {
        "await": "r = await waits(1) + await waits(2)",
        "gather": "r = await asyncio.gather(*[waits(n) for n in (1, 2)])",
        "TaskGroup": (
            "async with asyncio.TaskGroup() as g:\n    a, b = g.create_task(waits(1)), g.create_task(waits(2))\n"
            "r = a.result(), b.result()\ng = a = b = None"
        ),
        "create_task": "t = asyncio.create_task(waits(1))\nr = await waits(2), await t\nt = None",
        "wait_for": "r = await asyncio.wait_for(waits(1), 1000)",
    },
    "iterators": {
        "pandas": (
            "import pandas as pd\nr = []\nfor i, row in pd.DataFrame({'a': [1, 2]}).iterrows():\n"
            "    r.append(asks(effect('row', int(row.a))))\nrow = None"
        ),
        "groupby": (
            "import pandas as pd\nr = []\nfor k, part in pd.DataFrame({'a': [1, 2, 1]}).groupby('a'):\n"
            "    r.append(asks(effect('part', len(part))))\npart = None"
        ),
        "csv": "import csv\nr = [asks(effect('row', row[0])) for row in csv.reader(['1', '2'])]",
        "regular expressions": "import re\nr = [asks(effect('m', m[0])) for m in re.finditer('[a-z]', 'ab')]",
        "a progress bar": "from tqdm import tqdm\nr = [asks(x + 5) for x in tqdm(counts(), disable=True)]",
    },
    "with": {
        "a class": (
            "class M:\n    def __enter__(self): return effect('enter', 1)\n    def __exit__(self, *a): effect('exit')\n"
            "with M() as m: r = asks(m)"
        ),
        "a function that asks": (
            "import contextlib\n@contextlib.contextmanager\ndef m():\n    effect('enter')\n    yield asks(1)\n"
            "    asks(2)\n    effect('exit')\nwith m() as r: asks(3)"
        ),
        "suppress": "import contextlib\nwith contextlib.suppress(KeyError):\n    r = asks(1)\n    {}[2]",
        "ExitStack": (
            "import contextlib\nwith contextlib.ExitStack() as s:\n    s.callback(effect, 'last')\n"
            "    r = asks(1)\ns = None"
        ),
        "warnings": (
            "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    r = asks(1)"
        ),
        "numpy": "import numpy as np\nwith np.errstate(divide='ignore'): r = asks(1), np.geterr()['divide']",
    },
    "gates": {
        "a tool": "@hitl.gate\ndef tool(n): return effect('tool', n)\nr = [tool(n) for n in (1, 2)]",
        "several questions": (
            "def f():\n    effect('f')\n    return [d.value for d in hitl.checkpoint_all([hitl.proposal(n, title='q') "
            "for n in (1, 2)])]\nr = f()"
        ),
        "an agent": "@hitl.agent\nasync def f(n): return asks(effect('f', n))\nr = await asyncio.gather(f(1), f(2))",
    },
}

AGAIN = {
    "library code": {
        "sorted": ("r = sorted([2, 1], key=asks)", "asks", [1, 2]),
        "list of a map": ("r = list(map(asks, [1, 2]))", "asks", [1, 2]),
        "sum of a generator expression": ("r = sum(asks(effect('c', n)) for n in (1, 2))", "c", 3),
        "list of a generator": ("r = list(gen())", "gen", [0, 1]),
        "pandas": ("import pandas as pd\nr = list(pd.Series([1, 2]).apply(lambda n: asks(int(n))))", "asks", [1, 2]),
        "tenacity": ("import tenacity\nr = tenacity.Retrying()(asks, 1)", "asks", 1),
        "a cache": ("import functools\nf = functools.lru_cache(asks)\nr = f(1) + f(1)", "asks", 2),
        "a dataclass": (
            (
                "import dataclasses\n@dataclasses.dataclass\nclass A:\n    n: int\n"
                "    def __post_init__(self): self.n = asks(self.n)\nr = A(1).n"
            ),
            "asks",
            1,
        ),
        "to_thread": ("r = await asyncio.to_thread(asks, 1)", "asks", 1),
        "exec": ("exec('r = asks(1)')", "asks", 1),
    },
    "operators": {
        "a property": ("class A:\n    @property\n    def p(self): return asks(1)\nr = A().p", "asks", 1),
        "a cached property": (
            (
                "import functools\nclass A:\n    @functools.cached_property\n    def p(self): return asks(1)\n"
                "a = A()\nr = a.p + a.p - 1"
            ),
            "asks",
            1,
        ),
        "an operator": ("class A:\n    def __add__(self, n): return asks(n)\nr = A() + 1", "asks", 1),
        "a subscript": ("class A:\n    def __getitem__(self, n): return asks(n)\nr = A()[1]", "asks", 1),
        "a text": ("class A:\n    def __str__(self): return str(asks(1))\nr = f'{A()}'", "asks", "1"),
        "a class body": ("class A:\n    n = asks(1)\nr = A.n", "asks", 1),
        "a decorator's body": ("def deco(f):\n    asks(1)\n    return f\n@deco\ndef f(): return 1\nr = f()", "asks", 1),
    },
}

REFUSED = {
    "side by side": {
        "a thread": (
            (
                "import threading\nerrors = []\ndef f():\n    try: asks(1)\n"
                "    except BaseException as e: errors.append(e)\n"
                "t = threading.Thread(target=f)\nt.start()\nt.join()\nraise errors[0]"
            ),
            "thread",
        ),
        "a barrier": (
            (
                "b = asyncio.Barrier(2)\nasync def f(): await b.wait()\n"
                "async def g():\n    asks(1)\n    await b.wait()\nr = await asyncio.gather(f(), g())"
            ),
            "asyncio.Condition or gather",
        ),
    },
    "a loop that asks": {
        "map": ("for r in map(asks, [1, 2]): pass", "its item would be lost"),
        "filter": ("for r in filter(asks, [1, 2]): pass", "its item would be lost"),
        "zip, behind another": ("for r in zip('ab', gen()): pass", "its item would be lost"),
        "chain": ("import itertools\nfor r in itertools.chain(gen()): pass", "its item would be lost"),
        "tqdm": ("from tqdm import tqdm\nfor r in tqdm(gen(), disable=True): pass", "its item would be lost"),
        "list.sort": ("a = [1, 2]\na.sort(key=asks)", r"use sorted\(\.\.\.\)"),
    },
    "except*": {
        "in the handler": (
            "try: raise ExceptionGroup('g', [KeyError()])\nexcept* KeyError: asks(1)",
            r"move the checkpoint out of the `try` with `except\*`",
        ),
        "in the body": ("def f():\n    try: return asks(1)\n    except* KeyError: pass\nf()", "line 2 of f: .*`except"),
        "an async generator": (
            "async def f(): yield 1\nasync for n in f(): asks(n)",
            "loop over a list: for x in",
        ),
        "an async generator that asks": (
            "async def f(): yield asks(1)\nasync for n in f(): pass",
            "its item would be lost",
        ),
        "a database cursor": (
            "import sqlite3\nfor row in sqlite3.connect(':memory:').execute('select 1 union select 2'): asks(row[0])",
            r"loop over list\(\.\.\.\)",
        ),
    },
    "another manager": {
        "a lock": ("import threading\nwith threading.Lock(): asks(1)", "move the checkpoint out of the with block"),
        "a directory": (
            "import tempfile\nwith tempfile.TemporaryDirectory() as d: asks(1)",
            "move the checkpoint out of the with block",
        ),
        "an async function": (
            "import contextlib\n@contextlib.asynccontextmanager\nasync def m(): yield\nasync with m(): asks(1)",
            "move the checkpoint out of the with block",
        ),
    },
    "inside a step": {"a step": ("@hitl.step\ndef f(): return asks(1)\nf()", "a step is called once and whole")},
}


def flat(rows: Mapping[str, Mapping[str, object]]) -> list[Any]:
    return [
        pytest.param(what, id=f"{row}: {name}") for row, programs in rows.items() for name, what in programs.items()
    ]


def define(desk: Desk) -> None:
    """Run the cell of definitions as a notebook with the extension does."""
    name, source = f"<cell {id(desk.ns)}>", "import asyncio\n" + ASKS
    linecache.cache[name] = len(source), None, list[str](source.splitlines(True)), name
    unit = instrument_source(source, name)
    assert unit is not None
    exec(instrument_cell(compile(source, name, "exec", dont_inherit=True), unit, desk.ns), desk.ns)


def play(source: str, *, new_kernel: bool) -> tuple[Desk, list[str]]:
    """Run a program to its end; every question is approved. Returns also what it did, over all kernels."""
    desk, found = Desk(), list[str]()
    define(desk)
    while desk.run(source).status == "waiting":
        while desk.open():
            desk.answer()
        if new_kernel:
            found += effects()
            desk.new_kernel()
            define(desk)
    return desk, found + effects()


@pytest.mark.parametrize("new_kernel", [False, True], ids=["same", "new"])
@pytest.mark.parametrize("source", flat(EXACT))
def test_exact_code_does_everything_once(source: str, new_kernel: bool) -> None:
    desk, found = play(source, new_kernel=new_kernel)
    assert found
    assert len(found) == len(set(found)) or sorted(found) == sorted(run_natively(source))
    assert "r" in desk.ns


def run_natively(source: str) -> list[str]:
    """What a program does where every question is answered at once."""
    done = native("import asyncio\n" + ASKS + source)
    return [f"{name}{values}" for name, values in done.journal]


@pytest.mark.parametrize("new_kernel", [False, True], ids=["same", "new"])
@pytest.mark.parametrize("program", flat(AGAIN))
def test_other_code_is_made_again_with_the_decisions_on_record(
    program: tuple[str, str, object], new_kernel: bool
) -> None:
    source, again, result = program
    desk, found = play(source, new_kernel=new_kernel)
    first = next(effect for effect in found if effect.startswith(again))
    assert found.count(first) > 1
    assert desk.ns["r"] == result
    asked = len({effect for effect in found if effect.startswith(again)})
    assert len(desk.ledger.proposals.list_of_run(desk.record().id)) == asked  # none was asked twice


@pytest.mark.parametrize("program", flat(REFUSED))
def test_what_cannot_pause_is_refused_before_anybody_is_asked(program: tuple[str, str]) -> None:
    source, sentence = program
    desk = Desk()
    define(desk)
    with pytest.raises(CannotPause, match=sentence):
        desk.run(source)
    assert not desk.open()


def test_each_row_of_the_table_has_its_programs() -> None:
    table = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*(exact|made again|refused)\*\* \| ([^:|]+): ", table, re.MULTILINE)
    assert rows == [
        *(("exact", row) for row in EXACT),
        *(("made again", row) for row in AGAIN),
        *(("refused", row) for row in REFUSED),
    ]
