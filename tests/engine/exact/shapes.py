"""Programs of the shapes that ask from within: plain functions, generators, comprehensions, constructors, managers ...

`Shapes` adds them to what `programs.Maker` writes. A generator's `finally` journals as "closed": when that is, is
compared apart (`same.closings`). Code that a library calls asks once a call: such a call is made again.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable

import programs
from hypothesis import strategies as st
from programs import Maker, T

HEADER = (
    programs.HEADER
    + """\
import contextlib, functools
def ask(v, *, title="edit ask"):
    return hitl.checkpoint(v, title=title).value
def two(n):
    try:
        for k in range(2):
            got = yield ask(n + k)
            effect("got", got)
        return k + n
    finally:
        effect("closed", "two")
def quiet(n):
    yield effect("quiet", n)
    yield n + 1
def chained(n):
    total = yield from two(n)
    effect("two gave", total)
    yield from quiet(total)
    yield (yield ask(total))
def patient(n):
    while True:
        try:
            n = (yield n) or n + 1
        except ValueError as error:
            effect("patient", *error.args)
            n = ask(len(error.args))
        if n > 9:
            return ask(n)
class Walk:
    def __init__(self, n):
        self.left = ask(n) % 3
    def __iter__(self):
        return self
    def __next__(self):
        if self.left <= 0:
            raise StopIteration
        self.left -= 1
        return ask(self.left)
class Tree:
    def __init__(self, *below):
        self.below = below
    def __iter__(self):
        yield ask(len(self.below))
        for part in self.below:
            yield from part
class Root:
    kind = "root"
    def __init__(self, n, **more):
        self.n = ask(n)
        self.more = more
    def act(self, v):
        return self.n + v
    @classmethod
    def make(cls, n, *rest, k=2):
        return cls(ask(n) + len(rest), k=k)
    @staticmethod
    def plain(n):
        return ask(n) * 2
    @property
    def now(self):
        return ask(self.n)
    def __call__(self, *args, **kwargs):
        return ask(len(args)) + len(kwargs)
    def __add__(self, other):
        return ask(self.n) + getattr(other, "n", 0)
    def __getitem__(self, key):
        return ask(len(str(key)))
class Left(Root):
    def __init__(self, n, **more):
        super().__init__(n + 1, left=1, **more)
        self.__own = ask(n)
    def act(self, v):
        return super().act(v + self.__own) + ask(v)
class Right(Root):
    def act(self, v):
        return super().act(ask(v)) * 2
class Both(Left, Right):
    def act(self, v):
        return ask(1) + super(Both, self).act(v)
class Asking:
    def __init__(self, name, swallow):
        self.name, self.swallow = name, swallow
    def __enter__(self):
        return [ask(len(self.name)), 5, 6]
    def __exit__(self, kind, error, trace):
        effect("leave", self.name, kind and kind.__name__, ask(1), str(error))
        return self.swallow
    async def __aenter__(self):
        return [await later(ask(2)), 7, 8]
    async def __aexit__(self, kind, error, trace):
        effect("leave later", self.name, kind and kind.__name__)
        return self.swallow and await later(ask(1)) > 1
@contextlib.contextmanager
def around(n):
    effect("around", n)
    try:
        yield [n, n + 1]
    except ValueError as error:
        effect("around caught", str(error))
    finally:
        effect("around done", n)
class Slowly:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        return self
    async def __anext__(self):
        if self.n <= 0:
            raise StopAsyncIteration
        self.n -= 1
        return await later(ask(self.n))
async def awaited(n, *, deep=1):
    return await awaited(ask(n), deep=deep - 1) if deep > 0 else await later(n) + ask(n)
def wrapped(function):
    @functools.wraps(function)
    def around_it(*args, **kwargs):
        before = ask(len(args))
        try:
            return function(*args, **kwargs) + before
        finally:
            effect("after", ask(before))
    return around_it
def times(n):
    def decorate(function):
        return lambda *args, **kwargs: [function(*args, **kwargs) for _ in range(ask(n) % 3)] and n
    return decorate
@wrapped
def kept(v, w=2):
    return ask(v) + w
@times(1)
@wrapped
def often(v):
    return ask(v)
def counter(start):
    count = start
    def step(by=1):
        nonlocal count
        count += ask(by)
        return count
    def reset():
        nonlocal count
        count = ask(start)
        return step(2)
    return step, reset
