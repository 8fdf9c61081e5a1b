"""Suspended generators of libraries (`DataFrame.iterrows`, `os.walk`, `Path.glob`, a bar of tqdm), as data.

Such generators run without changes. To save one, its `yield` is found in the library's source by position, and its
local variables are read. The iterators of the loops around the `yield` are read from the frame's stack, where CPython
keeps them. The same source is then compiled to instrumented code (code whose frames the engine can save), which has
these values in local variables. The restored generator runs this code and continues at the same position: no item is
given twice.
"""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import os
import sys
import types
from collections.abc import Iterator
from typing import Any, cast

from hitl_nb.engine.compile import Unit, find_code
from hitl_nb.engine.compile.runtime.with_methods import with_methods
from hitl_nb.engine.compile.tree.nodes import iterate_own_nodes
from hitl_nb.engine.compile.tree.protected_blocks import OPEN
from hitl_nb.engine.compile.tree.scopes import InstrumentedFunction
from hitl_nb.engine.position.event_loop import completions
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import ContinuationMode, SavedFrame
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.iterators.directories import DirectoryListing
from hitl_nb.engine.position.iterators.library_sources import (
    LibrarySource,
    fields_of,
    find_library_source,
    load_source,
    source_of_unit,
    unit_of,
)
from hitl_nb.engine.position.stack.generators import make_generator, reduce_generator, reduce_saved_frame

_HARMLESS_CLEANUPS = frozenset(
    (
        ("tqdm.std", "tqdm.__iter__"),  # closes the bar
        ("pathlib", "_RecursiveWildcardSelector._select_from"),  # empties a set of its own
        ("pandas._config.config", "option_context"),  # sets the options back
    )
)
"""Generators that may be saved while they wait in a `try` with a `finally`, by module and name.

The dropped original runs its `finally`, which does no harm for these generators.
"""


_LISTING_READERS = frozenset(("os", "pathlib", "pathlib._abc", "pathlib._local", "glob"))
"""Modules whose generators have read a listing of a directory to its end at each `yield`."""

with os.scandir("/") as _listing:
    _LISTING_TYPE = type(_listing)


def reduce_library_generator(value: Any, running_frames: dict[int, SavedFrame]) -> tuple[Any, ...] | None:
    """Return the pickle form of a generator of a library, such as `DataFrame.iterrows`.

    Args:
        value: any object.
        running_frames: `id` of a live frame -> its saved frame, for the generators on the stack that is saved at the
            same time.

    Returns:
        A tuple as `object.__reduce__` returns it; None: the value is no generator of a library, or it has ended.

    Raises:
        CannotSave: The generator cannot be continued.
    """
    frame = value.gi_frame if isinstance(value, types.GeneratorType) else None
    if frame is None:
        return None
    if frame.f_code is completions.AS_COMPLETED_CODE:
        return completions.reduce_as_completed(value)
    known = find_code(frame.f_code)
    if known is not None:  # a generator that was continued before
        source = source_of_unit(known.unit.key)
        if source is None:
            return None
        function, args, *rest = reduce_generator(value, running_frames)
        if function is not make_generator:
            return function, args, *rest
        (values, is_begun), *others = rest
        values = tuple(_drop_listing(source.module, value) for value in values)
        return _reduce_with_source(source, args, [(values, is_begun), *others])
    source = find_library_source(frame.f_code, frame.f_globals)
    if source is None:
        return None
    if value.gi_running:
        raise CannotSave(
            f"the run asks inside {frame.f_code.co_qualname}, a generator of a library; loop over list(...) of what it "
            "is given"
        )
    if not is_read_as_expected():
        raise CannotSave(f"{frame.f_code.co_qualname} is a generator of a library; loop over list(...) of it")
    saved, is_begun = read_library_generator(value, unit_of(source))
    _, args, *rest = reduce_saved_frame(saved, needs_placement=is_begun)
    return _reduce_with_source(source, args, rest)


def _drop_listing(module: str, value: Any) -> Any:
    return DirectoryListing([]) if module in _LISTING_READERS and isinstance(value, _LISTING_TYPE) else value


