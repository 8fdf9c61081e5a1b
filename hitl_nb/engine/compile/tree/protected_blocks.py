"""Instrumentation of `try` and `with`.

Their state is kept in local names, so that a frame inside them can be built again. Each block with a `finally` has a
*flag*, a local name whose value says how the block is left:

- 0 (`OPEN`): not left yet, or left by an exception;
- 1 (`ENDED`): its end was reached;
- 2 (`RETURNED`): left by `return`; the value is in the local name `.rv`;
- 3 (`BROKE`): left by `break`;
- 4 (`CONTINUED`): left by `continue`;
- 5 (`ASKED`): left by an exception, which was passed to `__exit__`.
"""

from __future__ import annotations

import ast
import sys
from abc import abstractmethod
from typing import Any

from hitl_nb.engine.compile.tree.assignments import Assignments
from hitl_nb.engine.compile.tree.nodes import (
    assign,
    clear_names,
    constant,
    expression,
    fill_positions,
    load,
    make_if,
    runtime_attribute,
    runtime_call,
    store,
)

OPEN, ENDED, RETURNED, BROKE, CONTINUED, ASKED = range(6)


class ProtectedBlocks(Assignments):
    """Rewrites `try`, `with` and `return` so that a pause inside them can be saved and resumed.

    Base class of `Statements`.

    Attributes:
        loop_depth: Number of loops around the current statement.
        final_flags: (flag name, loop depth) of each block with a `finally` around the current statement, outermost
            first. The flag is a local variable that says how the block is left.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.loop_depth = 0
        self.final_flags: list[tuple[str, int]] = []

    @abstractmethod
    def instrument_block(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Rewrite the statements of a block so that a pause inside them can be saved and resumed.

        The subclass `Statements` implements this.
        """
        ...

    @abstractmethod
    def instrument_branch(self, statements: list[ast.stmt], field: str) -> list[ast.stmt]:
        """Rewrite a block that may be skipped at run time, so that a pause inside it can be saved and resumed.

        The subclass `Statements` implements this.
        """
        ...

    # -- leaving

    def instrument_loop_exit(self, node: ast.stmt, exit_state: int) -> list[ast.stmt]:
        """Rewrite `break` or `continue`. Returns the statements to use instead.

        If the statement leaves a block with a `finally`, a local variable (the flag of that block) is set first. So a
        resume inside the `finally` block knows how it was entered.

        Args:
            node: The statement.
            exit_state: `BROKE` or `CONTINUED`.
        """
        if self.final_flags and self.final_flags[-1][1] == self.loop_depth:
            return [assign(self.final_flags[-1][0], constant(exit_state)), node]
        return [node]

    def instrument_return(self, node: ast.Return) -> list[ast.stmt]:
        """Rewrite a `return`. Returns the statements to use instead.

        Inside a block with a `finally`, the value is first kept in the local variable `.rv`, and the flag of the block
        is set. So a resume inside the `finally` block can return that value.
        """
        if not self.final_flags:
            self.instrument_parts(node)
            before, _ = self.take_prelude()
            return [*before, node]
        if self.function.is_async and self.function.is_generator:  # an async generator returns no value
            return [assign(self.final_flags[-1][0], constant(RETURNED)), node]
        value = self.visit(node.value) if node.value is not None else constant(None, node)
        before, _ = self.take_prelude()
        told = assign(self.final_flags[-1][0], constant(RETURNED))
        return [*before, assign(".rv", value, node), told, fill_positions(ast.Return(load(".rv")), node)]

    def _pass_flag_outward(self, flag: str) -> list[ast.stmt]:
        """Make statements for the end of a `finally` block, which tell the next block outward how it is left.

        They copy the block's flag (a local variable) to the flag of the outer block, if `return`, `break` or `continue`
        leaves that block too.
        """
        if not self.final_flags:
            return []
        outer, loops = self.final_flags[-1]
        passed = (RETURNED, BROKE, CONTINUED) if loops == self.loop_depth else (RETURNED,)
        return [make_if(_make_membership_test(flag, passed), [assign(outer, load(flag))])]

    # -- try

    def instrument_try(self, node: ast.Try) -> list[ast.stmt]:
        """Rewrite a `try` statement so that a pause inside it can be saved and resumed.

        Returns the statements to use instead.
        """
        return self._instrument_try_finally(node) if node.finalbody else self._instrument_try_except(node)

    def _instrument_try_finally(self, node: ast.Try) -> list[ast.stmt]:
        flag, held = self.names.new_name("f"), self.names.new_name("h")
        self.final_flags.append((flag, self.loop_depth))
        if node.handlers:
            inner = ast.copy_location(ast.Try(node.body, node.handlers, node.orelse, []), node)
            body: list[ast.stmt] = self._instrument_try_except(inner)
        else:
            body = self.instrument_block(node.body, "b")
        self.final_flags.pop()
        final = self.instrument_block(node.finalbody, "f")
        take = make_if(_negate(load(flag)), [assign(held, runtime_call("exception"))])
        mine = fill_positions(ast.BoolOp(ast.Or(), [load(flag), _make_not_unwinding_test(held)]), None)
        node.body, node.handlers, node.orelse = [*body, assign(flag, constant(ENDED))], [], []
        final = [fill_positions(ast.Try(final, [], [], clear_names([held])), None)]
        node.finalbody = [take, make_if(mine, [*final, *self._pass_flag_outward(flag)])]
        self.builder.tree.final_flags[node] = (flag, held)
        return [assign(held, constant(None), node), assign(flag, constant(OPEN), node), node]

    def _instrument_try_except(self, node: ast.Try) -> list[ast.stmt]:
        handled = self.names.new_name("c")
        mark = len(self.names.cleared_on_error)
        node.body = self.instrument_block(node.body, "b")
        stale = clear_names(self.names.cleared_on_error[mark:])
        node.orelse = self.instrument_branch(node.orelse, "e") if node.orelse else []
        opening = [assign(handled, constant(True)), *stale]
        handlers = [self._instrument_handler(handler, i, opening) for i, handler in enumerate(node.handlers)]
        node.handlers = [_make_unwinding_handler(), *handlers]
        # A handler may change the state that the error left. `handled` records that a handler has begun.
        return [assign(handled, constant(False, node), node), node]

    def _instrument_handler(self, node: ast.ExceptHandler, i: int, stale: list[ast.stmt]) -> ast.ExceptHandler:
        held = self.names.new_name("h")
        self.begin_statement()
        if node.type is None:
            node.type = runtime_attribute("BaseException", node)
        elif self.call_finder.has_call(node.type):
            tried = self.names.new_name("e")
            self.names.cleared_on_error.append(tried)
            node.type = _file_current_exception(tried, self.visit(node.type))
            stale = [*stale, *clear_names([tried])]
        body = self.instrument_branch(node.body, f"h{i}b")
        gone: list[ast.stmt] = [expression(runtime_call("leave_handler", load(held)))]
        binding: list[ast.stmt] = []
        if node.name:
            gone.append(assign(node.name, constant(None)))
            gone.append(fill_positions(ast.Delete([ast.Name(node.name, ast.Del())]), None))
            binding.append(fill_positions(ast.Assign([store(node.name, node)], load(held)), node))
        node.name = held
        node.body = [*stale, *binding, fill_positions(ast.Try(body, [], [], gone), None)]
        return node

    # -- with

    def instrument_with(self, node: Any) -> list[ast.stmt]:
        """Rewrite a `with` or `async with` so that a pause inside it can be saved and resumed.

        It becomes calls of `__enter__` and `__exit__` around `try` statements. Several managers become nested
        statements.

        Returns:
            The statements to use instead.
        """
        if len(node.items) > 1:
            inner = ast.copy_location(type(node)(node.items[1:], node.body), node)
            outer = ast.copy_location(type(node)(node.items[:1], [inner]), node)
            return self.instrument_with(outer)
        item = node.items[0]
        at = item.context_expr
        manager, methods, value, flag, held = (self.names.new_name(kind) for kind in "mxvfh")
        is_async = isinstance(node, ast.AsyncWith)
        methods_of = runtime_call("async_with_methods" if is_async else "with_methods", load(manager, at), at=at)
        opening = [
            *self.instrument_assign(assign(manager, at, at)),
            assign(methods, methods_of, at),
            assign(value, self._call_manager_method(methods, 0, manager, (), at, is_async=is_async), at),
            assign(flag, constant(OPEN), at),
        ]
        self.final_flags.append((flag, self.loop_depth))
        self.begin_statement()
        target = self.bind_target(item.optional_vars, value) if item.optional_vars is not None else []
        body = [*target, *clear_names([value]), *self.instrument_block(node.body, "b"), assign(flag, constant(ENDED))]
        self.final_flags.pop()
        at = at if sys.version_info >= (3, 13) else node
        asked = self._make_exit_query(methods, manager, held, at, is_async=is_async)
        handler = fill_positions(
            ast.ExceptHandler(runtime_attribute("BaseException"), held, [assign(flag, constant(ASKED)), asked]), None
        )
        inner = fill_positions(ast.Try(body, [_make_unwinding_handler(), handler], [], []), None)
        nothing = [constant(None, at) for _ in range(3)]
        leave = expression(self._call_manager_method(methods, 1, manager, nothing, at, is_async=is_async), at)
        passed = _make_membership_test(flag, (ENDED, RETURNED, BROKE, CONTINUED))
        outer = fill_positions(
            ast.Try([inner], [], [], [make_if(passed, [leave, *self._pass_flag_outward(flag)])]), None
        )
        self.builder.tree.final_flags[outer] = (flag, None)
        return [*opening, outer, *clear_names([manager, methods])]

    def _make_exit_query(self, methods: str, manager: str, held: str, at: ast.AST, *, is_async: bool) -> ast.If:
        exception = load(held, at)
        kind = fill_positions(ast.Call(runtime_attribute("leave_with", at), [exception], []), at)
        traceback = fill_positions(ast.Attribute(exception, "__traceback__", ast.Load()), at)
        asked = self._call_manager_method(methods, 1, manager, (kind, exception, traceback), at, is_async=is_async)
        return make_if(fill_positions(ast.UnaryOp(ast.Not(), asked), at), [fill_positions(ast.Raise(), at)])

    def _call_manager_method(
        self, methods: str, index: int, manager: str, args: Any, at: ast.AST, *, is_async: bool
    ) -> ast.expr:
        function = fill_positions(ast.Subscript(load(methods, at), constant(index, at), ast.Load()), at)
        made: ast.expr = fill_positions(ast.Call(function, [load(manager, at), *args], []), at)
        if not is_async:
            return made
        checked = runtime_call("awaitable", made, constant("__aexit__" if index else "__aenter__", at), at=at)
        awaited = fill_positions(ast.NamedExpr(store(self.names.new_name("w"), at), checked), at)
        return fill_positions(ast.Await(awaited), at)


