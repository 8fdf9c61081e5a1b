"""An `async with asyncio.TaskGroup()` that only starts tasks: one operation, as `await asyncio.gather(...)` is one.

Taken statement by statement, its tasks belong to statements that are over when they ask, and would be lost. As a whole
it is made again after each decision: making coroutines has no effect, and what was approved comes from the record.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .program import Op


def as_one(node: ast.With | ast.AsyncWith) -> ast.AsyncWith | None:
    """A copy of a statement that may be such a group, by its syntax; None if it is not."""
    if not isinstance(node, ast.AsyncWith) or len(node.items) != 1:
        return None
    made, name = node.items[0].context_expr, node.items[0].optional_vars
    if not isinstance(made, ast.Call) or made.args or made.keywords or not isinstance(name, ast.Name):
        return None
    return copy.deepcopy(node) if all(map(_may_start_tasks, node.body)) else None


def _may_start_tasks(node: ast.stmt) -> bool:
    if isinstance(node, ast.For):
        return isinstance(node.target, (ast.Name, ast.Tuple)) and all(map(_may_start_tasks, [*node.body, *node.orelse]))
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, (ast.Expr, ast.Pass))


def is_create_task(call: ast.Call, group: ast.AsyncWith) -> bool:
    """Whether a call is `create_task` of the group."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="create_task"):
            return name == _name_of(group)
        case _:
            return False


def names_made(op: Op) -> Iterator[str]:
    """Names that a group surely binds, before it or anything else reads them."""
    group = group_of(op)
    yield _name_of(group)
    for node in group.body:
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def group_of(op: Op) -> ast.AsyncWith:
    """The statement of an operation that is a group."""
    (node,) = op.tree()
    assert isinstance(node, ast.AsyncWith)
    return node


def _name_of(group: ast.AsyncWith) -> str:
    name = group.items[0].optional_vars
    assert isinstance(name, ast.Name)
    return name.id
