"""Where the functions of a module say that their calls stand."""

from __future__ import annotations

import dis
import types

Position = tuple[int | None, int | None, int | None, int | None]


def functions(code: types.CodeType) -> dict[tuple[str, int], types.CodeType]:
    """The functions and comprehensions of a module, by qualified name and first line."""
    found: dict[tuple[str, int], types.CodeType] = {}
    todo = [code]
    while todo:
        for constant in todo.pop().co_consts:
            if isinstance(constant, types.CodeType):
                found[constant.co_qualname, constant.co_firstlineno] = constant
                todo.append(constant)
    return found


def found_calls(code: types.CodeType) -> set[Position]:
    """The positions of the instructions that call."""
    return {
        (place.lineno, place.end_lineno, place.col_offset, place.end_col_offset)
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("CALL", "CALL_FUNCTION_EX", "CALL_KW") and (place := instruction.positions)
    }
