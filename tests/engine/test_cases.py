"""Programs that once went wrong, or easily could, each by name; they run as the generated ones do.

`ask(x)` in a program stands for a checkpoint in exact code.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from forks import Forks
from same import ways

CASES: dict[str, str] = {}


def case(name: str, source: str) -> None:
    assert name not in CASES
    CASES[name] = textwrap.dedent(source).replace("ask(", "hitl.checkpoint(title='edit it', value=")


case(
    "double_star_of_a_call_with_a_call_in_it",
    """
    def kw(**k): return k
    def two(): return {"b": 2}
    x = kw(**{"a": ask(1).value, **two()}, **two() if not two() else {})
    y = {**two(), "c": ask(2).value, **{**two()}}
""",
)
case(
    "class_whose_copy_names_itself",
    """
    class Trouble(Exception):
        def __init__(self, n):
            super().__init__("text", n)
            self.n = n
    e = Trouble(3)
    ask(1)
    try:
        raise Trouble(4) from e
    except Trouble as f:
        kept = f
        ask(2)
    class Sub(Trouble):
        pass
    ask(1)
    z = Sub(3)
""",
)
case(
    "classes_that_name_each_other",
    """
    class A:
        other = None
        def make(self): return B()
    class B(A):
        def __init__(self): self.a = A
    A.other = B
    B.first = A()
    x = ask(1)
    y = [isinstance(B(), A), A.other is B, isinstance(B.first, A), A().make().a is A]
""",
)
case(
    "names_bound_by_patterns",
    """
    match ask([1, 2, 3]).value:
        case [a, *rest]: pass
    match {"k": 1, "l": 2}:
        case {"k": k, **more} as whole: pass
    ask(2)
    try:
        1 / 0
    except ZeroDivisionError as err:
        ask(3)
""",
)
case(
    "unbound_local_of_an_agent",
    """
    @hitl.agent
    def f(go):
        try:
            if go:
                y = 1
            effect("use", *[1], y)
        except UnboundLocalError as error:
            said = str(error), error.name, error.__suppress_context__
            ask(1)
            del go
            try:
                go
            except NameError as error:
                said += (type(error).__name__, str(error))
            try:
                (lambda: go)()
            except NameError as error:
                said += (type(error).__name__, str(error))
            return said
    x = f(False)
""",
)
case(
    "unbound_local_of_an_async_agent",
    """
    @hitl.agent
    async def f():
        ask(1)
        try:
            await later(y)
        except UnboundLocalError as error:
            return str(error)
        y = 1
    x = await f()
""",
)
case(
    "traceback_of_an_error_that_waited_in_a_finally",
    """
    @hitl.agent
    def f(n):
        try:
            return [1][n]
        finally:
            ask(1)
    try:
        f(0)
        f(3)
    finally:
        ask(2)
""",
)
case(
    "error_in_handler_keeps_its_context",
    """
    def fail(): raise KeyError("deep")
    try:
        try:
            fail()
        except KeyError:
            ask(1)
            raise ValueError("second")
        finally:
            ask(2)
    except ValueError as e:
        kept = e
        ask(3)
    try:
        raise kept from None
    except ValueError as again:
        same = again is kept
        again_ = again.__context__
    raise kept
""",
)
case(
    "bare_raise_in_a_function_called_in_a_handler",
    """
    import sys
    @hitl.agent
    def again(n):
        ask(n)
        if n:
            again(n - 1)
        effect("seen", type(sys.exc_info()[1]).__name__)
        raise
    try:
        1 / 0
    except ZeroDivisionError as e:
        try:
            again(2)
        except ZeroDivisionError as f:
            same = e is f
        effect("after", type(sys.exc_info()[1]).__name__)
    effect("out", sys.exc_info()[1] is None)
""",
)
case(
    "finally_overrules",
    """
    @hitl.agent
    def f(how):
        for i in range(3):
            try:
                effect("try", i)
                if how == 0: return ask("kept").value
                if how == 1: raise ValueError
                if how == 2: continue
                if how == 3: break
            finally:
                effect("finally", i)
                ask(i)
                if how == 0 and i == 0: continue
                if how == 1: return "swallowed"
                if i == 1: break
        else:
            return "else"
        return i
    x = [f(0), f(1), f(2), f(3)]
    for i in range(3):
        try:
            1 / 0
        except ZeroDivisionError:
            continue
        finally:
            ask(i)
            if i == 1: continue
    while True:
        try:
            break
        finally:
            ask(9)
