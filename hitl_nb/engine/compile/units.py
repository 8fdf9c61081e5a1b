"""Units: a *unit* is one source text (a cell or the file of a module) with the code that was compiled from it.

Most functions of a unit have *instrumented code*, whose frames can be saved. A unit has a *key*, which is a hash of its
text, its file name and its options. The *tree* of a unit is the instrumented syntax tree. *Native code* is what Python
compiles from the same text without instrumentation.
"""

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
"""Number of units whose trees are kept in memory. Other trees are built again when they are needed.

A garbage collection walks all nodes of the trees, so many trees would make it slow.
"""


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
    """A source text (a notebook cell or the file of a module), its instrumented code, and data on its functions.

    Functions that *stay native* are not instrumented.

    Attributes:
        key: Hash of the text, the file name and the options: 16 hexadecimal digits.
        source: The source text.
        filename: File name for tracebacks.
        is_cell: True for a notebook cell, False for the file of a module.
        shows_last: True if the value of the last expression is displayed, as in a cell.
        flags: Compiler flags of `from __future__` imports.
        is_async: True if the code has `await` at the top level.
        functions: The functions of the text; the index is the number of the function, 0 is the cell itself.
        top_names: Names that the cell binds in the namespace.
        code: The instrumented code.
        native: The code that Python compiles from the same source without instrumentation.
        heads: Definitions that may stay native.
        left_native: Maps (qualified name, first line) to the native code of each function that is not instrumented.
        code_hash: Hash of the instrumented code; empty until `hash_code` has computed it.
    """

    key: str
    source: str
    filename: str
    is_cell: bool
    shows_last: bool
    flags: int = 0
    is_async: bool = False
    functions: list[InstrumentedFunction] = field(default_factory=list[InstrumentedFunction])
    top_names: tuple[str, ...] = ()
    code: types.CodeType = field(init=False)
    native: types.CodeType = field(init=False)
    heads: list[DefinitionHead] = field(default_factory=list[DefinitionHead])
    left_native: dict[tuple[str, int], types.CodeType] = field(default_factory=dict[tuple[str, int], types.CodeType])
    code_hash: str = ""
    _codes_by_number: dict[int, types.CodeType] = field(default_factory=dict[int, types.CodeType])

    def find_function_code(self, number: int) -> types.CodeType:
        """Return the instrumented code object of a function.

        Args:
            number: Number of the function, an index of `functions`.

        Raises:
            KeyError: The function has no instrumented code, because it stays native.
        """
        if not self._codes_by_number:
            for code in iterate_codes(self.code):
                known = find_code(code)
                if known is not None:
                    self._codes_by_number[known.function.number] = code
        return self._codes_by_number[number]

    def get_tree(self) -> SourceTree:
        """Return the instrumented syntax tree. It is built again if it was dropped to save memory."""
        tree = _trees.get(self.key)
        if tree is None:
            tree = self._rebuild_tree()
        _trees.move_to_end(self.key)
        return tree

    @pause_garbage_collection()
    def _rebuild_tree(self) -> SourceTree:
        with ignore_compiler_warnings(self.filename):
            module = ast.parse(self.source, self.filename)
        tree = self.build_tree(module)
        for function, kept in zip(tree.functions, self.functions, strict=True):
            function.cells, function.files_cells, function.locals = kept.cells, kept.files_cells, kept.locals
        tree.file_cells()
        self.cache_tree(tree)
        return tree

    def build_tree(self, module: ast.Module) -> SourceTree:
        """Return the instrumented syntax tree of this unit.

        Args:
            module: The syntax tree of the source, as `ast.parse` returns it.
        """
        return TreeBuilder(self.flags, is_async=self.is_async).build_tree(module, shows_last=self.shows_last)

    def cache_tree(self, tree: SourceTree) -> None:
        """Keep the tree in memory for `get_tree`.

        If there are more than `MAX_TREES` trees, the least recently used one is dropped.
        """
        _trees[self.key] = tree
        while len(_trees) > MAX_TREES:
            _trees.popitem(last=False)

    def compile_nodes(self, module: ast.Module, flags: int = 0) -> types.CodeType:
        """Compile an instrumented syntax tree to a code object.

        The code has numbers of syntax nodes in place of line numbers. `finish_code` replaces them.

        Args:
            module: The tree.
            flags: Compiler flags in addition to those of the unit.
        """
        with ignore_compiler_warnings(self.filename):  # compiling the source itself has shown the warnings
            return compile(module, self.filename, "exec", self.flags | flags, True)

    def finish_code(
        self, code: types.CodeType, function: InstrumentedFunction, *, is_primary: bool = False
    ) -> types.CodeType:
        """Return a function's compiled code with the user's names and line numbers, and register it for `find_code`.

        Code objects of functions inside it are changed and registered, too.

        Args:
            code: Code object as `compile_nodes` returned it.
            function: The function of the code.
            is_primary: True for the code of the whole unit; False for code that a resume compiles to rebuild a frame.
        """
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
    """The origin of one instrumented code object.

    Attributes:
        unit: The unit from whose source text it was compiled.
        function: The function whose code it is.
        places: Tells from which syntax node each instruction was compiled: (node number, column).
    """

    unit: Unit
    function: InstrumentedFunction
    places: CodePlaces


