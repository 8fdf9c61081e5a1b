"""Compiles residuals to functions that continue saved frames."""

from __future__ import annotations

import ast
import contextlib
import dis
import threading
import types
from collections.abc import Generator, Iterator
from typing import Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.compile.tree.nodes import (
    RUNTIME,
    SCOPES,
    assign,
    constant,
    copy,
    expression,
    load,
    locate,
    own_nodes,
    store,
    when,
)
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.compile.tree.trees import CELLS, all_codes
from hitl_nb.engine.compile.units import Unit, make_awaitable
from hitl_nb.engine.position.frames.frames import BOX, SavedFrame
from hitl_nb.engine.position.frames.residuals import Residual
from hitl_nb.errors import HitlError

_FUNCTION, _OUTER = ".continue", ".outer"
_compiled: dict[tuple[Any, ...], types.CodeType] = {}


class Box:
    """A saved frame's values, until its continuation begins; then nothing keeps them but the frame itself.

    Args:
        own: the names of cells that are the frame's own; they come behind the values.
    """

    __slots__ = ("names", "own", "saved")

    def __init__(self, saved: SavedFrame, names: tuple[str, ...], own: tuple[str, ...]) -> None:
        self.saved: SavedFrame | None = saved
        self.names, self.own = names, own

    def take(self) -> tuple[Any, ...]:
        saved = self.saved
        assert saved is not None
        values = (*[saved.locals[name] for name in self.names], *[saved.cells[name] for name in self.own])
        self.saved = None
        saved.locals, saved.cells = {}, {}
        return values


def continue_frame(saved: SavedFrame) -> tuple[types.FunctionType, Box]:
    """A function that continues `saved` when it is called with the box."""
    unit = find_source(saved)
    names = tuple(saved.locals)
    code = continuation_code(unit, saved)
    closure = tuple(saved.cells[name] for name in code.co_freevars)
    function = unit.functions[saved.function]
    made = types.FunctionType(code, saved.namespace, function.name, None, closure or None)
    return made, Box(saved, names, _own_cells(function, tuple(saved.cells)))


def find_source(saved: SavedFrame) -> Unit:
    """The unit of a saved frame. Raises HitlError if it is not there."""
    unit = find_unit(saved.unit)
    if unit is None:
        raise HitlError(
            f"the source of a function that was running is not in the saved state (unit {saved.unit}), so it cannot be "
            "continued here: continue it with the hitl_nb that saved it, or begin it again with --restart"
        )
    return unit


def continuation_code(unit: Unit, saved: SavedFrame) -> types.CodeType:
    flags = tuple(sorted((name, saved.locals[name]) for name in saved.locals if name.startswith(".f")))
    names, cells = tuple(saved.locals), tuple(saved.cells)
    key = (unit.key, saved.function, saved.place, saved.how, names, flags, cells, saved.again, saved.is_awaitable)
    code = _compiled.get(key)
    if code is None:
        code = _compiled[key] = _compile(unit, saved, names, cells)
    return code


def _compile(unit: Unit, saved: SavedFrame, names: tuple[str, ...], cells: tuple[str, ...]) -> types.CodeType:
    tree = unit.tree()
    function = tree.functions[saved.function]
    node: Any = tree.nodes[saved.function]
    body: list[ast.stmt]
    if saved.how != "start":
        body = Residual(unit, saved).body()
    elif function.kind == "lambda":
        body = [ast.copy_location(ast.Return(node.body), node.body)]
    else:
        body = list(node.body)
    body = _without_declarations(body)
    if function.kind == "cell":  # in a new process, too
        body[:0] = tree.opening
    if function.cells and saved.how != "start":
        body.insert(0, assign(CELLS, tree.cells_of(function)))
    if function.is_generator:  # whatever is left of it
        body.append(when(constant(0), [expression(locate(ast.Yield(constant(None)), None))]))
    own = _own_cells(function, cells)
    unset = sorted(function.locals - {*cells, *names})
    if unset:  # locals all the same
        targets: list[ast.expr] = [store(name) for name in unset]
        body.append(when(constant(0), [locate(ast.Assign(targets, constant(None)), None)]))
    shared = [name for name in cells if name not in own and name != "__class__"]
    head = _head(unit, function, (*names, *own), shared)
    kind = ast.AsyncFunctionDef if function.is_async else ast.FunctionDef
    inner = _function(kind, _FUNCTION, [ast.arg(BOX)], head + body)
    inner.lineno = inner.end_lineno = node.lineno  # by it, its code is known as the function's
    opening: list[ast.stmt] = [locate(ast.Assign([store(n) for n in shared], constant(None)), None)] if shared else []
    top: Any = _function(ast.FunctionDef, _OUTER, [], [*opening, inner])
    top.lineno = top.end_lineno = 1  # no node's number
    if function.owner:  # private names are mangled
        top = ast.copy_location(_with_type_parameters(ast.ClassDef(function.owner, [], [], [top], [])), top)
    module = ast.Module([locate(top, None)], [])
    with _spelt_out(tree.supers.get(saved.function, []), function):
        compiled = unit.compile(module)
    code = _with_cells(next(_codes_in_outer(compiled)), len(own))
    return unit.finish(make_awaitable(code) if saved.is_awaitable else code, function)