""",
)
case(
    "return_value_is_made_before_the_finally",
    """
    @hitl.agent
    def f():
        x = [1]
        n = 1
        try:
            return x, n, effect("made", n)
        finally:
            x.append(ask(2).value)
            n = 5
    x = f()
""",
)
case(
    "handler_name_is_unbound_on_every_way_out",
    """
    e = 1
    for i in range(3):
        try:
            raise ValueError(i)
        except ValueError as e:
            ask(i)
            if i == 0: continue
            if i == 2: break
    try:
        e
    except NameError as gone:
        said = str(gone)
    @hitl.agent
    def f():
        try:
            raise KeyError
        except KeyError as k:
            return ask(k.args and 1 or 2).value
    f()
""",
)
case(
    "what_python_reads_before_a_call_is_read_before",
    """
    n = 1
    def rebind():
        global n
        n = effect("rebind", 10)
        return 1
    x = n + rebind()
    n = 1
    n += rebind()
    y = [n, rebind(), n]
    n = 1
    z = (n, *[n], rebind(), {n: n}, f"{n}")
    n = 1
    w = n if rebind() else 0
    n = 1
    v = n < rebind() < n
    xs = [1, 2]
    def pop(): return xs.pop()
    u = xs[0] + pop() + len(xs)
    t = [*xs, ask(1).value, *xs]
    n = 1
    s = f"{n}{rebind()}{n!r:>{n}}"
    n = 0
    d = {}
    d[effect("key", "k")] = effect("value", "v")
    d[effect("a", n)], d[effect("b", 1)] = effect("c", 1), effect("d", 2)
    a = b = d[effect("e", 3)] = ask(5).value
""",
)
case(
    "augmented_assignment",
    """
    xs = [1]; ys = xs
    xs += ask([2]).value
    class O: pass
    o = O(); o.n = 1; o.xs = xs
    o.n += ask(1).value
    o.xs += [ask(3).value]
    d = {"k": [1]}
    def key():
        return effect("key", "k")
    d[key()] += ask([4]).value
    d[key()][effect("i", 0)] -= ask(1).value
    t = (xs,)
    try:
        t[0] += ask([5]).value
    except TypeError as e:
        said = str(e)
    n = 1
    n += (n := ask(5).value)
    n **= ask(2).value
    xs[:1] = [ask(7).value, 8]
    xs[ask(0).value:ask(1).value] = []
    s = "a"
    s += f"{ask('x').value}"
    m = 1
    m @= 3
""",
)
case(
    "walrus_and_short_circuits",
    """
    if (a := ask(1).value) and (b := effect("b", 0)) or (c := ask(3).value):
        x = (a, c)
    y = ask(1).value and effect("no", 0) and effect("never")
    z = effect("z", 0) or ask("").value or effect("last", [])
    w = 1 < effect("w", 2) < ask(2).value < effect("never", 0)
    v = not (effect("v", 0) or ask(0).value)
    u = effect("t", 1) if ask(0).value - 1 else effect("f", 2)
    while (n := effect("n", len(str(x)))) < ask(n - 1).value and n < 100:
        x = str(x) + "."
    t = [q := ask(3).value, q ** 2, (q, r := q)]
    s = (lambda p=(o := ask(1).value): p + o)()
    k = [last := i for i in range(3)]
""",
)
case(
    "calls_with_everything",
    """
    def f(*args, **kw): return args, kw
    def plain(x): return x
    def at(x):
        effect("at", str(type(x)))
        return x
    x = f(at(1), *at([2, 3]), ask(4).value, *ask([5]).value, k=at(6), **at({"m": 7}), n=ask(8).value)
    try:
        f(*at(1))
    except TypeError as e: said = str(e)
    try:
        f(**at([1]))
    except TypeError as e: said2 = str(e)
    try:
        f(a=1, **at({"a": ask(2).value}))
    except TypeError as e: said3 = str(e)
    y = f(*(at(i) for i in [1, 2]), sep=ask("s").value)
    z = at(plain)(at(5))
    try:
        at(undefined)(at(2))
    except NameError as e: said4 = str(e)
    w = "a-{}".format(ask("w").value).upper().split("-")[ask(0).value:]
    print(*w, sep=ask("/").value, end=at(";"))