@dataclass(frozen=True)
class SavedUnit:
    """Plain data from which another process can compile a unit again. The fields are those of `Unit`."""

    key: str
    source: str
    filename: str
    is_cell: bool
    shows_last: bool
    flags: int

    @classmethod
    def from_unit(cls, unit: Unit) -> SavedUnit:
        """Return the data of a unit (source text, file name, options) to save in a snapshot."""
        return cls(unit.key, unit.source, unit.filename, unit.is_cell, unit.shows_last, unit.flags)


_units: dict[str, Unit] = {}
_saved_units: dict[str, SavedUnit] = {}  # units of another process, until `find_unit` compiles them
_trees: OrderedDict[str, SourceTree] = OrderedDict()
_codes: dict[int, tuple[types.CodeType, InstrumentedCode]] = {}  # by `id` of the code: comparing code is slow
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
    """Compile a source text to instrumented code. If this was done before for the same text, the same unit is returned.

    The text is first compiled without instrumentation, so errors and warnings are Python's own.

    Args:
        source: The source text.
        filename: File name for tracebacks; the same text under another name is another unit.
        is_cell: True for a notebook cell, False for the file of a module.
        shows_last: If True, the value of the last expression is displayed.
        flags: Compiler flags of `from __future__` imports that the text itself does not have.
        warns: False if other code has compiled the text before and has shown the compiler's warnings.

    Returns:
        The unit: the text, its instrumented code, and data on its functions.

    Raises:
        SyntaxError: The text is not valid Python.
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
    tree = unit.build_tree(module)
    unit.functions, unit.top_names = tree.functions, tree.top_names
    unit.cache_tree(tree)
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
_CO_NESTED = 0x10  # also the flag of a `__future__` feature that is no longer optional
FUTURE_FLAGS: int = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names) & ~_CO_NESTED


def is_awaitable_code(code: types.CodeType) -> bool:
    """Return whether code is of a generator function with the decorator `types.coroutine`.

    The generators of such a function can be awaited.
    """
    return bool(code.co_flags & _ITERABLE_COROUTINE)


def mark_awaitable_code(code: types.CodeType) -> types.CodeType:
    """Return a copy of a generator function's code with the mark that `types.coroutine` sets."""
    return code.replace(co_flags=code.co_flags | _ITERABLE_COROUTINE)


def compile_module(source: str, filename: str) -> types.CodeType:
    """Compile the source text of a module, and return the instrumented code of its top level.

    The code is for a function without arguments, whose globals must be the namespace of the module.

    Raises:
        SyntaxError: The text is not valid Python.
    """
    return compile_unit(source, filename, is_cell=False).code


def find_code(code: types.CodeType) -> InstrumentedCode | None:
    """Find out from which source and function an instrumented code object was compiled.

    Returns:
        The unit, the function, and the syntax nodes of the instructions. None if the code is not instrumented, or if
        its source is not known in this process.
    """
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
    """Return the unit (a source text with its instrumented code) that has this key; None if it is not known.

    A unit that `remember_sources` has registered is compiled at the first call.
    """
    unit = _units.get(key)
    if unit is None and key in _saved_units:
        unit = _units[key] = _compile_saved_unit(_saved_units.pop(key))
    return unit


def remember_sources(units: Iterable[SavedUnit]) -> None:
    """Register source texts of another process, so that `find_unit` finds them. Nothing is compiled yet."""
    _saved_units.update((unit.key, unit) for unit in units if unit.key not in _units)


def _compile_saved_unit(saved: SavedUnit) -> Unit:
    """Return a unit for a source text that another process has saved.

    If this process has a unit with the same text and options, under any file name, that unit is returned. Otherwise the
    saved text is compiled.
    """
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
        warns=False,  # the process where the cell ran has shown them
    )


@contextmanager
def ignore_compiler_warnings(filename: str) -> Generator[None]:
    """Suppress the compiler's warnings about this file inside the `with` block.

    `warnings.catch_warnings` would also make Python forget which warnings of the user's code it has shown, and is not
    thread-safe.
    """
    module = filename.removesuffix(".py") or "<unknown>"  # the module name that the compiler uses in a warning
    entry: Any = ("ignore", None, Warning, re.compile(re.escape(module) + r"\Z"), 0)
    filters: Any = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        with suppress(ValueError):  # other code has emptied the list
            filters.remove(entry)


def _find_future_flags(tree: ast.Module) -> int:
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    return sum(getattr(__future__, alias.name).compiler_flag for node in imports for alias in node.names)
