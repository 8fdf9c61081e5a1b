"""Exceptions in a pickle: made again without their `__init__`, with cause, context and the lines of their traceback."""

from __future__ import annotations

import builtins
import copyreg
from typing import Any

from .tracebacks import from_lines, lines_of

_C_INITS: set[Any] = {
    c.__init__ for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)
}


def reduce_exception(error: BaseException) -> Any:
    reduced = error.__reduce_ex__(2)
    origin = (error.__cause__, error.__context__, error.__suppress_context__)
    state = (dict(error.__dict__), *origin, lines_of(error))
    if isinstance(reduced, str) or type(error).__init__ in _C_INITS or reduced[0] is not type(error):
        head = reduced[:2] if not isinstance(reduced, str) else (copyreg.__newobj__, (type(error),))  # type: ignore[attr-defined]
        return (*head, state, None, None, _set_exception)
    return (_exception, (type(error), error.args), state, None, None, _set_exception)


def _exception(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    made = cls.__new__(cls, *args)
    made.args = args
    return made


def _set_exception(error: BaseException, state: tuple[Any, ...]) -> None:
    attributes, error.__cause__, error.__context__, error.__suppress_context__, lines = state
    error.__dict__.update(attributes)
    error.__traceback__ = from_lines(lines)
