"""Pickle instrumented code: each code object is saved as the key of its unit and the number of its function there.

A *unit* is the compiled source of one cell or module. The sources of the units are saved separately from the pickle. If
a process does not know a unit, its code is compiled from the saved source when the code is needed. The process may know
the same text under another file name (a cell that was executed again in a new kernel). Then that unit is taken, and
tracebacks show the notebook's cell. Otherwise tracebacks show the saved file name and the saved lines, unless a file of
that name exists. If a module's file was changed since, a traceback shows the lines of the changed file. Python does the
same with a module that was changed after its import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, replace
from types import CodeType
from typing import Any, Protocol

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.compile.instrumenter import hash_code, hash_instrumenter
from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.compile.units import SavedUnit, Unit, is_awaitable_code, mark_awaitable_code, remember_sources
from hitl_nb.errors import WrongPython


class HasUnits(Protocol):
    """A pickler that records the units (compiled sources of cells and modules) whose code its pickle names.

    Attributes:
        units: The units by the key in the pickle. The key may belong to another unit with the same text.
    """

    @property
    def units(self) -> Mapping[str, Unit]:
        """The units of the code that was pickled, by key."""
        ...


def name_code(code: CodeType) -> tuple[Any, ...] | None:
    """Return the persistent id of instrumented code: ("code", key of the unit, number of the function in the unit).

    Code that was marked as awaitable has one more item. None for code that hitl_nb has not instrumented.
    """
    known = find_code(code)
    if known is None:
        return None
    name = ("code", known.unit.key, known.function.number)
    return (*name, "awaitable") if is_awaitable_code(code) else name


def find_code_by_id(pid: Any) -> Any:
    """Return the object for a persistent id in a pickle: the code object for an id that `name_code` made.

    The id `("runtime",)` gives the engine's runtime object, which instrumented code uses. None for an id of another
    kind.

    Raises:
        LookupError: The source of the code is missing.
    """
    match pid:
        case ("runtime",):
            return RUNTIME
        case ("code", key, number, *marks):
            unit = find_unit(key)
            if unit is None:
                raise LookupError(f"the source of a saved function is missing (unit {key})")
            return mark_awaitable_code(unit.find_function_code(number)) if marks else unit.find_function_code(number)
        case _:
            return None


def describe_units(*picklers: HasUnits) -> list[list[Any]]:
    """Return the sources of the units (cells and modules) that pickles name, as plain data for `load_units`."""
    units = {key: unit for pickler in picklers for key, unit in pickler.units.items()}
    return [list(astuple(replace(SavedUnit.from_unit(units[key]), key=key))) for key in sorted(units)]


def hash_units(*picklers: HasUnits) -> dict[str, str]:
    """Return hashes of the compiled code of the units that pickles name: key of the unit -> hash."""
    units = {key: unit for pickler in picklers for key, unit in pickler.units.items()}
    return {key: hash_code(units[key]) for key in sorted(units)}


def check_code_hashes(made_by: str, code_hashes: Mapping[str, str], keys: Iterable[str]) -> None:
    """Check that this version of hitl_nb compiles the saved units to the same code, so that saved positions are valid.

    Call this function after `load_units`.

    Args:
        made_by: Hash of the instrumenter (compiler) of the process that saved. If it is not the current one, the code
            of each unit is compared.
        code_hashes: The hashes of the units' code when they were saved, by key.
        keys: The units to check.

    Raises:
        WrongPython: A unit has other code in this process.
    """
    if made_by == hash_instrumenter():
        return
    for key in keys:
        unit = find_unit(key)
        if unit is not None and code_hashes.get(key) != hash_code(unit):
            name = "a cell" if unit.is_cell else unit.filename
            raise WrongPython(
                f"the run was saved by another version of hitl_nb, which compiled the code of {name} in another way: "
                "install that version to finish this run, or begin it again with --restart"
            )


def load_units(data: Iterable[Iterable[Any]]) -> None:
    """Register saved sources of cells and modules, so that their code can be found. Code is compiled when it is needed.

    Call this function only with data whose signature was checked.

    Args:
        data: The units, as `describe_units` returned them.
    """
    remember_sources(SavedUnit(*fields) for fields in data)
