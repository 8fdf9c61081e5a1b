"""Choice of the code to instrument: cells as IPython compiles them, existing functions, and `@hitl.agent` functions.

*Instrumented* code is ordinary Python bytecode that also keeps its intermediate values in local variables, so that a
pause can save its frames (see `engine.compile`). *Native* code is code that Python compiled without these additions.

`install` and `uninstall` switch the compiler of an IPython shell. `instrument_source` and `instrument_cell` are called
by that compiler. `instrument_function` is for one function.
"""

from hitl_nb.engine.instrument.cells import instrument_cell, instrument_source
from hitl_nb.engine.instrument.functions import (
    InstrumentationError,
    NoSourceError,
    SourceChangedError,
    instrument_function,
)
from hitl_nb.engine.instrument.shells import install, uninstall

__all__ = [
    "InstrumentationError",
    "NoSourceError",
    "SourceChangedError",
    "install",
    "instrument_cell",
    "instrument_function",
    "instrument_source",
    "uninstall",
]
