"""Agent cells made up by hypothesis: deterministic, ending, and as nasty as they get.

`Maker` writes source text. It draws every choice through `pick`, so that hypothesis can shrink what fails. Values are
kept to a few names of known types, so that most programs get far; where one raises, that is a result like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

HEADER = """\
a, b, c = 1, 2, 3
s, t = "s", "tee"
xs = [1, 2, 3]
ys = xs
zs = [xs, [4], ys]
d = {"k": 1, "l": 2}
class Box:
    made = 0
    def __init__(self, n):
        self.n = n
        self.__secret = [n]
    def bump(self, by=1):
        self.n += effect("bump", by)
        self.__secret.append(by)
        return self.n
    def total(self):
        return sum(self.__secret)
class Trouble(Exception):
    def __init__(self, text, *, n):
        super().__init__(text)
        self.n = n
class Guard:
    def __init__(self, name, swallow):
        self.name, self.swallow = name, swallow
    def __enter__(self):
        effect("enter", self.name)
        return [self.name]
    def __exit__(self, kind, error, trace):
        effect("exit", self.name, kind and kind.__name__)
        return self.swallow
    async def __aenter__(self):
        await later("aenter")
        return self.__enter__()
    async def __aexit__(self, *about):
        await later("aexit")
        return self.__exit__(*about)
class Count:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        return self
    async def __anext__(self):
        if self.n <= 0:
            raise StopAsyncIteration
        self.n -= 1
        return await later(self.n)
def plain(v, *more, k=1):
    return v * 2 + len(more) + k
def asked(v):
    return hitl.checkpoint(v, title="edit opaque").value
