"""Compiler of functions that continue saved frames.

Each function contains the *residual* of a frame: the code that is left to run in it.
"""

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
    copy_node,
    expression,
    fill_positions,
    iterate_own_nodes,
    load,
    make_if,
    store,
)
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.compile.tree.trees import CELLS_NAME, iterate_codes
from hitl_nb.engine.compile.units import Unit, mark_awaitable_code
from hitl_nb.engine.position.frames.frames import BOX, SavedFrame
from hitl_nb.engine.position.frames.residuals import Residual
from hitl_nb.errors import HitlError

_FUNCTION_NAME, _OUTER_NAME = ".continue", ".outer"
_compiled_codes: dict[tuple[Any, ...], types.CodeType] = {}


class Box:
    """Holder of the values of a saved frame, until the function that continues the frame begins and takes the values.

    After that only the running frame refers to the values, so that they are freed as early as in a normal run.

    Args:
        saved_frame: the frame.
        names: the names of its local variables, in the order in which `take` returns their values.
        own_cell_names: the names of closure variables that the frame's own function defines. `take` returns the cells
            (CPython's objects for closure variables) after the values.
    """

    __slots__ = ("names", "own_cell_names", "saved_frame")

    def __init__(self, saved_frame: SavedFrame, names: tuple[str, ...], own_cell_names: tuple[str, ...]) -> None:
        self.saved_frame: SavedFrame | None = saved_frame
        self.names, self.own_cell_names = names, own_cell_names

    def take(self) -> tuple[Any, ...]:
        """Return one flat tuple: the values of the local variables, then the closure cells of the frame's own function.

        The saved frame is emptied, so that it keeps no value alive.
        """
        saved = self.saved_frame
        assert saved is not None
        values = (*[saved.locals[name] for name in self.names], *[saved.cells[name] for name in self.own_cell_names])
        self.saved_frame = None
        saved.locals, saved.cells = {}, {}
        return values


def continue_frame(saved_frame: SavedFrame) -> tuple[types.FunctionType, Box]:
    """Compile a function that continues a saved frame.

    Returns:
        (function, box). The box has the values of the frame; call the function with the box as its only argument.

    Raises:
        HitlError: The source of the frame is not available in this process.
    """
    unit = find_saved_unit(saved_frame)
    names = tuple(saved_frame.locals)
    code = compile_continuation(unit, saved_frame)
    closure = tuple(saved_frame.cells[name] for name in code.co_freevars)
    function = unit.functions[saved_frame.function]
    made = types.FunctionType(code, saved_frame.namespace, function.name, None, closure or None)
    return made, Box(saved_frame, names, _select_own_cells(function, tuple(saved_frame.cells)))


def find_saved_unit(saved_frame: SavedFrame) -> Unit:
    """Return the unit (compiled source of a cell or module) to which a saved frame belongs.

    Raises:
        HitlError: The unit is not available in this process.
    """
    unit = find_unit(saved_frame.unit)
    if unit is None:
        raise HitlError(
            f"the source of a function that was running is not in the saved state (unit {saved_frame.unit}), so it "
            "cannot be "
            "continued here: continue it with the hitl_nb that saved it, or begin it again with --restart"
        )
    return unit


def compile_continuation(unit: Unit, saved_frame: SavedFrame) -> types.CodeType:
    """Compile the code that is left to run in a saved frame, and return it.

    The result is cached for frames with the same position, mode, names and flags.
    """
    flags = tuple(sorted((name, saved_frame.locals[name]) for name in saved_frame.locals if name.startswith(".f")))
    names, cells = tuple(saved_frame.locals), tuple(saved_frame.cells)
    key = (
        unit.key,
        saved_frame.function,
        saved_frame.place,
        saved_frame.mode,
        names,
        flags,
        cells,
        saved_frame.reevaluated_names,
        saved_frame.is_awaitable,
    )
    code = _compiled_codes.get(key)
    if code is None:
        code = _compiled_codes[key] = _compile_residual(unit, saved_frame, names, cells)
    return code


def _compile_residual(
    unit: Unit, saved_frame: SavedFrame, names: tuple[str, ...], cells: tuple[str, ...]
) -> types.CodeType:
    tree = unit.get_tree()
    function = tree.functions[saved_frame.function]
    node: Any = tree.nodes[saved_frame.function]
    body: list[ast.stmt]
    if saved_frame.mode != "start":
        body = Residual(unit, saved_frame).build_body()
    elif function.kind == "lambda":
        body = [ast.copy_location(ast.Return(node.body), node.body)]
    else:
        body = list(node.body)
    body = _drop_declarations(body)
    if function.kind == "cell":  # a new process needs these statements, too
        body[:0] = tree.opening_statements
    if function.cells and saved_frame.mode != "start":
        body.insert(0, assign(CELLS_NAME, tree.make_cells_lambda(function)))
    if function.is_generator:  # it must stay a generator even if no `yield` is left
        body.append(make_if(constant(0), [expression(fill_positions(ast.Yield(constant(None)), None))]))
    own = _select_own_cells(function, cells)
    unset = sorted(function.locals - {*cells, *names})
    if unset:  # they must be locals, too
        targets: list[ast.expr] = [store(name) for name in unset]
        body.append(make_if(constant(0), [fill_positions(ast.Assign(targets, constant(None)), None)]))
    shared = [name for name in cells if name not in own and name != "__class__"]
    head = _make_head(unit, function, (*names, *own), shared)
    kind = ast.AsyncFunctionDef if function.is_async else ast.FunctionDef
    inner = _make_function_node(kind, _FUNCTION_NAME, [ast.arg(BOX)], head + body)
    inner.lineno = inner.end_lineno = node.lineno  # the code is recognized as the function's by this number
    opening: list[ast.stmt] = (
        [fill_positions(ast.Assign([store(n) for n in shared], constant(None)), None)] if shared else []
    )
    top: Any = _make_function_node(ast.FunctionDef, _OUTER_NAME, [], [*opening, inner])
    top.lineno = top.end_lineno = 1  # a number that no node has
    if function.owner:  # inside a class, so that private names are mangled
        top = ast.copy_location(_add_type_parameters(ast.ClassDef(function.owner, [], [], [top], [])), top)
    module = ast.Module([fill_positions(top, None)], [])
    with _spell_out_super(tree.supers.get(saved_frame.function, []), function):
        compiled = unit.compile_nodes(module)
    code = _install_cells(next(_iterate_inner_codes(compiled)), len(own))
    return unit.finish_code(mark_awaitable_code(code) if saved_frame.is_awaitable else code, function)


