"""What cannot be saved is refused with a way out, and the way that is named works."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from desk import Desk

from hitl_nb.engine.missing_names import explain_missing
from hitl_nb.errors import CannotPause

ASK = "d = hitl.checkpoint('go', title='Go?')\n"
LOOP = ":\n    d = hitl.checkpoint('go', title='Go?')\n"
NUMBERS = "async def numbers():\n    for i in range(2):\n        yield i\n"
TEXT = "exec('def f():\\n for i in range(3): yield i')\nf = globals()['f']\n"
GENERATED = "import contextlib\n@contextlib.contextmanager\ndef opened():\n    yield 1\n"
OPENED = (
    "class Opened:\n    def __enter__(self):\n        return 1\n    def __exit__(self, *about):\n        return None\n"
)

WAYS = {
    "a file that is written": (
        f"f = open('out.txt', 'w')\n_ = f.write('a')\n{ASK}_ = f.write('b')\nf.close()",
        3,
        "open for writing.*close it before the checkpoint.*mode 'a' after",
        f"f = open('out.txt', 'w')\nf.close()\n{ASK}f = open('out.txt', 'a')\n_ = f.write('b')\nf.close()",
    ),
    "a with block of a file that is written": (
        f"with open('out.txt', 'w') as f{LOOP}    _ = f.write('b')",
        2,
        "move the checkpoint out of the with block: collect what is to be written",
        f"{ASK}with open('out.txt', 'w') as f:\n    _ = f.write('b')",
    ),
    "an asynchronous loop": (
        f"{NUMBERS}async for x in numbers(){LOOP}",
        5,
        r"loop over a list: for x in \[x async for x in",
        f"{NUMBERS}for x in [x async for x in numbers()]{LOOP}",
    ),
    "a generator of code that was made of text": (
        f"{TEXT}g = f()\na = next(g)\n{ASK}b = next(g)",
        5,
        r"g \(a generator\).*write iter\(list\(...\)\) of it before the checkpoint",
        f"{TEXT}g = f()\na = next(g)\ng = iter(list(g))\n{ASK}b = next(g)",
    ),
    "a with block of one": (
        f"{TEXT}import contextlib\nwith contextlib.contextmanager(f)() as x{LOOP}",
        4,
        r"move the checkpoint out of the with block, or write the manager as a class with __enter__ and __exit__",
        f"{OPENED}with Opened() as x{LOOP}",
    ),
    "a loop over a generator": (
        f"{TEXT}for x in f(){LOOP}",
        4,
        r"loop over list\(...\) of it",
        f"{TEXT}for x in list(f()){LOOP}",
    ),
    "a lock that is held": (
        f"import threading\nlock = threading.Lock()\nwith lock{LOOP}",
        3,
        r"inside .with .*lock.*move the checkpoint out of the with block",
        f"import threading\nlock = threading.Lock()\nwith lock:\n    x = 1\n{ASK}",
    ),
    "a class that holds what cannot be saved": (
        f"class C:\n    numbers = (i for i in 'ab')\nx = C()\n{ASK}y = x.numbers",
        4,
        r"C.numbers \(a generator\)",
        f"class C:\n    numbers = iter(list('ab'))\nx = C()\n{ASK}y = x.numbers",
    ),
    "a writer of csv": (
        "import csv, io\nb = io.StringIO()\nf = csv.writer(b)\n" + ASK + "x = f\n",
        4,
        r"f \(a writer\).*make the writer again after it",
        "import csv, io\nb = io.StringIO()\ncsv.writer(b).writerow([1])\n"
        + ASK
        + "csv.writer(b).writerow([2])\nassert b.getvalue() == '1\\r\\n2\\r\\n'",
    ),
    "a hash": (
        "import hashlib\nf = hashlib.sha256(b'a')\n" + ASK + "x = f\n",
        3,
        r"f \(a HASH\).*keep the bytes",
        "import hashlib\nf = b'a'\n" + ASK + "x = hashlib.sha256(f).hexdigest()",
    ),
    "another hash": (
        "import hashlib\nf = hashlib.blake2b(b'a')\n" + ASK + "x = f\n",
        3,
        r"f \(a blake2b\).*keep the bytes",
        "import hashlib\nf = b'a'\n" + ASK + "x = hashlib.blake2b(f).hexdigest()",
    ),
    "values of a thread": (
        "import threading\nf = threading.local()\n" + ASK + "x = f\n",
        3,
        r"f \(a _local\).*SimpleNamespace",
        "import types\nf = types.SimpleNamespace(a=1)\n" + ASK + "x = f.a",
    ),
    "a folder that is read": (
        "import os\nf = os.scandir('.')\n" + ASK + "x = f\n",
        3,
        r"f \(a ScandirIterator\).*os.listdir\(...\)",
        "import os\nf = sorted(os.listdir('.'))\n" + ASK + "x = f",
    ),
    "a zip file that is written": (
        "import zipfile\nf = zipfile.ZipFile('a.zip', 'w')\n" + ASK + "x = f\n",
        3,
        r"f.fp \(a BufferedRandom\).*close it before.*mode 'a'",
        "import zipfile\nzipfile.ZipFile('a.zip', 'w').close()\n" + ASK + "zipfile.ZipFile('a.zip', 'a').close()",
    ),
    "a binary file that is written": (
        "f = open('a', 'wb')\n" + ASK + "x = f\n",
        2,
        r"f \(a BufferedWriter\).*close it before.*mode 'a'",
        "f = open('a', 'wb')\nf.close()\n" + ASK + "x = f.closed\nf = open('a', 'ab')\nf.close()",
    ),
    "a listing of a folder": (
        f"import os\nf = os.scandir('.')\n{ASK}x = next(f)",
        3,
        r"os.listdir",
        f"import os\nf = os.listdir('.')\n{ASK}x = f[:1]",
    ),
    "the output": (
        "import sys\nf = sys.stdout\n" + ASK + "f.write('')",
        3,
        r"write sys.stdout or sys.stderr where it is used",
        "import sys\n" + ASK + "sys.stdout.write('')",
    ),
    "a pointer": (
        "import ctypes\nf = ctypes.pointer(ctypes.c_int(3))\n" + ASK + "x = f\n",
        3,
        r"f \(a LP_c_int\).*keep what it points to",
        "import ctypes\nf = ctypes.pointer(ctypes.c_int(3)).contents.value\n"
        + ASK
        + "x = ctypes.pointer(ctypes.c_int(f))",
    ),
    "a library": (
        "import ctypes\nf = ctypes.CDLL(None)\n" + ASK + "x = f\n",
        3,
        r"f \(a CDLL\).*load it where it is used",
        "import ctypes\n" + ASK + "f = ctypes.CDLL(None)",
    ),
    "a weak reference": (
        "import weakref\nclass A: pass\na = A()\nf = weakref.ref(a)\n" + ASK + "x = f\n",
        5,
        r"f \(a ReferenceType\).*keep the object itself",
        "import weakref\nclass A: pass\na = A()\n" + ASK + "f = weakref.ref(a)",
    ),
    "a weak proxy": (
        "import weakref\nclass A: pass\na = A()\nf = weakref.proxy(a)\n" + ASK + "x = f\n",
        5,
        r"f \(a ProxyType\).*keep the object itself",
        "import weakref\nclass A: pass\na = A()\n" + ASK + "f = weakref.proxy(a)",
    ),
    "a weak dictionary": (
        "import weakref\nclass A: pass\na = A()\nf = weakref.WeakValueDictionary(a=a)\n" + ASK + "x = f\n",
        5,
        r"f \(a WeakValueDictionary\).*use a dict",
        "class A: pass\nf = dict(a=A())\n" + ASK + "x = f['a']",
    ),
    "a context variable": (
        "import contextvars\nf = contextvars.ContextVar('f')\n" + ASK + "x = f\n",
        3,
        r"f \(a ContextVar\).*keep the value in a variable",
        "import contextvars\nv = 1\n" + ASK + "f = contextvars.ContextVar('f')\nf.set(v)",
    ),
    "a shelf": (
        "import shelve\nf = shelve.open('s')\n" + ASK + "x = f\n",
        3,
        r"f \(a \w*Shelf\).*open it again after",
        "import shelve\nshelve.open('s').close()\n" + ASK + "shelve.open('s').close()",
    ),
    "parts of a file": (
        "import io, pandas as pd\nf = pd.read_csv(io.StringIO('a\\n1\\n'), chunksize=1)\n" + ASK + "x = f\n",
        3,
        r"f \(a TextFileReader\).*a list of the parts",
        "import io, pandas as pd\nf = list(pd.read_csv(io.StringIO('a\\n1\\n'), chunksize=1))\n" + ASK + "x = f",
    ),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk()


@pytest.mark.parametrize("name", WAYS)
def test_a_refusal_names_a_way_out_that_works(desk: Desk, name: str) -> None:
    refused, line, words, mended = WAYS[name]
    with pytest.raises(CannotPause, match=rf"cannot pause at line {line}: .*{words}"):
        desk.run(refused, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert desk.open() == []
    desk.new_kernel()
    outcome = desk.run(mended, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, name="mended")
    while outcome.status == "waiting":
        desk.answer(name="mended")
        desk.new_kernel()
        outcome = desk.run(mended, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, name="mended")
    assert outcome.status == "finished"


CURSOR = "sqlite3.connect(':memory:').cursor()"
CONTINUED = {
    "a value that a call before took": (
        f"import sqlite3\nx = len([{CURSOR}]) + len({{hitl.checkpoint(1, title='Go?').value}})",
        2,
    ),
    "what a generator does not read again": (
        f"import sqlite3\ndef f():\n    c = {CURSOR}\n    n = len([c])\n    {ASK}    yield n\nx = [y for y in f()]",
        [1],
    ),
    "a queue of asyncio": (f"import asyncio\nq = asyncio.Queue()\nq.put_nowait(1)\n{ASK}x = [q.get_nowait()]", [1]),
    "a generator in a variable": (f"g = (i for i in range(3))\na = next(g)\n{ASK}x = list(g)", [1, 2]),
    "a with block of one": (f"{GENERATED}x = []\nwith opened() as y{LOOP}    x.append(y)", [1]),
    "a loop over a generator": (f"g = (i for i in range(3))\nx = []\nfor y in g{LOOP}    x.append(y)", [0, 1, 2]),
    "a loop over a folder": (
        f"import os\nopen('q', 'w').close()\nx = []\nfor f in os.scandir('.'){LOOP}    x.append(f.name)",
        ["q"],
    ),
}


@pytest.mark.parametrize("name", CONTINUED)
def test_what_needs_no_way_out_continues(desk: Desk, name: str) -> None:
    source, expected = CONTINUED[name]
    while desk.run(source).status == "waiting":
        desk.answer()
        desk.new_kernel()
    assert desk.ns["x"] == expected


# -- hooks that raise


HOOKS = """
class ByReduce:
    def __reduce__(self):
        raise ERROR("no")
