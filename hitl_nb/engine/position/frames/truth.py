"""Where Python asks a value for its truth (`if`, `while`, `and`, a conditional): which value, and may it ask again.

The value is on CPython's stack only. What gives it is evaluated again, unless that calls something: then what was
called would run twice.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Callable, Sequence
from typing import Any

from hitl_nb.engine.compile.tree.nodes import (
    CALLS,
    COMPREHENSIONS,
    children,
    is_filed,
    is_runtime,
    is_super,
    read,
    slots,
)
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.places import Place, find_place

_BETWEEN = frozenset(("CACHE", "COPY", "EXTENDED_ARG", "NOP", "TO_BOOL"))
_TESTING = (ast.If, ast.While, ast.Assert)


def is_test(operation: str) -> bool:
    """Whether an instruction asks a value for its truth."""
    is_jump = operation.startswith(("POP_JUMP", "JUMP_IF")) and "NONE" not in operation
    return is_jump or operation == "TO_BOOL"


def find_tested(unit: Unit, function: int, code: bytes, at: int, numbers: Sequence[int], place: Place) -> Place:
    """The place of the operand that the instruction `at` tests; `place` if that is not told, or calls something.

    Args:
        numbers: of the nodes that the instructions up to this one belong to.
    """
    before = at - 1
    while before > 0 and (numbers[before] == 0 or dis.opname[code[2 * before]] in _BETWEEN):
        before -= 1
    found = find_place(unit, function, numbers[before])
    if found is not None and found.path and is_filed(found.path[-1][0]):  # the operand of an operator: `not f()`
        found = Place(found.path[:-2], found.path[-2][0])
    if found is not None and _is_operand(found, place.node) and repeated_call(found.node, is_tested=True) is None:
        return found
    test = getattr(place.node, "test", None) if isinstance(place.node, _TESTING) else None
    return place if getattr(test, "lineno", 0) <= 0 else Place((*place.path, (place.node, ("test", None))), test)


def _is_operand(found: Place, tested: Any) -> bool:
    """Whether the truth of `found` is asked for by `tested`, and not that of another part of it."""
    if found.node is tested:
        return True
    around = [node for node, _ in found.path]
    if isinstance(found.node, CALLS):
        return False
    if tested not in around:  # a jump that was compiled a second time may be at the place of another operand
        return isinstance(around[-1], ast.BoolOp) and not isinstance(tested, ast.IfExp)
    for node, (field, _) in found.path[around.index(tested) :]:
        is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        if not (field == "test" or isinstance(node, ast.BoolOp) or is_not):
            return False
    return True


MayRepeat = Callable[[Any], bool]


def repeated_call(node: Any, *, is_tested: bool = False, may_repeat: MayRepeat = lambda call: False) -> ast.expr | None:
    """A call that would be made a second time if `node` were evaluated again with what is filed of it.

    Args:
        is_tested: whether `node` has been evaluated, and its truth is asked for.
        may_repeat: tells of a call that making it again is no harm.
    """
    match node:
        case _ if is_tested and isinstance(node, CALLS):
            return node
        case ast.If() | ast.While() | ast.Assert():
            parts: list[Any] = [node.test]
        case ast.stmt() | ast.Lambda():
            parts = []
        case ast.BoolOp() | ast.IfExp():
            parts = list(children(node))
        case _ if isinstance(node, COMPREHENSIONS):
            parts = []
        case _:
            parts = [read(node, slot) for slot in slots(node)]
    return next((found for part in parts if (found := _unfiled_call(part, may_repeat)) is not None), None)


def _unfiled_call(node: Any, may_repeat: MayRepeat) -> ast.expr | None:
    if is_filed(node):
        return None
    if isinstance(node, ast.Lambda):
        parts: list[Any] = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
    elif isinstance(node, CALLS) and not is_super(node) and not _is_of_runtime(node) and not may_repeat(node):
        return node
    else:
        parts = list(children(node))
    return next((found for part in parts if (found := _unfiled_call(part, may_repeat)) is not None), None)


def _is_of_runtime(node: Any) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_runtime(node.func)
