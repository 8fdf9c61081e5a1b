"""Find out from the code whether the rest of a run may read an attribute. In case of doubt, the answer is yes.

The code that is examined: statements that can still run, and functions and classes of the notebook and of the user's
modules. A call that reads attributes by an unknown name (`getattr`, `vars`) is a doubt. It is not known which
attributes of a class a library reads. So there is also a doubt if the class has a base or a metaclass of a library.
"""

from __future__ import annotations

import abc
import ast
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from hitl_nb.engine.instrument.plain_code import list_global_names
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.snapshot.variables.frame_source import FrameSource, iterate_frame_nodes
from hitl_nb.engine.snapshot.variables.user_modules import find_user_modules, is_user_module

_DOUBT = frozenset(
    {"getattr", "vars", "dir", "eval", "exec", "__dict__", "inspect", "attrgetter", "getmembers", "locals"}
)


def is_plain_class(cls: Any) -> bool:
    """Return True if all bases of a class (except `object` and `ABC`) are defined in the notebook.

    Then no library reads the attributes of the class by rules of its own.
    """
    if not isinstance(cls, type) or type_of(cls) not in (type, abc.ABCMeta):
        return False
    return all(one in (object, abc.ABC) or one.__module__ == "__main__" for one in cls.__mro__)


def may_read_attribute(name: str, frames: Iterable[SavedFrame], values: Iterable[Any]) -> bool:
    """Return True if code that can still run may read an attribute of this name. In case of doubt, the result is True.

    Args:
        name: The attribute.
        frames: The frames of the run; their statements that can still run are examined.
        values: Values of the namespace; the code of functions and classes among them is examined.
    """
    wanted = {name, *_DOUBT}
    for frame in frames:
        source = FrameSource(frame)
        mine = {id(node) for node in iterate_frame_nodes(source.function)}
        for node in ast.walk(source.function):
            match node:
                case ast.Attribute(attr=found) | ast.Name(id=found) | ast.Constant(value=str() as found):
                    if found in wanted and (id(node) not in mine or source.may_run(node)):
                        return True
                case _:
                    pass
    held = list(values)
    of_modules = [value for module in find_user_modules(held).values() for value in vars(module).values()]
    return any(wanted & _collect_words(code) for value in (*held, *of_modules) for code in _iterate_codes(value, set()))


def _collect_words(code: CodeType) -> set[str]:
    return {*list_global_names(code), *(constant for constant in code.co_consts if isinstance(constant, str))}


def _iterate_codes(value: Any, seen: set[int]) -> Iterator[CodeType]:
    """Yield the code objects of a function, or of all functions in a class, including nested functions.

    Args:
        value: A function, class, wrapper or code object. Other values have no code.
        seen: Ids of values that are already done.
    """
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, CodeType):
        yield value
        for constant in value.co_consts:
            if isinstance(constant, CodeType):
                yield from _iterate_codes(constant, seen)
    elif isinstance(value, FunctionType):
        if value.__module__ != "__main__" and not is_user_module(sys.modules.get(value.__module__ or "")):
            return
        yield from _iterate_codes(value.__code__, seen)
        for cell in value.__closure__ or ():
            try:
                yield from _iterate_codes(cell.cell_contents, seen)
            except ValueError:
                continue
    elif isinstance(value, type):
        if value.__module__ == "__main__":
            for member in list(vars(value).values()):
                yield from _iterate_codes(member, seen)
    else:
        for part in _PARTS if _is_wrapper(value) else ():
            inner = getattr(value, part, None)
            if inner is not None:
                yield from _iterate_codes(inner, seen)


_PARTS = ("__func__", "__wrapped__", "fget", "fset", "fdel", "func", "function")


def _is_wrapper(value: object) -> bool:
    return callable(value) or isinstance(value, (staticmethod, classmethod, property))