""",
)
case(
    "unpacking",
    """
    a, (b, *c), d = ask([1, [2, 3, 4], 5]).value[:2] + [9]
    [e, f] = ask("xy").value[:2]
    xs = [0, 0, 0]
    i = 0
    i, xs[i] = ask([1, 2]).value[:2]
    xs[effect("i", 0)], *xs[effect("j", 1):effect("k", 2)], xs[2] = ask([1, 2, 3]).value[:3]
    try:
        a, b = ask([1, 2]).value
    except ValueError as error: said = str(error)
    (g), = [ask(1).value]
    h = *xs, ask(3).value
    for xs[effect("t", 0)], (p, *q) in [(1, [ask(2).value, 3])]: pass
""",
)
case(
    "aliases_and_circles",
    """
    xs = [1]; xs.append(xs)
    d = {"xs": xs, "again": [xs, xs]}
    d["self"] = d
    class N:
        def __init__(self): self.me = self; self.peers = []
    n = N(); m = N(); n.peers += [m, n]; m.peers = n.peers
    s = {1, 2}; f = frozenset(s); same = s
    b = bytearray(b"ab"); bb = b
    t = (xs, [d]); tt = t
    it = iter([1, 2, 3, 4]); nx = next(it); also = it
    ask(1)
    xs.append(next(also)); same.add(ask(3).value); bb += b"c"
    ask(1)
    x = [tt is t, tt[0] is xs, d["again"][0] is d["again"][1], n.peers is m.peers, next(it), same is s, b]
""",
)
case(
    "loops_over_everything",
    """
    out = []
    for x in {"a": 1, "b": 2}: out.append(ask(x).value)
    d = {"a": 1, "b": 2}
    for k, v in d.items(): out.append((k, ask(v).value)); d[k] = 0
    for v in d.values(): ask(v)
    for i, (a, b) in enumerate(zip("ab", reversed([1, 2])), 5): out.append((i, a, ask(b).value))
    for c in map(lambda q: q * 2, [1, 2]): out.append(ask(c).value)
    for c in filter(None, [0, 1, 2]): out.append(ask(c).value)
    for c in range(10, 0, -4): out.append(ask(c).value)
    xs = [1, 2]
    for x in xs:
        if len(xs) < 4: xs.append(ask(x).value)
    import itertools
    for q in itertools.count(3):
        if ask(q).value > 5: break
    for a, b in itertools.product("ab", [1, 2]): out.append(ask(a).value)
    for x in b"ab": ask(x)
    for x in (): pass
    else: out.append(ask("else").value)
    for x in sorted({3, 1}):
        for y in range(x):
            if y == 1: break
            out.append(ask(y).value)
        else:
            out.append("inner else")
""",
)
case(
    "iterator_shared_with_a_loop",
    """
    it = iter([1, 2, 3, 4, 5])
    out = []
    for x in it:
        out.append((x, next(it, None), ask(x).value))
    class It:
        def __init__(self): self.n = 0
        def __iter__(self): return self
        def __next__(self):
            self.n += 1
            if self.n > 3: raise StopIteration
            return effect("next", self.n)
    mine = It()
    for x in mine: ask(x)
    left = mine.n
    class Old:
        def __getitem__(self, i):
            if i > 1: raise IndexError
            return effect("item", i)
    for x in Old(): ask(x)
