"""Builder of the instrumented syntax tree of a source text.

The same text gives the same tree, so trees can be dropped.
"""

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
    """The instrumented syntax tree of a unit (the source of one cell or module).

    A *path* names a statement of the user in its function, for example `0b2`: statement 2 of the body of statement 0.

    Attributes:
        functions: All scopes; the index is the function's number.
        nodes: The node of each function, by its number: FunctionDef, AsyncFunctionDef, Lambda or ClassDef.
        paths: Maps each instrumented statement to the path of the user's statement.
        supers: Maps a function's number to its calls `super()` without arguments, which read the frame they are in.
        loops: The `for` loops over something that is an iterator already.
        top_names: Names that the cell binds in the namespace.
        branches: For an agent cell: the path of each block that need not run -> (line, column) of its first statement.
        opening_statements: Statements that the engine puts at the start of a cell, also of a continued one.
        closing_statements: Statements that the engine puts at the end of an agent cell.
        final_flags: Maps each `try` with `finally` to (name of its flag, name of its exception or None).
        places: Cache of `position.places`, by the function's number.
        place_names: Cache of the names of places, by the function's number.
    """

    functions: list[InstrumentedFunction] = field(default_factory=list[InstrumentedFunction])
    nodes: list[Any] = field(default_factory=list[Any])
    paths: dict[ast.AST, str] = field(default_factory=dict[ast.AST, str])
    supers: dict[int, list[ast.Call]] = field(default_factory=dict[int, list[ast.Call]])
    final_flags: dict[ast.AST, tuple[str, str | None]] = field(default_factory=dict[ast.AST, tuple[str, str | None]])
    loops: list[Any] = field(default_factory=list[Any])
    node_numbers: NodeNumbers = field(default_factory=NodeNumbers)
    top_names: tuple[str, ...] = ()
    branches: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    closing_statements: list[ast.stmt] = field(default_factory=list[ast.stmt])
    opening_statements: list[ast.stmt] = field(default_factory=list[ast.stmt])
    places: dict[int, Any] = field(default_factory=dict[int, Any])
    place_names: dict[int, dict[int, str]] = field(default_factory=dict[int, dict[int, str]])
    _sharing_functions: dict[int, None] = field(
        default_factory=dict[int, None]
    )  # numbers of outermost functions that may share names with others
    _by_number: dict[tuple[int, bool], InstrumentedFunction] = field(
        default_factory=dict[tuple[int, bool], InstrumentedFunction]
    )

    @property
    def module(self) -> ast.Module:
        """The instrumented module, ready to be compiled."""
        return ast.Module([self.nodes[0]], [])

    def index_functions(self) -> None:
        """Prepare `find_function`: index the functions by the node number that is the first line of their code.

        That is the number of the function's node, or of its first decorator.
        """
        for function, node in zip(self.functions, self.nodes, strict=True):
            is_lambda = function.kind == "lambda"
            for number in {node.lineno, read_first_number(node)}:
                assert number > 0
                assert (number, is_lambda) not in self._by_number
                self._by_number[number, is_lambda] = function

    def list_loop_numbers(self) -> frozenset[int]:
        """Return the node numbers of the `GET_ITER` instructions of loops whose iterable is an iterator already.

        The attribute `loops` has these loops. The number is the number of the loop's node; since Python 3.13, it is the
        number of the node of its iterable.
        """
        return frozenset(number for node in self.loops for number in (node.lineno, node.iter.lineno))

    def find_function(self, code: types.CodeType) -> InstrumentedFunction | None:
        """Return the function that a compiled code object belongs to; None if it belongs to none.

        The first line of the code, which is a node number, identifies the function.
        """
        if code.co_name.startswith(
            "<generic parameters of "
        ):  # the code around `def f[T](): ...`, with the same first line
            return None
        return self._by_number.get((code.co_firstlineno, code.co_name == "<lambda>"))

    def remember_sharing(self, function: InstrumentedFunction, nodes: Iterable[ast.AST]) -> None:
        """Record a function whose variables may be shared with other functions (closure variables).

        Args:
            function: The function.
            nodes: The nodes of its body, before they are instrumented.
        """
        is_generic = bool(getattr(self.nodes[function.number], "type_params", None))
        if is_generic or any(map(_may_share_names, nodes)):
            outermost = function
            while outermost.parent is not None and outermost.parent.kind != "cell":
                outermost = outermost.parent
            self._sharing_functions[outermost.number] = None

    @property
    def sharing_module(self) -> ast.Module | None:
        """A module with all functions whose variables may be shared with other functions; None if there are none.

        It is compiled only to learn from the compiler which variables are shared. Names that these functions have from
        the cell are global in this module, as they are in the cell.
        """
        nodes: list[Any] = [self.nodes[number] for number in self._sharing_functions]
        body: list[ast.stmt] = [
            fill_positions(ast.Expr(node), None) if isinstance(node, ast.Lambda) else node for node in nodes
        ]
        return ast.Module(body, []) if body else None

    def record_cells(self, code: types.CodeType) -> None:
        """Record for each function which variables it shares with other functions (closure variables).

        Args:
            code: The compiled `sharing_module`, from which the result of the compiler is read.
        """
        for nested in iterate_codes(code):
            function = self.find_function(nested)
            if function is None or function.kind in ("class", "cell"):
                continue
            function.cells = (*nested.co_cellvars, *nested.co_freevars)
            suspends = function.is_generator or function.is_async
            # Without cells of its own, the cells of a function are found in the closure of the called function.
            function.files_cells = bool(nested.co_cellvars or (suspends and nested.co_freevars))

    def file_cells(self) -> None:
        """Add a statement to each function that shares its own variables with other functions.

        The statement keeps the closure cells of the variables in a local variable (`.cells`), so that a save can find
        them.
        """
        for function, node in zip(self.functions, self.nodes, strict=True):
            if not function.files_cells:
                continue
            if function.kind == "lambda":
                filing = fill_positions(ast.NamedExpr(store(CELLS_NAME), self.make_cells_lambda(function)), None)
                node.body = fill_positions(ast.IfExp(filing, node.body, constant(None)), None)
            else:
                node.body.insert(function.docstrings, assign(CELLS_NAME, self.make_cells_lambda(function)))

    def make_cells_lambda(self, function: InstrumentedFunction) -> ast.Lambda:
        """Make the syntax node of `lambda: (a, b)`, where `a` and `b` are the shared variables of a function.

        The closure of that lambda has the cells of the variables, and a save reads them from there.
        """
        items: list[ast.expr] = [load(name) for name in function.cells]
        made = fill_positions(
            ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Tuple(items, ast.Load())), None
        )
        self.node_numbers.number_new_function(made)
        return made


class TreeBuilder:
    """Rewrites the syntax tree of one source text, so that a pause inside its code can be saved and resumed.

    Args:
        flags: Compiler flags of `from __future__` imports.
        is_async: True if the code has `await` at the top level.
    """

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
        """Register a scope (function, class or lambda) of the tree, with the next number and its qualified name.

        Args:
            node: The node of the scope.
            kind: Kind of the scope.
            name: Its name.
            parent: The scope around it; None for the cell.
        """
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
        """Rewrite the syntax tree of a source text, so that a pause inside its code can be saved and resumed.

        Args:
            module: The parsed source; its nodes are changed.
            shows_last: If True, the last expression is displayed and the text counts as an agent cell.

        Returns:
            The rewritten (instrumented) tree.
        """
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
    """Return the node number from which a function's code begins: its first decorator's number, or else its own."""
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
    """Return an assignment of a module's docstring to `__doc__`, in a list; an empty list if there is no docstring."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str())) as first, _, *_]:
            return [fill_positions(ast.Assign([store("__doc__", first)], first.value), first)]
        case _:
            return []
