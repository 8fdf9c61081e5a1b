"""Compiler from source text to instrumented code.

Instrumented code is ordinary Python bytecode. CPython keeps intermediate values of an expression, and the state of
`for`, `try` and `with`, on a stack that cannot be read from outside. Instrumented code also keeps them in local
variables of the frame, so a paused frame can be saved and built again.
"""

from hitl_nb.engine.compile.units import Unit, compile_module, compile_unit, find_code, find_unit

__all__ = ["Unit", "compile_module", "compile_unit", "find_code", "find_unit"]