o = Box(5)
p = o
zs.append(zs)
"""


class Maker:
    """Writes one program.

    Attributes:
        waits: whether the code here may `await`.
        agents: functions that may be called here, with whether they are async.
    """

    def __init__(self, pick: Callable[[int], int], *, waits: bool) -> None:
        self.pick = pick
        self.waits = waits
        self.cell_waits = waits
        self.budget = 14
        self.titles = 0
        self.names = 0
        self.loops = 0
        self.function = 0
        self.in_handler = False
        self.agents: list[tuple[str, bool, str]] = []
        self.own: list[str] = []

    def one(self, options: list[T]) -> T:
        return options[self.pick(len(options))]

    def chance(self, n: int) -> bool:
        """One in n."""
        return self.pick(n) == n - 1

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def title(self) -> str:
        self.titles += 1
        return f'"{self.one(["edit", "edit", "approve", "approve", "respond"])} {self.titles}"'

    # -- expressions

    def whole(self, depth: int = 2) -> str:
        """An int."""
        if depth <= 0:
            return self.one(["a", "b", "c", "0", "1", "2", "len(xs)", "o.n", *self.own])
        n, d = self.whole, depth - 1
        kinds: list[Callable[[], str]] = [
            lambda: n(0),
            lambda: f'effect("e", {n(d)})',
            lambda: f'hitl.checkpoint({n(d)}, title="{self.one(["edit", "approve"])} n").value',
            lambda: f"({n(d)} {self.one(['+', '-', '*'])} {n(d)})",
            lambda: f"{self.items(d)}[{n(d)}]",
            lambda: f"d.get({self.key()}, {n(d)})",
            lambda: f"({n(d)} if {self.cond(d)} else {n(d)})",
            lambda: f"({n(d)} {self.one(['and', 'or'])} {n(d)})",
            lambda: f"({self.one(['a', 'b', 'c'])} := {n(d)})" if not self.function else n(d),
            lambda: f"max({n(d)}, {n(d)})",
            lambda: f"plain({n(d)}, *{self.items(d)}, k={n(d)})",
            lambda: f"plain(*[{n(d)}], **{{'k': {n(d)}}})",
            lambda: f"(lambda v, w={n(d)}: v + w + a)({n(d)})",
            lambda: f"{self.box()}.bump({n(d)})",
            lambda: f"{self.box()}.total()",
            lambda: f"asked({n(d)})",
            lambda: f"asked({n(0)}) + asked({n(0)})",
            lambda: f"sum([{n(0)} + v for v in {self.items(d)} if v != {n(0)}])",
            lambda: f"-{n(d)}",
            lambda: f"({n(d)} // {n(d)})",
            self.agent_call,
            self.agent_call,
        ]
        if self.waits:
            kinds.append(lambda: f"await later({n(d)})")
        return self.one(kinds)()

    def agent_call(self) -> str:
        """A call of an agent."""
        if not self.agents:
            return self.whole(1)
        name, waits, form = self.one(self.agents)
        if waits and not self.waits:
            return self.whole(1)
        n = self.whole
        arguments = {
            "plain": lambda: self.one([n(1), f"{n(1)}, {n(1)}", f"{n(0)}, k={n(1)}", f"*[{n(1)}, {n(0)}]"]),
            "recursive": lambda: self.one(["0", "1", "2"]),
            "many": lambda: f"{n(1)}, *{self.items(1)}, k={n(0)}, m={n(1)}",
            "none": lambda: "",
        }[form]()
        return f"{'await ' if waits else ''}{name}({arguments})"

    def text(self, depth: int = 2) -> str:
        if depth <= 0:
            return self.one(["s", "t", '"u"', "str(a)"])
        n, d = self.text, depth - 1
        kinds: list[Callable[[], str]] = [
            lambda: n(0),
            lambda: self.formatted_text(d),
            lambda: f"({n(d)} + {n(d)})",
            lambda: f"hitl.checkpoint({n(d)}, title={self.title()}).value",
            lambda: f'effect("t", {n(d)})',
            lambda: f"str({self.whole(d)})",
            lambda: f"{n(d)}.upper()",
            lambda: f"'%s %s' % ({n(d)}, {n(d)})",
            lambda: f"{n(d)}[{self.whole(0)}:{self.whole(d)}]",
        ]
        return self.one(kinds)()

    def formatted_text(self, depth: int) -> str:
        """An f-string, its quotes different from those inside, as Python 3.11 wants them."""
        number, text, width = self.whole(depth), self.text(0), self.whole(0)
        if '"""' in number or "\\" in number:
            return f"str({number})"
        return f'f"""{{{number}}}-{{{text}!r:>{{{width}}}}}-{{{width}:>{{{width}}}}}"""'

    def items(self, depth: int = 2) -> str:
        """A list of ints."""
        if depth <= 0:
            return self.one(["xs", "ys", "zs[1]", "[1, 2]"])
        n, d = self.items, depth - 1
        return self.one(
            [
                lambda: n(0),
                lambda: f"[{self.whole(d)}, *{n(d)}, {self.whole(d)}]",
                lambda: f"({n(d)} + {n(d)})",
                lambda: f"[v + {self.whole(0)} for v in {n(d)}]",
                lambda: f"sorted({n(d)}, key=lambda v: -v)",
                lambda: f"list(map(lambda v: v + {self.whole(0)}, {n(d)}))",
                lambda: f'hitl.checkpoint({n(d)}, title="{self.one(["edit", "approve"])} l").value',
                lambda: f'effect("l", {n(d)})',
                lambda: f"{n(d)}[{self.whole(d)}:]",
                lambda: f"[*{{v: {self.whole(0)} for v in {n(d)}}}]",
            ]
        )()

    def cond(self, depth: int = 2) -> str:
        if depth <= 0:
            return self.one(["a < b", "xs", "not c", "True", "a in xs", "s"])
        n, d, w = self.cond, depth - 1, self.whole
        return self.one(
            [
                lambda: n(0),
                lambda: f"{w(d)} {self.one(['<', '==', '!=', '>='])} {w(d)}",
                lambda: f"{w(d)} < {w(d)} <= {w(d)}",
                lambda: f"(not {n(d)})",
                lambda: f"({n(d)} {self.one(['and', 'or'])} {n(d)})",
                lambda: f"{w(d)} in {self.items(d)}",
                lambda: f'hitl.checkpoint({w(d)}, title="{self.one(["approve", "reject"])} c").approved',
            ]
        )()

    def box(self) -> str:
        return self.one(["o", "p", f"Box({self.whole(0)})"])

    def key(self) -> str:
        return self.one(['"k"', '"l"', "s", self.text(1)])

    # -- statements

    def block(self, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(1 + self.pick(3)):
            self.budget -= 1
            lines += self.statement(depth if self.budget > 0 else 0)
        return lines

    def statement(self, depth: int) -> list[str]:
        simple = [
            lambda: [f"{self.one(['a', 'b', 'c'])} = {self.whole()}"],
            lambda: [f"{self.one(['s', 't'])} = {self.text()}"],
            lambda: [f"{self.one(['xs', 'ys'])} = {self.items()}"],
            self.assignment,
            self.changing_statement,
            lambda: [f"print({self.text()}, {self.whole()}, sep={self.text(0)})"],
            lambda: [self.whole()],
            lambda: [f'effect("s", {self.whole()}, {self.text()})'],
        ]
        rare = [
            lambda: [f"assert {self.cond()}, {self.text(1)}"],
            self.raise_statement,
            lambda: [f'hitl.checkpoint({self.whole()}, title="{self.one(["approve", "reject"])} r").require()'],
            lambda: [f"import math as m{self.pick(2)}", f"a = m0.floor({self.whole()})"],
            lambda: ["pass"],
            lambda: [f"del {self.one(['xs[0]', 'd[' + self.key() + ']', 'o.n', 'zs[-1]', 'b'])}"],
            self.leave_statement,
        ]
        compound = [self.if_, self.while_, self.for_, self.try_, self.with_, self.match_, self.for_, self.try_]
        if not self.function:
            compound.append(self.class_)
        if self.function < 2:
            compound += [self.def_, self.def_]
        kind = self.pick(8 if depth > 0 else 5)
        if kind >= 5:
            return self.one(compound)(depth - 1)
        return self.one(rare if kind == 4 else simple)()

    def assignment(self) -> list[str]:
        w = self.whole
        return [
            self.one(
                [
                    lambda: f"a, (b, *xs) = {w()}, [{w()}, {w()}, {w(1)}]",
                    lambda: f"a = b = {w()}",
                    lambda: f"c = xs = {self.items()}; c = {w()}",
                    lambda: f"b: int = {w()}",
                    lambda: f"q{self.pick(2)}: {self.text(1)}",
                    lambda: "a, b = b, a",
                    lambda: f"d[{self.text()}] = {w()}",
                    lambda: f"xs[{w()}] = {w()}",
                    lambda: f"xs[{w(0)}], d[{self.key()}] = {w()}, {w()}",
                    lambda: f"{self.box()}.n = {w()}",
                    lambda: f"ys = zs[0] = {self.items()}",
                    lambda: f"f{self.pick(3)} = lambda v, *r: v + a + {w(0)}",
                    lambda: f"zs[0], *ys = {self.items()}, {w()}, {w()}",
                ]
            )()
        ]

    def changing_statement(self) -> list[str]:
        w = self.whole
        return [
            self.one(
                [
                    lambda: f"{self.one(['a', 'b'])} {self.one(['+=', '-=', '*='])} {w()}",
                    lambda: f"xs[{w(1)}] += {w()}",
                    lambda: f"d[{self.key()}] += {w()}",
                    lambda: f"{self.box()}.n += {w()}",
                    lambda: f"xs += {self.items()}",
                    lambda: f"s += {self.text()}",
                    lambda: f"xs.append({w()})",
                    lambda: f"zs[1].append({w()})",
                    lambda: "zs.append(xs)",
                    lambda: f"d.setdefault({self.key()}, {w()})",
                    lambda: f"xs.sort(key=lambda v: {w(0)} - v)",
                ]
            )()
        ]

    def raise_statement(self) -> list[str]:
        lines = [
            lambda: f"raise ValueError({self.text(1)})",
            lambda: f"raise Trouble({self.text(1)}, n={self.whole(1)})",
            lambda: f"raise Trouble({self.text(0)}, n=1) from KeyError({self.whole(1)})",
            lambda: "raise" if self.in_handler else "1 // 0",
            lambda: "raise IndexError from None",
        ]
        made = self.one(lines)()
        return [made] if self.chance(3) else [f"if {self.cond()}:", f"    {made}"]

    def leave_statement(self) -> list[str]:
        options = ["pass"]
        if self.loops:
            options += ["break", "continue", "break", "continue"]
        if self.function:
            options += [f"return {self.whole()}", f"return {self.whole()}"]
        made = self.one(options)
        return [made] if self.chance(3) else [f"if {self.cond()}:", f"    {made}"]

    def if_(self, depth: int) -> list[str]:
        lines = [f"if {self.cond()}:", *_in(self.block(depth))]
        if self.chance(2):
            lines += [f"elif {self.cond()}:", *_in(self.block(depth))]
        return lines + (["else:", *_in(self.block(depth))] if self.chance(2) else [])

    def while_(self, depth: int) -> list[str]:
        n = self.name("w")
        lines = [
            f"{n} = 0",
            f"while {n} < {self.one(['1', '2', '3'])} and {self.cond(1)}:",
            f"    {n} += 1",
            *_in(self.loop(depth)),
        ]
        return lines + (["else:", *_in(self.block(depth))] if self.chance(3) else [])

    def loop(self, depth: int) -> list[str]:
        self.loops += 1
        lines = self.block(depth)
        self.loops -= 1
        return lines

    def for_(self, depth: int) -> list[str]:
        i = self.name("i")
        head = self.one(
            [
                lambda: f"for {i} in {self.items(1)}[:3]:",
                lambda: f"for {i} in range({self.one(['2', '3', 'min(2, ' + self.whole(1) + ')'])}):",
                lambda: f"for {i}, a in list(enumerate({self.items(1)}))[:2]:",
                lambda: f"for {i}, c in enumerate({self.items(0)}[:2]):",
                lambda: f"for s, {i} in list(d.items())[:2]:",
                lambda: f"for {i}, b in zip({self.items(1)}[:2], {self.items(0)}):",
                lambda: f"for {i} in reversed({self.items(0)}[:2]):",
                lambda: f"for {i} in xs[:2]:",
                lambda: f"for d[{self.key()}] in range(2):",
                lambda: f"for xs[{self.whole(1)}], {i} in [(1, 2), (3, 4)]:",
                lambda: f"for {i} in map(lambda v: v + a, {self.items(0)}[:2]):",
                lambda: f"for {i} in {self.text(1)}[:2]:",
                lambda: f"async for {i} in Count({self.one(['1', '2'])}):" if self.waits else f"for {i} in (1, 2):",
            ]
        )()
        lines = [head, *_in(self.loop(depth))]
        return lines + (["else:", *_in(self.block(depth))] if self.chance(3) else [])

    def try_(self, depth: int) -> list[str]:
        lines = ["try:", *_in(self.block(depth))]
        handlers = self.pick(3)
        for i in range(handlers):
            kind = self.one(
                [
                    "ValueError",
                    "(KeyError, IndexError)",
                    "Trouble",
                    "ArithmeticError",
                    "Exception",
                    "type(effect('x', Trouble('t', n=2)))",
                ]
            )
            bound = " as err" if self.chance(2) else ""
            if i == handlers - 1 and self.chance(3):
                lines.append("except:")
            else:
                lines.append(f"except {kind}{bound}:")
            outside, self.in_handler = self.in_handler, True
            body = self.block(depth)
            if bound and self.chance(2):
                body.append(
                    self.one(['effect("caught", type(err).__name__, str(err))', "kept = err", "err = 3", "raise err"])
                )
            self.in_handler = outside
            lines += _in(body)
        if handlers and self.chance(3):
            lines += ["else:", *_in(self.block(depth))]
        if not handlers or self.chance(3):
            lines += ["finally:", *_in(self.block(depth))]
        return lines

    def with_(self, depth: int) -> list[str]:
        g = self.name("g")
        swallow = self.one(["True", "False"])
        a = "async " if self.waits and self.chance(2) else ""
        head = self.one(
            [
                lambda: f'{a}with Guard("{g}", {swallow}) as {g}:',
                lambda: f'{a}with Guard("{g}", {swallow}):',
                lambda: f'{a}with Guard({self.text(1)}, {swallow}) as {g}, Guard("{g}b", False) as d[{self.key()}]:',
            ]
        )()
        return [head, *_in(self.block(depth))]

    def match_(self, depth: int) -> list[str]:
        lines = [f"match {self.one([self.whole(), self.items(), 'd', 'o', self.text()])}:"]
        cases = [
            "0 | 1",
            "[x0, *_]",
            '{"k": kk}',
            "Box(n=nn)",
            "str() as ss",
            "int(ii)",
            f"_ if {self.cond(1)}",
            f"[_, *rest] if {self.cond(1)}",
        ]
        for _ in range(1 + self.pick(3)):
            lines += [f"    case {self.one(cases)}:", *_in(_in(self.block(depth)))]
        return lines + (["    case _:", *_in(_in(self.block(depth)))] if self.chance(2) else [])

    def class_(self, depth: int) -> list[str]:
        name = self.name("C")
        return [
            f"class {name}({self.one(['Box', 'object', 'Box'])}):",
            f"    made = {self.whole(0)}",
            *_in(
                [
                    f"items = [*{self.items(0)}, effect({self.text(0)}, 1)]",
                    "@hitl.agent",
                    "def act(self, v):",
                    *_in(self.body("v", depth, sub=True)),
                ]
            ),
            f"a = {name}.made",
            f"if issubclass({name}, Box):",
            f"    b = {name}({self.whole(0)}).act({self.whole(1)})",
        ]

    def def_(self, depth: int) -> list[str]:
        name = self.name("f")
        waits = self.cell_waits and self.chance(3)
        form = self.one(["plain", "recursive", "many", "none"])
        head = {
            "plain": "v, w=1, *, k=2",
            "recursive": "v",
            "many": "v, *more, k, **rest",
            "none": "",
        }[form]
        outer = self.waits
        self.waits = waits
        lines = ["@hitl.agent"] if self.chance(4) is False else ["@hitl.agent  # marked"]
        lines.append(f"{'async ' if waits else ''}def {name}({head}):")
        body = [] if form != "none" else ["v = 1"]
        if form == "recursive":
            body += ["if v <= 0:", f"    return {self.whole(1)}", f"loc = {'await ' if waits else ''}{name}(v - 1)"]
        lines += _in([*self.declarations(), *body, *self.body("v", depth)])
        self.waits = outer
        self.agents.append((name, waits, form))
        return lines

    def declarations(self) -> list[str]:
        """Which of the cell's names the function binds; the others it only reads, or has of its own."""
        return [
            self.one(
                [
                    "global a, b, c, s, t, xs, ys, d",
                    "global a, b, c, s, t, xs, ys, d",
                    "a, b, c, s, t, xs, ys = 1, 2, 3, 's', 't', [1], [2]",
                ]
            )
        ]

    def body(self, argument: str, depth: int, *, sub: bool = False) -> list[str]:
        """The body of a function, with its own loops and names."""
        before = self.loops, self.own, self.in_handler, len(self.agents), self.waits
        self.loops, self.own, self.in_handler = 0, [argument], False
        if sub:
            self.waits = False
        self.function += 1
        lines = [*(self.declarations() if sub else []), *self.block(min(depth, 2))]
        if self.chance(4):
            lines += [
                "fs = []",
                "for lv in range(2):",
                "    fs.append(lambda: lv + v)",
                f"a = {self.whole(1)}",
                "a = fs[0]() + fs[1]()",
            ]
        lines.append(f"return {self.whole()}")
        self.function -= 1
        self.loops, self.own, self.in_handler, count, self.waits = before
        del self.agents[count:]
        return lines


def _in(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The source of an agent cell."""
    maker = Maker(lambda n: draw(st.integers(0, n - 1)) if n > 1 else 0, waits=draw(st.booleans()))
    lines: list[str] = []
    for _ in range(2 + maker.pick(3)):
        maker.budget = 8
        lines += maker.statement(3)
    return HEADER + "\n".join(lines) + "\n"
