"""Search for the instrumented code of a function from its native code (as Python compiles it), and the reverse."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.compile import Unit, find_code
from hitl_nb.engine.compile.tree.scopes import EAGER_COMPREHENSIONS

CodeKey = tuple[str, int]  # qualified name, first line


@dataclass(frozen=True, eq=False)
class CodePair:
    """The two code objects of one function: as Python compiles it (native), and instrumented."""

    native: types.CodeType
    instrumented: types.CodeType


class Counterparts:
    """Pairs of native code (as Python compiles it) and instrumented code, for all functions of one source text.

    Args:
        unit: The source text of one cell or module, with its instrumented code.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._native, made = _group_by_key(unit.native), _group_by_key(unit.code)
        self._pairs: dict[CodeKey, list[CodePair]] = {
            spot: [CodePair(*both) for both in _pair_codes(codes, made.get(spot, []))]
            for spot, codes in self._native.items()
        }

    def find_instrumented(self, code: types.CodeType) -> types.CodeType | None:
        """Return the instrumented code of a function; None if the source has no function with exactly this code.

        Args:
            code: Code of the function as Python compiled it.
        """
        for pair in self._pairs.get((code.co_qualname, code.co_firstlineno), ()):
            if pair.native == code and can_replace_code(pair.instrumented, code):
                return pair.instrumented
        return None

    def find_of_cell(self, code: types.CodeType) -> types.CodeType | None:
        """Return the instrumented code of a function; None if the source has no such function.

        In contrast to `find_instrumented`, the instructions of `code` may differ, because IPython compiles a cell one
        statement at a time. Python compiles calls of a module's functions differently if the same source contains the
        `import` of the module.

        Args:
            code: Code of the function as Python compiled it. It must come from this source.
        """
        found = self.find_instrumented(code)
        if found is not None:
            return found
        for pair in self._pairs.get((code.co_qualname, code.co_firstlineno), ()):
            if _summarize_code(pair.native) == _summarize_code(code) and can_replace_code(pair.instrumented, code):
                return pair.instrumented
        return None

    def find_rewritten(self, code: types.CodeType) -> types.CodeType | None:
        """Return the instrumented code of a function whose code a tool has rewritten, as pytest does with assertions.

        The function is found by its name and first line alone.

        Args:
            code: The rewritten code.

        Returns:
            The instrumented code. None if no function, or more than one, has this name and line.
        """
        pairs = self._pairs.get((code.co_qualname, code.co_firstlineno), [])
        return pairs[0].instrumented if len(pairs) == 1 and can_replace_code(pairs[0].instrumented, code) else None

    def find_native(self, code: types.CodeType) -> types.CodeType | None:
        """Return the code that Python compiles for a function without instrumentation; None if it is not found.

        Args:
            code: The instrumented code of the function.
        """
        pairs = self._pairs.get((code.co_qualname, code.co_firstlineno), ())
        return next((pair.native for pair in pairs if pair.instrumented is code), None)

    def has_code(self, code: types.CodeType) -> bool:
        """Return whether the source has a function with exactly this code.

        Args:
            code: Code as Python compiles it, without instrumentation.
        """
        return code in self._native.get((code.co_qualname, code.co_firstlineno), ())

    def graft_functions(self, code: types.CodeType, leaves: Callable[[types.CodeType], bool]) -> types.CodeType:
        """Return a copy of code in which the code of the functions that it defines is instrumented.

        Args:
            code: Code as Python compiled it. If it has no functions to replace, it is returned itself.
            leaves: Takes the code of a function. Returns True if the function must not be instrumented.
        """
        constants = [self._graft_constant(value, leaves) for value in code.co_consts]
        if all(new is old for new, old in zip(constants, code.co_consts, strict=True)):
            return code
        return code.replace(co_consts=tuple(constants))

    def _graft_constant(self, value: object, leaves: Callable[[types.CodeType], bool]) -> object:
        if not isinstance(value, types.CodeType) or leaves(value):
            return value
        found = None if value.co_name in EAGER_COMPREHENSIONS else self.find_of_cell(value)
        return found or self.graft_functions(value, leaves)


