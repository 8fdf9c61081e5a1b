"""A unit: one source text (a cell or a module's file), and the instrumented code compiled from it."""

from __future__ import annotations
import __future__

import ast
import gc
import hashlib
import linecache
import re
import types
import warnings
from collections import OrderedDict
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from hitl_nb.engine.compile.native_functions import DefinitionHead, find_definition_heads, find_left_native
from hitl_nb.engine.compile.postprocessor import FUNCTION_MARK, CodePlaces, Postprocessor
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.compile.tree.trees import SourceTree, TreeBuilder, iterate_codes

MAX_TREES = 8
"""Number of units whose trees are kept: a garbage collection walks them all. Others are built again when needed."""


@contextmanager
def pause_garbage_collection() -> Generator[None]:
    """Disable garbage collection inside the `with` block.

    A collection walks all the nodes of the trees that are being built. Before CPython 3.11.8 and 3.12.2, a finalizer
    that parses while Python parses breaks the parser (gh-106905). The report of a lost task by asyncio does so.
    """
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


@dataclass(eq=False, repr=False)
class Unit:
    """Instrumented source. Its code, and what is known of its functions.

    Attributes:
        native: the code that Python makes of the same source.
        heads: of the definitions that may be left native.
        left_native: by qualified name and first line: the native code of functions that are not instrumented.
        code_hash: a hash of the instrumented code, once it was asked for.
    """

    key: str
    source: str
    filename: str
    is_cell: bool
    shows_last: bool
    flags: int = 0
    is_async: bool = False
    functions: list[InstrumentedFunction] = field(default_factory=list[InstrumentedFunction])
    top_names: tuple[str, ...] = ()  # the names that the cell binds in the namespace
    code: types.CodeType = field(init=False)
    native: types.CodeType = field(init=False)
    heads: list[DefinitionHead] = field(default_factory=list[DefinitionHead])
    left_native: dict[tuple[str, int], types.CodeType] = field(default_factory=dict[tuple[str, int], types.CodeType])
    code_hash: str = ""
    _codes_by_number: dict[int, types.CodeType] = field(default_factory=dict[int, types.CodeType])

    def find_function_code(self, number: int) -> types.CodeType:
        """Find the code of a function by its number."""
        if not self._codes_by_number:
            for code in iterate_codes(self.code):
                known = find_code(code)
                if known is not None:
                    self._codes_by_number[known.function.number] = code
        return self._codes_by_number[number]

    def get_tree(self) -> SourceTree:
        """Return the instrumented nodes, and build them again if they were dropped."""
        tree = _trees.get(self.key)
        if tree is None:
            tree = self._rebuild_tree()
        _trees.move_to_end(self.key)
        return tree

    @pause_garbage_collection()
    def _rebuild_tree(self) -> SourceTree:
        with ignore_compiler_warnings(self.filename):
            module = ast.parse(self.source, self.filename)
        tree = self._build_tree(module)
        for function, kept in zip(tree.functions, self.functions, strict=True):
            function.cells, function.files_cells, function.locals = kept.cells, kept.files_cells, kept.locals
        tree.file_cells()
        self._cache_tree(tree)
        return tree

    def _build_tree(self, module: ast.Module) -> SourceTree:
        return TreeBuilder(self.flags, is_async=self.is_async).build_tree(module, shows_last=self.shows_last)

    def _cache_tree(self, tree: SourceTree) -> None:
        _trees[self.key] = tree
        while len(_trees) > MAX_TREES:
            _trees.popitem(last=False)

    def compile_nodes(self, module: ast.Module, flags: int = 0) -> types.CodeType:
        """Compile instrumented nodes of this unit."""
        with ignore_compiler_warnings(self.filename):  # the plain compile has warned
            return compile(module, self.filename, "exec", self.flags | flags, True)

    def finish_code(
        self, code: types.CodeType, function: InstrumentedFunction, *, is_primary: bool = False
    ) -> types.CodeType:
        """Finish the compiled code of a function and of all functions in it, and register it."""
        finisher = Postprocessor(self.get_tree(), self.key, self.left_native)
        made = finisher.finish_code(code, function)
        for finished, nested, places in finisher.finished_codes:
            mine = self.functions[nested.number]
            known = InstrumentedCode(self, mine, places)
            _codes[id(finished)] = finished, known
            if is_primary:
                mine.locals = frozenset((*finished.co_varnames, *finished.co_cellvars))
                _primary_codes[self.key, mine.number] = known
        return made


@dataclass(frozen=True, eq=False, repr=False)
class InstrumentedCode:
    """The unit, function and places of one code object."""

    unit: Unit
    function: InstrumentedFunction
    places: CodePlaces


@dataclass(frozen=True)
class SavedUnit:
    """The input from which a unit is compiled, as plain data."""

    key: str
    source: str
    filename: str
    is_cell: bool
    shows_last: bool
    flags: int

    @classmethod
    def from_unit(cls, unit: Unit) -> SavedUnit:
        """Make the saved form of a unit."""
        return cls(unit.key, unit.source, unit.filename, unit.is_cell, unit.shows_last, unit.flags)


_units: dict[str, Unit] = {}
_saved_units: dict[str, SavedUnit] = {}  # those that nobody needed yet
_trees: OrderedDict[str, SourceTree] = OrderedDict()
_codes: dict[int, tuple[types.CodeType, InstrumentedCode]] = {}  # by identity: comparing code is slow
_primary_codes: dict[tuple[str, int], InstrumentedCode] = {}