def _select_own_cells(function: InstrumentedFunction, cells: tuple[str, ...]) -> tuple[str, ...]:
    """Select from `cells` the variables that the function itself defines; the others belong to functions around it."""
    return tuple(name for name in cells if name in function.locals)


def _install_cells(code: types.CodeType, count: int) -> types.CodeType:
    """Change the code so that its first `count` cell variables receive the saved cells themselves.

    Normally STORE_DEREF puts a value into a cell; STORE_FAST replaces the cell. The variables stay the function's own:
    reading one without a value is an UnboundLocalError, and not the NameError of a free variable.
    """
    operations = bytearray(code.co_code)
    at = -2
    for _ in range(count):
        at = next(i for i in range(at + 2, len(operations), 2) if operations[i] == _STORE_DEREF)
        operations[at] = _STORE_FAST
    return code.replace(co_code=bytes(operations)) if count else code


_STORE_DEREF, _STORE_FAST = dis.opmap["STORE_DEREF"], dis.opmap["STORE_FAST"]


@contextlib.contextmanager
def _spell_out_super(supers: list[ast.Call], function: InstrumentedFunction) -> Generator[None]:
    """Give each `super()` its two arguments inside the `with` block, so that it can be compiled in a continuation.

    Without arguments it reads the first argument of its frame. In the function that continues a frame, this is the box
    of saved values.
    """
    with _compile_lock:
        for node in supers:
            names = ("super", "__class__", function.first_parameter or "")
            node.args = [ast.copy_location(ast.Name(name, ast.Load()), node) for name in names]
            node.func = ast.copy_location(ast.Attribute(constant(RUNTIME, node), "super_of", ast.Load()), node)
        try:
            yield
        finally:
            for node in supers:
                node.args, node.func = [], ast.copy_location(ast.Name("super", ast.Load()), node)


_compile_lock = threading.Lock()


def _make_head(
    unit: Unit, function: InstrumentedFunction, names: tuple[str, ...], shared_names: list[str]
) -> list[ast.stmt]:
    declared = unit.top_names if function.kind == "cell" else tuple(sorted(function.globals))
    head: list[ast.stmt] = [fill_positions(ast.Global(list(declared)), None)] if declared else []
    if shared_names:
        head.append(fill_positions(ast.Nonlocal(shared_names), None))
    taken = fill_positions(ast.Call(ast.Attribute(load(BOX), "take", ast.Load()), [], []), None)
    if names:
        targets = fill_positions(ast.Tuple([store(name) for name in names], ast.Store()), None)
        head.append(fill_positions(ast.Assign([targets], taken), None))
    else:
        head.append(expression(taken))
    return head


def _make_function_node(kind: Any, name: str, args: list[ast.arg], body: list[ast.stmt]) -> Any:
    made = kind(name, ast.arguments([], args, None, [], [], None, []), body, [], None)
    return fill_positions(_add_type_parameters(made), None)


def _add_type_parameters(node: Any) -> Any:
    if "type_params" in node._fields:
        node.type_params = []
    return node


def _iterate_inner_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for outer in iterate_codes(code):
        if outer.co_name == _OUTER_NAME:
            yield from (c for c in outer.co_consts if isinstance(c, types.CodeType) and c.co_name == _FUNCTION_NAME)


def _drop_declarations(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Copy statements without `global` and `nonlocal`, which a continuation has at its beginning."""
    made: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Global | ast.Nonlocal):
            continue
        if not isinstance(statement, SCOPES) and _has_declarations(statement):
            statement = copy_node(statement)
            for field in ("body", "orelse", "finalbody"):
                block = getattr(statement, field, None)
                if block:
                    setattr(statement, field, _drop_declarations(block) or [fill_positions(ast.Pass(), None)])
            for field in ("handlers", "cases"):
                parts = [copy_node(part) for part in getattr(statement, field, [])]
                for part in parts:
                    part.body = _drop_declarations(part.body) or [fill_positions(ast.Pass(), None)]
                if parts:
                    setattr(statement, field, parts)
        made.append(statement)
    return made


def _has_declarations(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Global | ast.Nonlocal) for node in iterate_own_nodes(statement))
