"""Pickle classes by value. Loading makes the class without running the hooks that ran when it was defined."""

from __future__ import annotations

import abc
import contextlib
import enum
import functools
import importlib
import sys
import threading
from collections.abc import Generator
from types import MemberDescriptorType
from typing import Any, cast

from hitl_nb.engine.snapshot.pickles.key_rehash import hash_early

_abc_init: Any = vars(importlib.import_module("_abc"))["_abc_init"]


def load_module_of(cls: Any) -> None:
    """Import the module of a class if a library imports that module late (`numpy.rec`).

    Otherwise cloudpickle would copy the class.
    """
    name: object = cls.__module__
    if isinstance(name, str) and name not in sys.modules and name.partition(".")[0] in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def complete_class(cls: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Change the way in which cloudpickle saves a class, so that loading runs none of the class's hooks.

    The class also keeps its qualified name and its `__slots__`.

    Args:
        cls: The class.
        reduced: cloudpickle's tuple for the class, as of `__reduce__`.

    Returns:
        The changed tuple.
    """
    made, state = reduced[1], reduced[2][0]
    if issubclass(cls, enum.Enum):
        return reduced
    body: dict[str, Any] = {**made[3], "__qualname__": cls.__qualname__}
    if cls.__dict__.get("__slots__"):
        body["__slots__"] = state.pop("__slots__")
    if state.get("__hash__") is not None:
        body["__hash__"] = hash_early
    for name in [n for n, member in state.items() if isinstance(member, MemberDescriptorType)]:
        del state[name]
    return (_make_class, (type(cls), cls.__name__, cls.__bases__, body), reduced[2], None, None, _set_class)


def _make_class(metaclass: type, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
    """Make a class without its attributes, which are set later.

    `__new__` of its metaclass and `__init_subclass__` of its bases are not called: they ran when the class was defined.

    Args:
        metaclass: The metaclass.
        name: Name of the class.
        bases: Base classes.
        body: The entries that a class must have from the beginning, such as `__slots__`.
    """
    make: Any = vars(type)["__new__"]
    with _suppress_init_subclass(bases):
        cls = make(metaclass, name, bases, body)
    if issubclass(metaclass, abc.ABCMeta):
        _abc_init(cls)
    return cls


_INIT = "__init_subclass__"


_class_lock = threading.RLock()


@contextlib.contextmanager
def _suppress_init_subclass(bases: tuple[type, ...]) -> Generator[None]:
    """Replace `__init_subclass__` of these bases by an empty method inside the `with` block.

    `type.__new__` calls this method for every metaclass.
    """
    owners = {one for base in bases for one in base.__mro__ if one is not object and _INIT in vars(one)}
    kept = {owner: vars(owner)[_INIT] for owner in owners}
    with _class_lock:
        try:
            for owner in kept:
                type.__setattr__(owner, _INIT, classmethod(_say_nothing))
            yield
        finally:
            for owner, hook in kept.items():
                type.__setattr__(owner, _INIT, hook)


def _say_nothing(cls: type, **kwargs: Any) -> None: ...


def _set_class(cls: type, state: tuple[dict[str, Any], Any]) -> None:
    attributes = dict(state[0])
    registered = attributes.pop("_abc_impl", None)
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    if "__firstlineno__" in attributes:  # Python 3.13 removes it when another attribute is set
        type.__setattr__(cls, "__firstlineno__", attributes["__firstlineno__"])
    for one in registered or ():
        abc.ABCMeta.register(cls, one)  # an abstract class


def property_reducers() -> dict[Any, Any]:
    """Return the types of properties that pickle cannot save: type -> function that returns a `__reduce__` tuple."""
    return {functools.cached_property: _reduce_cached_property}


def _reduce_cached_property(made: Any) -> tuple[Any, ...]:
    """Return the `__reduce__` tuple of a `cached_property`, without the lock that it has until Python 3.11.

    A lock that is held belongs to a call that is executed again after the resume.
    """
    state = dict(cast("dict[str, Any]", vars(made)))
    state.pop("lock", None)
    return make_cached_property, (), state


def make_cached_property() -> Any:
    """Make a `cached_property` with a placeholder function. Pickle then restores the saved attributes on it."""
    return functools.cached_property(vars)  # any function: Python 3.13 reads attributes of it