""",
)
case(
    "nested_functions_and_closures_in_an_agent",
    """
    @hitl.agent
    def f(n, *rest, k=3):
        total = 0
        def add(x):
            nonlocal total
            total += x
            return total
        def both():
            return add, lambda: total
        fs = []
        for i in range(2):
            fs.append(lambda: (i, total))
            add(ask(i).value)
        adder, read = both()
        adder(ask(10).value)
        names = [add.__qualname__, fs[0].__qualname__, both.__name__]
        class Local:
            size = n
            def get(self): return total, self.size, __class__
        ask(5)
        got = Local().get()
        comp = [[a * n for a in range(i)] for i in (1, 2)]
        return [h() for h in fs], read(), names, got[:2], Local.__qualname__, adder, read, comp, rest, k
    x = f(2, 7, k=ask(1).value)
    x[5](100)
    ask(1)
    y = x[6]()
    x[5](1)
    z = x[6]()
""",
)
case(
    "agent_defined_in_an_agent",
    """
    @hitl.agent
    def outer(n):
        seen = []
        @hitl.agent
        def inner(m):
            nonlocal n
            seen.append(ask(m).value)
            n += 1
            if m: inner(m - 1)
            return n
        r = inner(2)
        return r, n, seen, inner.__qualname__
    x = outer(5)
""",
)
case(
    "globals_of_an_agent",
    """
    count = 0
    @hitl.agent
    def f():
        global count, fresh
        count += ask(1).value
        fresh = [count]
        later_defined()
        return helper(2)
    def later_defined():
        global deep
        deep = effect("deep", count)
    def helper(n): return n * factor
    factor = 3
    x = f()
    factor = 4
    y = f()
""",
)
case(
    "methods_super_and_private_names",
    """
    class Base:
        def __init__(self): self.__x = 1
        @hitl.agent
        def act(self, n):
            self.__x += ask(n).value
            return self.__x
        @property
        def x(self): return self.__x
    class Sub(Base):
        @hitl.agent
        def act(self, n, *, __k=2):
            __local = super().act(n)
            more = super(Sub, self).act(ask(__k).value)
            def inner(): return self.__class__.__name__, __class__.__name__
            ask(4)
            return __local, more, inner(), __class__ is Sub
        @classmethod
        def make(cls): return cls()
        @staticmethod
        def still(n): return n + 1
        def __eq__(self, other): return True
        __hash__ = None
    o = Sub.make()
    x = o.act(1)
    bound = o.act
    y = bound(2)
    z = Sub.act(o, 3)
    w = o.x, Sub.still(1)
""",
)
case(
    "deep_recursion_of_agents",
    """
    @hitl.agent
    def down(n):
        if n == 0:
            return ask(0).value
        r = down(n - 1)
        return r + 1
    x = down(300)
""",
)
case(
    "mutual_recursion",
    """
    @hitl.agent
    def even(n):
        try:
            return True if n == 0 else odd(n - 1)
        finally:
            effect("even", n)
    @hitl.agent
    def odd(n):
        ask(n)
        return False if n == 0 else even(n - 1)
    x = [even(3), odd(3)]
""",
)
case(
    "with_blocks",
    """
    class G:
        def __init__(self, n, swallow=False): self.n, self.swallow = n, swallow
        def __enter__(self): effect("in", self.n); return self
        def __exit__(self, t, e, tb): effect("out", self.n, t and t.__name__, str(e)); return self.swallow
    with G(1) as g, G(ask(2).value, True) as h:
        ask(g.n)
        raise ValueError("x")
    @hitl.agent
    def f():
        for i in range(3):
            with G(i, True):
                if i == 0: continue
                ask(i)
                if i == 1: 1 / 0
                return ask("r").value
    x = f()
    import contextlib
    with contextlib.suppress(KeyError):
        ask(1)
        {}["k"]
    d = {}
    with G(5) as d["g"]:
        with contextlib.nullcontext(ask(1).value) as n: ask(2)
    try:
        with 3: pass
    except TypeError as e: said = str(e)
    class Bad:
        def __enter__(self): raise KeyError("enter")
        def __exit__(self, *a): effect("never")
    try:
        with G(6), Bad(): ask(1)
    except KeyError: pass
    class Loud:
        def __enter__(self): return 1
        def __exit__(self, *a): raise IndexError("exit")
    try:
        with Loud():
            ask(3)
            raise KeyError("body")
    except IndexError as e: kept = e
