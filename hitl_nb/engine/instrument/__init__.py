"""Choice of the code to instrument: cells as IPython compiles them, existing functions, `@hitl.agent` in modules.

`instrument_source` and `instrument_cell` are for a shell's compiler, `instrument_function` for one function,
`install` and `uninstall` switch a shell over and back.
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