_counterparts_by_unit: weakref.WeakKeyDictionary[Unit, Counterparts] = weakref.WeakKeyDictionary()


def get_counterparts(unit: Unit) -> Counterparts:
    """Return the `Counterparts` of a unit (the source of one cell or module). They are made at the first call."""
    found = _counterparts_by_unit.get(unit)
    if found is None:
        found = _counterparts_by_unit[unit] = Counterparts(unit)
    return found


def can_replace_code(new: types.CodeType, old: types.CodeType) -> bool:
    """Return whether the code of a function can be replaced, so that it has the code `new` and not `old`.

    Parameters, free variables, and the kind (generator, coroutine) must be the same.
    """
    count = old.co_argcount + old.co_kwonlyargcount
    count += bool(old.co_flags & _VARARGS) + bool(old.co_flags & _VARKEYWORDS)
    return (
        new.co_freevars == old.co_freevars
        and (new.co_argcount, new.co_posonlyargcount, new.co_kwonlyargcount)
        == (old.co_argcount, old.co_posonlyargcount, old.co_kwonlyargcount)
        and new.co_varnames[:count] == old.co_varnames[:count]
        and new.co_flags & _KINDS == old.co_flags & _KINDS
    )


_VARARGS, _VARKEYWORDS = 0x4, 0x8
_KINDS = 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200  # also generator, coroutine, iterable coroutine, async generator


def iterate_nested_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield all code objects inside a code object, without the code object itself."""
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield value
            yield from iterate_nested_codes(value)


def _group_by_key(code: types.CodeType) -> dict[CodeKey, list[types.CodeType]]:
    found: dict[CodeKey, list[types.CodeType]] = {}
    for nested in iterate_nested_codes(code):
        found.setdefault((nested.co_qualname, nested.co_firstlineno), []).append(nested)
    return found


def _pair_codes(
    native: list[types.CodeType], made: list[types.CodeType]
) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """Match the native and instrumented code objects that have the same name and first line, such as two lambdas.

    They are matched by the positions of their first instructions. Without positions (`-X no_debug_ranges`), they are
    matched by order and content.

    Yields:
        (native code, instrumented code) of one function.
    """
    known = [code for code in made if find_code(code) is not None]
    if len(native) == 1 and len(known) == 1:
        yield native[0], known[0]
        return
    by_start = {_find_start(code): code for code in known}
    if len(by_start) < len(known) or None in by_start:  # code without columns: `-X no_debug_ranges`
        if len(native) == len(known):
            yield from (pair for pair in zip(native, known, strict=True) if _is_alike(*pair))
        return
    for code in native:
        found = by_start.get(_find_start(code))
        if found is not None:
            yield code, found


def _summarize_code(code: types.CodeType) -> tuple[object, ...]:
    """Return the names, the constants and the first position of a function's code.

    They are equal if the source is equal, even if the instructions differ.
    """
    values: list[tuple[Any, str]] = [
        (type(value), repr(value)) for value in code.co_consts if not isinstance(value, types.CodeType)
    ]
    return code.co_varnames, code.co_cellvars, {*code.co_names}, values, _find_start(code)


def _is_alike(native: types.CodeType, made: types.CodeType) -> bool:
    """Return whether instrumented code has all names and constants of the native code."""
    values = {value for value in native.co_consts if value is not None and not isinstance(value, types.CodeType)}
    return {*native.co_names} <= {*made.co_names} and values <= {*made.co_consts}


def _find_start(code: types.CodeType) -> tuple[int, int] | None:
    """Return (line, column) of the first instruction that is not at the very start of the code; None if none is."""
    spots = ((line, column) for line, _, column, _ in code.co_positions() if line is not None and column is not None)
    return next((spot for spot in spots if spot != (code.co_firstlineno, 0)), None)