""",
)
case(
    "match_with_guards_and_calls",
    """
    def of(v): return effect("of", v)
    for v in [1, "s", [1, 2], {"k": [3]}, None, 2.5]:
        match ask(v).value if not isinstance(v, (float, type(None))) else v:
            case int(n) | str(n) if of(n) == "x": r = 1
            case str() as s: r = s
            case [x, *_] if ask(x).approved: r = ("list", x)
            case {"k": [k]}: r = k
            case None: r = "none"
            case _: r = "other"
        effect("r", r)
""",
)
case(
    "definitions_with_calls_in_them",
    """
    def dec(tag):
        effect("dec", tag)
        def wrap(f):
            effect("wrap", tag)
            return f
        return wrap
    x = ask(3).value
    @dec("a")
    @dec("b")
    def f(x=effect("default", 1), *, k: effect("annotation", int) = 2) -> effect("returns", None):
        return x + k
    @dec("c")
    class C(effect("base", dict), metaclass=effect("meta", type)):
        n = x
        m = [effect("body", i) for i in range(n)]
        if n > 3:
            def g(self): return self.n
        else:
            g = None
    ask(1)
    x = f(), C.n, C().g and C().g()
""",
)
case(
    "imports_and_stars",
    """
    import os.path, json as j
    from math import *
    from collections import OrderedDict as O, deque
    ask(1)
    x = floor(2.5), j.dumps([1]), os.path.basename("a/b"), O(a=1), deque([1], 2)
    ask(1)
    from math import pi as p
    del O
""",
)
case(
    "deleting",
    """
    a = b = [1, 2, 3]
    del a[ask(0).value - 1], b[-1]
    ask(1)
    del a
    class O: pass
    o = O(); o.x = 1; d = {"k": 1}
    del o.x, d[ask("k").value[:1]]
    ask(2)
    del (b), [o]
    @hitl.agent
    def f(n):
        m = n
        del n
        ask(1)
        n = m
        del m
        return n
    x = f(3)
""",
)
case(
    "future_annotations",
    """
    from __future__ import annotations
    x: list[Undefined] = ask([1]).value
    @hitl.agent
    def f(n: Missing) -> Gone:
        y: Nowhere = ask(n).value
        z: Never
        def g(q: Strange): return q
        return y, g.__annotations__
    w = f(2), f.__annotations__
""",
)
case(
    "annotations_are_evaluated",
    """
    x: effect("ann", int) = ask(1).value
    y: effect("bare", str)
    d = {}
    d[effect("key", 1)]: effect("never in native?", int) = ask(2).value
    class C:
        z: effect("in class", int) = 3
    a = dict(C.__annotations__)
    ask(1)
""",
)
case(
    "async_everything",
    """
    class Guard:
        async def __aenter__(self): await later("in"); return 5
        async def __aexit__(self, t, e, tb): await later(("out", t and t.__name__)); return t is ValueError
    class Count:
        def __init__(self, n): self.n = n
        def __aiter__(self): return self
        async def __anext__(self):
            if not self.n: raise StopAsyncIteration
            self.n -= 1
            return await later(self.n)
    @hitl.agent
    async def f(n):
        out = []
        async for i in Count(n):
            async with Guard() as g:
                out.append(ask(await later(i)).value + g)
                if i == 1: continue
                if i == 0: raise ValueError
        else:
            out.append("else")
        return out, [await later(q) async for q in Count(2)], await f(n - 1) if n > 2 else None
    x = await f(3)
    y = [await later(ask(1).value), await later(2)]
    z = [w async for w in Count(2)]
    await later(ask(3).value) if x else None
    def plain(): return later(5)
    v = await plain()
    u = (await later([1, 2]))[await later(0)]
    async with Guard() as d, Guard():
        ask(1)
        raise ValueError("swallowed")
    def use(c): return c
    t = await use(later(ask(9).value))
    async def native(n):
        await later(n)
        return n
    s = await native(ask(4).value)
""",
)
case(
    "async_errors",
    """
    @hitl.agent
    async def f(n):
        try:
            await later(ask(n).value)
            raise KeyError(n)
        finally:
            await later("finally")
            ask(n)
    try:
        await f(1)
    except KeyError as e:
        kept = e
    await f(2)