def down(n):
    if n <= 0:
        return ask(7)
    parts = [down(n - 1)]
    for k in (1, 2):
        parts.append(ask(k) if k > 1 else k)
    return sum(parts)
def even(n):
    return True if n == 0 else odd(n - 1)
def odd(n):
    return ask(0) > 1 if n == 0 else even(n - 1)
def spread(v, /, *args, k, **rest):
    return v + len(args) * 2 + k + len(rest) * 3
tools = {"ask": ask, "part": functools.partial(ask, title="approve part"), "twice": lambda v: ask(v) + ask(v)}
g0, g1 = patient(1), chained(2)
step0, reset0 = counter(3)
"""
)

TOOLS = ["'ask'", "'part'", "'twice'"]
ENDING = """\
for g in (g0, g1):
    try:
        effect("rest", [next(g, None), next(g, None), next(g, None)])
    except Exception as error:
        effect("rest failed", type(error).__name__)
"""


class Shapes(Maker):
    """Writes one program."""

    def __init__(self, pick: Callable[[int], int], *, waits: bool) -> None:
        super().__init__(pick, waits=waits)
        self.generators: list[str] = ["two", "quiet", "chained"]
        self.yields = False
        self.walks = True  # whether a walrus may be written here

    # -- expressions

    def ask(self, value: str) -> str:
        """A question, by one of the ways to it."""
        return self.one([f"ask({value})", f"ask({value})", f'hitl.checkpoint({value}, title="edit here").value'])

    def whole(self, depth: int = 2) -> str:
        if depth <= 0 or self.chance(3):
            return super().whole(depth)
        n, d, a = self.whole, depth - 1, self.ask
        kinds: list[Callable[[], str]] = [
            *(self.comprehension, self.instance, self.driven, self.called_back, self.joined_text),
            lambda: f"(lambda v, *r, w={a(n(d))}: {a('v')} + w + len(r))({n(d)}, {n(0)})",
            lambda: f"(lambda f: f(f, 2))(lambda f, k: {a('k')} if k <= 0 else f(f, k - 1))",
            lambda: f"(lambda v: v and [{a('v')} + u for u in (v, 1)][-1])({n(d)})",
            lambda: f"(lambda *v: {a(n(0))} if v else {a(n(0))})({self.one(['', n(d)])})",
            lambda: f"tools[{self.one(TOOLS)}]({n(d)})",
            lambda: f"functools.partial(ask, {n(d)})()",
            lambda: f"down({self.one(['0', '1', '2'])})",
            lambda: f"even({self.one(['1', '3', '4'])})",
            lambda: f"{self.one(['step0', 'reset0', 'counter(2)[0]', 'counter(1)[1]'])}()",
            lambda: f"(step0({a(n(0))}) + reset0())",
            lambda: f"{self.one(['kept', 'often'])}({n(d)})",
            lambda: f"kept({n(d)}, w={a(n(0))})",
            lambda: f"spread({a(n(0))}, *{self.items(d)}[:2], {n(0)}, k={a(n(0))}, **{{'x': {n(d)}, 'y': 1}})",
            lambda: f"spread(*[{a(n(0))}, {n(0)}], **{{'k': {a(n(d))}}}, z={n(0)})",
            lambda: f"({a(n(0))} < {a(n(d))} <= {n(0)} != {a(n(0))})",
            lambda: f"({a(n(0))} if {a(n(d))} else {a(n(0))})",
            lambda: f"({a(n(0))} and {n(d)} or {a(n(0))})",
            lambda: f"(not {a(n(0))}) + -{a(n(0))} + ~{n(0)}",
            lambda: f"[{a(n(0))}, {n(d)}, *{self.items(0)}][{a(n(0))} % 2]",
            lambda: f"({{{a(n(0))}: {a(n(d))}, **{{2: {a(n(0))}}}}}).get({n(0)}, {n(0)})",
            lambda: f"len({{{a(n(0))}, {n(d)}, *{self.items(0)}}})",
            lambda: f"len(({a(n(0))}, *{self.items(d)}, {n(0)})[{n(0)}:{a(n(0))}])",
        ]
        if self.walks and not self.function:
            kinds.append(lambda: f"((b := {a(n(d))}) + b)")
        if self.yields:
            kinds += [lambda: f"((yield {n(d)}) or {n(0)})", lambda: f"((yield {a(n(0))}) or {n(0)})"] * 3
        if self.waits:
            kinds += [
                lambda: f"await awaited({n(d)}, deep={self.pick(3)})",
                lambda: f"sum([await later({a('v')}) for v in {self.items(0)}[:2] if v != {n(0)}])",
                lambda: f"(await awaited({n(0)}) + {a(n(0))} * await later({n(d)}))",
            ]
        return self.one(kinds)()

    def comprehension(self) -> str:
        """A comprehension that asks."""
        n, few = self.whole, f"{self.items(0)}[:2]"
        self.yields, outside = False, self.yields
        try:
            return self.one(
                [
                    lambda: f"sum([{self.ask('v')} + {n(0)} for v in {few} if v != {n(0)}])",
                    lambda: f"sum([{self.ask('v')} * w for v in {few} for w in [{n(0)}, v] if ask(w) > 1])",
                    lambda: f"sum([sum([w + {self.ask('v')} for w in [v, 1]]) for v in {few}])",
                    lambda: f"sum([len([w for w in (v, ask(v)) if w]) for v in {few}])",
                    lambda: f"len({{{self.ask('v')}: w for v, w in enumerate({few}) if ask(v)}})",
                    lambda: f"sum({{v: {self.ask('v')} for v in {few}}}.values())",
                    lambda: f"len({{{self.ask('v')} + {n(1)} for v in {few}}})",
                    lambda: f"sum([(lambda: {self.ask('v')})() for v in {few}])",
                    lambda: f"sum([v for v in two({n(0)})])",
                    lambda: f"sum([f(v) for f in tools.values() for v in {few}[:1]])",
                    lambda: f"sum([(c := {self.ask('v')}) + c for v in {few}])" if self.walks else n(0),
                    lambda: f"sum([v for v in {few} if (b := {self.ask('v')}) > {n(0)}])" if self.walks else n(0),
                ]
            )()
        finally:
            self.yields = outside

    def instance(self) -> str:
        """An instance, and what it does."""
        n = self.whole
        kind = self.one(["Root", "Left", "Right", "Both"])
        return self.one(
            [
                lambda: f"{kind}({n(1)}).act({n(0)})",
                lambda: f"{kind}.make({n(0)}, *{self.items(0)}[:2], k={n(0)}).n",
                lambda: f"{kind}.plain({n(1)})",
                lambda: f"{kind}({n(0)})({n(1)}, *{self.items(0)}[:1], k={n(0)})",
                lambda: f"Root({n(0)}, x={self.ask(n(0))}).more['x']",
            ]
        )()

    def called_back(self) -> str:
        """A question out of code that is no code of the program's: that call is made again, so it asks only once."""
        n = self.whole
        return self.one(
            [
                lambda: "first",
                lambda: f"max([{n(0)}], key=ask)",
                lambda: f"[*map(ask, [{n(0)}])][0]",
                lambda: f"sum({self.ask('v')} for v in [{n(0)}])",
                lambda: f"next(({self.ask('v')} for v in [{n(0)}]), {n(0)})",
                lambda: "root.now",
                lambda: f"(root + {n(0)})",
                lambda: f"root[{n(0)}]",
            ]
        )()

    def driven(self) -> str:
        """A generator asked by name."""
        g, n = self.one(["g0", "g1"]), self.whole
        return self.one(
            [
                lambda: f"(next({g}, 0) or 0)",
                lambda: f"(next({g}, None) or {self.ask(n(0))})",
                lambda: f"({g}.send({n(1)}) or 1)",
                lambda: f"(g0.throw(ValueError({n(0)})) or 2)",
                lambda: f"({self.ask(n(0))} + (next({g}, 1) or 1) * {self.ask(n(0))})",
                lambda: f"max([v or 0 for v in [next({g}, 2), {self.ask(n(0))}]])",
            ]
        )()

    def joined_text(self) -> str:
        """A text's length, of parts that ask."""
        n, a = self.whole, self.ask
        text = self.one(
            [
                lambda: f"f'{{ask({n(0)})!r:>{{ask(2) % 7}}}} {{{n(0)}:{{ask(3) % 5}}d}}{{ask(1):x}}'",
                lambda: f"'%s-%s' % ({a(n(0))}, {n(1)})",
                lambda: f"', '.join([str({a(n(0))}), s, str({n(0)})])",
                lambda: f"'{{}} {{k}}'.format({a(n(0))}, k={a(n(1))})",
            ]
        )()
        return f"len({text})"

    def cond(self, depth: int = 2) -> str:
        if depth > 0 and self.chance(4):
            w = self.whole
            return self.one(
                [
                    lambda: f"{self.ask(w(0))} > {w(depth - 1)} > {self.ask(w(0))}",
                    lambda: f"({self.ask(w(0))} and not {self.ask(w(0))})",
                    lambda: f"{self.ask(w(0))} in [{w(0)}, {self.ask(w(0))}]",
                    lambda: f"any([{self.ask('v')} > 2 for v in {self.items(0)}[:2]])",
                    lambda: f"even({self.one(['1', '2'])})",
                ]
            )()
        return super().cond(depth)

    # -- statements

    def statement(self, depth: int) -> list[str]:
        if depth > 0 and not self.chance(3):
            kinds = [self.for_, self.with_, self.match_, self.driven_generator, self.closing_over, self.try_]
            if not self.function:
                kinds += [self.generator_, self.decorated_function, self.classy]
            return self.one(kinds)(depth - 1)
        if self.yields and self.chance(3):
            return [self.one([f"yield {self.whole(1)}", f"a = yield from quiet({self.whole(0)})", "yield"])]
        return self.one([super().statement, lambda _: [self.target_statement()]])(depth)

    def target_statement(self) -> str:
        """A statement whose target asks."""
        w, a = self.whole, self.ask
        return self.one(
            [
                lambda: f"o.n {self.one(['+=', '-=', '*='])} {a(w(0))}",
                lambda: f"xs[{a('0')} % 2] += {a(w(1))}",
                lambda: f"xs[{a('0')}:{a(w(0))}] = [{a(w(0))}, {w(0)}]",
                lambda: f"Root({w(0)}).n -= {a(w(0))}",
                lambda: f"d[str({a('1')})] = {w(1)}",
                lambda: f"d[str({a('1')})], (xs[{a('0')} % 2], *ys) = {a(w(0))}, [{w(0)}, {a(w(0))}]",
                lambda: f"zs[0] = o.n = {a(w(1))}",
                lambda: f"s += str({a(w(0))})",
                lambda: f"a += {a(w(1))}",
                lambda: f"c -= (a := {a(w(0))})" if self.walks and not self.function else f"c -= {a(w(0))}",
                lambda: f"del xs[{a('0')} % 2], d[{self.key()}]",
                lambda: f"del o.n, xs[{a('1')}:]",
                lambda: f"assert {a(w(0))} > {a(w(0))}, f'no {{ask({w(0)})}}'",
                lambda: f"raise Trouble(str({a(w(0))}), n={a(w(0))}) from KeyError({a(w(0))})",
                lambda: f"root = {self.one(['Root', 'Left', 'Both'])}({a(w(0))})",
                lambda: f"b, (c, *ys) = {a(w(0))}, [{w(0)}]",
                lambda: f"effect('two', [{a('v')} for v in (1, 2)], {w(1)})",
                lambda: f"annotated: ask(3) = {a(w(0))}" if not self.function else "annotated: int = 3",
            ]
        )()

    def for_(self, depth: int) -> list[str]:
        if self.chance(3):
            return super().for_(depth)
        i, n = self.name("i"), self.whole
        g = self.one(self.generators)
        head = self.one(
            [
                lambda: f"for {i} in {g}({n(1)}):",
                lambda: f"for {i} in {g}({n(0)}):",
                lambda: f"for {i}, a in enumerate({g}({n(0)}), {self.ask(n(0))}):",
                lambda: f"for {i}, b in zip(two({n(0)}), {self.items(0)}):",
                lambda: f"for {i} in ({self.ask('v')} for v in {self.items(0)}[:2] if v != {n(0)}):",
                lambda: (
                    f"for {i} in (w + {self.ask('v')} for v in {self.items(0)}[:2] for w in (v, {n(0)}) if ask(w) > 1):"
                ),
                lambda: f"for {i} in Walk({n(0)}):",
                lambda: f"for {i} in iter(Walk(2)):",
                lambda: f"for {i} in Tree((1, {n(0)}), Tree()):",
                lambda: f"for {i} in map(lambda v: v + 1, quiet({n(0)})):",
                lambda: f"for {i} in [{self.ask(n(0))}, {n(0)}]:",
                lambda: f"for {i} in range({self.ask('1')} % 3):",
                lambda: f"async for {i} in Slowly(2):" if self.waits else f"for {i} in g1:",
            ]
        )()
        lines = [head, *_in(self.loop(depth))]
        return lines + (["else:", *_in(self.block(depth))] if self.chance(3) else [])

    def with_(self, depth: int) -> list[str]:
        if self.chance(4):
            return super().with_(depth)
        g, swallow = self.name("g"), self.one(["True", "False"])
        wait = "async " if self.waits and self.chance(2) else ""
        head = self.one(
            [
                lambda: f'{wait}with Asking("{g}", {swallow}) as {g}:',
                lambda: f'{wait}with Asking("{g}", {swallow}) as (a, *xs), Asking("in", {swallow}) as d[{self.key()}]:',
                lambda: f"with around({self.whole(1)}) as ({g}, b):",
                lambda: f'with around({self.whole(0)}), Guard("{g}", {swallow}) as {g}:',
                lambda: f"with contextlib.suppress(ValueError, KeyError), around({self.ask('3')}):",
                lambda: f"with contextlib.nullcontext({self.ask('3')}) as {g}:",
            ]
        )()
        return [head, *_in(self.block(depth))]

    def match_(self, depth: int) -> list[str]:
        if self.chance(3):
            return super().match_(depth)
        w = self.whole
        subject = self.one(
            [f"[{self.ask(w(0))}, {w(0)}, *{self.items(0)}]", f"{{'n': {self.ask(w(0))}}}", "root", w(1)]
        )
        lines = [f"match {subject}:"]
        for _ in range(2):
            case = self.one(
                [
                    f"[m0, *m1] if {self.ask('m0')} > {w(0)}",
                    f"{{'n': m0}} if {self.cond(1)}",
                    f"Root(n=m0) | Box(n=m0) if {self.ask('m0')}",
                    f"int(m0) if m0 < {self.ask(w(0))}",
                    "[_, 2 | 3, *_]",
                ]
            )
            lines += [f"    case {case}:", *_in(_in(self.block(depth)))]
        return [*lines, "    case m2:", "        effect('m2', ask(4))"]

    def driven_generator(self, depth: int) -> list[str]:
        """A generator that is held by a name, and asked from here and there."""
        g, n, name = self.one(self.generators), self.whole, self.name("held")
        lines = [
            f"{name} = {g}({n(1)})",
            "try:",
            f'    effect("first", next({name}))',
            *_in(self.block(depth)),
        ]
        lines += _in(
            [
                self.one(
                    [
                        f'effect("sent", {name}.send({n(1)}))',
                        f'effect("thrown", {name}.throw(ValueError(str({n(0)}))))',
                        f"{name}.close()",
                        f'effect("next", next({name}, None), {self.ask(n(0))})',
                        f"xs = [*{name}]" if g == "quiet" else f"xs = [effect('v', v) for v in {name}]",
                    ]
                )
            ]
        )
        lines += [
            "except StopIteration as stop:",
            f'    effect("stopped", stop.value, {self.ask(n(0))})',
        ]
        if self.chance(2):
            lines += ["finally:", f"    {name} = None", *_in(self.block(0))]
        return lines

    def closing_over(self, depth: int) -> list[str]:
        """Functions that share variables with the one around them."""
        name, w = self.name("outer"), self.whole
        inner = self.inner
        lines = [
            f"def {name}(v, w={self.ask(w(0))}, *rest, k=1):",
            f"    total, held = v, [{w(0)}]",
            f"    def add(by={self.ask('1')}):",
            "        nonlocal total",
            *_in(_in(inner(["by"], depth))),
            f"        total += {self.ask('by')}",
            "        return total",
            "    def look():",
            f"        return [total + v + {self.ask('k')} for k in held]",
            *_in(inner(["v", "w", "k"], depth)),
            f"    held.append(add({w(0)}) + add() * {self.ask('total')})",
            "    return sum(look()) + total",
            f"a = {name}({w(0)})",
        ]
        if self.chance(2):
            lines.append(f"b = {name}(1, {w(0)}, 3, k={self.ask(w(0))})")
        return lines

    def generator_(self, depth: int) -> list[str]:
        """A generator function with any statements."""
        name = self.name("G")
        lines = [f"def {name}(v, *rest, k={self.ask('1')}):"]
        lines += _in([*self.declarations(), *self.inner(["v", "k"], depth, yields=True), f"yield {self.ask('v')}"])
        self.generators.append(name)
        return [*lines, *self.for_(depth)]

    def decorated_function(self, depth: int) -> list[str]:
        name = self.name("D")
        decorator = self.one(["@wrapped", "@times(2)", "@wrapped", "@functools.wraps(ask)"])
        lines = [decorator, f"def {name}(v=1, *, k={self.ask('2')}):"]
        lines += _in([*self.declarations(), *self.inner(["v", "k"], depth), f"return {self.whole(1)}"])
        return [*lines, f"a = {name}({self.whole(1)})"]

    def classy(self, depth: int) -> list[str]:
        """A class with methods of any statements."""
        name, base = self.name("K"), self.one(["Root", "Left", "Box", "Both"])
        lines = [
            f"class {name}({base}):",
            f"    made = {self.whole(0)}",
            "    def act(self, v, w=made):",
            *_in(_in([*self.declarations(), *self.inner(["v", "w"], depth)])),
            "        return v + (super().act(w) if hasattr(super(), 'act') else ask(w))",
            "    def __len__(self):",
            "        return 2",
        ]
        return [*lines, f"root = {name}({self.whole(1)})", f"b = root.act({self.whole(1)}) + len(root)"]

    def inner(self, own: list[str], depth: int, *, yields: bool = False) -> list[str]:
        """Statements of a function's body."""
        before = self.loops, self.own, self.in_handler, self.waits, self.yields
        self.loops, self.own, self.in_handler, self.waits, self.yields = 0, own, False, False, yields
        self.function += 2
        lines = self.block(min(depth, 2))
        self.function -= 2
        self.loops, self.own, self.in_handler, self.waits, self.yields = before
        return lines

    def leave_statement(self) -> list[str]:
        if not self.yields:
            return super().leave_statement()
        return [self.one(["return", f"return {self.whole(1)}"])] if self.chance(3) else ["pass"]

    def body(self, argument: str, depth: int, *, sub: bool = False) -> list[str]:
        outside, self.yields = self.yields, False
        try:
            return super().body(argument, depth, sub=sub)
        finally:
            self.yields = outside


