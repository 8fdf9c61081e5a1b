"""Builds the instrumented tree of a source text. The same text gives the same tree, so the tree need not be kept."""

from __future__ import annotations
import __future__

import ast
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hitl_nb.engine.compile.tree.call_finder import CallFinder
from hitl_nb.engine.compile.tree.node_numbers import NodeNumbers
from hitl_nb.engine.compile.tree.nodes import (
    COMPREHENSIONS,
    SCOPES,
    assign,
    collect_bound_names,
    constant,
    expression,
    fill_positions,
    load,
    runtime_attribute,
    runtime_call,
    store,
)
from hitl_nb.engine.compile.tree.scopes import FunctionKind, InstrumentedFunction, build_qualified_name
from hitl_nb.engine.compile.tree.statements import Statements

CELL_FUNCTION = ".cell"
CELLS_NAME = ".cells"


@dataclass(eq=False)
class SourceTree:
    """The instrumented nodes of a unit.

    Attributes:
        nodes: of each function, by its number: FunctionDef, AsyncFunctionDef, Lambda or ClassDef.
        paths: instrumented statement -> the path of the user's statement.
        supers: of each function: its calls `super()`, which read the frame they are in.
        branches: of an agent cell: the path of each block that need not run -> where its first statement is.
        closing_statements: what an agent cell ends with.
        final_flags: a `try` with `finally` -> the name of its flag and of its exception.
    """

    functions: list[InstrumentedFunction] = field(default_factory=list[InstrumentedFunction])
    nodes: list[Any] = field(default_factory=list[Any])
    paths: dict[ast.AST, str] = field(default_factory=dict[ast.AST, str])
    supers: dict[int, list[ast.Call]] = field(default_factory=dict[int, list[ast.Call]])
    final_flags: dict[ast.AST, tuple[str, str | None]] = field(default_factory=dict[ast.AST, tuple[str, str | None]])
    loops: list[Any] = field(default_factory=list[Any])  # `for` loops over what is an iterator already
    node_numbers: NodeNumbers = field(default_factory=NodeNumbers)
    top_names: tuple[str, ...] = ()
    branches: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    closing_statements: list[ast.stmt] = field(default_factory=list[ast.stmt])
    opening_statements: list[ast.stmt] = field(default_factory=list[ast.stmt])  # what a cell begins with, continued too
    places: dict[int, Any] = field(default_factory=dict[int, Any])  # what `position.places` finds in it, by function
    place_names: dict[int, dict[int, str]] = field(default_factory=dict[int, dict[int, str]])
    _sharing_functions: dict[int, None] = field(
        default_factory=dict[int, None]
    )  # outermost functions that may share names
    _by_number: dict[tuple[int, bool], InstrumentedFunction] = field(
        default_factory=dict[tuple[int, bool], InstrumentedFunction]
    )

    @property
    def module(self) -> ast.Module:
        """The instrumented module."""
        return ast.Module([self.nodes[0]], [])

    def index_functions(self) -> None:
        """Remember by which numbers the code of a function is known: its own, or that of its first decorator."""
        for function, node in zip(self.functions, self.nodes, strict=True):
            is_lambda = function.kind == "lambda"
            for number in {node.lineno, read_first_number(node)}:
                assert number > 0
                assert (number, is_lambda) not in self._by_number
                self._by_number[number, is_lambda] = function

    def list_loop_numbers(self) -> frozenset[int]:
        """List the numbers of the instructions that ask for the iterator: the loop's; since 3.13, its iterable's."""
        return frozenset(number for node in self.loops for number in (node.lineno, node.iter.lineno))

    def find_function(self, code: types.CodeType) -> InstrumentedFunction | None:
        """Find the function that compiled code belongs to, by its first line."""
        if code.co_name.startswith("<generic parameters of "):  # what makes `def f[T](): ...`, at the same line
            return None
        return self._by_number.get((code.co_firstlineno, code.co_name == "<lambda>"))

    def remember_sharing(self, function: InstrumentedFunction, nodes: Iterable[ast.AST]) -> None:
        """Remember what defines a function that may share names with others.

        Args:
            nodes: of its body, before it is instrumented.
        """
        is_generic = bool(getattr(self.nodes[function.number], "type_params", None))
        if is_generic or any(map(_may_share_names, nodes)):
            outermost = function
            while outermost.parent is not None and outermost.parent.kind != "cell":
                outermost = outermost.parent
            self._sharing_functions[outermost.number] = None

    @property
    def sharing_module(self) -> ast.Module | None:
        """A module of all the functions that may share names; what they have of the cell is global here as there."""
        nodes: list[Any] = [self.nodes[number] for number in self._sharing_functions]
        body: list[ast.stmt] = [
            fill_positions(ast.Expr(node), None) if isinstance(node, ast.Lambda) else node for node in nodes
        ]
        return ast.Module(body, []) if body else None

    def record_cells(self, code: types.CodeType) -> None:
        """Note which names functions share with others.

        Args:
            code: of those that may.
        """
        for nested in iterate_codes(code):
            function = self.find_function(nested)
            if function is None or function.kind in ("class", "cell"):
                continue
            function.cells = (*nested.co_cellvars, *nested.co_freevars)
            suspends = function.is_generator or function.is_async
            # Without cells of its own: what it closes over is found in the function that is called.
            function.files_cells = bool(nested.co_cellvars or (suspends and nested.co_freevars))

    def file_cells(self) -> None:
        """File the cells of functions that share their own names with others, at the start of each function."""
        for function, node in zip(self.functions, self.nodes, strict=True):
            if not function.files_cells:
                continue
            if function.kind == "lambda":
                filing = fill_positions(ast.NamedExpr(store(CELLS_NAME), self.make_cells_lambda(function)), None)
                node.body = fill_positions(ast.IfExp(filing, node.body, constant(None)), None)
            else:
                node.body.insert(function.docstrings, assign(CELLS_NAME, self.make_cells_lambda(function)))

    def make_cells_lambda(self, function: InstrumentedFunction) -> ast.Lambda:
        """Make `lambda: (a, b)`, whose closure has the cells."""
        items: list[ast.expr] = [load(name) for name in function.cells]
        made = fill_positions(
            ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Tuple(items, ast.Load())), None
        )
        self.node_numbers.number_new_function(made)
        return made