""",
)
case(
    "display_and_expression_statements",
    """
    xs = [3, 1]
    xs.sort()
    ask(1)
    xs, effect("shown", 2)
    "text"
    ...
    [effect("in list", i) for i in xs]
    (effect("g", i) for i in effect("iter", xs))
    xs[ask(0).value - 1]
""",
)
case(
    "lambdas_and_comprehensions_see_later_values",
    """
    n = 1
    f = lambda x: x + n
    g = [lambda: i for i in range(2)]
    ask(1)
    n = 10
    x = f(1), [h() for h in g], {k: ask for k in "a"} if False else 0
    y = {k: v for k, v in zip("ab", ask([1, 2]).value)}
    z = sum(v for v in ask([1, 2]).value if v)
    def deco(fn): return lambda *a: fn(*a) + n
    h = deco(f)
    ask(1)
    n = 20
    w = h(1)
    from functools import partial, reduce
    p = partial(f, 5)
    ask(1)
    v = p(), reduce(lambda a, b: a + b, ask([1]).value)
""",
)
case(
    "opaque_checkpoints",
    """
    def both(a):
        first = hitl.checkpoint(a, title="edit one").value
        second = hitl.checkpoint([first], title="edit two").value
        return first, second
    x = both(1)
    y = [hitl.checkpoint(i, title="approve c").value for i in range(3)]
    z = [both(i) for i in (1, 2)]
    w = sorted([3, 1], key=lambda v: hitl.checkpoint(v, title="approve k").value)
    class P:
        @property
        def value(self): return hitl.checkpoint(1, title="edit p").value
        def __add__(self, other): return hitl.checkpoint(other, title="edit add").value
        def __bool__(self): return hitl.checkpoint(True, title="approve b").approved
        def __iter__(self): return iter([hitl.checkpoint(1, title="edit i").value])
        def __enter__(self): return hitl.checkpoint(1, title="edit e").value
        def __exit__(self, *a): hitl.checkpoint(2, title="edit x")
    p = P()
    v = p.value + p.value, p + 1
    if p: u = 1
    for q in p: effect("q", q)
    while p and len(y) < 5: y.append(1)
    with p as e: effect("e", e)
    t = f"{p.value}"
    xs = [*p]
    s = not p
    assert p
    r = p.value if p else 0
""",
)
case(
    "exceptions_of_all_sorts",
    """
    class E(Exception):
        def __init__(self, a, *, b): super().__init__(a, b); self.b = b
        def __str__(self): return f"E {self.b}"
    class Slots(Exception):
        __slots__ = ("x",)
    caught = []
    for make in [
        lambda: E(1, b=2), lambda: OSError(2, "no", "file"), lambda: UnicodeDecodeError("utf-8", b"a", 0, 1, "bad"),
        lambda: KeyError("k"), lambda: ExceptionGroup("g", [ValueError(1), E(2, b=3)]), lambda: StopIteration(5),
        lambda: SystemExit(3),
    ]:
        try:
            raise make()
        except BaseException as e:
            ask(1)
            caught.append((type(e).__name__, str(e), e.args))
            e.add_note("noted")
            kept = e
    said = kept.__notes__, kept.code
    import json
    try:
        json.loads("{")
    except json.JSONDecodeError as e:
        ask(2)
        where = e.pos, e.msg, e.doc
    try:
        assert ask(0).value > 5, effect("msg", "small")
    except AssertionError as e:
        said = str(e)
    try:
        raise ask(1).value
    except TypeError as e:
        said2 = str(e)
    try:
        try: 1 / 0
        except (ask("x").value, ValueError): pass
    except TypeError as e:
        said3 = str(e), type(e.__context__).__name__
""",
)
case(
    "except_star_and_groups",
    """
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2), TypeError(3)])
    except* ValueError as e:
        v = [str(x) for x in e.exceptions]
    except* (KeyError, TypeError) as e:
        k = len(e.exceptions)
    ask(1)
""",
)
case(
    "try_else_and_nested",
    """
    out = []
    for i in range(3):
        try:
            out.append(ask(i).value)
            if i == 1: raise ValueError
        except ValueError:
            out.append("except")
        else:
            try:
                if i == 2: raise KeyError
            except KeyError:
                out.append(ask("inner").value)
                try: raise
                except KeyError: out.append("again")
            out.append("else")
        finally:
            out.append("finally")
