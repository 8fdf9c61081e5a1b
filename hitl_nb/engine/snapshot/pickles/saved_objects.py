"""Pickle two kinds of objects that standard pickle would not restore correctly.

The first kind: objects of a class of the notebook with its own `__new__`. It ran when the object was made, and must not
run again. Standard pickle would call it to make the object, before the data of the class is restored. Then a singleton
would be made twice, and a class that counts its objects would count wrong. The contents of the object are in its saved
state.

The second kind: objects that share the dict of their attributes with a variable (`vars(obj)`), a class attribute or
another object. Standard pickle would give each of them its own copy of the dict.
"""

from __future__ import annotations

import copyreg
import pickle
from types import BuiltinMethodType, FunctionType
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, type_of

_MAKERS = (vars(copyreg)["__newobj__"], vars(copyreg)["__newobj_ex__"])
_BASES: dict[type, bool] = {
    **dict.fromkeys((object, list, dict, set, bytearray), False),
    **dict.fromkeys((int, float, complex, str, bytes, tuple), True),
}
"""Built-in base classes at which the search for the class's `__new__` ends. True: the base is made from its plain
value."""


def reduce_without_new(obj: Any) -> Any:
    """Return the `__reduce__` tuple of an object whose class defines `__new__` in the notebook.

    Loading the object does not call this `__new__`. NotImplemented for objects of other classes, or if the class has
    its own pickle hooks.
    """
    cls = type_of(obj)
    if cls.__module__ != "__main__" or isinstance(cls.__new__, BuiltinMethodType):
        return NotImplemented
    hook: Any = cls.__new__
    base: Any = next((one for one in cls.__mro__ if isinstance(vars(one).get("__new__"), BuiltinMethodType)), None)
    if not isinstance(hook, FunctionType) or hook.__module__ != "__main__" or base not in _BASES:
        return NotImplemented
    reduced = obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    if isinstance(reduced, str) or reduced[0] not in _MAKERS:
        return NotImplemented
    arguments = base.__getnewargs__(obj) if _BASES[base] else ()
    return (make_without_new, (cls, base, arguments), *reduced[2:])


def make_without_new(cls: type, base: Any, arguments: tuple[Any, ...]) -> Any:
    """Make an object of `cls` with `__new__` of its built-in base class.

    Args:
        cls: The class.
        base: The built-in base, for example `int`.
        arguments: Arguments of the base's `__new__`.
    """
    return base.__new__(cls, *arguments)


class SharedAttributes:
    """The attribute dicts (`vars(obj)`) of the objects in one pickle.

    Args:
        shared: Ids of the dicts that another object in the pickle holds, too.
    """

    def __init__(self, shared: frozenset[int] = frozenset()) -> None:
        self._shared = shared
        self._seen = set[int]()
        self._again = set[int]()
        self._unseen = set[int]()
        self._owners: dict[int, int] = {}

    def remember_dict(self, mapping: dict[Any, Any]) -> None:
        """Record that a dict is pickled, or that it occurs again in the pickle."""
        number = id(mapping)
        if number in self._seen:
            self._again.add(number)
        self._seen.add(number)

    def find_shared(self) -> frozenset[int]:
        """Return the ids of dicts that are the attributes of an object and that another object holds, too."""
        return frozenset((self._again | (self._seen & self._unseen)) & self._owners.keys())

    def reduce_object(self, obj: Any, reduced: Any) -> Any:
        """Return the `__reduce__` tuple of an object. If others share its attribute dict, the dict itself is pickled.

        Args:
            obj: The object.
            reduced: The tuple that is already known, or NotImplemented. It is returned unchanged if the dict is not
                shared.

        Raises:
            NotSavedError: The dict is shared, and the class of the object has its own pickle hooks.
        """
        if isinstance(obj, (type, FunctionType)) or not type_of(obj).__dictoffset__:
            return reduced
        try:
            attributes: Any = object.__getattribute__(obj, "__dict__")
        except (AttributeError, TypeError):
            return reduced
        if self._owners.setdefault(id(attributes), id(obj)) != id(obj):
            self._again.add(id(attributes))
        has_hooks = any(getattr(type_of(obj), name, None) is not getattr(object, name, None) for name in _HOOKS)
        if not has_hooks and not attributes:
            self._unseen.add(id(attributes))  # the dict itself is not pickled with the object
        if id(attributes) not in self._shared and attributes is not obj:
            return reduced
        parts: Any = obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL) if reduced is NotImplemented else reduced
        is_default = not has_hooks and parts[0] in (*_MAKERS, make_without_new)
        state: Any = parts[2] if is_default else None
        inside: Any = state[0] if type_of(state) is tuple else state
        slots: Any = state[1] if type_of(state) is tuple else None
        if not is_default or (inside is not attributes and (inside is not None or attributes)):
            raise NotSavedError("something else holds the dict of its attributes", _COPY, about=obj)
        return (*parts[:2], (attributes, slots), *(*parts[3:], None, None)[:2], _set_attributes)


_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
_COPY = "keep a copy of that: dict(vars(...))"


def _set_attributes(obj: Any, state: tuple[dict[str, Any], dict[str, Any] | None]) -> None:
    attributes, slots = state
    object.__setattr__(obj, "__dict__", attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(obj, name, value)