class ByState:
    def __getstate__(self):
        raise ERROR("no")
class ByHash:
    def __hash__(self):
        raise ERROR("no")
class ByEqual:
    __hash__ = None
    def __eq__(self, other):
        raise ERROR("no")
class ByAttribute:
    def __getattr__(self, name):
        raise ERROR("no")
"""
ERRORS = {
    "ValueError": "ERROR = ValueError",
    "RecursionError": "ERROR = RecursionError",
    "AttributeError": "ERROR = AttributeError",
    "a BaseException": "class ERROR(BaseException):\n    pass",
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_cell_without_a_checkpoint_never_fails_because_of_saving(desk: Desk, error: str) -> None:
    desk.cell(ERRORS[error] + HOOKS)
    source = (
        "import socket, threading\n"
        "xs = [ByReduce(), ByState(), ByHash(), ByEqual(), ByAttribute()]\n"
        "with socket.socket() as s:\n    pass\n"
        "g, lock, f = (i for i in 'ab'), threading.Lock(), open('f.txt', 'w')\n"
        "f.close()\nclass Locked:\n    lock = threading.RLock()\nl = Locked()\ny = 7\n"
    )
    assert desk.run(source).status == "finished"
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["y"] == 7


@pytest.mark.parametrize("kind", ["ByReduce", "ByState"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_hook_that_raises_is_a_refusal_with_the_path(desk: Desk, kind: str, error: str) -> None:
    desk.cell(ERRORS[error] + HOOKS)
    source = (
        f"class Order:\n    pass\norders = [Order(), Order()]\norders[1].client = {{'a': {kind}()}}\n{ASK}x = orders"
    )
    with pytest.raises(CannotPause, match=re.escape("orders[1].client['a'] (a " + kind)):
        desk.run(source)


def test_a_cell_that_fails_keeps_its_own_error(desk: Desk) -> None:
    desk.cell(ERRORS["a BaseException"] + HOOKS)
    with pytest.raises(LookupError, match="mine"):
        desk.run("x = ByReduce()\nraise LookupError('mine')")


def test_what_is_nested_too_deeply_is_said_shortly(desk: Desk) -> None:
    with pytest.raises(CannotPause, match="keep it flat") as caught:
        desk.run(f"x = []\nfor i in range(100000):\n    x = [x]\n{ASK}y = x")
    assert len(str(caught.value)) < 500


def test_outputs_that_are_no_json_do_not_end_a_cell(desk: Desk) -> None:
    desk.shown.outputs = lambda: [{"output_type": "display_data", "data": {"image/png": b"a", "x": Path("b")}}]
    assert desk.run("y = 1").status == "finished"


# -- class attributes that nothing reads


UNREAD = "class C:\n    numbers = (i for i in 'ab')\n    size = [1]\n    def total(self): return sum(self.size)\n"


@pytest.mark.parametrize("is_above", [True, False])
def test_a_class_attribute_that_nothing_reads_is_left_out(desk: Desk, is_above: bool) -> None:
    source = f"x = C()\nC.size.append(2)\n{ASK}y = x.total()\n"
    source = source if is_above else UNREAD + source
    if is_above:
        desk.cell(UNREAD)
    [proposal] = desk.run(source).proposals
    assert "C.numbers (a generator) is not saved; the rest of the agent does not read it" in proposal.notes
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["y"] == 3
    with pytest.raises(AttributeError) as caught:
        _ = desk.ns["x"].numbers
    explain_missing(caught.value, desk.ns)
    assert "C.numbers (a generator) was not saved when the agent paused" in caught.value.__notes__[0]


READ = {
    "in a function of a function": (
        "@hitl.agent\ndef f(c):\n    def read(): return c.numbers\n    ",
        "\n    return list(read())\ny = f(x)",
    ),
    "in a generator made before": ("g = (c.numbers for c in [x])\n", "y = next(g)"),
    "by its name": ("", "y = x.numbers"),
    "in a loop": ("", "for n in x.numbers: pass"),
    "by text": ("", "y = getattr(x, 'numbers')"),
    "by a name that is not known": ("n = 'num' + 'bers'\n", "y = getattr(x, n)"),
    "all of them": ("", "y = vars(C)"),
    "in a function": ("def read(c): return c.numbers\n", "y = read(x)"),
    "in a function inside": ("def outer():\n    return lambda c: c.numbers\nread = outer()\n", "y = read(x)"),
    "in a property": ("class D(C):\n    @property\n    def n(self): return self.numbers\nx = D()\n", "y = x.n"),
    "above, in the next round": ("for i in range(2):\n    if i: y = x.numbers\n    ", "\n    z = C"),
    "by a library": (
        "import collections\nclass E(C, collections.UserDict): odd = (i for i in 'a')\n",
        "E",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_class_attribute_that_may_be_read_is_refused(desk: Desk, name: str) -> None:
    before, after = READ[name]
    with pytest.raises(CannotPause, match=r"(C\.numbers|E\.odd) \(a generator\)"):
        desk.run(f"{UNREAD}x = C()\n{before}{ASK}{after}\n")