class TreeBuilder:
    """Instruments one module's tree."""

    def __init__(self, flags: int, *, is_async: bool) -> None:
        self.tree = SourceTree()
        self.call_finder = CallFinder()
        self.shown_statement: ast.Expr | None = None
        self.shows_last = False
        self.is_async = is_async
        self.is_annotated = False
        self.has_future_annotations = bool(flags & __future__.annotations.compiler_flag)

    def add_function(
        self, node: ast.AST, kind: FunctionKind, name: str, parent: InstrumentedFunction | None
    ) -> InstrumentedFunction:
        """Register a function of the tree, and give it its number and qualified name."""
        owner, qualname = "", name
        if parent is not None:
            owner = parent.name if parent.kind == "class" else parent.owner
            if name not in parent.globals:
                qualname = build_qualified_name(name, parent.qualname, parent.kind)
        tree = self.tree
        made = InstrumentedFunction(len(tree.functions), kind, name, qualname, owner, parent)
        tree.functions.append(made)
        tree.nodes.append(node)
        return made

    def build_tree(self, module: ast.Module, *, shows_last: bool) -> SourceTree:
        """Instrument a module; `shows_last`: its last expression is shown, as in a cell."""
        tree = self.tree
        self.call_finder.examine_module(module)
        docstring = _bind_docstring(module.body)
        body = [*docstring, *(node for node in module.body[len(docstring) :] if not _is_future_import(node))]
        self.shows_last = shows_last
        if shows_last and body and isinstance(body[-1], ast.Expr):
            self.shown_statement = body[-1]
        tree.top_names = tuple(sorted(collect_bound_names(body, has_walrus=self.call_finder.has_walrus)))
        cell = self.add_function(ast.Module(body, []), "cell", "<module>", None)
        cell.is_async = self.is_async
        cell.is_agent = shows_last
        made = Statements(self, cell, ()).instrument_block(body, "")
        if self.is_annotated:
            space = fill_positions(ast.Call(runtime_attribute("globals"), [], []), None)
            tree.opening_statements = [expression(runtime_call("begin_annotations", space))]
            made = [*tree.opening_statements, *made]
        if shows_last:
            tree.closing_statements = [expression(runtime_call("end_cell"))]
            made = [*made, *tree.closing_statements]
        tree.nodes[0] = self._make_cell_function(made)
        tree.node_numbers.number_nodes(tree.nodes[0])
        tree.index_functions()
        return tree

    def _make_cell_function(self, body: list[ast.stmt]) -> Any:
        head: list[ast.stmt] = (
            [fill_positions(ast.Global(list(self.tree.top_names)), None)] if self.tree.top_names else []
        )
        kind = ast.AsyncFunctionDef if self.is_async else ast.FunctionDef
        made: Any = kind(CELL_FUNCTION, ast.arguments([], [], None, [], [], None, []), head + body, [], None)
        if "type_params" in made._fields:
            made.type_params = []
        return fill_positions(made, None)


def iterate_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and all code objects inside it."""
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from iterate_codes(value)


def read_first_number(node: Any) -> int:
    """Read the number that is the first line of a function's code."""
    decorators = getattr(node, "decorator_list", [])
    return (decorators[0] if decorators else node).lineno


def _may_share_names(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in ("super", "__class__")
    return node.__class__ in _SHARING_KINDS


_SHARING_KINDS = frozenset((*SCOPES, *COMPREHENSIONS))


def _is_future_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _bind_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Bind a string at the start of a module to `__doc__`."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str())) as first, _, *_]:
            return [fill_positions(ast.Assign([store("__doc__", first)], first.value), first)]
        case _:
            return []
