"""Backward analysis of live names: the names that statements may still read before they bind them.

Sets of names are masks: integers with one bit per name. The effect of a statement on the live names has the form `reads
| (live & ~binds)`, and so has the effect of a block. The least fixed point of such a function is its value for the
empty set, so a loop is analyzed without repetition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from hitl_nb.engine.compile.tree.nodes import is_engine_name, is_runtime_attribute, walk
from hitl_nb.engine.position.frames.frames import FIRST_TURN_PREFIX
from hitl_nb.engine.position.liveness.definitions import (
    NO_EXITS,
    DefinitionAnalysis,
    Exits,
    NestedDefinition,
    drop_missing_parts,
    find_child_statements,
)
from hitl_nb.engine.position.liveness.name_sets import NameEffect, NameSets


class FlowAnalysis(DefinitionAnalysis):
    """The analysis of all statements of one scope.

    It computes the names that are *live* before a statement: the code from there on may read them before it binds them.

    Args:
        name_sets: gives each name a bit, so that a set of names is an integer.
        nested_definitions: node of a definition -> its effects; shared by all scopes of a tree.
        owner: name of the class around the scope; "" if there is none.
        declared_names: names that the scope declares `global`.
        is_class: whether the scope is a class body.
        is_cell: whether the scope is a notebook cell, whose names are names of the namespace (globals).
    """

    def __init__(
        self,
        name_sets: NameSets,
        nested_definitions: dict[ast.AST, NestedDefinition],
        owner: str = "",
        declared_names: frozenset[str] = frozenset(),
        *,
        is_class: bool = False,
        is_cell: bool = False,
    ) -> None:
        super().__init__(name_sets, nested_definitions, owner, declared_names, is_class=is_class)
        self.is_cell = is_cell
        self._live_cache: dict[tuple[Any, ...], int] | None = None
        self._cached_paths: dict[ast.AST, str] | None = None
        self._block_visitors: dict[type[ast.AST], Callable[[Any, int, Exits], int]] = {
            ast.Return: lambda node, _, exits: (
                _live_before(self.effect_of_optional(node.value), exits.at_return) | exits.at_error
            ),
            ast.Break: lambda node, _, exits: exits.at_break,
            ast.Continue: lambda node, _, exits: exits.at_continue,
            ast.Raise: lambda node, _, exits: _live_before(
                self.effect_in_order(drop_missing_parts(node.exc, node.cause)), exits.at_error
            ),
            ast.Expr: self._visit_expression_statement,
            ast.If: self._visit_if,
            ast.While: self._visit_while,
            ast.For: self._visit_for,
            ast.AsyncFor: self._visit_for,
            ast.Try: self._visit_try,
            ast.TryStar: self._visit_try_star,
            ast.With: self._visit_with,
            ast.AsyncWith: self._visit_with,
            ast.Match: self._visit_match,
        }

    def remember_statements(self, paths: dict[ast.AST, str]) -> None:
        """Keep the results of `live_before` for some statements from now on, because these are analyzed many times.

        Args:
            paths: the statements, as keys.
        """
        self._live_cache, self._cached_paths = {}, paths

    def store_name(self, name: str) -> int:
        """Record that a name is bound, and return its bit (an integer with one bit set).

        In a cell, the bit of the global with this name is added.
        """
        found = super().store_name(name)
        if self.is_cell and not is_engine_name(name):
            found |= self.name_sets.global_bit_of(name)
        return found

    # -- blocks

    def live_before_block(self, statements: Sequence[ast.stmt], live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) before a block, as a mask (one bit per name).

        Args:
            statements: the statements of the block.
            live: mask of the names that are live after the block.
            exits: masks of the names that are live at the other exits of the block.
        """
        i = len(statements) - 1
        while i >= 0:
            node = statements[i]
            i -= 1
            if i >= 0 and _starts_resumed_loop(statements[i]):
                live = self._visit_resumed_loop(node, live, exits)
                i -= 1
            else:
                live = self.live_before(node, live, exits)
        return live

    def live_before(self, node: ast.stmt, live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) before a statement, as a mask (one bit per name).

        Args:
            node: the statement.
            live: mask of the names that are live after the statement.
            exits: masks of the names that are live at the other exits of the statement.
        """
        if self._live_cache is None or self._cached_paths is None or node not in self._cached_paths:
            return self._compute_live_before(node, live, exits)
        key = node, live, exits
        found = self._live_cache.get(key)
        if found is None:
            found = self._live_cache[key] = self._compute_live_before(node, live, exits)
        return found

    def _compute_live_before(self, node: ast.stmt, live: int, exits: Exits) -> int:
        flow = self._block_visitors.get(type(node))
        if flow is not None:
            return flow(node, live, exits)
        return _live_before(self.effect_of_simple(node), live) | exits.at_error

    # -- simple statements

    def _visit_expression_statement(self, node: ast.Expr, live: int, exits: Exits) -> int:
        if _is_runtime_call(node.value, "throw"):
            live = exits.at_error
        return _live_before(self.effect_of(node.value), live) | exits.at_error

    # -- control

    def _visit_if(self, node: ast.If, live: int, exits: Exits) -> int:
        test = node.test
        if isinstance(test, ast.Attribute) and is_runtime_attribute(test):  # a poll: `if runtime.due`
            return live | exits.at_error
        body = self.live_before_block(node.body, live, exits)
        orelse = self.live_before_block(node.orelse, live, exits)
        if isinstance(test, ast.Constant):
            return body if test.value else orelse
        if _is_unwinding_guard(test):  # code that a pause leaves reads nothing
            orelse = 0
        return _live_before(self.effect_of(test), body | orelse) | exits.at_error

    def _visit_while(self, node: ast.While, live: int, exits: Exits) -> int:
        behind = self._live_after_loop(node, live, exits)
        return self._live_at_while_test(node.test, node.body, live, behind, exits)

    def _live_after_loop(self, node: Any, live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) after the last turn of a loop, before its `else`."""
        return self.live_before_block(node.orelse, live, exits)

    def _live_at_while_test(
        self, test: ast.expr, body: Sequence[ast.stmt], live: int, live_after: int, exits: Exits
    ) -> int:
        """Return the names that are live (may still be read) before each test of a `while`."""
        turn = self.live_before_block(body, 0, exits._replace(at_break=live, at_continue=0))
        return self._live_before_test(test, turn, live_after, exits)

    def _live_before_test(self, test: ast.expr, turn: int, live_after: int, exits: Exits) -> int:
        if isinstance(test, ast.Constant):
            return (turn if test.value else live_after) | exits.at_error
        return _live_before(self.effect_of(test), turn | live_after) | exits.at_error

    def _visit_for(self, node: Any, live: int, exits: Exits) -> int:
        behind = self._live_after_loop(node, live, exits)
        turn = self.live_before_block(node.body, 0, exits._replace(at_break=live, at_continue=0))
        turns = _live_before(self.effect_of(node.target), turn) | behind | exits.at_error
        return _live_before(self.effect_of(node.iter), turns) | exits.at_error

    def _visit_resumed_loop(self, node: Any, live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) before a loop in the rest of a saved frame.

        The first turn of this loop begins in the middle of the body.
        """
        behind = self._live_after_loop(node, live, exits)
        first, body = _split_bodies(node)
        if isinstance(node, ast.While):
            test = cast("ast.IfExp", node.test)
            turns = self._live_at_while_test(test.orelse, body, live, behind, exits)
            begun = self.live_before_block(first, turns, exits._replace(at_break=live, at_continue=turns))
            return self._live_before_test(test.body, begun, behind, exits)
        turn = self.live_before_block(body, 0, exits._replace(at_break=live, at_continue=0))
        turns = _live_before(self.effect_of(node.target), turn) | behind | exits.at_error
        begun = self.live_before_block(first, turns, exits._replace(at_break=live, at_continue=turns))
        begun = _live_before(self.effect_of(node.target), begun)
        return _live_before(self.effect_of(node.iter), begun) | exits.at_error

    def _route_through_finally(self, node: Any, live: int, exits: Exits) -> tuple[int, Exits]:
        """Find the names that are live (may still be read) at the exits of a `try`, before its `finally` runs.

        Returns:
            (mask for the normal end of the body and the handlers, masks for the other exits). Without a `finally` they
            are `live` and `exits`.
        """
        if not node.finalbody:
            return live, exits
        known: dict[int, int] = {}

        def live_through_finally(target: int) -> int:
            found = known.get(target)
            if found is None:
                found = known[target] = self.live_before_block(node.finalbody, target, exits)
            return found

        return live_through_finally(live), Exits(*map(live_through_finally, exits))

    def _visit_try(self, node: ast.Try, live: int, exits: Exits) -> int:
        live, exits = self._route_through_finally(node, live, exits)
        caught = exits.at_error
        for handler in reversed(node.handlers):
            if (
                isinstance(handler.type, ast.Attribute)
                and is_runtime_attribute(handler.type)
                and handler.type.attr == "Unwind"
            ):
                continue  # no code of the user runs for it
            caught = self._visit_handler(handler, live, caught, exits)
        orelse = self.live_before_block(node.orelse, live, exits)
        return self.live_before_block(node.body, orelse, exits._replace(at_error=caught))

    def _visit_handler(self, handler: ast.ExceptHandler, live: int, next_live: int, exits: Exits) -> int:
        body = self.live_before_block(handler.body, live, exits)
        if handler.name:
            body &= ~self.store_name(handler.name)
        return _live_before(self.effect_of_optional(handler.type), body | next_live)

    def _visit_try_star(self, node: ast.TryStar, live: int, exits: Exits) -> int:
        """Return the names that are live (may still be read) before a `try` with `except*`.

        Several handlers may run, one after the other, even if one of them raises an error.
        """
        live, exits = self._route_through_finally(node, live, exits)
        caught = exits.at_error | live
        for handler in reversed(node.handlers):
            caught |= self._visit_handler(handler, caught, caught, exits._replace(at_error=caught))
        orelse = self.live_before_block(node.orelse, live, exits)
        return self.live_before_block(node.body, orelse, exits._replace(at_error=caught))

    def _visit_with(self, node: Any, live: int, exits: Exits) -> int:
        """Return the names that are live before a `with` that is not instrumented.

        The `__exit__` of its manager may suppress an error, so that the code after the `with` runs.
        """
        behind = self.live_before_block(node.body, live, exits._replace(at_error=exits.at_error | live))
        parts = [part for item in node.items for part in drop_missing_parts(item.context_expr, item.optional_vars)]
        return _live_before(self.effect_in_order(parts), behind | live) | exits.at_error

    def _visit_match(self, node: ast.Match, live: int, exits: Exits) -> int:
        next_one = live
        for case in reversed(node.cases):
            body = self.live_before_block(case.body, live, exits)
            if case.guard is not None:
                body = _live_before(self.effect_of(case.guard), body | next_one)
            elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                next_one = 0  # this pattern matches every value
            reads, binds = self._visit_pattern(case.pattern)
            next_one |= reads | (body & ~binds)
        return _live_before(self.effect_of(node.subject), next_one) | exits.at_error

    def _visit_pattern(self, pattern: ast.pattern) -> NameEffect:
        reads = binds = 0
        for part in walk(pattern):
            name = getattr(part, "rest", None) if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
            if isinstance(name, str):
                binds |= self.store_name(name)
            elif isinstance(part, ast.Name):
                reads |= self.effect_of(part)[0]
        return (reads, binds)


def _live_before(effect: NameEffect, live: int) -> int:
    return effect[0] | (live & ~effect[1])


def _starts_resumed_loop(node: ast.stmt) -> bool:
    """Return whether a statement sets the flag that marks the first turn of a loop in the rest of a saved frame.

    In its first turn, such a loop completes a turn that had begun before the save.
    """
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant) or node.value.value is not True:
        return False
    target = node.targets[0]
    return isinstance(target, ast.Name) and target.id.startswith(FIRST_TURN_PREFIX)


def _split_bodies(node: Any) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Return (body of the first turn, body of all other turns) of a loop in the rest of a saved frame.

    The first turn begins in the middle of the loop's body.
    """
    first = node.body[0]
    if isinstance(first, ast.If):
        return first.body, first.orelse
    return node.body[1:], node.body[1:]  # without the statement that clears the flag of the first turn


def _is_unwinding_guard(test: ast.expr) -> bool:
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return False
    first = test.values[0]
    return isinstance(first, ast.Name) and first.id.startswith(".f")


def _is_runtime_call(node: ast.expr, name: str) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and is_runtime_attribute(function) and function.attr == name


__all__ = ["NO_EXITS", "FlowAnalysis", "NestedDefinition", "find_child_statements"]
