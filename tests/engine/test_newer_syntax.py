"""What newer Pythons have, and what annotations are made of: agents with it end as natively, from kernel to kernel."""

from __future__ import annotations

import pytest
import world
from desk import Desk

PROGRAMS = {
    "types that have a name": """\
from typing import Generic, NewType, ParamSpec, TypeVar, TypeVarTuple
User = NewType("User", int)
P, T, Ts = ParamSpec("P"), TypeVar("T", bound=int), TypeVarTuple("Ts")
class Held(Generic[T]):
    v: T
def find(a: T, user: User) -> T:
    return a
ask(1)
effect("named", User, User(3), User.__supertype__, P, T, T.__bound__, Ts, Held[int])
effect("same", Held.__parameters__[0] is T, find.__annotations__["user"] is User, find.__annotations__["a"] is T)
""",
    "functions with type parameters": """\
def bound():
    return int
def first[T: bound(), *Ts, **P](x: T, *rest: *Ts):
    def inner[U: (int, str)](y: U):
        return ask(y), x, T.__name__, U.__constraints__
    return inner(ask(x)), rest
ask(0)
effect("gave", first(1, 2), first.__type_params__, first.__type_params__[0].__bound__)
effect("same", first.__annotations__["x"] is first.__type_params__[0])
""",
    "classes with type parameters": """\
class Box[T]:
    held: list[T] = []
    def __init__(self, v: T) -> None:
        self.v = ask(v)
    def put[U](self, u: U) -> tuple[T, U]:
        return self.v, ask(u), T.__name__, U.__name__, __class__.__name__
box, of_int = Box[int](3), Box[int]
effect("gave", box.v, box.put(4), Box.put.__qualname__, of_int, of_int.__origin__ is Box, Box.__orig_bases__)
effect("same", Box.put.__annotations__["return"].__args__[0] is Box.__type_params__[0])
""",
    "names of types": """\
type Pair[T] = tuple[T, T]
type Tree = list[Tree] | int
def work():
    type Local = dict[str, Tree]
    ask(1)
    return Local.__value__, Local.__name__
effect("gave", work(), Pair, Pair.__value__, Pair.__module__, Pair[int], Tree, Tree.__value__)
effect("same", Pair.__value__.__args__[0] is Pair.__type_params__[0], Tree.__value__.__args__[0].__args__[0] is Tree)
""",
    "type parameters with defaults": """\
class Box[T = int]:
    def get(self) -> T:
        return ask(1)
def get[U = str, *Ts = *tuple[int, str]](x: U = 3) -> U:
    return ask(x)
effect("gave", Box().get(), get(), [one.__default__ for one in (*Box.__type_params__, *get.__type_params__)])
""",
    "texts with any quotes in them": """\
def text(d):
    return f"{d["a"]} {ask(d["b"])!r:>{ask(5)}} {f"{ask(1)} {"x" 'y'}"} {
        ask(2)  # said there
    }"
effect("gave", text({"a": 1, "b": 2}))
""",
    "comprehensions that see the names around them": """\
def total(n):
    price, kept = ask(n), []
    try:
        kept = [ask(eval("price + n") + i) for i in range(2)]
        kept += [(i, ask(len("a")), sorted(locals()), "price" in vars(), dir()) for i in range(2)]
        kept += [[ask(j) + eval("price") + i for j in range(2) if eval("i") >= 0] for i in range(2)]
    except NameError as error:
        kept.append(type(error))
    return kept, price
price = 100
effect("gave", total(3), [(ask(i), eval("price + i"), "price" in locals(), "i" in dir()) for i in range(2)])
""",
    "super() in comprehensions": """\
class Base:
    def get(self, i):
        return ask(i), type(self).__name__
class Sub(Base):
    def get(self, i):
        return "sub", i
    def all(self, n):
        return [super().get(i) for i in range(n)], {i: [super().get(j) for j in range(i)] for i in range(n)}
    @classmethod
    def made(cls):
        return [super().__new__(cls).get(ask(i)) for i in range(2)]
def outcome(call, *args):
    try:
        return call(*args)
    except TypeError as error:  # as it was before Python 3.12
        return str(error)
effect("gave", outcome(Sub().all, 3), outcome(Sub.made))
""",
    "the first lines of classes": """\
@(lambda cls: cls)
class Outer:
    numbers = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28]
    def get(self):
        self.x = ask(1)
        return self.x
    class Inner:
        numbers = (sum([1, 2]), 4)
effect("lines", *[getattr(cls, "__firstlineno__", None) for cls in (Outer, Outer.Inner)])
effect("gave", Outer().get(), Outer.numbers, Outer.Inner.numbers, getattr(Outer, "__static_attributes__", None))
ask(2)
effect("lines", *[getattr(cls, "__firstlineno__", None) for cls in (Outer, Outer.Inner)])
""",
}
ASK = """\
def ask(v, *, title="edit ask"):
    return hitl.checkpoint(v, title=title).value
"""


@pytest.mark.parametrize("has", PROGRAMS)
def test_as_natively_from_kernel_to_kernel(has: str) -> None:
    source = ASK + PROGRAMS[has]
    try:
        compile(source, "agent", "exec", dont_inherit=True)
    except SyntaxError:
        pytest.skip("this Python has no such syntax")
    expected = world.native(source)
    assert expected.status == "finished"
    desk, journal, status = Desk(), list[tuple[str, str]](), "waiting"
    for _ in range(20):
        desk.new_kernel()
        world.decide(desk.ledger, "agent")
        status = desk.run(source).status
        journal += world.journal
        if status != "waiting":
            break
    assert status == "finished"
    assert journal == expected.journal
