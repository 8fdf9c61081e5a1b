"""Running a loop whole, and finding the place in it where it failed.

A loop that is proved to compute only (`native.py`) is one operation. If it fails, or is interrupted, the run must go
on from the statement that failed, in the round that failed, as if the loop had been taken operation by operation: the
instruction that raised tells the statement, and the iterators were kept in temporaries.
"""

from __future__ import annotations

import ast
import copy
import dis
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .program import Op, Program

ITER = ".iter"
"""What the builtin `iter` is called in a loop that runs whole."""

_SIMPLE = (
    ast.Break,
    ast.Continue,
    ast.Pass,
    ast.Expr,
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Assert,
    ast.Raise,
    ast.Delete,
)
_Path = tuple[str | int, ...]
_Loop = ast.For | ast.While


def whole(node: _Loop, temp: Callable[[], str]) -> _Loop | None:
    """The loop with its iterators kept, fit to run as one piece; None if its place could not be found again."""
    for child in ast.walk(node):
        if isinstance(child, ast.For) and not isinstance(child.target, ast.Name):
            return None
        if isinstance(child, ast.Await) or (
            isinstance(child, ast.stmt) and not isinstance(child, (*_SIMPLE, ast.For, ast.While, ast.If))
        ):
            return None
    if any(_leaves(child) for child in node.orelse):
        return None
    kept: _Loop = _KeepIterators(temp).visit(copy.deepcopy(node))
    return kept


def _leaves(node: ast.stmt) -> bool:
    """Whether a `break` or `continue` in `node` belongs to a loop around it."""
    if isinstance(node, (ast.Break, ast.Continue)):
        return True
    inner = node.orelse if isinstance(node, (ast.For, ast.While)) else ast.iter_child_nodes(node)
    return any(_leaves(child) for child in inner if isinstance(child, ast.stmt))


class _KeepIterators(ast.NodeTransformer):
    """`for x in xs` becomes `for x in (kept := iter(xs))`."""

    def __init__(self, temp: Callable[[], str]) -> None:
        self.temp = temp

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        made = ast.Call(func=ast.Name(id=ITER, ctx=ast.Load()), args=[node.iter], keywords=[])
        value = ast.NamedExpr(target=ast.Name(id=self.temp(), ctx=ast.Store()), value=made)
        for new in (made, made.func, value, value.target):
            ast.copy_location(new, node.iter)
        node.iter = value
        return node


def kept_in(node: ast.AST) -> list[str]:
    """The temporaries with the iterators of a loop."""
    return [
        n.id
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id.startswith(".")
    ]


@dataclass
class Place:
    """A place in a loop.

    Attributes:
        pc: index of the operation to go on with.
        iterators: of the loops around it, outermost first; None for a `while`.
        ran: indices of operations that may have run.
    """

    pc: int
    iterators: list[Any]
    ran: set[int]


def place_in(program: Program, op: Op, error: BaseException, value: Callable[[str], Any]) -> Place | None:
    """Where the loop `op` raised `error`; None if it did not. `value` gives that of a temporary."""
    at = _raised_at(op, error)
    if at is None:
        return None
    node, path, around, advancing = _statement(op, *at)
    pc = program.at((path, 0))
    if isinstance(node, ast.While):
        around.append(node)
        pc = _first(program, path, "loop") + 1
    elif isinstance(node, ast.For) and advancing:
        around.append(node)
        pc = _first(program, path, "next")
    assert pc is not None
    size = len(op.label[0])
    inner = {i for i, o in enumerate(program.ops) if o is not op and o.label[0][:size] == op.label[0]}
    ran = {i for i in inner if program.ops[i].label[0] != path}
    return Place(pc, [value(kept_in(loop.iter)[0]) if isinstance(loop, ast.For) else None for loop in around], ran)


def _raised_at(op: Op, error: BaseException) -> tuple[int, int, bool] | None:
    """Line and column of the instruction of the loop that raised, and whether it was about to take the next item."""
    entry: TracebackType | None = error.__traceback__
    while entry is not None and not op.compiled_to(entry.tb_frame.f_code):
        entry = entry.tb_next
    if entry is None:
        return None
    made = list(dis.get_instructions(entry.tb_frame.f_code))
    found = next(i for i in reversed(made) if i.offset <= entry.tb_lasti)
    if found.opname == "JUMP_BACKWARD":  # interrupted between two rounds
        found = next(i for i in made if i.offset == found.argval)
    where = found.positions
    if where is None or where.lineno is None or where.col_offset is None:
        return None
    return where.lineno, where.col_offset, found.opname == "FOR_ITER"


def _statement(op: Op, line: int, column: int, advancing: bool) -> tuple[ast.stmt, _Path, list[_Loop], bool]:
    """The innermost statement at a place of the loop: node, path, and the loops whose bodies it is in."""
    node, path, around = op.tree()[0], op.label[0], list[_Loop]()
    assert isinstance(node, ast.stmt)
    while True:
        inner = [
            (f, i, c) for f in ("body", "orelse") for i, c in enumerate(getattr(node, f, ())) if _holds(c, line, column)
        ]
        if not inner:
            return node, path, around, advancing
        [(field, i, child)] = inner
        if isinstance(node, (ast.For, ast.While)) and field == "body":
            around.append(node)
        node, path = child, (*path, field, i)


def _holds(node: ast.stmt, line: int, column: int) -> bool:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset) <= (line, column) < (node.end_lineno, node.end_col_offset)


def _first(program: Program, path: _Path, kind: str) -> int:
    return next(i for i, op in enumerate(program.ops) if op.kind == kind and op.label[0] == path)