def _own_cells(function: InstrumentedFunction, cells: tuple[str, ...]) -> tuple[str, ...]:
    """The cells of a function's own variables, the others being of functions around it."""
    return tuple(name for name in cells if name in function.locals)


def _with_cells(code: types.CodeType, count: int) -> types.CodeType:
    """The first `count` variables that are stored in cells get their cells put in place instead.

    So an own variable stays one: without a value it is an UnboundLocalError, not a NameError as of a free variable.
    """
    operations = bytearray(code.co_code)
    at = -2
    for _ in range(count):
        at = next(i for i in range(at + 2, len(operations), 2) if operations[i] == _STORE_DEREF)
        operations[at] = _STORE_FAST
    return code.replace(co_code=bytes(operations)) if count else code


_STORE_DEREF, _STORE_FAST = dis.opmap["STORE_DEREF"], dis.opmap["STORE_FAST"]


@contextlib.contextmanager
def _spelt_out(supers: list[ast.Call], function: InstrumentedFunction) -> Generator[None]:
    """`super()` reads the first argument of its frame, which is another one in a residual."""
    with _compiling:
        for node in supers:
            names = ("super", "__class__", function.first_parameter or "")
            node.args = [ast.copy_location(ast.Name(name, ast.Load()), node) for name in names]
            node.func = ast.copy_location(ast.Attribute(constant(RUNTIME, node), "super_of", ast.Load()), node)
        try:
            yield
        finally:
            for node in supers:
                node.args, node.func = [], ast.copy_location(ast.Name("super", ast.Load()), node)


_compiling = threading.Lock()


def _head(unit: Unit, function: InstrumentedFunction, names: tuple[str, ...], shared: list[str]) -> list[ast.stmt]:
    declared = unit.tops if function.kind == "cell" else tuple(sorted(function.globals))
    head: list[ast.stmt] = [locate(ast.Global(list(declared)), None)] if declared else []
    if shared:
        head.append(locate(ast.Nonlocal(shared), None))
    taken = locate(ast.Call(ast.Attribute(load(BOX), "take", ast.Load()), [], []), None)
    if names:
        targets = locate(ast.Tuple([store(name) for name in names], ast.Store()), None)
        head.append(locate(ast.Assign([targets], taken), None))
    else:
        head.append(expression(taken))
    return head


def _function(kind: Any, name: str, args: list[ast.arg], body: list[ast.stmt]) -> Any:
    made = kind(name, ast.arguments([], args, None, [], [], None, []), body, [], None)
    return locate(_with_type_parameters(made), None)


def _with_type_parameters(node: Any) -> Any:
    if "type_params" in node._fields:
        node.type_params = []
    return node


def _codes_in_outer(code: types.CodeType) -> Iterator[types.CodeType]:
    for outer in all_codes(code):
        if outer.co_name == _OUTER:
            yield from (c for c in outer.co_consts if isinstance(c, types.CodeType) and c.co_name == _FUNCTION)


def _without_declarations(statements: list[ast.stmt]) -> list[ast.stmt]:
    """`global` and `nonlocal` are at the head of a residual."""
    made: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Global | ast.Nonlocal):
            continue
        if not isinstance(statement, SCOPES) and _declares(statement):
            statement = copy(statement)
            for field in ("body", "orelse", "finalbody"):
                block = getattr(statement, field, None)
                if block:
                    setattr(statement, field, _without_declarations(block) or [locate(ast.Pass(), None)])
            for field in ("handlers", "cases"):
                parts = [copy(part) for part in getattr(statement, field, [])]
                for part in parts:
                    part.body = _without_declarations(part.body) or [locate(ast.Pass(), None)]
                if parts:
                    setattr(statement, field, parts)
        made.append(statement)
    return made


def _declares(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Global | ast.Nonlocal) for node in own_nodes(statement))
