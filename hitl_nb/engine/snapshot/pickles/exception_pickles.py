"""Pickle exceptions. Loading does not call their `__init__`, and restores cause, context and lines of the traceback.

Data outside `args` and `__dict__` is kept, too. These are slots, and the fields of Python's own exceptions, which code
may have set since (`ImportError.name`, `StopIteration.value`).
"""

from __future__ import annotations

import builtins
import copyreg
import functools
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from hitl_nb.engine.tracebacks import from_lines, read_error_lines

_C_INITS: set[Any] = {
    c.__init__ for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)
}


def reduce_exception(error: BaseException) -> Any:
    """Return the `__reduce__` tuple of an exception. Loading it does not call the exception's `__init__`.

    The tuple includes the attributes, the cause, the context and the lines of the traceback.
    """
    reduced = error.__reduce_ex__(2)
    origin = (error.__cause__, error.__context__, error.__suppress_context__)
    state = (dict(error.__dict__), *origin, read_error_lines(error), _read_fields(error))
    if isinstance(reduced, str) or type(error).__init__ in _C_INITS or reduced[0] is not type(error):
        head = reduced[:2] if not isinstance(reduced, str) else (copyreg.__newobj__, (type(error),))  # type: ignore[attr-defined]  # not in its stub
        return (*head, state, None, None, _set_exception)
    return (_exception, (type(error), error.args), state, None, None, _set_exception)


def _exception(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    made = cls.__new__(cls, *args)
    made.args = args
    return made


def _set_exception(error: BaseException, state: tuple[Any, ...]) -> None:
    attributes, error.__cause__, error.__context__, error.__suppress_context__, lines, fields = state
    error.__dict__.update(attributes)
    members = _find_members(type(error))
    has = _read_fields(error)
    for name, value in fields.items():
        # A field that is not set also reads as None. If None was set, an OSError would have the text "no: 'a' -> None".
        if value is not None or has.get(name, error) is not None:
            members[name].__set__(error, value)
    error.__traceback__ = from_lines(lines)


def _read_fields(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in _find_members(type(error)).items():
        try:
            found[name] = member.__get__(error)
        except (AttributeError, TypeError):  # the field has no value
            continue
    return found


@functools.lru_cache(maxsize=1024)
def _find_members(cls: type) -> dict[str, Any]:
    """Return the descriptors of a class's slots, and of the fields of Python's own exceptions, by name."""
    found: dict[str, Any] = {}
    for one in [one for one in cls.__mro__ if one not in _PLAIN]:
        for name, member in vars(one).items():
            is_field = isinstance(member, MemberDescriptorType | GetSetDescriptorType)
            if is_field and not name.startswith("__") and name not in _LEFT:
                found.setdefault(name, member)
    return found


_PLAIN = (BaseException, BaseExceptionGroup, object)
"""Classes whose data is in `args`, or belongs to every exception."""
_LEFT = ("obj", "characters_written")
"""Fields that are not saved. `obj`: the object whose attribute was missing is only used for a hint in a traceback, and
may be impossible to save. `characters_written` is not a real field."""