def write(pick: Callable[[int], int]) -> str:
    """One program, each choice made by `pick`."""
    maker = Shapes(pick, waits=bool(pick(2)))
    lines = ["root = Root(2)", f"first = {maker.whole(1)}"]
    for _ in range(1 + pick(3)):
        maker.budget = 6
        lines += maker.statement(3)
    return with_header("\n".join(lines) + "\n" + ENDING)


def with_header(body: str) -> str:
    """`body`, behind those definitions of the header that it uses."""
    wanted = _names_in(ast.parse(body))
    used: list[str] = []
    for names, needs, text in reversed(_parts()):
        if names & wanted:
            wanted |= needs
            used.append(text)
    return "\n".join([*reversed(used), body])


@functools.cache
def _parts() -> list[tuple[set[str], set[str], str]]:
    """Each statement of the header: names that it binds or changes, names that it reads, text."""
    lines = HEADER.splitlines()
    parts: list[tuple[set[str], set[str], str]] = []
    for node in ast.parse(HEADER).body:
        decorators = getattr(node, "decorator_list", [])
        text = "\n".join(lines[min([node.lineno, *(d.lineno for d in decorators)]) - 1 : node.end_lineno])
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound = {node.name}
            case ast.Import():
                bound = {alias.name for alias in node.names}
            case ast.Expr():  # `zs.append(zs)`
                bound = _names_in(node)
            case _:
                bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        parts.append((bound, _names_in(node), text))
    return parts


def _names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _in(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@st.composite
def shapes(draw: st.DrawFn) -> str:
    """The source of a program."""
    return write(lambda n: draw(st.integers(0, n - 1)) if n > 1 else 0)


__all__ = ["HEADER", "Shapes", "T", "shapes", "write"]