@pause_garbage_collection()
def compile_unit(
    source: str,
    filename: str,
    *,
    is_cell: bool = True,
    shows_last: bool = False,
    flags: int = 0,
    warns: bool = True,
) -> Unit:
    """Instrument a source text. It is compiled as it is first, so errors and warnings are the user's own.

    The same text under the same name is the same unit.

    Args:
        flags: of the compiler, for `from __future__` imports that the source itself does not make.
        warns: False: the source was compiled before by other code, which has shown the warnings.

    Raises:
        SyntaxError: the source is no Python.
    """
    text = f"{filename}\0{is_cell}\0{shows_last}\0{flags & FUTURE_FLAGS}\0{source}"
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    known = _units.get(key)
    if known is not None and known.key == key and not warns:
        return known
    with nullcontext() if warns else ignore_compiler_warnings(filename):
        module = ast.parse(source, filename)
        flags = _find_future_flags(module) | flags & FUTURE_FLAGS
        native = compile(source, filename, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT * is_cell, True)
    if known is not None and known.key == key:
        return known
    unit = Unit(key, source, filename, is_cell, shows_last, flags)
    unit.native = native
    unit.is_async = bool(native.co_flags & _COROUTINE)
    unit.heads = find_definition_heads(module, source)
    unit.left_native = find_left_native(unit.heads, native)
    tree = unit._build_tree(module)  # pyright: ignore[reportPrivateUsage]
    unit.functions, unit.top_names = tree.functions, tree.top_names
    unit._cache_tree(tree)  # pyright: ignore[reportPrivateUsage]
    sharing = tree.sharing_module
    if sharing is not None:
        tree.record_cells(unit.compile_nodes(sharing, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        tree.file_cells()
    code = unit.compile_nodes(tree.module)
    cell = next(value for value in code.co_consts if isinstance(value, types.CodeType))
    unit.code = unit.finish_code(cell, unit.functions[0], is_primary=True)
    _units[key] = unit
    return unit


_COROUTINE = 0x80  # CO_COROUTINE
_ITERABLE_COROUTINE = 0x100  # CO_ITERABLE_COROUTINE
_CO_NESTED = 0x10  # also the number of a feature that is no longer optional
FUTURE_FLAGS: int = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names) & ~_CO_NESTED


def is_awaitable_code(code: types.CodeType) -> bool:
    """Return whether code is of a generator function marked by `types.coroutine`: its generators can be awaited."""
    return bool(code.co_flags & _ITERABLE_COROUTINE)


def mark_awaitable_code(code: types.CodeType) -> types.CodeType:
    """Return the code that `types.coroutine` makes of the code of a generator function."""
    return code.replace(co_flags=code.co_flags | _ITERABLE_COROUTINE)


def compile_module(source: str, filename: str) -> types.CodeType:
    """Compile code without arguments that runs a whole module, in the namespace of the function made of the code."""
    return compile_unit(source, filename, is_cell=False).code


def find_code(code: types.CodeType) -> InstrumentedCode | None:
    """Find the unit and function of a code object; None: it is not instrumented, or its unit is unknown here."""
    entry = _codes.get(id(code))
    if entry is not None:
        return entry[1]
    mark: Any = code.co_consts[-1] if code.co_consts else None
    if type(mark) is not tuple or mark[:1] != (FUNCTION_MARK,):
        return None
    found = _primary_codes.get(cast("tuple[str, int]", mark[1:]))
    if found is not None:
        _codes[id(code)] = code, found
    return found


def find_unit(key: str) -> Unit | None:
    """Find a unit by its key; a unit whose source was remembered is compiled at its first request."""
    unit = _units.get(key)
    if unit is None and key in _saved_units:
        unit = _units[key] = _compile_saved_unit(_saved_units.pop(key))
    return unit


def remember_sources(units: Iterable[SavedUnit]) -> None:
    """Have `find_unit` know the units of another process. Nothing is compiled yet."""
    _saved_units.update((unit.key, unit) for unit in units if unit.key not in _units)


def _compile_saved_unit(saved: SavedUnit) -> Unit:
    """Return the unit of the same text, whatever its file name is in this process; else compile the saved text."""
    text = (saved.source, saved.is_cell, saved.shows_last, saved.flags)
    for unit in reversed(list(_units.values())):
        if (unit.source, unit.is_cell, unit.shows_last, unit.flags) == text:
            return unit
    if not linecache.getlines(saved.filename):  # tracebacks show its lines
        lines = saved.source.splitlines(keepends=True)
        linecache.cache[saved.filename] = (len(saved.source), None, lines, saved.filename)
    return compile_unit(
        *(saved.source, saved.filename),
        is_cell=saved.is_cell,
        shows_last=saved.shows_last,
        flags=saved.flags,
        warns=False,  # they were shown where it ran
    )


@contextmanager
def ignore_compiler_warnings(filename: str) -> Generator[None]:
    """Drop the compiler's own warnings about this file.

    `warnings.catch_warnings` would also make Python forget which warnings of the user's code it has shown, and is not
    thread-safe.
    """
    module = filename.removesuffix(".py") or "<unknown>"  # as the compiler names what it warns about
    entry: Any = ("ignore", None, Warning, re.compile(re.escape(module) + r"\Z"), 0)
    filters: Any = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody else has emptied the list
            filters.remove(entry)


def _find_future_flags(tree: ast.Module) -> int:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    return sum(getattr(__future__, alias.name).compiler_flag for node in imports for alias in node.names)
