"""Pickling a notebook's objects so that they come back in place.

cloudpickle, with four differences. *Code comes from the notebook*: a function or class that the notebook
defines by name is saved as that name, with a copy by value apart, for the case that its cell has not been run
again. A function keeps the notebook's namespace as its globals, and the very cells it closed over. An
exception keeps its cause, its context and the lines of its traceback, and is made again without calling its
`__init__`. Large buffers and strings go out of band, by content hash.
"""

from __future__ import annotations

import asyncio
import builtins
import copyreg
import dataclasses
import hashlib
import importlib
import inspect
import io
import marshal
import pickle
import sys
from collections.abc import Callable, Set
from types import CellType, CodeType, FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

from ..errors import Paused
from .figures import figure_types, reduce_figure
from .reopening import Openings
from .tracebacks import from_lines, lines_of

if TYPE_CHECKING:

    class _CloudPickler(pickle.Pickler):
        """What is used of cloudpickle, which is untyped."""

        def reducer_override(self, obj: Any) -> Any: ...
        def _dynamic_function_reduce(self, func: FunctionType) -> Any: ...

else:
    from cloudpickle import Pickler as _CloudPickler

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")

LARGE = 64 * 1024
"""Bytes from which a buffer or string is stored by itself, by content hash."""

_ATOMS: frozenset[type] = frozenset({int, float, tuple, list, bool, type(None), CodeType})
"""Types of most of what is pickled, which never has an id of its own."""


def type_of(value: object) -> type:
    """The type of a value of the user's, whatever it is."""
    return type(value)


def _function(code: CodeType, globals_: dict[str, Any], closure: tuple[CellType, ...] | None) -> FunctionType:
    return FunctionType(code, globals_, None, None, closure)


def _set_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    function.__dict__.update(attributes)
    for name, value in slots.items():
        setattr(function, name, value)


def _set_cell(cell: CellType, state: tuple[Any]) -> None:
    cell.cell_contents = state[0]


def _module_globals(name: str) -> dict[str, Any]:
    __import__(name)
    return sys.modules[name].__dict__


