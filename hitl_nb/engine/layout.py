"""Laying out statements as operations: control flow becomes jumps, and blocks that are opened and closed.

`expressions.py` splits each statement so that every call is an operation of its own; this module lays out the
statements around them. A loop also gets a `native` operation in front: the machine runs it whole, at full
speed, if it can prove that nothing in it pauses.
"""

from __future__ import annotations

import ast

from .expressions import Splitter
from .loops import kept_in, whole
from .program import Op, Program
from .taskgroups import as_one


class Mark:
    """A place in the list that is jumped to, known once it is reached."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = -1


def compile_program(body: list[ast.stmt], source: str, *, prefix: str, display: bool = False) -> Program:
    """Lay out `body`.

    Args:
        prefix: starts the names of temporaries; unique among programs that share a namespace.
        display: whether the value of a last expression is shown, as a notebook cell does.
    """
    layout = _Layout(prefix)
    shown = body[-1] if display and body and isinstance(body[-1], ast.Expr) else None
    layout.shown = shown
    layout.block(body, ())
    layout.end(len(body))
    return Program(layout.resolved(), source, prefix)


class _Loop:
    def __init__(self, depth: int, again: Mark, after: Mark) -> None:
        self.depth = depth
        self.again = again
        self.after = after


class _Layout:
    """Emits operations in order. `depth` is the number of blocks open at this point."""

    def __init__(self, prefix: str) -> None:
        self.ops: list[tuple[Op, Mark | None, list[Mark]]] = []
        self.prefix = prefix
        self.path: tuple[str | int, ...] = ()
        self.counts: dict[tuple[str | int, ...], int] = {}
        self.temps: dict[tuple[str | int, ...], int] = {}
        self.fresh: list[str] = []
        self.line = 1
        self.depth = 0
        self.loops: list[_Loop] = []
        self.shown: ast.stmt | None = None
        self.split = Splitter(self)

    # -- emitting

    def emit(
        self, kind: str, nodes: ast.expr | list[ast.stmt] | None = None, *, to: Mark | None = None, name: str = ""
    ) -> Op:
        number = self.counts.get(self.path, 0)
        self.counts[self.path] = number + 1
        op = Op(kind, nodes, (self.path, number), self.line)
        op.name = name
        self.ops.append((op, to, []))
        return op

    def place(self, mark: Mark) -> None:
        mark.at = len(self.ops)

    def end(self, length: int) -> None:
        """The place behind the last statement, where a finished cell goes on if statements are added below."""
        self.path = ("body", length)

    def resolved(self) -> list[Op]:
        for op, to, many in self.ops:
            if to is not None:
                op.target = to.at
            op.targets = [mark.at for mark in many]
        return [op for op, _, _ in self.ops]

    # -- what Splitter needs

    def temp(self) -> str:
        number = self.temps.get(self.path, 0)
        self.temps[self.path] = number + 1
        name = f".{self.prefix}:{'.'.join(map(str, self.path))}:{number}"
        self.fresh.append(name)
        return name

    def drop(self) -> None:
        """Nothing behind the last operation reads the temporaries made so far."""
        if self.ops:
            self.ops[-1][0].drops += self.fresh
        self.fresh = []

    def let(self, name: str, value: ast.expr, *, callee: str = "") -> None:
        self.emit("let", value, name=name).callee = callee

    def do(self, *statements: ast.stmt) -> None:
        self.emit("do", list(statements))

    def test(self, value: ast.expr, to: Mark, *, when: bool) -> None:
        self.emit("unless" if not when else "if", value, to=to)

    def mark(self) -> Mark:
        return Mark()

    # -- statements

    def block(self, body: list[ast.stmt], path: tuple[str | int, ...], field: str = "body") -> None:
        for i, statement in enumerate(body):
            self.path = (*path, field, i)
            self.line = statement.lineno
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is not None:
            method(node)
        elif node is self.shown:
            assert isinstance(node, ast.Expr)
            self.emit("show", self.split.value(node.value))
        else:
            self.split.statement(node)
        self.drop()

    def inside(self, path: tuple[str | int, ...], body: list[ast.stmt], field: str, line: int) -> None:
        """Lay out a nested block, then come back to the statement around it."""
        self.block(body, path, field)
        self.path, self.line = path, line

    def whole(self, node: ast.For | ast.While) -> Mark:
        after = Mark()
        before = list(self.fresh)
        loop = whole(node, self.temp)
        self.fresh = before
        if loop is not None:
            self.emit("native", [loop], to=after).drops = kept_in(loop)
        return after

    def _if(self, node: ast.If) -> None:
        path, line = self.path, self.line
        after, otherwise = Mark(), Mark()
        self.test(self.split.value(node.test), otherwise, when=False)
        self.drop()
        self.inside(path, node.body, "body", line)
        if node.orelse:
            self.emit("jump", to=after)
        self.place(otherwise)
        self.inside(path, node.orelse, "orelse", line)
        self.place(after)

    def _while(self, node: ast.While) -> None:
        after = self.whole(node)
        path, line = self.path, self.line
        again, otherwise = Mark(), Mark()
        self.emit("loop")
        self.loops.append(_Loop(self.depth, again, after))
        self.depth += 1
        self.place(again)
        self.test(self.split.value(node.test), otherwise, when=False)
        self.drop()
        self._loop_body(node, path, line, again, otherwise, after)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        after = self.whole(node) if isinstance(node, ast.For) else Mark()
        path, line = self.path, self.line
        again, otherwise = Mark(), Mark()
        waits = "a" if isinstance(node, ast.AsyncFor) else ""
        self.emit(f"{waits}iterate", self.split.value(node.iter))
        self.drop()
        self.loops.append(_Loop(self.depth, again, after))
        self.depth += 1
        self.place(again)
        item = self.temp()
        self.emit(f"{waits}next", None, to=otherwise, name=item)
        self.split.store(node.target, item)
        self.drop()
        self._loop_body(node, path, line, again, otherwise, after)

    _asyncfor = _for

    def _loop_body(
        self,
        node: ast.While | ast.For | ast.AsyncFor,
        path: tuple[str | int, ...],
        line: int,
        again: Mark,
        otherwise: Mark,
        after: Mark,
    ) -> None:
        self.inside(path, node.body, "body", line)
        self.emit("jump", to=again)
        self.place(otherwise)
        self.emit("pop")
        self.depth -= 1
        self.loops.pop()
        self.inside(path, node.orelse, "orelse", line)
        self.place(after)

    def _break(self, node: ast.Break) -> None:
        loop = self.loops[-1]
        self.emit("leave", to=loop.after).depth = loop.depth

    def _continue(self, node: ast.Continue) -> None:
        loop = self.loops[-1]
        self.emit("leave", to=loop.again).depth = loop.depth + 1

    def _return(self, node: ast.Return) -> None:
        self.emit("return", self.split.value(node.value) if node.value else ast.Constant(None))

    def _try(self, node: ast.Try) -> None:
        after = Mark()
        path, line = self.path, self.line
        finally_, handlers, done = Mark(), Mark(), Mark()
        if node.finalbody:
            self.emit("finally", to=finally_)
            self.depth += 1
        if node.handlers:
            self.emit("try", to=handlers)
            self.depth += 1
        self.inside(path, node.body, "body", line)
        if node.handlers:
            self.emit("pop")
            self.depth -= 1
        self.inside(path, node.orelse, "orelse", line)
        if node.handlers:
            self.emit("jump", to=done)
            self.place(handlers)
            self._handlers(node.handlers, path, line, done)
        self.place(done)
        if node.finalbody:
            self.emit("begin_finally")
            self.place(finally_)
            self.inside(path, node.finalbody, "finalbody", line)
            self.emit("end_finally")
            self.depth -= 1
        self.place(after)

    def _handlers(self, handlers: list[ast.ExceptHandler], path: tuple[str | int, ...], line: int, done: Mark) -> None:
        self.depth += 1
        for i, handler in enumerate(handlers):
            self.path, self.line = (*path, "handlers", i), handler.lineno
            following = Mark()
            if handler.type is not None:
                self.emit("catch", self.split.value(handler.type), to=following)
                self.drop()
            if handler.name:
                self.emit("bind", None, name=handler.name)
            self.inside((*path, "handlers", i), handler.body, "body", handler.lineno)
            self.emit("end_handler")
            self.emit("jump", to=done)
            self.place(following)
        self.path, self.line = path, line
        self.emit("reraise")
        self.depth -= 1

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        after = Mark()
        if group := as_one(node):
            self.emit("group", [group], to=after)
        path, line = self.path, self.line
        waits = "a" if isinstance(node, ast.AsyncWith) else ""
        ends: list[Mark] = []
        for item in node.items:
            end, entered = Mark(), self.temp()
            self.emit(f"{waits}with", self.split.value(item.context_expr), to=end, name=entered)
            self.depth += 1
            ends.append(end)
            if item.optional_vars is not None:
                self.split.store(item.optional_vars, entered)
            self.drop()
        self.inside(path, node.body, "body", line)
        for end in reversed(ends):
            self.emit(f"end_{waits}with")
            self.depth -= 1
            self.place(end)
        self.place(after)

    _asyncwith = _with

    def _match(self, node: ast.Match) -> None:
        after = Mark()
        path, line = self.path, self.line
        subject = self.split.atom(node.subject)
        chosen = self.temp()
        marks = [Mark() for _ in node.cases]

        def choose(i: int) -> list[ast.stmt]:
            return [_assign(chosen, ast.Constant(i), node)]

        cases = [
            ast.match_case(pattern=case.pattern, guard=case.guard, body=choose(i)) for i, case in enumerate(node.cases)
        ]
        self.do(*choose(-1), ast.copy_location(ast.Match(subject=subject, cases=cases), node))
        switch = self.emit("switch", self.split.read(chosen), to=after)
        self.ops[-1] = (switch, after, marks)
        self.drop()
        for i, (case, mark) in enumerate(zip(node.cases, marks, strict=True)):
            self.place(mark)
            self.inside((*path, "cases", i), case.body, "body", line)
            self.path = path
            self.emit("jump", to=after)
        self.place(after)


def _assign(name: str, value: ast.expr, at: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value), at)
