"""Search for syntax nodes that call functions.

CPython keeps intermediate values on a stack that cannot be read. Such a value must be kept in a local variable only if
a call follows in the same expression.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from hitl_nb.engine.compile.tree.nodes import CALLS, COMPREHENSIONS, list_children, walk

_CALLS, _CALLS_BELOW = 1, 2  # flags: the node calls in its own frame; it or a nested lambda or comprehension calls
_CALL_KINDS = frozenset((*CALLS, ast.GeneratorExp))  # a generator that outlives its statement is saved, too
_LEAF_KINDS = frozenset((ast.Constant, ast.Name))


class CallFinder:
    """Finds whether evaluating a syntax node calls, awaits or yields, and remembers the results.

    One walk finds the results for all of the user's nodes, before any node is changed.

    Attributes:
        possible_generators: Comprehensions without calls over a name to which the text assigns the result of a call.
            That result may be a generator.
        has_walrus: True if an expression of the text binds a name with `:=`.
    """

    def __init__(self) -> None:
        self._found: dict[ast.AST, int] = {}
        self._named: set[str] = set()
        self._comprehensions: list[Any] = []
        self.possible_generators: frozenset[ast.AST] = frozenset()
        self.has_walrus = False

    def examine_module(self, module: ast.Module) -> None:
        """Examine all nodes of a module, before they are changed; set `possible_generators` and `has_walrus`."""
        self._examine(module)
        over = [node for node in self._comprehensions if isinstance(node.generators[0].iter, ast.Name)]
        over = [n for n in over if n.generators[0].iter.id in self._named and not self._found[n] & _CALLS_BELOW]
        self.possible_generators = frozenset(
            n for n in over if not any(isinstance(part, ast.NamedExpr) for part in walk(n))
        )
        if self.possible_generators:
            self._found.clear()
            self._examine(module)

    def has_call(self, node: ast.AST | None) -> bool:
        """Return whether evaluating a node calls, awaits or yields in its own frame (not inside a nested lambda)."""
        if node is None or type(node) in _LEAF_KINDS:
            return False
        found = self._found.get(node)
        return bool((self._examine(node) if found is None else found) & _CALLS)

    def has_call_below(self, node: ast.AST) -> bool:
        """Return whether a node, or a lambda or comprehension inside it, calls, awaits or yields."""
        if type(node) in _LEAF_KINDS:
            return False
        found = self._found.get(node)
        return bool((self._examine(node) if found is None else found) & _CALLS_BELOW)

    def _examine(self, node: ast.AST) -> int:
        known = self._found
        kind = node.__class__
        found = 0
        for child in list_children(node):
            if child.__class__ not in _LEAF_KINDS:
                below = known.get(child)
                found |= self._examine(child) if below is None else below
        if kind in _CALL_KINDS:
            found = _CALLS | _CALLS_BELOW
        elif kind in _TELLING_KINDS:
            found = self._examine_telling_node(node, found)
        known[node] = found
        return found

    def _examine_telling_node(self, node: Any, found: int) -> int:
        if isinstance(node, ast.Assign):
            if isinstance(node.value, (ast.Call, ast.GeneratorExp)):
                self._named.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.NamedExpr):
            self.has_walrus = True
        elif isinstance(node, ast.Lambda):
            defaults = *node.args.defaults, *node.args.kw_defaults
            found = found & _CALLS_BELOW | (_CALLS if any(map(self.has_call, defaults)) else 0)
        elif isinstance(node, ast.comprehension):
            found |= _CALLS_BELOW if node.is_async else 0
        else:
            self._comprehensions.append(node)
            is_calling = found & _CALLS_BELOW or node in self.possible_generators
            found = _CALLS | _CALLS_BELOW if is_calling else 0
        return found

    def find_last_operand(self, parts: Sequence[ast.AST], *, are_targets: bool) -> int:
        """Return the index of the last operand for which the values before it must be kept in local variables.

        That is the last operand that calls. If there is one, an operand behind it counts too if an attribute or
        operator in it may run code of the user. If such code pauses, only that operand is evaluated again.

        Args:
            parts: The operands, in the order of evaluation.
            are_targets: True if the operands after the first are assignment targets. Attributes in targets do not
                count, because they are not evaluated before they are bound.

        Returns:
            The index; -1 if no operand calls.
        """
        may_run = -1  # index of the last operand that may run code of the user
        for i in range(len(parts) - 1, -1, -1):
            if parts[i].__class__ in _LEAF_KINDS:
                continue
            if self.has_call(parts[i]):
                return max(may_run, i)
            if may_run < 0 and not are_targets and _may_run_code(parts[i]):
                may_run = i
        return -1


def _may_run_code(node: ast.AST) -> bool:
    return type(node) not in _LEAF_KINDS and any(type(part) in _OPERATOR_KINDS for part in walk(node))


_TELLING_KINDS = frozenset(
    (ast.Assign, ast.NamedExpr, ast.Lambda, ast.comprehension, ast.ListComp, ast.SetComp, ast.DictComp)
)
_OPERATOR_KINDS = frozenset(
    (
        *(ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp),
        *(ast.FormattedValue, ast.Starred, *COMPREHENSIONS),
    )
)
