"""Properties of code objects in which the additions of the instrumentation are left out."""

from __future__ import annotations

import dis
from types import CodeType
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime.runtime import RUNTIME

_NAMED, _CONSTANT, _PREFIX = frozenset(dis.hasname), dis.opmap["LOAD_CONST"], dis.opmap["EXTENDED_ARG"]


def list_global_names(code: CodeType) -> set[str]:
    """Return the names of globals and attributes that a code object uses, without those in nested functions.

    Names that the instrumentation added are left out.
    """
    if find_code(code) is None:
        return {*code.co_names}
    found = set[str]()
    is_runtimes = False
    for one in dis.get_instructions(code):
        if one.opcode in _NAMED and not is_runtimes:
            found.add(one.argval)
        if one.opcode != _PREFIX:
            is_runtimes = one.opcode == _CONSTANT and one.argval is RUNTIME
    return found


def describe_code(code: CodeType) -> tuple[Any, ...]:
    """Return a tuple that describes the content of a code object, to compare it with other code.

    The tuple is equal for equal source, in every process and at any line of a cell.
    """
    known = find_code(code)
    constants = code.co_consts if known is None else code.co_consts[:-1]  # the last constant names unit and function
    return (code.co_code, code.co_names, code.co_varnames, tuple(map(_describe_constant, constants)))


def _describe_constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return describe_code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, cast("frozenset[object]", value)))
    return "the runtime" if value is RUNTIME else repr(value)
