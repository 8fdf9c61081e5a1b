"""Places where Python tests the truth of a value (`if`, `while`, `and`, a conditional), and whether it may test again.

The tested value is only on CPython's stack, which cannot be read. So the expression that gives the value is evaluated
again. This is refused if the expression has a call: the called function would run twice.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Callable, Sequence
from typing import Any

from hitl_nb.engine.compile.tree.node_slots import list_slots, read_slot
from hitl_nb.engine.compile.tree.nodes import (
    CALLS,
    COMPREHENSIONS,
    is_filed_value,
    is_runtime_attribute,
    is_super,
    list_children,
)
from hitl_nb.engine.compile.units import Unit
from hitl_nb.engine.position.frames.places import NodePlace, find_place

_SKIPPED_OPERATIONS = frozenset(("CACHE", "COPY", "EXTENDED_ARG", "NOP", "TO_BOOL"))
_TEST_STATEMENTS = (ast.If, ast.While, ast.Assert)


def is_truth_test(operation: str) -> bool:
    """Return whether an instruction tests the truth of a value."""
    is_jump = operation.startswith(("POP_JUMP", "JUMP_IF")) and "NONE" not in operation
    return is_jump or operation == "TO_BOOL"


def find_tested_place(
    unit: Unit, function: int, code: bytes, index: int, numbers: Sequence[int], place: NodePlace
) -> NodePlace:
    """Find the operand whose truth an instruction tests.

    Args:
        unit: the unit (compiled source of a cell or module) of the function.
        function: number of the function.
        code: the function's bytecode.
        index: index of the instruction that tests.
        numbers: for each instruction before it, the number of the node that the instruction belongs to.
        place: the place (node and path to it) of the testing instruction.

    Returns:
        The place of the operand. `place`, or its `test`, if the operand is unknown or has a call that would run twice.
    """
    before = index - 1
    while before > 0 and (numbers[before] == 0 or dis.opname[code[2 * before]] in _SKIPPED_OPERATIONS):
        before -= 1
    found = find_place(unit, function, numbers[before])
    if found is not None and found.path and is_filed_value(found.path[-1][0]):  # the operand of an operator: `not f()`
        found = NodePlace(found.path[:-2], found.path[-2][0])
    if found is not None and _is_operand(found, place.node) and find_repeated_call(found.node, is_tested=True) is None:
        return found
    test = getattr(place.node, "test", None) if isinstance(place.node, _TEST_STATEMENTS) else None
    return place if getattr(test, "lineno", 0) <= 0 else NodePlace((*place.path, (place.node, ("test", None))), test)


def _is_operand(operand_place: NodePlace, tested_node: Any) -> bool:
    """Return whether the truth test at `tested_node` tests the operand itself, and not another part of the node."""
    if operand_place.node is tested_node:
        return True
    around = [node for node, _ in operand_place.path]
    if isinstance(operand_place.node, CALLS):
        return False
    if tested_node not in around:  # a jump that was compiled a second time may be at the place of another operand
        return isinstance(around[-1], ast.BoolOp) and not isinstance(tested_node, ast.IfExp)
    for node, (field, _) in operand_place.path[around.index(tested_node) :]:
        is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        if not (field == "test" or isinstance(node, ast.BoolOp) or is_not):
            return False
    return True


RepeatableCallTest = Callable[[Any], bool]
"""Takes the node of a call, and returns whether the call can be executed again without harm."""


def find_repeated_call(
    node: Any, *, is_tested: bool = False, may_repeat: RepeatableCallTest = lambda call: False
) -> ast.expr | None:
    """Find a call that would be executed a second time if `node` were evaluated again.

    Operands whose values were kept in locals such as `.t0` are not evaluated again.

    Args:
        node: the node to evaluate again.
        is_tested: whether `node` has been evaluated, and Python now tests the truth of its value.
        may_repeat: returns whether a call can be executed again without harm. Default: no call can.

    Returns:
        The first such call, or None if there is none.
    """
    match node:
        case _ if is_tested and isinstance(node, CALLS):
            return node
        case ast.If() | ast.While() | ast.Assert():
            parts: list[Any] = [node.test]
        case ast.stmt() | ast.Lambda():
            parts = []
        case ast.BoolOp() | ast.IfExp():
            parts = list(list_children(node))
        case _ if isinstance(node, COMPREHENSIONS):
            parts = []
        case _:
            parts = [read_slot(node, slot) for slot in list_slots(node)]
    return next((found for part in parts if (found := _find_unfiled_call(part, may_repeat)) is not None), None)


def _find_unfiled_call(node: Any, may_repeat: RepeatableCallTest) -> ast.expr | None:
    if is_filed_value(node):
        return None
    if isinstance(node, ast.Lambda):
        parts: list[Any] = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
    elif isinstance(node, CALLS) and not is_super(node) and not _is_runtime_call(node) and not may_repeat(node):
        return node
    else:
        parts = list(list_children(node))
    return next((found for part in parts if (found := _find_unfiled_call(part, may_repeat)) is not None), None)


def _is_runtime_call(node: Any) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_runtime_attribute(node.func)