""",
)
case(
    "while_with_calls_in_its_test",
    """
    n = 0
    while effect("test", n) < ask(2).value:
        n += 1
        if n == 2: continue
        effect("body", n)
    else:
        m = ask(n).value
    while True:
        n -= 1
        if not effect("n", n): break
""",
)
case(
    "frozen_and_slotted_objects",
    """
    from dataclasses import dataclass, field
    from enum import Enum
    from typing import NamedTuple
    from collections import defaultdict, Counter, namedtuple
    @dataclass
    class D:
        a: int
        b: list = field(default_factory=list)
    @dataclass(frozen=True, slots=True)
    class F:
        a: int
    class Color(Enum):
        RED = 1
        BLUE = 2
    class NT(NamedTuple):
        x: int
        y: int = 2
    Old = namedtuple("Old", "p q")
    class S:
        __slots__ = ("v", "__w")
        def __init__(self): self.v = 1; self.__w = 2
        def w(self): return self.__w
    d, f, c, nt, old, s = D(1), F(2), Color.RED, NT(1), Old(1, 2), S()
    dd = defaultdict(list); dd["a"].append(1)
    cc = Counter("aab")
    e = D(d, [d, f])
    ask(1)
    x = c is Color.RED, Color(2), nt._replace(x=5), old.p, s.v, s.w(), dd["b"], cc.most_common(1)
    y = e.a is d, f == F(2), isinstance(nt, NT)
    x = str(x)
    s = dd = cc = nt = old = None
""",
)
case(
    "generators_kept_within_one_statement",
    """
    def gen(n):
        for i in range(n): yield effect("yield", i)
    x = list(gen(3))
    y = ask(sum(gen(2))).value
    z = [v for v in gen(2)]
    g = gen(2)
    w = next(g)
    list(g)
    del g
    ask(1)
    for v in list(gen(2)): ask(v)
""",
)
case(
    "global_in_class_and_nested_defs",
    """
    n = 1
    class C:
        global n
        n = ask(5).value
        def m(self):
            global made
            made = n
    C().m()
    def f():
        def g():
            global n
            n += 1
        g()
    f()
    ask(1)
    f()
""",
)
case(
    "same_names_in_different_scopes",
    """
    x = 1
    @hitl.agent
    def f(x):
        y = [x for x in range(x)]
        ask(x)
        g = lambda x: x + 1
        return x, y, g(5)
    @hitl.agent
    def h():
        x = f(2)
        ask(3)
        return x
    z = h()
    y = f(x)
""",
)
case(
    "default_arguments_are_made_once",
    """
    @hitl.agent
    def f(n, acc=[]):
        acc = [*acc, ask(n).value]
        return acc
    a = f(1), f(2), f(3, [4])
""",
)
case(
    "wrong_arguments",
    """
    @hitl.agent
    def f(a, /, b, *, c=1): return ask(a).value
    said = []
    tried = [((), {}), ((1,), {}), ((1, 2, 3), {}), ((1, 2), {"d": 1}), ((1,), {"a": 1, "b": 2}), ((1, 2), {"c": 3})]
    for args, kw in tried:
        try:
            said.append(f(*args, **kw))
        except TypeError as e:
            said.append(str(e))
""",
)
case(
    "locals_and_eval",
    """
    @hitl.agent
    def f(n):
        m = ask(n).value
        here = dict(sorted((k, v) for k, v in locals().items()))
        return here, eval("m + n"), "m" in vars()
    x = f(1)
    y = eval("x[1]") + ask(1).value
    exec("z = 5")
    ask(1)
    w = z, "z" in globals()
""",
)
case(
    "semicolons_and_one_liners",
    """
    a = ask(1).value; b = ask(2).value; print(a, b); c = a + b
    if c > ask(0).value: d = 1; e = ask(2).value
    for i in range(2): a += i; ask(i)
    class C: n = ask(1).value; m = n
""",
)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, forks: Forks, tmp_path: Path) -> None:
    assert ways(forks, CASES[name], tmp_path, name)
