"""Which names statements may still read before they bind them: the analysis of live variables, backwards.

What a statement does to the live names is of the form `reads | (live & ~binds)`, and so is what any block does. Of such
a function the least fixed point is what it gives for no names at all: loops need no repetition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from hitl_nb.engine.compile.tree.nodes import is_engine_name, is_runtime, walk
from hitl_nb.engine.position.frames.frames import RESUMED
from hitl_nb.engine.position.liveness.definitions import NO_EXITS, Definitions, Exits, Nested, below, parts_of
from hitl_nb.engine.position.liveness.name_sets import Effect, NameSets


class Flow(Definitions):
    """The statements of one scope. Beside each statement's effect, names are noted as `Reads` says.

    Args:
        is_cell: whether the scope is a cell, whose names are the namespace's.
    """

    def __init__(
        self,
        names: NameSets,
        nested: dict[ast.AST, Nested],
        owner: str = "",
        declared: frozenset[str] = frozenset(),
        *,
        is_class: bool = False,
        is_cell: bool = False,
    ) -> None:
        super().__init__(names, nested, owner, declared, is_class=is_class)
        self.is_cell = is_cell
        self._known: dict[tuple[Any, ...], int] | None = None
        self._own: dict[ast.AST, str] | None = None
        self._flows: dict[type[ast.AST], Callable[[Any, int, Exits], int]] = {
            ast.Return: lambda node, _, exits: _before(self.of_value(node.value), exits.returned) | exits.error,
            ast.Break: lambda node, _, exits: exits.broke,
            ast.Continue: lambda node, _, exits: exits.continued,
            ast.Raise: lambda node, _, exits: _before(self.in_turn(parts_of(node.exc, node.cause)), exits.error),
            ast.Expr: self._expression,
            ast.If: self._if,
            ast.While: self._while,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.Try: self._try,
            ast.TryStar: self._try_star,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Match: self._match,
        }

    def remember(self, own: dict[ast.AST, str]) -> None:
        """Keep what is found of these statements: the scope is looked at again, from other places."""
        self._known, self._own = {}, own

    def store(self, name: str) -> int:
        found = super().store(name)
        if self.is_cell and not is_engine_name(name):  # the cell's names are the namespace's
            found |= self.names.global_bit(name)
        return found

    # -- blocks

    def block(self, statements: Sequence[ast.stmt], live: int, exits: Exits) -> int:
        """The names live before a block, `live` being those behind it."""
        i = len(statements) - 1
        while i >= 0:
            node = statements[i]
            i -= 1
            if i >= 0 and _is_resumed(statements[i]):
                live = self._resumed(node, live, exits)
                i -= 1
            else:
                live = self.before(node, live, exits)
        return live

    def before(self, node: ast.stmt, live: int, exits: Exits) -> int:
        """The names live before a statement."""
        if self._known is None or self._own is None or node not in self._own:
            return self._before_new(node, live, exits)
        key = node, live, exits
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._before_new(node, live, exits)
        return found

    def _before_new(self, node: ast.stmt, live: int, exits: Exits) -> int:
        flow = self._flows.get(type(node))
        if flow is not None:
            return flow(node, live, exits)
        return _before(self.simple(node), live) | exits.error

    # -- simple statements

    def _expression(self, node: ast.Expr, live: int, exits: Exits) -> int:
        if _is_call_of(node.value, "throw"):
            live = exits.error
        return _before(self.effect(node.value), live) | exits.error

    # -- control

    def _if(self, node: ast.If, live: int, exits: Exits) -> int:
        test = node.test
        if isinstance(test, ast.Attribute) and is_runtime(test):  # whether to report
            return live | exits.error
        body = self.block(node.body, live, exits)
        orelse = self.block(node.orelse, live, exits)
        if isinstance(test, ast.Constant):
            return body if test.value else orelse
        if _is_unless_unwinding(test):  # what unwinds reads nothing
            orelse = 0
        return _before(self.effect(test), body | orelse) | exits.error

    def _while(self, node: ast.While, live: int, exits: Exits) -> int:
        behind = self._behind(node, live, exits)
        return self._turns(node.test, node.body, live, behind, exits)

    def _behind(self, node: Any, live: int, exits: Exits) -> int:
        """What is live where a loop has no further turn."""
        return self.block(node.orelse, live, exits)

    def _turns(self, test: ast.expr, body: Sequence[ast.stmt], live: int, behind: int, exits: Exits) -> int:
        """What is live before each test of a `while`."""
        turn = self.block(body, 0, exits._replace(broke=live, continued=0))
        return self._tested(test, turn, behind, exits)

    def _tested(self, test: ast.expr, turn: int, behind: int, exits: Exits) -> int:
        if isinstance(test, ast.Constant):
            return (turn if test.value else behind) | exits.error
        return _before(self.effect(test), turn | behind) | exits.error

    def _for(self, node: Any, live: int, exits: Exits) -> int:
        behind = self._behind(node, live, exits)
        turn = self.block(node.body, 0, exits._replace(broke=live, continued=0))
        turns = _before(self.effect(node.target), turn) | behind | exits.error
        return _before(self.effect(node.iter), turns) | exits.error

    def _resumed(self, node: Any, live: int, exits: Exits) -> int:
        """A loop in a residual: its first turn is what is left of one."""
        behind = self._behind(node, live, exits)
        first, body = _two_bodies(node)
        if isinstance(node, ast.While):
            test = cast("ast.IfExp", node.test)
            turns = self._turns(test.orelse, body, live, behind, exits)
            begun = self.block(first, turns, exits._replace(broke=live, continued=turns))
            return self._tested(test.body, begun, behind, exits)
        turn = self.block(body, 0, exits._replace(broke=live, continued=0))
        turns = _before(self.effect(node.target), turn) | behind | exits.error
        begun = self.block(first, turns, exits._replace(broke=live, continued=turns))
        begun = _before(self.effect(node.target), begun)
        return _before(self.effect(node.iter), begun) | exits.error

    def _protected(self, node: Any, live: int, exits: Exits) -> tuple[int, Exits]:
        """What is live behind a `try`, and where it may be left to: through its `finally`, if it has one."""
        if not node.finalbody:
            return live, exits
        known: dict[int, int] = {}

        def through(target: int) -> int:
            found = known.get(target)
            if found is None:
                found = known[target] = self.block(node.finalbody, target, exits)
            return found

        return through(live), Exits(*map(through, exits))

    def _try(self, node: ast.Try, live: int, exits: Exits) -> int:
        live, exits = self._protected(node, live, exits)
        caught = exits.error
        for handler in reversed(node.handlers):
            if isinstance(handler.type, ast.Attribute) and is_runtime(handler.type) and handler.type.attr == "Unwind":
                continue  # nothing of the user's sees it
            caught = self._handler(handler, live, caught, exits)
        orelse = self.block(node.orelse, live, exits)
        return self.block(node.body, orelse, exits._replace(error=caught))

    def _handler(self, handler: ast.ExceptHandler, live: int, next_one: int, exits: Exits) -> int:
        body = self.block(handler.body, live, exits)
        if handler.name:
            body &= ~self.store(handler.name)
        return _before(self.of_value(handler.type), body | next_one)

    def _try_star(self, node: ast.TryStar, live: int, exits: Exits) -> int:
        """Several handlers may run, one after the other, whether or not one raises."""
        live, exits = self._protected(node, live, exits)
        caught = exits.error | live
        for handler in reversed(node.handlers):
            caught |= self._handler(handler, caught, caught, exits._replace(error=caught))
        orelse = self.block(node.orelse, live, exits)
        return self.block(node.body, orelse, exits._replace(error=caught))

    def _with(self, node: Any, live: int, exits: Exits) -> int:
        """One that is left as it is: its `__exit__` may swallow what was raised."""
        behind = self.block(node.body, live, exits._replace(error=exits.error | live))
        parts = [part for item in node.items for part in parts_of(item.context_expr, item.optional_vars)]
        return _before(self.in_turn(parts), behind | live) | exits.error

    def _match(self, node: ast.Match, live: int, exits: Exits) -> int:
        next_one = live
        for case in reversed(node.cases):
            body = self.block(case.body, live, exits)
            if case.guard is not None:
                body = _before(self.effect(case.guard), body | next_one)
            elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                next_one = 0  # it matches in any case
            reads, binds = self._pattern(case.pattern)
            next_one |= reads | (body & ~binds)
        return _before(self.effect(node.subject), next_one) | exits.error

    def _pattern(self, pattern: ast.pattern) -> Effect:
        reads = binds = 0
        for part in walk(pattern):
            name = getattr(part, "rest", None) if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
            if isinstance(name, str):
                binds |= self.store(name)
            elif isinstance(part, ast.Name):
                reads |= self.effect(part)[0]
        return (reads, binds)


def _before(effect: Effect, live: int) -> int:
    return effect[0] | (live & ~effect[1])


def _is_resumed(node: ast.stmt) -> bool:
    """Whether a statement says that the loop behind it is in its first turn."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant) or node.value.value is not True:
        return False
    target = node.targets[0]
    return isinstance(target, ast.Name) and target.id.startswith(RESUMED)


def _two_bodies(node: Any) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What a loop of a residual does in its first turn, and in all others."""
    first = node.body[0]
    if isinstance(first, ast.If):
        return first.body, first.orelse
    return node.body[1:], node.body[1:]  # behind what says that the first turn has begun


def _is_unless_unwinding(test: ast.expr) -> bool:
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or):
        return False
    first = test.values[0]
    return isinstance(first, ast.Name) and first.id.startswith(".f")


def _is_call_of(node: ast.expr, name: str) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and is_runtime(function) and function.attr == name


__all__ = ["NO_EXITS", "Flow", "Nested", "below"]
