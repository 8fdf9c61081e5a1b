"""`try` and `with`: what they do is kept in locals, so that a frame inside them can be built again.

`.f` of a block with a `finally` says how the block is left: 0 not yet, or by an exception; 1 at its end; 2 by `return`
(the value is in `.rv`); 3 by `break`; 4 by `continue`; 5 an exception that `__exit__` was asked about.
"""

from __future__ import annotations

import ast
import sys
from abc import abstractmethod
from typing import Any

from hitl_nb.engine.compile.tree.assignments import Assignments
from hitl_nb.engine.compile.tree.nodes import (
    assign,
    call,
    clear,
    constant,
    expression,
    load,
    locate,
    runtime,
    store,
    when,
)

OPEN, ENDED, RETURNED, BROKE, CONTINUED, ASKED = range(6)


class Protected(Assignments):
    """Adds `try` and `with`; `Statements` adds the rest."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.loops = 0
        self.finals: list[tuple[str, int]] = []  # the blocks with a `finally` around this place: flag, loops around it

    @abstractmethod
    def block(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]: ...

    @abstractmethod
    def branch(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]: ...

    # -- leaving

    def leaving(self, node: ast.stmt, how: int) -> list[ast.stmt]:
        """`break` or `continue`: the innermost `finally` that it passes is told."""
        if self.finals and self.finals[-1][1] == self.loops:
            return [assign(self.finals[-1][0], constant(how)), node]
        return [node]

    def returning(self, node: ast.Return) -> list[ast.stmt]:
        if not self.finals:
            self.sequence(node)
            before, _ = self.take()
            return [*before, node]
        if self.function.is_async and self.function.is_generator:  # an async generator returns no value
            return [assign(self.finals[-1][0], constant(RETURNED)), node]
        value = self.visit(node.value) if node.value is not None else constant(None, node)
        before, _ = self.take()
        told = assign(self.finals[-1][0], constant(RETURNED))
        return [*before, assign(".rv", value, node), told, locate(ast.Return(load(".rv")), node)]

    def _hand_outward(self, flag: str) -> list[ast.stmt]:
        """At the end of a `finally`: the next one outward is told the same, if that is left too."""
        if not self.finals:
            return []
        outer, loops = self.finals[-1]
        passed = (RETURNED, BROKE, CONTINUED) if loops == self.loops else (RETURNED,)
        return [when(_is_one_of(flag, passed), [assign(outer, load(flag))])]

    # -- try

    def try_statement(self, node: ast.Try) -> list[ast.stmt]:
        return self._with_finally(node) if node.finalbody else self._with_handlers(node)

    def _with_finally(self, node: ast.Try) -> list[ast.stmt]:
        flag, held = self.names.new("f"), self.names.new("h")
        self.finals.append((flag, self.loops))
        if node.handlers:
            inner = ast.copy_location(ast.Try(node.body, node.handlers, node.orelse, []), node)
            body: list[ast.stmt] = self._with_handlers(inner)
        else:
            body = self.block(node.body, "b")
        self.finals.pop()
        final = self.block(node.finalbody, "f")
        take = when(_not(load(flag)), [assign(held, call("exception"))])
        mine = locate(ast.BoolOp(ast.Or(), [load(flag), _is_not_unwinding(held)]), None)
        node.body, node.handlers, node.orelse = [*body, assign(flag, constant(ENDED))], [], []
        final = [locate(ast.Try(final, [], [], clear([held])), None)]
        node.finalbody = [take, when(mine, [*final, *self._hand_outward(flag)])]
        self.builder.tree.finals[node] = (flag, held)
        return [assign(held, constant(None), node), assign(flag, constant(OPEN), node), node]

    def _with_handlers(self, node: ast.Try) -> list[ast.stmt]:
        handled = self.names.new("c")
        mark = len(self.names.cleared_on_error)
        node.body = self.block(node.body, "b")
        stale = clear(self.names.cleared_on_error[mark:])
        node.orelse = self.branch(node.orelse, "e") if node.orelse else []
        opening = [assign(handled, constant(True)), *stale]
        handlers = [self._handler(handler, i, opening) for i, handler in enumerate(node.handlers)]
        node.handlers = [_let_unwinding_pass(), *handlers]
        # What an error left behind that a handler has raised again is no longer as it was.
        return [assign(handled, constant(False, node), node), node]

    def _handler(self, node: ast.ExceptHandler, i: int, stale: list[ast.stmt]) -> ast.ExceptHandler:
        held = self.names.new("h")
        self.begin()
        if node.type is None:
            node.type = runtime("BaseException", node)
        elif self.finder.calls(node.type):
            tried = self.names.new("e")
            self.names.cleared_on_error.append(tried)
            node.type = _filing_tried(tried, self.visit(node.type))
            stale = [*stale, *clear([tried])]
        body = self.branch(node.body, f"h{i}b")
        gone: list[ast.stmt] = [expression(call("leave_handler", load(held)))]
        binding: list[ast.stmt] = []
        if node.name:
            gone.append(assign(node.name, constant(None)))
            gone.append(locate(ast.Delete([ast.Name(node.name, ast.Del())]), None))
            binding.append(locate(ast.Assign([store(node.name, node)], load(held)), node))
        node.name = held
        node.body = [*stale, *binding, locate(ast.Try(body, [], [], gone), None)]
        return node

    # -- with

    def with_statement(self, node: Any) -> list[ast.stmt]:
        if len(node.items) > 1:
            inner = ast.copy_location(type(node)(node.items[1:], node.body), node)
            outer = ast.copy_location(type(node)(node.items[:1], [inner]), node)
            return self.with_statement(outer)
        item = node.items[0]
        at = item.context_expr
        manager, methods, value, flag, held = (self.names.new(kind) for kind in "mxvfh")
        is_async = isinstance(node, ast.AsyncWith)
        methods_of = call("async_with_methods" if is_async else "with_methods", load(manager, at), at=at)
        opening = [
            *self.assigned(assign(manager, at, at)),
            assign(methods, methods_of, at),
            assign(value, self._method(methods, 0, manager, (), at, is_async=is_async), at),
            assign(flag, constant(OPEN), at),
        ]
        self.finals.append((flag, self.loops))
        self.begin()
        target = self.bound(item.optional_vars, value) if item.optional_vars is not None else []
        body = [*target, *clear([value]), *self.block(node.body, "b"), assign(flag, constant(ENDED))]
        self.finals.pop()
        at = at if sys.version_info >= (3, 13) else node
        asked = self._ask_exit(methods, manager, held, at, is_async=is_async)
        handler = locate(
            ast.ExceptHandler(runtime("BaseException"), held, [assign(flag, constant(ASKED)), asked]), None
        )
        inner = locate(ast.Try(body, [_let_unwinding_pass(), handler], [], []), None)
        nothing = [constant(None, at) for _ in range(3)]
        leave = expression(self._method(methods, 1, manager, nothing, at, is_async=is_async), at)
        passed = _is_one_of(flag, (ENDED, RETURNED, BROKE, CONTINUED))
        outer = locate(ast.Try([inner], [], [], [when(passed, [leave, *self._hand_outward(flag)])]), None)
        self.builder.tree.finals[outer] = (flag, None)
        return [*opening, outer, *clear([manager, methods])]

    def _ask_exit(self, methods: str, manager: str, held: str, at: ast.AST, *, is_async: bool) -> ast.If:
        exception = load(held, at)
        kind = locate(ast.Call(runtime("leave_with", at), [exception], []), at)
        traceback = locate(ast.Attribute(exception, "__traceback__", ast.Load()), at)
        asked = self._method(methods, 1, manager, (kind, exception, traceback), at, is_async=is_async)
        return when(locate(ast.UnaryOp(ast.Not(), asked), at), [locate(ast.Raise(), at)])

    def _method(self, methods: str, index: int, manager: str, args: Any, at: ast.AST, *, is_async: bool) -> ast.expr:
        function = locate(ast.Subscript(load(methods, at), constant(index, at), ast.Load()), at)
        made: ast.expr = locate(ast.Call(function, [load(manager, at), *args], []), at)
        if not is_async:
            return made
        checked = call("awaitable", made, constant("__aexit__" if index else "__aenter__", at), at=at)
        awaited = locate(ast.NamedExpr(store(self.names.new("w"), at), checked), at)
        return locate(ast.Await(awaited), at)


def _filing_tried(name: str, kind: ast.expr) -> ast.expr:
    """What an `except` with a call evaluates: the exception is filed before."""
    filed = locate(ast.NamedExpr(store(name), locate(call("current_exception"), None)), None)
    both = locate(ast.Tuple([filed, kind], ast.Load()), None)
    return locate(ast.Subscript(both, constant(1), ast.Load()), None)


def _not(value: ast.expr) -> ast.expr:
    return locate(ast.UnaryOp(ast.Not(), value), None)


def _is_not_unwinding(held: str) -> ast.expr:
    kind = locate(
        ast.Call(runtime("type"), [load(held)], []), None
    )  # no function of Python: debuggers would step into it
    return locate(ast.Compare(kind, [ast.IsNot()], [runtime("Unwind")]), None)


def _is_one_of(name: str, values: tuple[int, ...]) -> ast.expr:
    options = locate(ast.Tuple([constant(value) for value in values], ast.Load()), None)
    return locate(ast.Compare(load(name), [ast.In()], [options]), None)


def _let_unwinding_pass() -> ast.ExceptHandler:
    return locate(ast.ExceptHandler(runtime("Unwind"), None, [locate(ast.Raise(), None)]), None)
