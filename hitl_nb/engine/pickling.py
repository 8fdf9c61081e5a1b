"""Pickling a notebook's objects so that they come back in place.

cloudpickle, with five differences. *Code comes from the notebook*: a function or class that the notebook
defines by name is saved as that name, with a copy by value apart, for the case that its cell has not been run
again. A function keeps the notebook's namespace as its globals, and the very cells it closed over. An
exception keeps its cause, its context and the lines of its traceback, and is made again without calling its
`__init__`. Generators, coroutines, iterators and context managers come back where they wait. Large buffers and strings
go out of band, by content hash.

Instrumented code is saved as its unit and its number there, the sources of the units apart: see `savedcode.py`.
"""

from __future__ import annotations

import abc
import asyncio
import builtins
import contextlib
import copyreg
import dataclasses
import enum
import functools
import hashlib
import importlib
import inspect
import io
import marshal
import pickle
import struct
import sys
import threading
from collections import ChainMap
from collections.abc import Callable, Generator, Mapping, Set
from types import (
    CellType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import Paused
from .arrays import Views
from .compile import Unit, find_unit
from .compile.runtime import Runtime
from .figures import figure_types, reduce_figure
from .functioncaches import fill_cache, is_cached, make_empty, make_filled, read_cache
from .position.frames import SavedFrame
from .position.generators import completing, make_generator
from .refusals import type_of
from .reopening import Openings
from .savedcode import closure_of, find_named, name_code
from .savedobjects import SharedAttributes, reduce_without_new
from .savedpositions import Kind, is_waiting, kind_of, reduce_position
from .sharedviews import frame_reducers, view_reducers
from .tracebacks import from_lines, lines_from, lines_of

if TYPE_CHECKING:

    class _CloudPickler(pickle.Pickler):
        """What is used of cloudpickle, which is untyped."""

        dispatch_table: ClassVar[Any]

        def reducer_override(self, obj: Any) -> Any: ...
        def _dynamic_function_reduce(self, func: FunctionType) -> Any: ...

else:
    from cloudpickle import Pickler as _CloudPickler

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")

_abc_init: Any = vars(importlib.import_module("_abc"))["_abc_init"]

LARGE = 64 * 1024
"""Bytes from which a buffer or string is stored by itself, by content hash."""

_ATOMS: frozenset[type] = frozenset({int, float, tuple, list, bool, type(None)})
"""Types of most of what is pickled, which never has an id of its own."""


def _function(code: CodeType, globals_: dict[str, Any], closure: tuple[CellType, ...] | None) -> FunctionType:
    return FunctionType(code, globals_, None, None, closure)


def _state_of(function: FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `_set_function` gives a function again, as cloudpickle has it: texts that others may share are copied.

    cloudpickle's own also looks through all of `sys.modules` for submodules, which are not kept here.
    """
    slots = {
        "__name__": "".join(function.__name__),
        "__qualname__": "".join(function.__qualname__),
        "__annotations__": function.__annotations__,
        "__kwdefaults__": function.__kwdefaults__,
        "__defaults__": function.__defaults__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
    }
    return {"".join(name): value for name, value in function.__dict__.items()}, slots


def _set_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    function.__dict__.update(attributes)
    for name, value in slots.items():
        setattr(function, name, value)


def _set_cell(cell: CellType, state: tuple[Any]) -> None:
    cell.cell_contents = state[0]


def _set_module(module: ModuleType, variables: dict[str, Any]) -> None:
    vars(module).update(variables)


def _reduce_struct(made: struct.Struct) -> Any:
    return struct.Struct, (made.format,)


def module_globals(name: str) -> dict[str, Any]:
    """The globals of a module, which is imported if it is not."""
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
        return (module_globals, (self.name,))


class _Variables:
    """Stands for the globals of a module that is saved itself."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Any, ...]:
        return (vars, (self.module,))


class Pickler(_CloudPickler):
    """Pickles over the namespace `ns`.

    Attributes:
        by_value: root names of `ns` whose functions and classes are copied, not named.
        moved: data of these that is saved apart: by the id of what holds it, see `definitions.py`.
        wanted: names of `ns` that pickled functions and generators read.
        defined: root names of `ns` that were saved by name.
        blobs: large payloads by SHA-256.
        buffers: hashes of out-of-band buffers, in order.
        inline: keep large payloads in the pickle.
        namespaces: own namespaces of functions that are saved whole, see `shared_namespaces`.
        finalized: the objects with a `__del__`.
        openings: what is opened again, or found by name.
        views: its arrays.
        attributes: the attributes of its objects.
        running: generators and coroutines on the stack that is saved with it, by the identity of their frame.
        generators: the generators and coroutines in it that have not ended.
        units: the units whose code it names, by key.
    """

    _reducers: ClassVar[dict[Any, Any]] = {**view_reducers(), struct.Struct: _reduce_struct}
    dispatch_table: ClassVar[Any] = ChainMap(_reducers, _CloudPickler.dispatch_table)

    def __init__(
        self,
        file: Any,
        ns: dict[str, Any],
        *,
        special: Callable[[Any], tuple[Any, ...] | None] = lambda obj: None,
        by_value: Set[str] = frozenset(),
        moved: Mapping[int, Set[Any]] | None = None,
        kept: frozenset[int] = frozenset(),
        shared: frozenset[int] = frozenset(),
        namespaces: Mapping[int, Any] = MappingProxyType({}),
        running: Mapping[int, SavedFrame] = MappingProxyType({}),
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
        self.moved = moved or {}
        self.views = Views(kept)
        self.attributes = SharedAttributes(shared)
        self.namespaces = namespaces
        self.finalized: list[Any] = []
        self._own_namespaces: dict[int, dict[str, Any]] = {}
        self.figure_types = figure_types()
        self.openings = Openings(ns, is_kept=lambda cls: kind_of(cls) is not None)
        self.running = dict(running)
        self.generators: list[Any] = []
        self.units: dict[str, Unit] = {}
        self._reducers.update(frame_reducers())

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
            return self._dict(obj)
        if cls is CodeType:
            return self.name_code(obj)
        if cls is Runtime:
            return ("runtime",)
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

    def _dict(self, obj: dict[Any, Any]) -> tuple[Any, ...] | None:
        if obj is self.ns:
            return ("ns",)
        self.attributes.see(obj)
        name = obj.get("__name__")
        is_globals = type(name) is str and name in sys.modules and vars(sys.modules[name]) is obj
        return ("ns", name) if is_globals else None

    def name_code(self, code: CodeType) -> tuple[Any, ...] | None:
        """The persistent id of a code object; None: it is saved by value."""
        named = name_code(code)
        if named is not None:
            self._add_unit(named[1])
        return named

    def _add_unit(self, key: str) -> None:
        unit = find_unit(key)
        if unit is not None:
            self.units[unit.key] = unit

    def _add_code(self, key: str, function: int, namespace: dict[str, Any]) -> None:
        """Note that the rest of a function is saved. What the rest of a cell reads is not told here."""
        self._add_unit(key)
        unit = find_unit(key)
        if unit is not None and namespace is self.ns and unit.functions[function].kind != "cell":
            self._add_wanted(unit.code_of(function))

    def _add_wanted(self, code: CodeType) -> None:
        read: dict[str, None] = _cloudpickle._extract_code_globals(code)
        self.wanted |= read.keys() & self.ns.keys()

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
        by_type = self._by_type.get(type_of(obj))
        if by_type is not None:
            return by_type(self, obj)
        kind = kind_of(type_of(obj))
        if kind is not None and (waiting := self._position(obj, kind)) is not NotImplemented:
            return waiting
        if (view := self.views.reduce(obj)) is not NotImplemented:
            return view
        if isinstance(obj, BaseException):
            return _reduce_exception(obj)
        if isinstance(obj, self.figure_types):
            return reduce_figure(obj)
        if (reduced := self._one_of_a_kind(obj)) is not NotImplemented:
            return reduced
        if isinstance(obj, type):
            _load_module_of(obj)
        reduced = super().reducer_override(obj)
        if reduced is NotImplemented:
            if hasattr(type_of(obj), "__del__"):
                self.finalized.append(obj)
            reduced = reduce_without_new(obj)
            return reduced if type_of(obj) in self.dispatch_table else self.attributes.reduce(obj, reduced)
        if isinstance(obj, type) and reduced is not NotImplemented and len(reduced) > 2:
            reduced = _complete_class(obj, reduced)
            for _, name in self.moved.get(id(obj), ()):
                reduced[2][0].pop(name, None)
        return reduced

    def _position(self, obj: Any, kind: Kind) -> Any:
        reduced = reduce_position(obj, kind, self.running)
        if kind == "generator":
            if is_waiting(obj):
                self.generators.append(obj)
            if reduced[0] is make_generator:
                unit, function, *_, namespace = reduced[1]
                self._add_code(unit, function, namespace)
        return reduced

    def _one_of_a_kind(self, obj: Any) -> Any:
        if is_cached(obj):
            return _reduce_cached(obj, is_filled=id(obj) not in self.moved)
        if obj is dataclasses.MISSING:
            return "MISSING"  # what a field without a default holds is compared by identity
        if type(obj) is super:
            return (super, (getattr(obj, "__thisclass__"), getattr(obj, "__self__")))  # noqa: B009 - unknown to its stub
        if isinstance(obj, ModuleType) and id(vars(obj)) in self.namespaces:
            state = {name: value for name, value in vars(obj).items() if name != "__builtins__"}
            return (ModuleType, (obj.__name__,), state, None, None, _set_module)
        return NotImplemented

    def _native_code(self, code: CodeType) -> Any:
        """The code in one piece, in a tenth of the time; a snapshot is bound to its Python version anyway."""
        try:
            return marshal.loads, (marshal.dumps(code),)
        except ValueError:  # its constants are none that a compiler makes
            return super().reducer_override(code)

    def _cell(self, cell: CellType) -> Any:
        return (CellType, (), *(() if id(cell) in self.moved else _cell_state(cell)))

    def _traceback(self, traceback: TracebackType) -> Any:
        return from_lines, (lines_from(traceback),)

    def _frame(self, frame: SavedFrame) -> Any:
        self._add_code(frame.unit, frame.function, frame.namespace)
        return NotImplemented

    def _function(self, function: FunctionType) -> Any:
        if is_dispatching(function):
            registry: Any = vars(function)["registry"]
            return (_dispatching, (vars(function)["__wrapped__"], dict(registry)))
        if _cloudpickle._should_pickle_by_reference(function):
            return NotImplemented
        attributes, slots = _state_of(function)
        self._leave_out_moved(function, attributes, slots)
        globals_: Any = function.__globals__
        if globals_ is self.ns:
            self._add_wanted(function.__code__)
        else:
            module = sys.modules.get(function.__module__ or "")
            if module is not None and module.__dict__ is globals_ and module.__name__ != "__main__":
                globals_ = _Globals(module.__name__)
            elif id(globals_) in self.namespaces:
                held = self.namespaces[id(globals_)]
                globals_ = _Variables(held) if isinstance(held, ModuleType) else held
            else:
                self._own_namespaces[id(globals_)] = globals_
                return self._dynamic_function_reduce(function)
        made = (function.__code__, globals_, closure_of(function))
        return (_function, made, (attributes, slots), None, None, _set_function)

    def shared_namespaces(self) -> dict[int, Any]:
        """Namespaces of functions that are saved themselves too, by id: as a dict, or as what a module holds.

        `exec` in a dict makes such functions, and a module that is loaded from a path. They share variables with it.
        """
        found: dict[int, Any] = {}
        if self._own_namespaces:
            for _, obj in self.memo.copy().values():
                if id(obj) in self._own_namespaces:
                    found[id(obj)] = obj
                elif isinstance(obj, ModuleType) and id(vars(obj)) in self._own_namespaces:
                    found[id(vars(obj))] = obj
        return found

    def _leave_out_moved(self, function: FunctionType, attributes: dict[str, Any], slots: dict[str, Any]) -> None:
        moved = self.moved.get(id(function))
        if not moved:
            return
        slots["__defaults__"] = (
            tuple(None if ("d", i) in moved else value for i, value in enumerate(function.__defaults__ or ())) or None
        )
        slots["__kwdefaults__"] = {
            name: None if ("k", name) in moved else value for name, value in (function.__kwdefaults__ or {}).items()
        } or None
        for kind, name in moved:
            if kind == "x":
                attributes.pop(name, None)

    _by_type: ClassVar[dict[type, Callable[[Pickler, Any], Any]]] = {
        FunctionType: _function,
        CodeType: _native_code,
        CellType: _cell,
        TracebackType: _traceback,
        SavedFrame: _frame,
    }


def _load_module_of(cls: Any) -> None:
    """Import the module of a class that a library imports late (`numpy.rec`): cloudpickle would copy the class."""
    name: object = cls.__module__
    if isinstance(name, str) and name not in sys.modules and name.partition(".")[0] in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _reduce_cached(function: Any, *, is_filled: bool) -> Any:
    """A function with a cache: made again around the function, with the results that it holds if `is_filled`."""
    if _cloudpickle._lookup_module_and_qualname(function) is not None:
        return NotImplemented  # of a module: found there
    attributes = {k: v for k, v in function.__dict__.items() if k not in ("__wrapped__", "cache_parameters")}
    about = function.cache_parameters()
    made = (function.__wrapped__, about["maxsize"], about["typed"], attributes)
    contents = read_cache(function) if is_filled else None
    is_used = contents is not None and (contents.calls or contents.misses)
    return (make_filled, made, contents, None, None, fill_cache) if is_used else (make_empty, made)


_DISPATCH: Any = vars(functools)["singledispatch"](print).__code__


def is_dispatching(function: Any) -> bool:
    """Whether a function was made by `functools.singledispatch`."""
    return isinstance(function, FunctionType) and function.__code__ is _DISPATCH


def _dispatching(function: Any, registry: dict[type, Any]) -> Any:
    made: Any = functools.singledispatch(function)
    for cls, implementation in registry.items():
        if cls is not object:
            made.register(cls, implementation)
    return made


def _complete_class(cls: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Change cloudpickle's recipe so that a class gets its qualified name and slots, and none of its hooks runs."""
    made, state = reduced[1], reduced[2][0]
    if issubclass(cls, enum.Enum):
        return reduced
    body: dict[str, Any] = {**made[3], "__qualname__": cls.__qualname__}
    if cls.__dict__.get("__slots__"):
        body["__slots__"] = state.pop("__slots__")
    for name in [n for n, member in state.items() if isinstance(member, MemberDescriptorType)]:
        del state[name]
    return (_make_class, (type(cls), cls.__name__, cls.__bases__, body), reduced[2], None, None, _set_class)


def _make_class(metaclass: type, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
    """A class without its attributes. It was defined once: its metaclass and its bases are not told again."""
    make: Any = vars(type)["__new__"]
    with _quiet(bases):
        cls = make(metaclass, name, bases, body)
    if issubclass(metaclass, abc.ABCMeta):
        _abc_init(cls)
    return cls


@contextlib.contextmanager
def _quiet(bases: tuple[type, ...]) -> Generator[None]:
    """Keep the `__init_subclass__` of these bases from running: `type.__new__` calls it, whatever the metaclass."""
    owners = {one for base in bases for one in base.__mro__ if one is not object and _INIT in vars(one)}
    kept = {owner: vars(owner)[_INIT] for owner in owners}
    with _making:
        try:
            for owner in kept:
                type.__setattr__(owner, _INIT, classmethod(_say_nothing))
            yield
        finally:
            for owner, hook in kept.items():
                type.__setattr__(owner, _INIT, hook)


def _say_nothing(cls: type, **kwargs: Any) -> None: ...


_INIT = "__init_subclass__"
_making = threading.RLock()


def _set_class(cls: type, state: tuple[dict[str, Any], Any]) -> None:
    attributes = dict(state[0])
    registered = attributes.pop("_abc_impl", None)
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    if "__firstlineno__" in attributes:  # Python 3.13 removes it when another attribute is set
        type.__setattr__(cls, "__firstlineno__", attributes["__firstlineno__"])
    for one in registered or ():
        abc.ABCMeta.register(cls, one)  # type: ignore[arg-type]  # an abstract class


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
    name = defined_name(obj, ns)
    return name if name is not None and resolve(name, ns) is obj else None


def defined_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """The name with which a function or class was defined in the notebook; it may mean something else by now.

    `_` is no name: functions that are registered somewhere share it.
    """
    name = (
        getattr(obj, "__qualname__", None)
        if isinstance(obj, (FunctionType, type)) or is_cached(obj) or is_definition(obj)
        else None
    )
    if not isinstance(name, str) or getattr(obj, "__module__", None) not in (ns.get("__name__"), "__main__"):
        return None
    return name if name.split(".")[0] != "_" else None


def is_definition(obj: Any) -> bool:
    """Whether an object is what one of hitl_nb's decorators makes of a function."""
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

    def load(self) -> Any:
        with completing():
            return super().load()

    def persistent_load(self, pid: Any) -> Any:
        return find_named(pid) or self.find(pid)


def importable(obj: Any) -> str | None:
    """The qualified name of `obj` if importing its module gives this very object."""
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not module or not name or module == "__main__" or module not in sys.modules:
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = found.__dict__.get(part) if hasattr(found, "__dict__") else None
    return name if found is obj else None
