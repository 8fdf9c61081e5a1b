"""Which nodes call: only across a call must be kept what CPython has on its value stack."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from hitl_nb.engine.compile.tree.nodes import CALLS, COMPREHENSIONS, list_children, walk

_CALL_KINDS = frozenset((*CALLS, ast.GeneratorExp))  # a generator that outlives its statement is saved, too
_LEAF_KINDS = frozenset((ast.Constant, ast.Name))


class CallFinder:
    """Whether evaluating a node calls, awaits or yields in its own frame. Remembers what it found.

    Attributes:
        possible_generators: comprehensions without calls that may ask a generator, by what the name of their
            iterable was given.
    """

    def __init__(self) -> None:
        self._calls: dict[ast.AST, bool] = {}
        self._calls_below: dict[ast.AST, bool] = {}
        self.possible_generators: frozenset[ast.AST] = frozenset()

    def find_possible_generators(self, module: ast.Module) -> None:
        """Find the comprehensions over names that the text gives the value of a call: it may be a generator."""
        named, found = set[str](), list[Any]()
        for node in walk(module):
            if isinstance(node, ast.Assign):
                if isinstance(node.value, (ast.Call, ast.GeneratorExp)):
                    named.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif type(node) in _EAGER_COMPREHENSIONS:
                found.append(node)
        over = [node for node in found if isinstance(node.generators[0].iter, ast.Name)]
        over = [node for node in over if node.generators[0].iter.id in named and not self.has_call_below(node)]
        self.possible_generators = frozenset(
            n for n in over if not any(isinstance(part, ast.NamedExpr) for part in walk(n))
        )
        self._calls, self._calls_below = {}, {}

    def has_call(self, node: ast.AST | None) -> bool:
        if node is None or type(node) in _LEAF_KINDS:
            return False
        found = self._calls.get(node)
        if found is None:
            found = self._calls[node] = self._find_call(node)
        return found

    def _find_call(self, node: ast.AST) -> bool:
        kind = type(node)
        if kind in _CALL_KINDS:
            return True
        if kind in _EAGER_COMPREHENSIONS:
            return self.has_call_below(node)
        if isinstance(node, ast.Lambda):
            return any(map(self.has_call, node.args.defaults)) or any(map(self.has_call, node.args.kw_defaults))
        return any(map(self.has_call, list_children(node)))

    def has_call_below(self, node: ast.AST) -> bool:
        """The same, of nested lambdas and comprehensions too."""
        kind = type(node)
        if kind in _LEAF_KINDS:
            return False
        found = self._calls_below.get(node)
        if found is None:
            is_calling = kind in _CALL_KINDS or node in self.possible_generators
            is_calling = is_calling or (isinstance(node, ast.comprehension) and bool(node.is_async))
            found = self._calls_below[node] = is_calling or any(map(self.has_call_below, list_children(node)))
        return found

    def find_last_operand(self, parts: Sequence[ast.AST], *, are_targets: bool) -> int:
        """The last of these operands before which values are kept: one that calls, or that may once another has called.

        An attribute or an operator may be code of the user's. Where it asks, it alone is evaluated again. A target of
        an assignment is not evaluated before it is bound.
        """
        calling = [self.has_call(part) for part in parts]
        if True not in calling:
            return -1
        last = len(calling) - 1 - calling[::-1].index(True)
        if are_targets:
            return last
        may = (i for i in range(len(parts) - 1, last, -1) if _may_run_code(parts[i]))
        return next(may, last)


def _may_run_code(node: ast.AST) -> bool:
    return type(node) not in _LEAF_KINDS and any(type(part) in _OPERATOR_KINDS for part in walk(node))


_EAGER_COMPREHENSIONS = frozenset((ast.ListComp, ast.SetComp, ast.DictComp))
_OPERATOR_KINDS = frozenset(
    (
        *(ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp),
        *(ast.FormattedValue, ast.Starred, *COMPREHENSIONS),
    )
)
