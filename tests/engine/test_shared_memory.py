"""What shares memory, or is shared by being part of a class or function, is shared again when an agent continues."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, effects

from hitl_nb.errors import CannotPause, HitlError

ASK = "hitl.checkpoint(1, title='T')\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk()


DEFINED: dict[str, tuple[str, str, str, Any]] = {
    "class attribute": (
        "class Shop:\n    sold = []\n    price = 1\n    open = True\n",
        "Shop.sold.append('tea')\nShop.price = 2\ndel Shop.open\n",
        "Shop.sold, Shop.price, hasattr(Shop, 'open')",
        (["tea"], 2, False),
    ),
    "class attribute and variable": (
        "class Shop:\n    sold = []\n",
        "sold = Shop.sold\n",
        "sold is Shop.sold",
        True,
    ),
    "object in a class attribute": (
        "class Shop:\n    by_name = {}\n    def __init__(self, n): self.n = n; Shop.by_name[n] = self\n",
        "tea = Shop('tea')\n",
        "Shop.by_name['tea'] is tea",
        True,
    ),
    "registry of classes": (
        "class Model:\n    kinds = []\n    def __init_subclass__(cls): Model.kinds.append(cls)\n",
        "class Order(Model): pass\none = Model.kinds[0]()\n",
        "Model.kinds == [Order], type(one) is Order",
        (True, True),
    ),
    "mutable default": ("def add(x, seen=[]):\n    seen.append(x)\n    return seen\n", "add(1)\n", "add(2)", [1, 2]),
    "keyword default": (
        "def add(*, x, seen={}):\n    seen[x] = 1\n    return seen\n",
        "add(x=1)\n",
        "add(x=2)",
        {1: 1, 2: 1},
    ),
    "default of a method": (
        "class A:\n    @staticmethod\n    def add(x, seen=[]):\n        seen.append(x)\n        return seen\n",
        "A.add(1)\n",
        "A.add(2)",
        [1, 2],
    ),
    "attribute of a function": ("def f(): f.calls += 1; return f.calls\nf.calls = 0\n", "f()\n", "f()", 2),
    "variable of a decorator": (
        (
            "import functools\ndef logged(f):\n    calls = []\n    @functools.wraps(f)\n    def inner(*a):\n"
            "        calls.append(a)\n        return calls\n    return inner\n@logged\ndef send(x): pass\n"
        ),
        "send(1)\n",
        "send(2)",
        [(1,), (2,)],
    ),
    "nested class": (
        "class A:\n    class B:\n        seen = []\n",
        "A.B.seen.append(1)\n",
        "A.B.seen",
        [1],
    ),
    "single dispatch": (
        (
            "import functools\n@functools.singledispatch\ndef show(x): return 'any'\n"
            "@show.register\ndef show_int(x: int): return 'int'\n"
        ),
        "@show.register\ndef show_str(x: str): return 'str'\n",
        "show(1), show('a'), show(1.0)",
        ("int", "str", "any"),
    ),
    "cache": ("import functools\n@functools.lru_cache\ndef square(n): return n * n\n", "square(2)\n", "square(3)", 9),
    "cached method": (
        "import functools\nclass A:\n    @functools.cache\n    def two(self): return 2\n",
        "a = A()\na.two()\n",
        "a.two()",
        2,
    ),
    "cached property": (
        "import functools\nclass A:\n    @functools.cached_property\n    def two(self): return [2]\n",
        "a = A()\nb = a.two\n",
        "a.two is b",
        True,
    ),
    "lock": (
        (
            "import threading\nclass A:\n    lock = threading.Lock()\n    n = 0\n"
            "    def up(self):\n        with self.lock: A.n += 1\n        return A.n\n"
        ),
        "a = A()\na.up()\n",
        "a.up()",
        2,
    ),
    "singleton": (
        (
            "class One:\n    _one = None\n    def __new__(cls):\n        if cls._one is None:\n"
            "            cls._one = super().__new__(cls)\n            cls._one.items = []\n        return cls._one\n"
        ),
        "r = One()\nr.items.append(1)\n",
        "One() is r, One._one is r, r.items",
        (True, True, [1]),
    ),
    "class that counts its objects": (
        (
            "class Ticket(str):\n    count, most = 0, [3]\n    def __new__(cls, text, by):\n        cls.count += 1\n"
            "        made = super().__new__(cls, text)\n        made.by = by\n"
            "        if cls.count > cls.most[0]: raise ValueError\n        return made\n"
        ),
        "a, b = Ticket('a', 'ann'), Ticket('b', 'bob')\n",
        "Ticket.count, a, b.by",
        (2, "a", "bob"),
    ),
    "hash and reduce that read the class": (
        (
            "class P:\n    salt, table = ['x'], {'a': 1}\n    def __init__(self, k): self.k, self.v = k, P.table[k]\n"
            "    def __hash__(self): return hash((self.k, self.salt[0]))\n"
            "    def __eq__(self, other): return self.k == other.k\n    def __reduce__(self): return P, (self.k,)\n"
        ),
        "P.table['a'] = 2\nd = {P('a'): 'one'}\n",
        "d[P('a')], next(iter(d)).v",
        ("one", 2),
    ),
    "objects with the same attributes": (
        "class Borg:\n    state = {}\n    def __init__(self): self.__dict__ = self.state\n",
        "a, b = Borg(), Borg()\na.x = 1\n",
        "setattr(b, 'y', 2), a.y, b.x, Borg().x, Borg.state",
        (None, 2, 1, 1, {"x": 1, "y": 2}),
    ),
    "results of a cached method": (
        (
            "import functools\nclass A:\n    calls = []\n    @functools.lru_cache(9)\n    def two(self, n):\n"
            "        A.calls.append(n)\n        return [n]\n"
        ),
        "a = A()\nr = a.two(2)\n",
        "a.two(2) is r, A.calls",
        (True, [2]),
    ),
    "results of a cached function": (
        "import functools\ncalls = []\n@functools.cache\ndef f(n, k=0):\n    calls.append(n)\n    return [n]\n",
        "r = f(2, k=1)\n",
        "f(2, k=1) is r, f(3), f(3) is r",
        (True, [3], False),
    ),
}


@pytest.mark.parametrize("runs_again", [True, False])
@pytest.mark.parametrize("kernel", ["new", "same"])
@pytest.mark.parametrize("name", DEFINED)
def test_what_a_run_changed_in_a_definition_comes_back(desk: Desk, name: str, kernel: str, runs_again: bool) -> None:
    cell, change, read, expected = DEFINED[name]
    source = f"{change}{ASK}{ASK}x = ({read})\n"
    desk.cell(cell)
    desk.run(source)
    for i in range(2):
        desk.answer()
        if kernel == "new" or i == 1:
            desk.new_kernel()
        if runs_again:
            desk.cell(cell)
        desk.run(source)
    assert desk.ns["x"] == expected


@pytest.mark.parametrize("name", DEFINED)
def test_the_same_in_a_cell_that_defines_it_itself(desk: Desk, name: str) -> None:
    cell, change, read, expected = DEFINED[name]
    source = f"{cell}{change}{ASK}x = ({read})\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == expected


CACHES = {
    "lru_cache": ("lru_cache", "f(1), f(b=2), f('x')", "f(1), f(b=2), f('x')"),
    "cache": ("cache", "f(1), f((1, 2)), f(1, b=2)", "f(1), f((1, 2)), f(1, b=2)"),
    "typed": ("lru_cache(None, True)", "f(1), f(1.0), f(1, b=2)", "f(1), f(1.0), f(1, b=2)"),
    "bounded": ("lru_cache(2)", "f(0), f(1), f(2)", "f(2), f(1), f(2)"),
}


@pytest.mark.parametrize("name", CACHES)
def test_what_a_cached_function_remembers_is_not_called_again(desk: Desk, name: str) -> None:
    decorator, first, later = CACHES[name]
    source = (
        f"import functools, world\n@functools.{decorator}\n"
        "def f(a=0, b=0):\n    world.effect('f', a, b)\n    return [a, b]\n"
        f"before = [{first}]\n{ASK}after = [{later}]\nf(99)\n"
    )
    desk.run(source)
    assert len(effects()) == 3
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert effects() == ["f(99, 0)"]
    assert sorted(map(str, desk.ns["after"])) == sorted(map(str, desk.ns["before"])) or name == "bounded"


def test_a_compiled_struct_is_made_again_from_its_format(desk: Desk) -> None:
    source = f"import struct\ns = struct.Struct('<Ih')\nt = s\n{ASK}x = s.pack(1, 2), t is s"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == (b"\x01\x00\x00\x00\x02\x00", True)


COUNTED = {
    "hits": ("lru_cache", "[f(1) for _ in range(5)], f(2)", "hits=4, misses=2, maxsize=128, currsize=2"),
    "unbounded": ("cache", "[f(1) for _ in range(5)], f(2)", "hits=4, misses=2, maxsize=None, currsize=2"),
    "dropped": ("lru_cache(2)", "[f(n) for n in (1, 1, 2, 3, 3)]", "hits=2, misses=3, maxsize=2, currsize=2"),
    "failed": ("cache", "f(1), f(1), fails()", "hits=1, misses=2, maxsize=None, currsize=1"),
}


@pytest.mark.parametrize("where", ["cell", "function"])
@pytest.mark.parametrize("name", COUNTED)
def test_what_a_cached_function_has_counted_is_kept(desk: Desk, name: str, where: str) -> None:
    decorator, calls, counted = COUNTED[name]
    made = f"@functools.{decorator}\ndef f(n):\n    return 1 // n\n"
    if where == "function":
        made = "def make():\n" + "".join(f"    {line}\n" for line in made.splitlines()) + "    return f\nf = make()\n"
    fails = "def fails():\n    try:\n        f(0)\n    except ZeroDivisionError:\n        pass\n"
    source = (
        f"import functools\n{made}{fails}{calls}\n{ASK}x = str(f.cache_info())\nf(5), f(5)\ny = f.cache_info().hits\n"
    )
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == f"CacheInfo({counted})"
    assert desk.ns["y"] == int(counted[5]) + 1


SHOWN = {
    "proxy": ("import types\nd = {'a': 1}\nv = types.MappingProxyType(d)\n", "d['b'] = 2\nx = dict(v)\n"),
    "keys": ("d = {'a': 1}\nv = d.keys()\n", "d['b'] = 2\nx = list(v)\n"),
    "values": ("d = {'a': 1}\nv = d.values()\n", "d['b'] = 2\nx = list(v)\n"),
    "items of an ordered one": (
        "import collections\nd = collections.OrderedDict(a=1)\nv = d.items()\n",
        "d['b'] = 2\nx = list(v)\n",
    ),
    "columns and slices": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2, 3]})\nv, w = df['a'], df.iloc[:2]\n",
        "df.loc[0, 'a'] = 9\nx = v.tolist(), w['a'].tolist(), df['a'].tolist()\n",
    ),
    "slice of a series": (
        "import pandas as pd\ns = pd.Series([1, 2, 3])\nt, u = s.iloc[1:], s.rename('u')\n",
        "t.iloc[0] = 9\ns.iloc[0] = 7\nx = s.tolist(), t.tolist(), u.tolist()\n",
    ),
    "array of a frame": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2, 3]})\nv = df.to_numpy()\n",
        "df.loc[0, 'a'] = 9\nx = v.tolist()\n",
    ),
    "records": (
        "import numpy as np\na = np.zeros(3, [('x', 'i4')])\nr, e = a.view(np.recarray), a[1]\n",
        "r.x[0] = 7\ne['x'] = 8\nx = a['x'].tolist(), type(r).__name__\n",
    ),
    "record array of its own": (
        "import numpy as np\nr = np.rec.array([(1, 2.0), (3, 4.0)], names='x,y')\nv, e = r.x, r[1]\n",
        "v[0] = 9\ne.y = 5\nx = r.tolist(), type(e).__name__\n",
    ),
    "matrix": (
        "import numpy as np\na = np.arange(4.0).reshape(2, 2)\nm = a.view(np.matrix)\nrow = m[0]\n",
        "m[0, 0] = 9\nx = a.tolist(), row.tolist(), type(row).__name__\n",
    ),
    "masked": (
        (
            "import numpy as np\na, k = np.arange(4.0), np.array([False, True, False, False])\n"
            "m = np.ma.array(a, mask=k, copy=False, fill_value=-1, hard_mask=True)\nv, d = m[1:], m.data\n"
        ),
        "v[2] = 7\nd[0] = 9\nk[2] = True\nx = a.tolist(), m.tolist(), v.tolist(), m.filled().tolist(), m.hardmask\n",
    ),
    "masked constants": (
        "import numpy as np\nm, n = np.ma.array([1, 2]), np.ma.masked\n",
        "x = m.mask is np.ma.nomask, n is np.ma.masked\n",
    ),
    "class of the user's": (
        (
            "import numpy as np\nclass A(np.ndarray):\n"
            "    def __array_finalize__(self, obj): self.unit = getattr(obj, 'unit', None)\n"
            "a = np.arange(6.0).view(A)\na.unit = ['m']\nb, c = a[1:3], np.asarray(a).reshape(2, 3).T\n"
        ),
        "b[0] = 9\nb.unit.append('s')\nx = a.tolist(), c.tolist(), a.unit, type(b).__name__\n",
    ),
    "bytearray": (
        "import numpy as np\nb = bytearray(16)\na = np.frombuffer(b, 'u1', offset=4)[::2]\n",
        "a[0] = 5\nb[6] = 6\nx = bytes(b), a.tolist()\n",
    ),
    "array.array": (
        "import array, numpy as np\nb = array.array('d', [1, 2])\na, c = np.frombuffer(b), np.asarray(b)[1:]\n",
        "b[1] = 9\nx = a.tolist(), c.tolist()\n",
    ),
    "read only": (
        (
            "import numpy as np\nall_of_them = [np.zeros(99999), np.zeros(3), np.array(['x'], object)]\n"
            "for a in all_of_them: a.flags.writeable = False\n"
        ),
        "x = [a.flags.writeable for a in all_of_them]\n",
    ),
    "attributes of a class": (
        "class A:\n    a = 1\nclass B(A): pass\nv, w = vars(A), B.__dict__\n",
        "A.a, B.b = 2, 3\nx = v['a'], w['b']\n",
    ),
    "attributes of an object": ("class A: pass\na = A()\nv = vars(a)\n", "v['b'] = 2\nx = a.b\n"),
    "dict that is its own attributes": (
        "class D(dict):\n    def __init__(self, **k): self.update(k); self.__dict__ = self\nd = D(a=1)\n",
        "d.b = 2\nx = d['b'], d.a, dict(d)\n",
    ),
    "globals of a module": ("import math\nv = vars(math)\n", "x = v is vars(math)\n"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_later_change_is_seen_where_python_shows_it(desk: Desk, name: str) -> None:
    make, change = SHOWN[name]
    native: dict[str, Any] = {}
    exec(make + change, native)
    source = f"{make}{ASK}{change}"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == native["x"]


REDEFINED: dict[str, tuple[str, str, str, Any]] = {
    "function": ("def f(): return 1\n", "def f(): return 2\n", "f()", 2),
    "class": (
        "class A:\n    kind = 'above'\n    def who(self): return 'above'\n",
        "class A:\n    kind = ['agent']\n    def who(self): return 'agent'\na = A()\n",
        "A().who(), A.kind, a.who(), type(a) is A",
        ("agent", ["agent"], "agent", True),
    ),
    "by a function": (
        "def f(): return 1\n",
        "def set_up():\n    global f\n    def f(): return 2\nset_up()\n",
        "f()",
        2,
    ),
    "decorated": (
        "def f(): return 1\n",
        "import functools\n@functools.lru_cache\ndef f(): return 2\n",
        "f()",
        2,
    ),
    "subclass of the same name": (
        "class A:\n    def who(self): return ['above']\n",
        "class A(A):\n    def who(self): return [*super().who(), 'agent']\na = A()\n",
        "a.who()",
        ["above", "agent"],
    ),
    "registered functions": (
        (
            "import functools\n@functools.singledispatch\ndef show(x): return 'any'\n"
            "@show.register\ndef _(x: int): return 'int'\n"
        ),
        "@show.register\ndef _(x: str): return 'str'\n@show.register\ndef _(x: list): return 'list'\n",
        "show(1), show('a'), show([]), show(1.0)",
        ("int", "str", "list", "any"),
    ),
    "function as variable": ("def f(): return 1\ng = None\n", "g = f\n", "g()", 1),
    "variable in place of a function": ("def f(): return 1\n", "f = 5\n", "f", 5),
    "module in place of a variable": ("m = None\n", "import math as m\n", "m.floor(2.5)", 2),
}


@pytest.mark.parametrize("runs_again", [True, False])
@pytest.mark.parametrize("kernel", ["new", "same"])
@pytest.mark.parametrize("name", REDEFINED)
def test_what_the_agent_cell_defines_itself_counts(desk: Desk, name: str, kernel: str, runs_again: bool) -> None:
    cell, change, read, expected = REDEFINED[name]
    source = f"{change}{ASK}{ASK}x = ({read})\n"
    desk.cell(cell)
    desk.run(source)
    for i in range(2):
        desk.answer()
        if kernel == "new" or i == 1:
            desk.new_kernel()
        if runs_again:
            desk.cell(cell)
        desk.run(source)
    assert desk.ns["x"] == expected


@pytest.mark.parametrize("kernel", ["new", "same"])
@pytest.mark.parametrize("runs_again", [0, 1])
def test_a_function_that_was_mended_in_a_cell_above_counts(desk: Desk, kernel: str, runs_again: int) -> None:
    source = f"def mine(): return f()\n{ASK}{ASK}x = mine()\n"
    desk.cell("def f(): return 1\n")
    desk.run(source)
    for i in range(2):
        desk.answer()
        if kernel == "new":
            desk.new_kernel()
        if i == runs_again:
            desk.cell("def f(): return 2\n")
        desk.run(source)
    assert desk.ns["x"] == 2


def test_a_constant_that_was_edited_meanwhile_counts_as_it_is_now(desk: Desk) -> None:
    cell = "class Shop:\n    names = ['a']\n    limit = 5\n    sold = []\ndef f(n=1): return n\n"
    source = f"Shop.sold.append(1)\n{ASK}x = Shop.names, Shop.limit, Shop.sold, f()\n"
    desk.cell(cell)
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.cell(cell.replace("'a'", "'b'").replace("5", "6").replace("n=1", "n=2"))
    desk.run(source)
    assert desk.ns["x"] == (["b"], 6, [1], 2)


def test_nothing_of_a_class_runs_again_when_it_is_made_from_the_snapshot(desk: Desk) -> None:
    source = f"""
