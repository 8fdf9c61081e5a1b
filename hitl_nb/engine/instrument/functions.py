"""Instrumented code for a single function: `@hitl.agent` in a module, a script or a cell.

    code = instrument_function(function)     # code that `function.__code__` can be replaced with
    call = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)

The whole file is compiled as one unit, once for each content. The rest of the module stays as it is. Functions, lambdas
and generator expressions inside the function are instrumented, too.
"""

from __future__ import annotations

import linecache
import types

from hitl_nb.engine.compile import Unit, compile_unit, find_code
from hitl_nb.engine.compile.units import FUTURE_FLAGS
from hitl_nb.engine.instrument.cells import instrument_source
from hitl_nb.engine.instrument.counterparts import get_counterparts


class InstrumentationError(Exception):
    """Error: a function cannot be instrumented. The message is a sentence that gives the reason."""


class NoSourceError(InstrumentationError):
    """Error: the source text of a function is not available."""


class SourceChangedError(InstrumentationError):
    """Error: the source text is not the text from which the function was made."""


def instrument_function(function: types.FunctionType) -> types.CodeType:
    """Return the instrumented code of a function. The caller can assign it to `function.__code__`.

    If the function is instrumented already, its present code is returned.

    Raises:
        NoSourceError: The source is not available, because `exec` or the plain `python` prompt made the function.
        SourceChangedError: The file was edited since it was imported.
        InstrumentationError: The function must not be instrumented. Reasons: a decorator of numba, `@hitl.step`, or the
            comment `# hitl: native`.
    """
    code = function.__code__
    if find_code(code) is not None:
        return code
    known = get_counterparts(find_source_unit(function))
    found = known.find_instrumented(code)
    if found is None and _is_rewritten(code):
        found = known.find_rewritten(code)
    if found is None and known.has_code(code):
        raise InstrumentationError(
            f"{function.__qualname__}() cannot be an agent: it is left native. One of its decorators reads bytecode or "
            "makes it a step, or it has the comment `# hitl: native`. Remove the decorator or the comment"
        )
    if found is None:
        raise SourceChangedError(
            f"{function.__qualname__}() at line {code.co_firstlineno} of {code.co_filename} is no longer what was "
            "imported from there: import the module again (restart the kernel), so that code and source agree"
        )
    return found


def find_source_unit(function: types.FunctionType) -> Unit:
    """Return the unit (the compiled source) of the file or cell from which a function was made.

    Raises:
        NoSourceError: The source is not available.
        SourceChangedError: The source is not valid Python any more.
    """
    code = function.__code__
    source = _read_source(function)
    if source is None:
        raise NoSourceError(
            f"the source of {function.__qualname__}() is not available (its file is {code.co_filename!r}): write it "
            "in a cell, or in a module that can be read"
        )
    flags = code.co_flags & FUTURE_FLAGS
    try:
        return compile_unit(source, code.co_filename, is_cell=False, flags=flags, warns=False)
    except SyntaxError as error:
        unit = instrument_source(source, code.co_filename, flags=flags)  # a cell with `await` at its top level
        if unit is not None:
            return unit
        raise SourceChangedError(
            f"{code.co_filename} is not what {function.__qualname__}() was imported from: {error.msg} "
            f"(line {error.lineno})"
        ) from None


def _read_source(function: types.FunctionType) -> str | None:
    filename = function.__code__.co_filename
    linecache.checkcache(filename)
    return "".join(linecache.getlines(filename, function.__globals__)) or None


def _is_rewritten(code: types.CodeType) -> bool:
    """Return whether pytest has rewritten the code, as it does with assertions of test modules."""
    return any(name.startswith("@py_") for name in code.co_varnames)