def _exception(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    made = cls.__new__(cls, *args)
    made.args = args
    return made


def _set_exception(error: BaseException, state: tuple[Any, ...]) -> None:
    attributes, error.__cause__, error.__context__, error.__suppress_context__, lines = state
    error.__dict__.update(attributes)
    error.__traceback__ = from_lines(lines)


class _Globals:
    """Stands for the globals of an importable module."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (_module_globals, (self.name,))


class Pickler(_CloudPickler):
    """Pickles over the namespace `ns`.

    Attributes:
        by_value: root names of `ns` whose functions and classes are copied, not named.
        wanted: names of `ns` that pickled functions read.
        defined: root names of `ns` that were saved by name.
        blobs: large payloads by SHA-256.
        buffers: hashes of out-of-band buffers, in order.
        inline: keep large payloads in the pickle.
        openings: what is opened again, or found by name.
        own_classes: whether a class was saved by value, so that loading in this process would touch it.
    """

    def __init__(
        self,
        file: Any,
        ns: dict[str, Any],
        *,
        special: Callable[[Any], tuple[Any, ...] | None] = lambda obj: None,
        by_value: Set[str] = frozenset(),
        inline: bool = False,
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=None if inline else self._buffer)
        self.large = sys.maxsize if inline else LARGE
        self.ns = ns
        self.special = special
        self.by_value = by_value
        self.wanted: set[str] = set()
        self.defined: set[str] = set()
        self.blobs: dict[str, Any] = {}
        self.buffers: list[str] = []
        self.own_classes = False
        self.figure_types = figure_types()
        self.openings = Openings(ns)

    def dump(self, obj: Any) -> None:
        try:
            super().dump(obj)
        except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, Paused):
            raise
        except BaseException as error:  # a user's hook may raise anything, and saving must not end the run
            raise pickle.PicklingError(f"{type(error).__name__}: {error}") from error

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # asked for every single object: no call
        if cls is str or cls is bytes:
            return self._text(obj) if len(obj) >= self.large else None
        if cls in _ATOMS:
            return None
        if cls is dict:
            return ("ns",) if obj is self.ns else None
        opened = self.openings.pid(obj)
        if opened is not None:
            return opened
        name = notebook_name(obj, self.ns)
        if name is not None:
            root = name.split(".")[0]
            if root in self.by_value:
                return None
            self.defined.add(root)
            return ("def", name)
        return self.special(obj)

    def _text(self, obj: str | bytes) -> tuple[Any, ...]:
        data = obj.encode("utf-8", "surrogatepass") if isinstance(obj, str) else obj
        return ("blob", type(obj).__name__, self._blob(data))

    def _blob(self, data: Any) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs.setdefault(digest, data)
        return digest

    def _buffer(self, buffer: pickle.PickleBuffer) -> bool:
        with buffer.raw() as raw:
            if raw.nbytes < LARGE:
                return True
        self.buffers.append(self._blob(buffer.raw()))
        return False

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionType):
            return self._function(obj)
        if isinstance(obj, CodeType) and (dumped := _marshalled(obj)) is not None:
            return (marshal.loads, (dumped,))
        if isinstance(obj, CellType):
            return (CellType, (), *_cell_state(obj))
        if isinstance(obj, BaseException):
            return _reduce_exception(obj)
        if obj is dataclasses.MISSING:
            return "MISSING"  # what a field without a default holds is compared by identity
        if isinstance(obj, self.figure_types):
            return reduce_figure(obj)
        if type(obj) is super:
            return (super, (getattr(obj, "__thisclass__"), getattr(obj, "__self__")))  # noqa: B009 - unknown to its stub
        reduced = super().reducer_override(obj)
        if isinstance(obj, type) and reduced is not NotImplemented and len(reduced) > 2:
            self.own_classes = True
            _complete_class(obj, *reduced[1:3])
        return reduced

    def _function(self, function: FunctionType) -> Any:
        if _cloudpickle._should_pickle_by_reference(function):
            return NotImplemented
        attributes, slots = _cloudpickle._function_getstate(function)
        for name in ("_cloudpickle_submodules", "__closure__"):
            slots.pop(name)
        read = slots.pop("__globals__")
        globals_: Any = function.__globals__
        if globals_ is self.ns:
            self.wanted |= read.keys()
        else:
            module = sys.modules.get(function.__module__ or "")
            if module is None or module.__dict__ is not globals_ or module.__name__ == "__main__":
                return self._dynamic_function_reduce(function)
            globals_ = _Globals(module.__name__)
        made = (function.__code__, globals_, function.__closure__)
        return (_function, made, (attributes, slots), None, None, _set_function)


def _marshalled(code: CodeType) -> bytes | None:
    """The code in one piece, in a tenth of the time; a snapshot is bound to its Python version anyway."""
    try:
        return marshal.dumps(code)
    except ValueError:  # its constants are none that a compiler makes
        return None


def _complete_class(cls: type, made: tuple[Any, ...], state: tuple[dict[str, Any], Any]) -> None:
    """Give cloudpickle's recipe what a class can only be made with: its qualified name and its slots."""
    if not isinstance(made[3], dict):
        return  # an enumeration
    made[3]["__qualname__"] = cls.__qualname__
    if cls.__dict__.get("__slots__"):
        made[3]["__slots__"] = state[0].pop("__slots__")
    for name in [n for n, member in state[0].items() if isinstance(member, MemberDescriptorType)]:
        del state[0][name]


def _cell_state(cell: CellType) -> tuple[Any, ...]:
    try:
        return ((cell.cell_contents,), None, None, _set_cell)
    except ValueError:
        return ()


def _reduce_exception(error: BaseException) -> Any:
    reduced = error.__reduce_ex__(2)
    origin = (error.__cause__, error.__context__, error.__suppress_context__)
    state = (dict(error.__dict__), *origin, lines_of(error))
    if isinstance(reduced, str) or type(error).__init__ in _C_INITS or reduced[0] is not type(error):
        head = reduced[:2] if not isinstance(reduced, str) else (copyreg.__newobj__, (type(error),))  # type: ignore[attr-defined]
        return (*head, state, None, None, _set_exception)
    return (_exception, (type(error), error.args), state, None, None, _set_exception)


_C_INITS: set[Any] = {
    c.__init__ for c in vars(builtins).values() if isinstance(c, type) and issubclass(c, BaseException)
}


def notebook_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """The name under which the notebook itself defines `obj`, a function or class, if it does."""
    name = getattr(obj, "__qualname__", None) if isinstance(obj, (FunctionType, type)) or _is_definition(obj) else None
    if not isinstance(name, str) or getattr(obj, "__module__", None) not in (ns.get("__name__"), "__main__"):
        return None
    return name if resolve(name, ns) is obj else None


def _is_definition(obj: Any) -> bool:
    return getattr(type_of(obj), "__hitl_definition__", False) is True


def resolve(name: str, ns: dict[str, Any]) -> Any:
    """What `name`, perhaps dotted, is in `ns` now, or None."""
    root, *rest = name.split(".")
    found: Any = ns.get(root)
    for part in rest:
        found = found.__dict__.get(part) if inspect.isclass(found) else None
    return found


class Unpickler(pickle.Unpickler):
    """Loads what `Pickler` wrote; `find` answers the persistent ids."""

    def __init__(self, data: bytes, find: Callable[[tuple[Any, ...]], Any], buffers: Any = None) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self.find = find

    def persistent_load(self, pid: Any) -> Any:
        return self.find(pid)


def importable(obj: Any) -> str | None:
    """The qualified name of `obj` if importing its module gives this very object."""
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not module or not name or module == "__main__" or module not in sys.modules:
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = found.__dict__.get(part) if hasattr(found, "__dict__") else None
    return name if found is obj else None
