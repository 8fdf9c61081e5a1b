"""Instrumented code in a pickle: each code object by the unit that it is of and its function's number there.

Beside the pickle are the sources of these units. Where a process does not know a unit, its code is compiled of the
saved source when it is needed. If the process knows the same text under another file name (a cell that was run again
in a new kernel), that unit is taken: tracebacks then show the notebook's cell. Else they show the saved file name, and
the saved lines, unless a file of that name is there: of a module's file that was changed since, a traceback shows the
lines as they are now, as Python does with a module that was changed after its import.
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
    """A pickler: `units` are those that its pickle names, by the key there: a saved one may be of the same text."""

    @property
    def units(self) -> Mapping[str, Unit]: ...


def name_code(code: CodeType) -> tuple[Any, ...] | None:
    """The persistent id of instrumented code; None: it is native."""
    known = find_code(code)
    if known is None:
        return None
    name = ("code", known.unit.key, known.function.number)
    return (*name, "awaitable") if is_awaitable_code(code) else name


def find_code_by_id(pid: Any) -> Any:
    """What a persistent id of this module names; None: it is none.

    Raises:
        LookupError: the source of the code is not there.
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
    """The sources of the units that pickles name, as plain data."""
    units = {key: unit for pickler in picklers for key, unit in pickler.units.items()}
    return [list(astuple(replace(SavedUnit.from_unit(units[key]), key=key))) for key in sorted(units)]


def hash_units(*picklers: HasUnits) -> dict[str, str]:
    """What the code of these units is, by their keys."""
    units = {key: unit for pickler in picklers for key, unit in pickler.units.items()}
    return {key: hash_code(units[key]) for key in sorted(units)}


def check_code_hashes(made_by: str, code_hashes: Mapping[str, str], keys: Iterable[str]) -> None:
    """Raise WrongPython if the places of saved frames may mean something else here. Call it behind `load_units`.

    Args:
        made_by: the instrumenter of the process that saved. Of another one, the code of each unit is compared.
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
    """Have the code of these units found. Call it only with what is signed; nothing is compiled before it is needed."""
    remember_sources(SavedUnit(*fields) for fields in data)