def _reduce_with_source(source: LibrarySource, args: tuple[Any, ...], rest: list[Any]) -> tuple[Any, ...]:
    return (make_library_generator, (fields_of(source), *args), *rest)


def make_library_generator(source: tuple[Any, ...], *args: Any) -> Any:
    """Make a generator of a library from its pickled state, after its module was imported and its source compiled.

    Args:
        source: the source, as `fields_of` returns it.
        *args: arguments of `make_generator`.

    Raises:
        HitlError: The module has another source in this process.
    """
    load_source(source)
    return make_generator(*args)


def read_library_generator(value: Any, unit: Unit) -> tuple[SavedFrame, bool]:
    """Read a suspended generator of a library, as a frame of the same function in `unit`, which the engine compiled.

    Returns:
        The frame, and whether the restored generator must be run up to the saved position.

    Raises:
        CannotSave: The generator waits at a position that cannot be continued.
    """
    return _LibraryGeneratorReader(value, unit).read_frame()


class _LibraryGeneratorReader:
    def __init__(self, value: Any, unit: Unit) -> None:
        self.value, self.unit, self.tree = value, unit, unit.get_tree()
        self.frame: types.FrameType = value.gi_frame
        self.code = self.frame.f_code
        self.locals: dict[str, Any] = dict(self.frame.f_locals)
        self.cells: dict[str, types.CellType] = {}

    def read_frame(self) -> tuple[SavedFrame, bool]:
        if inspect.getgeneratorstate(self.value) == inspect.GEN_CREATED:
            function = self._find_unstarted_function()
            self._read_stack_values(0)
            return self._make_saved_frame(function, 0, "start"), False
        function, node = self._find_yield()
        place = find_place(self.unit, function.number, node.lineno)
        if place is None:
            raise self._make_refusal()
        names = list(self._iterate_stack_names(place.path))
        how: ContinuationMode = "yield"
        if isinstance(node, ast.YieldFrom):
            how = "yield_from"
            names.append(cast("ast.NamedExpr", node.value).target.id)
        for name, found in zip(names, self._read_stack_values(len(names)), strict=True):
            self._keep_stack_value(name, found)
        return self._make_saved_frame(function, node.lineno, how), True

    def _make_saved_frame(self, function: InstrumentedFunction, number: int, mode: ContinuationMode) -> SavedFrame:
        values = {name: value for name, value in self.locals.items() if name not in self.cells}
        module = self.frame.f_globals.get("__name__", "")
        values = {name: _drop_listing(module, value) for name, value in values.items()}
        return SavedFrame(self.unit.key, function.number, number, mode, values, self.cells, self.frame.f_globals)

    def _make_refusal(self) -> CannotSave:
        return CannotSave(
            f"{self.code.co_qualname} is a generator of a library that waits where it cannot be continued; loop over "
            "list(...) of it"
        )

    # -- the place

    def _find_unstarted_function(self) -> InstrumentedFunction:
        found = [each for each in self._iterate_functions() if self._find_first_line(each) == self.code.co_firstlineno]
        found = found or list(self._iterate_functions())
        if len(found) != 1:
            raise self._make_refusal()
        return found[0]

    def _iterate_functions(self) -> Iterator[InstrumentedFunction]:
        return (each for each in self.unit.functions if each.qualname == self.code.co_qualname)

    def _find_first_line(self, function: InstrumentedFunction) -> int | None:
        position = self.tree.node_numbers.find_position(self.tree.nodes[function.number].lineno)
        return position[0] if position else None

    def _find_yield(self) -> tuple[InstrumentedFunction, Any]:
        position = list(self.code.co_positions())[self.frame.f_lasti // 2]
        found = [
            (function, node)
            for function in self._iterate_functions()
            for statement in self.tree.nodes[function.number].body
            for node in iterate_own_nodes(statement)
            if isinstance(node, ast.Yield | ast.YieldFrom) and self._is_at_position(node, position)
        ]
        if len(found) != 1:
            raise self._make_refusal()
        return found[0]

    def _is_at_position(self, node: Any, position: Any) -> bool:
        mine = self.tree.node_numbers.find_position(node.lineno, node.col_offset)
        if mine is None or self.code.co_name != "<genexpr>" or None in position:
            return mine == position
        # CPython records the position of the whole generator expression. Its function has one `yield` only.
        first, last, left, right = position
        return (first, left) <= (mine[0], mine[2]) and (mine[1], mine[3]) <= (last, right)

    def _iterate_stack_names(self, path: Any) -> Iterator[Any]:
        """Yield, for each value on CPython's stack, the local variable in which instrumented code keeps the value.

        The outermost block comes first. For a `with`, its node is yielded instead of a name. `path` has the nodes down
        to the `yield` where the generator waits.
        """
        for node, (field, _) in path:
            finals = self.tree.final_flags.get(node)
            if isinstance(node, ast.For):
                if field == "body":
                    yield cast("ast.Name", node.iter).id
            elif finals is not None:
                is_known = (self.frame.f_globals.get("__name__"), self.code.co_qualname) in _HARMLESS_CLEANUPS
                if field != "body" or not is_known:
                    raise self._make_refusal()
                flag, held = finals
                self.locals[flag] = OPEN
                if held is None:
                    yield node
                else:
                    self.locals[held] = None
            elif isinstance(node, ast.Try) and field == "handlers":
                raise self._make_refusal()

    def _keep_stack_value(self, name: Any, stack_value: Any) -> None:
        if isinstance(name, str):
            self.locals[name] = stack_value
            return
        leave = name.finalbody[0].body[0].value  # `name` is a `with`, whose `__exit__` is on the stack
        self.locals[leave.args[0].id] = stack_value.__self__
        self.locals[leave.func.value.id] = with_methods(stack_value.__self__)

    # -- the stack

    def _read_stack_values(self, count: int) -> list[Any]:
        """Read the last `count` values on the frame's stack.

        They come after the local variables among the objects that the generator refers to. Behind them may come an
        exception that the generator was handling, or None.

        Raises:
            CannotSave: The objects are not as expected.
        """
        referred: list[Any] = gc.get_referents(self.value)
        last = referred[-1] if referred else None
        lengths = (
            [len(referred), len(referred) - 1] if last is None or isinstance(last, BaseException) else [len(referred)]
        )
        for length in lengths:
            cells = self._find_cells_before_stack(referred[: length - count])
            stack = referred[length - count : length]
            if cells is not None and all(hasattr(_kind_of(value), "__next__") or callable(value) for value in stack):
                self.cells = cells
                return stack
        raise self._make_refusal()

    def _find_cells_before_stack(self, referents: list[Any]) -> dict[str, types.CellType] | None:
        """Find the closure cells among the local variables of the generator, which are at the end of `referents`.

        Args:
            referents: objects to which the generator refers. The local variables are removed from this list.

        Returns:
            Name of a closure variable -> its cell. None: the local variables are not there.
        """
        code = self.code
        names = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames)]
        names += code.co_freevars
        shared = {*code.co_cellvars, *code.co_freevars}
        cells: dict[str, types.CellType] = {}
        for name in reversed(names):
            if name not in self.locals and name not in shared:
                continue
            found = referents.pop() if referents else None
            if name in shared and isinstance(found, types.CellType):
                cells[name] = found
            elif found is not self.locals.get(name, self):
                return None
        return cells


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))


@functools.cache
def is_read_as_expected() -> bool:
    """Return whether this Python keeps the values of a generator where `_LibraryGeneratorReader` reads them."""

    def sample(first: Any) -> Iterator[Any]:
        for outer in first:
            for inner in iter([outer]):
                yield inner, outer

    generator: Any = sample([1, 2])
    next(generator)
    referred: list[Any] = gc.get_referents(generator)
    kinds = [_kind_of(value) for value in referred[-2:]]
    return kinds == [type(iter([])), type(iter([]))] and referred[-3] == 1 and sys.implementation.name == "cpython"