def _file_current_exception(name: str, kind: ast.expr) -> ast.expr:
    """Make the expression of an `except` clause that calls a function, as in `except f():`.

    It keeps the current exception in the local variable `name`, then evaluates `kind`.
    """
    filed = fill_positions(ast.NamedExpr(store(name), fill_positions(runtime_call("current_exception"), None)), None)
    both = fill_positions(ast.Tuple([filed, kind], ast.Load()), None)
    return fill_positions(ast.Subscript(both, constant(1), ast.Load()), None)


def _negate(value: ast.expr) -> ast.expr:
    return fill_positions(ast.UnaryOp(ast.Not(), value), None)


def _make_not_unwinding_test(held: str) -> ast.expr:
    kind = fill_positions(
        ast.Call(runtime_attribute("type"), [load(held)], []), None
    )  # `type` is not written in Python, so debuggers do not step into it
    return fill_positions(ast.Compare(kind, [ast.IsNot()], [runtime_attribute("Unwind")]), None)


def _make_membership_test(name: str, values: tuple[int, ...]) -> ast.expr:
    options = fill_positions(ast.Tuple([constant(value) for value in values], ast.Load()), None)
    return fill_positions(ast.Compare(load(name), [ast.In()], [options]), None)


def _make_unwinding_handler() -> ast.ExceptHandler:
    return fill_positions(
        ast.ExceptHandler(runtime_attribute("Unwind"), None, [fill_positions(ast.Raise(), None)]), None
    )
