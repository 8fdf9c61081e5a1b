"""Cells that are not agents: their top level runs unchanged, and the functions that they define are instrumented.

Only an agent cell can pause at its top level. So the code that Python compiled for a statement of another cell keeps
all its instructions. Only the code constants of functions, methods, lambdas and generator expressions in it are
replaced by instrumented code. Code that runs immediately and then ends (a list comprehension at the top level, a class
body) stays native too.

    unit = instrument_source(source, filename, flags=flags)      # None: cannot be instrumented, runs natively
    code = instrument_cell(native_code, unit, namespace)         # what IPython executes instead
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.instrument.counterparts import get_counterparts
from hitl_nb.engine.instrument.resolved_names import make_resolver


def has_functions(code: types.CodeType) -> bool:
    """Return whether code defines anything that could be instrumented."""
    return any(isinstance(value, types.CodeType) for value in code.co_consts)


def instrument_source(source: str, filename: str, *, flags: int = 0) -> Unit | None:
    """Return the unit of a cell's source, made once. It shows no warnings: Python has compiled the cell already.

    Args:
        source: the cell as IPython compiles it, magics rewritten.
        flags: of the compiler: `from __future__` imports of earlier cells.

    Returns:
        None for a source that Python does not take as a whole (statements behind a `return`, say).
    """
    try:
        return compile_unit(source, filename, is_cell=True, flags=flags, warns=False)
    except (SyntaxError, RecursionError, ValueError):
        return None


def instrument_cell(code: types.CodeType, unit: Unit, namespace: Mapping[str, Any]) -> types.CodeType:
    """Return the native code of a statement of this unit, with instrumented functions.

    Args:
        namespace: used to look up decorators, for functions that are left native.
    """
    resolve = make_resolver(namespace)
    lines = {head.line for head in unit.heads if head.is_left_native(resolve)}

    def is_left_native(function: types.CodeType) -> bool:
        return function.co_firstlineno in lines and not function.co_name.startswith("<")

    return get_counterparts(unit).graft_functions(code, is_left_native)
