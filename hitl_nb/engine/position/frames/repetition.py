"""Choice of the node to evaluate again if code asks without a call in the source: a property, operator, conversion.

Nothing is filed for an expression without calls. So the whole expression is evaluated again, at whatever part of it
code asks. The rest alone would need its other operands, and these would ask again, under other names.
"""

from __future__ import annotations

import ast
from typing import Any

from hitl_nb.engine.compile.tree.nodes import CALLS, list_children, walk
from hitl_nb.engine.position.frames.places import NodePlace

_CALLING_NODES = (*CALLS, ast.GeneratorExp, ast.NamedExpr)
_PARTIAL_NODES = (ast.BoolOp, ast.IfExp)
"""Nodes whose part before the place decides which part is evaluated. That part is not evaluated again.

If such a node is an operand itself, all operands are evaluated again, at whatever part of them code asks.
"""
_PLAIN_TARGETS = (ast.Name, ast.Tuple, ast.List, ast.Starred)


def widen_place(place: NodePlace) -> Any:
    """Find the node to evaluate again for the node at a place."""
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
        return any(map(_has_calls, list_children(node.args)))  # making it evaluates nothing else
    return isinstance(node, _CALLING_NODES) or any(map(_has_calls, list_children(node)))


def _must_reevaluate(node: ast.AST) -> bool:
    """Return whether a statement without calls evaluates more than one part that may ask."""
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
