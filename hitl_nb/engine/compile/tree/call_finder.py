"""Which nodes call: only across a call must be kept what CPython has on its value stack."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from hitl_nb.engine.compile.tree.nodes import CALLS, COMPREHENSIONS, children, walk

_CALLING = frozenset((*CALLS, ast.GeneratorExp))  # a generator that outlives its statement is saved, too
_LEAVES = frozenset((ast.Constant, ast.Name))


class CallFinder:
    """Whether evaluating a node calls, awaits or yields in its own frame. Remembers what it found.

    Attributes:
        perhaps: comprehensions without calls that may ask a generator, by what their iterable's name was given.
    """

    def __init__(self) -> None:
        self._calling: dict[ast.AST, bool] = {}
        self._deep: dict[ast.AST, bool] = {}
        self.perhaps: frozenset[ast.AST] = frozenset()

    def look_for_generators(self, module: ast.Module) -> None:
        """Find the comprehensions over names that the text gives the value of a call: it may be a generator."""
        named, found = set[str](), list[Any]()
        for node in walk(module):
            if isinstance(node, ast.Assign):
                if isinstance(node.value, (ast.Call, ast.GeneratorExp)):
                    named.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif type(node) in _AT_ONCE:
                found.append(node)
        over = [node for node in found if isinstance(node.generators[0].iter, ast.Name)]
        over = [node for node in over if node.generators[0].iter.id in named and not self.calls_below(node)]
        self.perhaps = frozenset(n for n in over if not any(isinstance(part, ast.NamedExpr) for part in walk(n)))
        self._calling, self._deep = {}, {}

    def calls(self, node: ast.AST | None) -> bool:
        if node is None or type(node) in _LEAVES:
            return False
        found = self._calling.get(node)
        if found is None:
            found = self._calling[node] = self._look(node)
        return found

    def _look(self, node: ast.AST) -> bool:
        kind = type(node)
        if kind in _CALLING:
            return True
        if kind in _AT_ONCE:
            return self.calls_below(node)
        if isinstance(node, ast.Lambda):
            return any(map(self.calls, node.args.defaults)) or any(map(self.calls, node.args.kw_defaults))
        return any(map(self.calls, children(node)))

    def calls_below(self, node: ast.AST) -> bool:
        """The same, of nested lambdas and comprehensions too."""
        kind = type(node)
        if kind in _LEAVES:
            return False
        found = self._deep.get(node)
        if found is None:
            is_calling = kind in _CALLING or node in self.perhaps
            is_calling = is_calling or (isinstance(node, ast.comprehension) and bool(node.is_async))
            found = self._deep[node] = is_calling or any(map(self.calls_below, children(node)))
        return found

    def last_of(self, parts: Sequence[ast.AST], *, are_targets: bool) -> int:
        """The last of these operands before which values are kept: one that calls, or that may once another has called.

        An attribute or an operator may be code of the user's. Where it asks, it alone is evaluated again. A target of
        an assignment is not evaluated before it is bound.
        """
        calling = [self.calls(part) for part in parts]
        if True not in calling:
            return -1
        last = len(calling) - 1 - calling[::-1].index(True)
        if are_targets:
            return last
        may = (i for i in range(len(parts) - 1, last, -1) if _may_run_code(parts[i]))
        return next(may, last)


def _may_run_code(node: ast.AST) -> bool:
    return type(node) not in _LEAVES and any(type(part) in _OPERATING for part in walk(node))


_AT_ONCE = frozenset((ast.ListComp, ast.SetComp, ast.DictComp))
_OPERATING = frozenset(
    (
        *(ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp),
        *(ast.FormattedValue, ast.Starred, *COMPREHENSIONS),
    )
)
