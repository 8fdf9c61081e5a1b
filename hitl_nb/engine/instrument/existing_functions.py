"""Instrumentation of functions that cells defined before the extension hitl_nb was loaded.

The function objects stay; their code is replaced. Generators that have begun keep the code with which they began.
"""

from __future__ import annotations

import gc
import linecache
import types
from typing import Any

from hitl_nb.engine.compile.units import FUTURE_FLAGS
from hitl_nb.engine.instrument.cells import instrument_source
from hitl_nb.engine.instrument.counterparts import get_counterparts
from hitl_nb.engine.instrument.resolved_names import make_resolver


def instrument_existing(shell: Any) -> int:
    """Instrument the functions that earlier cells of an IPython shell have defined: their code is replaced.

    Returns:
        The number of functions with new code.
    """
    names: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    found: dict[str, list[types.FunctionType]] = {}
    for value in gc.get_objects():
        if type(value) is types.FunctionType and value.__code__.co_filename in names:
            found.setdefault(value.__code__.co_filename, []).append(value)
    return sum(
        _instrument_functions(shell, filename, read_cell_source(shell, filename) or "", functions)
        for filename, functions in found.items()
    )


def read_cell_source(shell: Any, filename: str) -> str | None:
    """Return the source of a cell as it was compiled.

    The text is in the shell's history. `linecache` has only the lines, without the original line endings.

    Args:
        shell: The IPython shell.
        filename: File name that IPython has given to the cell, as in tracebacks.

    Returns:
        The text. None if no cell of this shell has this file name.
    """
    number: int | None = getattr(shell.compile, "_filename_map", {}).get(filename)
    if number is None:
        return None
    lines = linecache.getlines(filename)
    history: list[str] = getattr(getattr(shell, "history_manager", None), "input_hist_parsed", [])
    text = history[number] if number < len(history) else ""
    return text if [f"{line}\n" for line in text.splitlines()] == lines else "".join(lines)


def _instrument_functions(shell: Any, filename: str, source: str, functions: list[types.FunctionType]) -> int:
    unit = instrument_source(source, filename, flags=functions[0].__code__.co_flags & FUTURE_FLAGS)
    if unit is None:
        return 0
    resolve = make_resolver(shell.user_ns)
    lines = {head.line for head in unit.heads if head.is_left_native(resolve)}
    counterparts, count = get_counterparts(unit), 0
    for function in functions:
        made = None if function.__code__.co_firstlineno in lines else counterparts.find_of_cell(function.__code__)
        if made is not None:
            function.__code__ = made
            count += 1
    return count
