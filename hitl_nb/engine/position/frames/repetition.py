"""Chooses the node to evaluate again if code asks without a call in the source: in a property, operator or conversion.

To ask is to request a decision, as `hitl.checkpoint` does. The operands of an expression without calls are not kept in
local variables (not filed). So the whole expression is evaluated again, whichever part of it asked. If only the rest
were evaluated again, its other operands would be evaluated again, too, and their questions would get other names.
"""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.tree.nodes import CALLS, list_children, walk
from hitl_nb.engine.position.frames.places import NodePlace

_CALLING_NODES = (*CALLS, ast.GeneratorExp, ast.NamedExpr)
_PARTIAL_NODES = (ast.BoolOp, ast.IfExp)
"""Nodes whose first part decides which other part is evaluated. For another part, the first is not evaluated again.

If such a node is an operand itself, all operands are evaluated again, whichever part of them asked.
"""
_PLAIN_TARGETS = (ast.Name, ast.Tuple, ast.List, ast.Starred)


def widen_place(place: NodePlace) -> Any:
    """Return the node to evaluate again: the node at `place`, or the largest expression around it that has no calls."""
    found: Any = place.node
    if not isinstance(found, ast.expr) or _has_calls(found):
        return found
    for parent, _ in reversed(place.path):
        if not isinstance(parent, (ast.expr, ast.keyword, ast.Slice)):
            return parent if _must_reevaluate(parent) and not _has_calls(parent) else found
        calls = any(map(_has_calls, list_children(parent))) if isinstance(parent, ast.Call) else _has_calls(parent)
        if calls:
            return found
        if not isinstance(parent, _PARTIAL_NODES) and getattr(parent, "lineno", 0) > 0:
            found = parent
    return found


def _has_calls(node: ast.AST) -> bool:
    if isinstance(node, ast.Lambda):
        return any(map(_has_calls, list_children(node.args)))  # only the defaults are evaluated to make a lambda
    return isinstance(node, _CALLING_NODES) or any(map(_has_calls, list_children(node)))


def _must_reevaluate(node: ast.AST) -> bool:
    """Return whether a statement without calls must be evaluated again as a whole.

    It must if it evaluates more than one part that may run code of the user.
    """
    match node:
        case ast.Assign(targets=targets, value=value):
            is_plain = all(isinstance(part, _PLAIN_TARGETS) for target in targets for part in walk(target))
            return not is_plain and not isinstance(value, ast.Constant)
        case ast.AugAssign():
            return True
        case ast.Raise(cause=cause):
            return cause is not None
        case _:
            return False
