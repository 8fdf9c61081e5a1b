"""Whether calls in a piece of code only make coroutines and compute: then making them again does no harm."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from .native import Proof, value_of_name
from .taskgroups import group_of, is_create_task

if TYPE_CHECKING:
    from .program import Op
    from .stack import Frame

_MAKES_TASKS = (asyncio.create_task, asyncio.ensure_future, asyncio.shield, asyncio.gather, asyncio.wait_for)
"""They start what they are given, as soon as something is awaited; started again, that comes from the record."""


def only_makes(
    roots: Sequence[ast.AST], frame: Frame, *, allowed: Callable[[ast.Call], bool] = lambda call: False
) -> bool:
    """Whether the code awaits nothing, and every call in it is `allowed`, or only makes a coroutine or computes."""
    nodes = [node for root in roots for node in ast.walk(root)]
    if any(isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom)) for node in nodes):
        return False
    return all(allowed(node) or _makes(node, frame) for node in nodes if isinstance(node, ast.Call))


def find_iterator(roots: Sequence[ast.AST], frame: Frame) -> str:
    """The variable that holds an iterator, and that the code reads, if any: items taken from it are gone."""
    names = sorted({node.id for root in roots for node in ast.walk(root) if isinstance(node, ast.Name)})
    values = [(name, value_of_name(frame, name)) for name in names if not name.startswith(".")]
    return next(
        (f"{name} (a {_type_of(value).__name__})" for name, value in values if hasattr(_type_of(value), "__next__")), ""
    )


def find_called(node: ast.expr, frame: Frame) -> Any:
    """What an expression that is called means, as far as no code is needed to know; None if it is."""
    if isinstance(node, ast.NamedExpr):
        return find_called(node.value, frame)
    if isinstance(node, ast.Name):
        return find_held(frame, node.id) if node.id.startswith(".") else value_of_name(frame, node.id)
    if isinstance(node, ast.Attribute):
        owner = find_called(node.value, frame)
        if isinstance(owner, (ModuleType, type)):
            return getattr(owner, node.attr, None)
        return inspect.getattr_static(_type_of(owner), node.attr, None)
    return None


def find_held(frame: Frame, name: str) -> Any:
    """The value of a temporary; None if it holds none."""
    return frame.get(name) if name in frame.temporaries() else None


def _makes(call: ast.Call, frame: Frame) -> bool:
    called = find_called(call.func, frame)
    called_back = [keyword.value for keyword in call.keywords if keyword.arg == "key"]
    called_back += call.args[:1] if called in (map, filter) else []
    return all(map(_only_makes_itself, (called, *(find_called(each, frame) for each in called_back))))


def _only_makes_itself(called: Any) -> bool:
    function = called.func if isinstance(called, functools.partial) else called
    if getattr(_type_of(function), "__hitl_definition__", False) or inspect.iscoroutinefunction(function):
        return True
    if isinstance(function, FunctionType):
        return function in _MAKES_TASKS
    return Proof(lambda name: None, set()).is_pure(function)


def only_starts_tasks(op: Op, frame: Frame) -> bool:
    """Whether an operation that may be a task group is one, and does nothing but start tasks, as its names are now."""
    group = group_of(op)
    made: Any = group.items[0].context_expr
    if find_called(made.func, frame) is not asyncio.TaskGroup or find_iterator(group.body, frame):
        return False
    return only_makes(group.body, frame, allowed=lambda call: is_create_task(call, group))


def _type_of(value: object) -> type:
    return type(value)