class Meta(type):
    def __new__(meta, name, bases, ns, **k):
        effect("new", name)
        return super().__new__(meta, name, bases, ns, **k)
    def __init__(cls, name, bases, ns, **k): effect("init", name)
    def __setattr__(cls, name, value): effect("set", name); super().__setattr__(name, value)
class Field:
    def __set_name__(self, owner, name): effect("name", name); self.name = name
class Base(metaclass=Meta):
    kinds = []
    def __init_subclass__(cls, label=None): effect("sub", cls.__name__); cls.kinds.append(cls); cls.label = label
class Order(Base, label="o"):
    price = Field()
    def __init__(self): self.n = 1
    def who(self): return __class__
one = Order()
{ASK}x = isinstance(one, Order), Order.kinds == [Order], Order.price.name, type(Order) is Meta, Order.label, one.n
y = one.who() is Order, Order.__mro__ == (Order, Base, object), Base.__subclasses__() == [Order]
class Third(Order): pass
"""
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"] == (True, True, "price", True, "o", 1)
    assert desk.ns["y"] == (True, True, True)
    assert [e for e in effects() if e[:3] != "set"] == ["new('Third',)", "sub('Third',)", "init('Third',)"]


numpy = pytest.importorskip("numpy")

ARRAYS: dict[str, tuple[str, str, Any]] = {
    "slice": ("x = np.arange(6.0)\ny = x[2:]\n", "y *= 10\nz = x.tolist()", [0, 1, 20, 30, 40, 50]),
    "two views": ("x = np.arange(6)\na, b = x[:4], x[2:]\ndel x\n", "a[3] = 9\nz = b.tolist()", [2, 9, 4, 5]),
    "backwards": ("x = np.arange(4)\ny = x[::-1]\n", "y[0] = 9\nz = x.tolist()", [0, 1, 2, 9]),
    "transposed": ("x = np.arange(6).reshape(2, 3)\ny = x.T\n", "y[2, 1] = 9\nz = x.tolist()", [[0, 1, 2], [3, 4, 9]]),
    "columns first": (
        "x = np.asfortranarray(np.arange(6).reshape(2, 3))\ny = x[1]\n",
        "y[1] = 9\nz = x.tolist(), x.flags.f_contiguous",
        ([[0, 1, 2], [3, 9, 5]], True),
    ),
    "field": (
        "x = np.zeros(2, [('a', 'i4'), ('b', 'f8')])\ny = x['b']\n",
        "y[1] = 2.5\nz = x.tolist()",
        [(0, 0.0), (0, 2.5)],
    ),
    "other type": ("x = np.zeros(2, 'u4')\ny = x.view('u1')\n", "y[0] = 7\nz = x.tolist()", [7, 0]),
    "objects": ("x = np.array([{}, [], 'a'], object)\ny = x[::2]\n", "y[1] = 'b'\nz = x.tolist()", [{}, [], "b"]),
    "times": (
        "x = np.array(['2024-01-01', '2024-01-02'], 'M8[D]')\ny = x[1:]\n",
        "y[0] = x[0]\nz = bool(x[1] == x[0])",
        True,
    ),
    "read only": (
        "x = np.arange(3)\ny = x[1:]\ny.flags.writeable = False\n",
        "x[1] = 9\nz = y.tolist(), y.flags.writeable, x.flags.writeable",
        ([9, 2], False, True),
    ),
    "broadcast": ("x = np.arange(2)\ny = np.broadcast_to(x, (2, 2))\n", "x[0] = 9\nz = y.tolist()", [[9, 1], [9, 1]]),
    "large": (
        "x = np.zeros((1000, 1000))\ny = x[5, :3]\n",
        "y[:] = 1\nz = x.sum(), x.shape",
        (3.0, (1000, 1000)),
    ),
    "series": (
        "import pandas as pd\nx = np.arange(3.0)\ns = pd.Series(x, copy=False)\n",
        "x[0] = 9\nz = s.tolist()",
        [9.0, 1.0, 2.0],
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_share_memory_again(desk: Desk, name: str) -> None:
    make, read, expected = ARRAYS[name]
    source = f"import numpy as np\n{make}{ASK}{ASK}{read}\n"
    desk.run(source)
    for _ in range(2):
        desk.answer()
        desk.new_kernel()
        desk.run(source)
    assert desk.ns["z"] == expected


def test_a_small_view_does_not_bring_a_large_base_along(desk: Desk) -> None:
    source = f"import numpy as np\ny = np.zeros((1000, 1000))[5, :3]\n{ASK}z = y.tolist()\n"
    desk.run(source)
    assert desk.keys("blob/") == []
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["z"] == [0.0, 0.0, 0.0]


MAPPED: dict[str, tuple[str, str]] = {
    "whole": ("y = m\n", "y[0] = 9"),
    "slice": ("y = m[2:4]\n", "y[0] = 9"),
    "slice of a slice": ("y = m[1:][1:4]\n", "y[0] = 9"),
    "array": ("y = np.asarray(m)[2:]\n", "y[0] = 9"),
    "only the slice": ("y = m[2:]\ndel m\n", "y[0] = 9"),
    "flushed slice": ("y = m[2:]\n", "y[0] = 9\ny.flush()"),
    "in an object": ("y = {'a': [m[2:], m]}\n", "y['a'][0][0] = 9"),
    "other type": ("y = m.view('i8')\n", "y.view('f8')[2] = 9"),
    "two dimensions": ("y = m.reshape(2, 3).T\n", "y[2, 0] = 9"),
}


@pytest.mark.parametrize("name", MAPPED)
def test_what_is_written_to_an_array_in_a_file_reaches_the_file(desk: Desk, name: str) -> None:
    make, write = MAPPED[name]
    source = (
        "import numpy as np\nm = np.memmap('x.bin', 'f8', 'w+', offset=16, shape=(6,))\nm[:] = range(6)\n"
        f"{make}{ASK}k = 1\n{ASK}{write}\nkind = type(y).__name__\n"
    )
    desk.run(source)
    for _ in range(2):
        desk.answer()
        desk.new_kernel()
        desk.run(source)
    expected: list[float] = [0, 1, 2, 3, 4, 5]
    expected[0 if name == "whole" else 2] = 9
    assert numpy.fromfile("x.bin", "f8", offset=16).tolist() == expected
    kinds = {"array": "ndarray", "in an object": "dict"}
    assert desk.ns["kind"] == kinds.get(name, "memmap")


RECORDS = {
    "whole": ("y = m.view(np.recarray)", 0),
    "a slice": ("y = m[1:].view(np.recarray)", 1),
    "a slice of the view": ("y = m.view(np.recarray)[1:]", 1),
    "only the view": ("y = m.view(np.recarray)\ndel m", 0),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_an_array_in_a_file_reach_the_file(desk: Desk, name: str) -> None:
    make, at = RECORDS[name]
    source = (
        "import numpy as np\nm = np.memmap('x.bin', [('a', 'i8'), ('b', 'f8')], 'w+', shape=3)\n"
        f"{make}\n{ASK}y.a[0] = 9\ny.b[0] = 2\nkind = type(y).__name__, type(y[0]).__name__\n"
    )
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    found = numpy.fromfile("x.bin", [("a", "i8"), ("b", "f8")])
    assert found.tolist() == [(9, 2.0) if i == at else (0, 0.0) for i in range(3)]
    assert desk.ns["kind"] == ("recarray", "record")


def test_a_class_of_a_module_that_is_imported_late_is_no_copy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source = f"import numpy as np\ny = np.zeros(1, [('a', 'i8')]).view(np.recarray)\n{ASK}x = type(y) is np.recarray\n"
    monkeypatch.delitem(sys.modules, "numpy.rec", raising=False)
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert desk.ns["x"]


def test_an_array_in_a_file_is_told_and_keeps_its_mode(desk: Desk) -> None:
    numpy.arange(4).tofile("x.bin")
    source = f"import numpy as np\nm = np.memmap('x.bin', int, 'r')\nc = np.memmap('x.bin', int, 'c')\n{ASK}"
    source += "x = m.mode, c.mode, m.tolist()\nc[0] = 7\n"
    notes = desk.run(source).proposals[0].notes
    assert [note.split(" is ")[0] for note in notes] == ["m (numpy.memmap)", "c (numpy.memmap)"]
    desk.answer()
    desk.new_kernel()
    Path("x.bin").rename("y.bin")
    with pytest.raises(HitlError, match=r"x\.bin is gone or shorter"):
        desk.run(source)
    Path("y.bin").rename("x.bin")
    desk.run(source)
    assert desk.ns["x"] == ("r", "c", [0, 1, 2, 3])
    assert numpy.fromfile("x.bin", int).tolist() == [0, 1, 2, 3]


UNMAPPED = {
    "copy on write": "y = np.memmap('x.bin', int, 'c')\ny[0] = 5\n",
    "removed": "y = np.memmap('z.bin', int, 'w+', shape=2)\nimport os\nos.remove('z.bin')\n",
    "subclass": "class Mine(np.memmap): pass\ny = Mine('x.bin', int, 'r+')\n",
    "buffer": (
        "import mmap\nf = open('x.bin', 'r+b')\nm = mmap.mmap(f.fileno(), 0)\nf.close()\n"
        "y = np.frombuffer(m, int)[1:]\n"
    ),
    "shared memory": (
        "from multiprocessing.shared_memory import SharedMemory\ns = SharedMemory(create=True, size=16)\n"
        "y = np.ndarray(2, int, s.buf)\ns.unlink()\n"
    ),
}


@pytest.mark.parametrize("name", UNMAPPED)
def test_other_arrays_in_mapped_memory_are_refused(desk: Desk, name: str) -> None:
    numpy.arange(4).tofile("x.bin")
    with pytest.raises(CannotPause, match=r"y \(a .*\) cannot be saved.*copy it with numpy\.array"):
        desk.run(f"import numpy as np\n{UNMAPPED[name]}{ASK}y\n")


UNSHARED = {
    "ctypes": "import ctypes\nk = (ctypes.c_int * 3)()\na = np.ctypeslib.as_array(k)\nb = np.ctypeslib.as_array(k)\n",
    "pickled by itself": (
        "class A(np.ndarray):\n    def __reduce__(self): return super().__reduce__()\na = np.arange(3)\nb = a.view(A)\n"
    ),
}


@pytest.mark.parametrize("name", UNSHARED)
def test_shared_memory_that_would_be_lost_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(CannotPause, match=r"(a|b) \(a .*shares its memory.*copy it with numpy\.array"):
        desk.run(f"import numpy as np\n{UNSHARED[name]}{ASK}a, b\n")
    assert desk.open() == []


def test_what_needs_its_own_class_to_be_complete_is_refused(desk: Desk) -> None:
    source = (
        "class Sym:\n    pool = {}\n    def __new__(cls, n, pool=pool):\n"
        "        return pool.setdefault(n, object.__new__(cls))\n    def __reduce__(self): return Sym, ('a',)\n"
        f"s = Sym('a')\n{ASK}s\n"
    )
    with pytest.raises(CannotPause, match=r"'NoneType'.*Sym.* in a cell above"):
        desk.run(source)


def test_a_copy_of_an_array_in_a_file_is_an_array(desk: Desk) -> None:
    source = f"import numpy as np\nm = np.memmap('x.bin', int, 'w+', shape=2)\ny = m.copy()\ndel m\n{ASK}y[0] = 5\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.run(source)
    assert numpy.fromfile("x.bin", int).tolist() == [0, 0]
    assert desk.ns["y"].tolist() == [5, 0]
