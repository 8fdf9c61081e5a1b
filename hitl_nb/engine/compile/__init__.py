"""Source text to instrumented code: native Python whose frames' locals hold all that CPython holds."""

from hitl_nb.engine.compile.units import Unit, compile_module, compile_unit, find_code, find_unit

__all__ = ["Unit", "compile_module", "compile_unit", "find_code", "find_unit"]
