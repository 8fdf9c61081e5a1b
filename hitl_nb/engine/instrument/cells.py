"""Instrumentation of cells that are not agent cells.

The top level of such a cell runs unchanged, and the functions that it defines are instrumented. Only an agent cell can
pause at its top level. So the code that Python compiled for a statement of another cell keeps all its instructions.
Only the code constants of functions, methods, lambdas and generator expressions in it are replaced by instrumented
code. Code that runs immediately and then ends (a list comprehension at the top level, a class body) stays native too.

    unit = instrument_source(source, filename, flags=flags)      # None: cannot be instrumented, runs natively
    code = instrument_cell(native_code, unit, namespace)         # IPython executes this code instead
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.instrument.counterparts import get_counterparts
from hitl_nb.engine.instrument.resolved_names import make_resolver


def has_functions(code: types.CodeType) -> bool:
    """Return whether compiled code contains code objects of functions, classes, lambdas or comprehensions.

    If it contains none, there is nothing to instrument.
    """
    return any(isinstance(value, types.CodeType) for value in code.co_consts)


def instrument_source(source: str, filename: str, *, flags: int = 0) -> Unit | None:
    """Compile the source of a cell to instrumented code, without running it. The same source gives the same unit.

    No compiler warnings are shown, because Python has compiled the cell already.

    Args:
        source: Text of the cell as IPython compiles it, with magics rewritten to Python.
        filename: File name of the cell, for tracebacks.
        flags: Compiler flags of `from __future__` imports of earlier cells.

    Returns:
        The unit (the source with its instrumented code). None if Python cannot compile the source as a whole, for
        example because it has statements behind a `return`.
    """
    try:
        return compile_unit(source, filename, is_cell=True, flags=flags, warns=False)
    except (SyntaxError, RecursionError, ValueError):
        return None


def instrument_cell(code: types.CodeType, unit: Unit, namespace: Mapping[str, Any]) -> types.CodeType:
    """Return a copy of a statement's code in which the functions that it defines are instrumented.

    The statement itself keeps its instructions.

    Args:
        code: Code that Python compiled from one statement of the cell, or from the whole cell.
        unit: The result of `instrument_source` for the cell.
        namespace: Namespace of the notebook, in which decorators are looked up. Some decorators, such as `numba.njit`,
            need functions that are not instrumented.
    """
    resolve = make_resolver(namespace)
    lines = {head.line for head in unit.heads if head.is_left_native(resolve)}

    def is_left_native(function: types.CodeType) -> bool:
        return function.co_firstlineno in lines and not function.co_name.startswith("<")

    return get_counterparts(unit).graft_functions(code, is_left_native)
