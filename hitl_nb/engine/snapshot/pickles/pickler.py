"""Pickler for a notebook's objects; `snapshot/unpickler.py` loads what it writes.

The pickler is cloudpickle's, with five differences. *Code comes from the notebook*: a function or class that the
notebook defines by name is saved as that name. A copy by value is saved separately, for the case that its cell was not
executed again. A function keeps the notebook's namespace as its globals, and the same closure cells. An exception keeps
its cause, context and lines of its traceback; loading does not call its `__init__`. Generators, coroutines, iterators
and context managers are restored where they wait. Large buffers and strings are stored outside the pickle, by hash.

Instrumented code is saved as the key of its unit (the compiled source of a cell or module) and its number in the unit.
The units' sources are saved separately, see `saved_code.py`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import importlib
import marshal
import pickle
import struct
import sys
from collections import ChainMap
from collections.abc import Callable, Mapping, Set
from types import CellType, CodeType, FunctionType, MappingProxyType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from hitl_nb.engine.compile import Unit, find_unit
from hitl_nb.engine.compile.runtime.runtime import Runtime
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.stack.generators import make_generator
from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.reopening.figures import find_figure_types, reduce_figure
from hitl_nb.engine.reopening.reopen_recipes import OpeningIds
from hitl_nb.engine.snapshot.pickles.array_views import ArrayViews
from hitl_nb.engine.snapshot.pickles.class_pickles import complete_class, load_module_of, property_reducers
from hitl_nb.engine.snapshot.pickles.defined_names import find_notebook_name
from hitl_nb.engine.snapshot.pickles.exception_pickles import reduce_exception
from hitl_nb.engine.snapshot.pickles.function_caches import is_cached
from hitl_nb.engine.snapshot.pickles.function_pickles import (
    ModuleGlobals,
    ModuleVariables,
    is_dispatching,
    make_dispatching,
    make_function,
    read_cell_state,
    read_function_state,
    read_type_parameters,
    reduce_cached,
    set_function,
    set_module,
)
from hitl_nb.engine.snapshot.pickles.saved_code import name_code
from hitl_nb.engine.snapshot.pickles.saved_objects import SharedAttributes, reduce_without_new
from hitl_nb.engine.snapshot.pickles.saved_positions import Kind, find_kind, is_unfinished, reduce_position
from hitl_nb.engine.snapshot.pickles.shared_views import frame_reducers, view_reducers
from hitl_nb.engine.snapshot.pickles.type_pickles import type_reducers
from hitl_nb.engine.tracebacks import from_lines, read_traceback_lines
from hitl_nb.errors import Paused
from hitl_nb.own_objects import is_own

if TYPE_CHECKING:

    class _CloudPickler(pickle.Pickler):
        """Declaration for the type checker: the methods of cloudpickle's untyped pickler that are used here."""

        dispatch_table: ClassVar[Any]

        def reducer_override(self, obj: Any) -> Any: ...
        def _dynamic_function_reduce(self, func: FunctionType) -> Any: ...

else:
    from cloudpickle import Pickler as _CloudPickler

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")


LARGE = 64 * 1024
"""Size in bytes from which a buffer or string is stored outside the pickle, by content hash."""

_ATOMS: frozenset[type] = frozenset({int, float, tuple, list, bool, type(None)})
"""Types of most pickled objects. Objects of these types never have a persistent id."""


def _reduce_struct(made: struct.Struct) -> Any:
    return struct.Struct, (made.format,)


class Pickler(_CloudPickler):
    """A pickler for objects of the namespace `ns`.

    Attributes:
        by_value: Root names of `ns` whose functions and classes are copied instead of named.
        moved: Data of the copies that is saved separately: `id(holder)` -> set of `(kind, key)`, see `definitions.py`.
        wanted: Names of `ns` that pickled functions and generators read.
        defined: Root names of `ns` that were saved by name.
        blobs: SHA-256 -> large buffer or text.
        buffers: Hashes of out-of-band buffers, in order.
        inline: True: keep large values in the pickle.
        namespaces: Globals of functions that are saved themselves, by id, see `shared_namespaces`.
        finalized: The pickled objects that have a `__del__`.
        openings: Persistent ids of objects that are opened again or found by name on resume.
        views: The arrays of the pickle.
        attributes: The attribute dicts of the pickled objects.
        running: Saved frames of generators and coroutines that are on the stack, by id of their frame.
        generators: The pickled generators and coroutines that have not ended.
        units: The units whose code the pickle names, by key.
    """

    _reducers: ClassVar[dict[Any, Any]] = {**view_reducers(), **type_reducers(), **property_reducers()}
    dispatch_table: ClassVar[Any] = ChainMap(_reducers, {struct.Struct: _reduce_struct}, _CloudPickler.dispatch_table)

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
        self.views = ArrayViews(kept)
        self.attributes = SharedAttributes(shared)
        self.namespaces = namespaces
        self.finalized: list[Any] = []
        self._own_namespaces: dict[int, dict[str, Any]] = {}
        self.figure_types = find_figure_types()
        self.openings = OpeningIds(ns, is_kept=lambda cls: find_kind(cls) is not None)
        self.running = dict(running)
        self.generators: list[Any] = []
        self.units: dict[str, Unit] = {}
        self._reducers.update(frame_reducers())

    def dump(self, obj: Any) -> None:
        """Pickle one object; raise PicklingError if a hook of the user raised an error that is not an `Exception`."""
        try:
            super().dump(obj)
        except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, Paused):
            raise
        except BaseException as error:  # a user's hook may raise any error, and saving must not end the run
            raise pickle.PicklingError(f"{type(error).__name__}: {error}") from error

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        """Return the persistent id (text and keys) by which the loader finds an object; None: the object is pickled.

        Such objects are the namespace, definitions of the notebook, large texts, code, and objects that are opened
        again.
        """
        cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # not `type_of`: this runs for every object
        if cls is str or cls is bytes:
            return self._text(obj) if len(obj) >= self.large else None
        if cls in _ATOMS:
            return None
        if cls is dict:
            return self._dict(obj)
        if cls is CodeType:
            return self.name_code(obj)
        if is_own(obj):
            return None
        if cls is Runtime:
            return ("runtime",)
        if (opened := self.openings.make_id(obj)) is not None:
            return opened
        name = find_notebook_name(obj, self.ns)
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
        self.attributes.remember_dict(obj)
        name = obj.get("__name__")
        is_globals = type(name) is str and name in sys.modules and vars(sys.modules[name]) is obj
        return ("ns", name) if is_globals else None

    def name_code(self, code: CodeType) -> tuple[Any, ...] | None:
        """Return the persistent id of a code object; None: the code is saved by value."""
        named = name_code(code)
        if named is not None:
            self._add_unit(named[1])
        return named

    def _add_unit(self, key: str) -> None:
        unit = find_unit(key)
        if unit is not None:
            self.units[key] = unit

    def _add_code(self, key: str, function: int, namespace: dict[str, Any]) -> None:
        """Record a saved function: its unit (cell or module) and the names of the notebook that its code reads.

        For the function of a cell, only the unit is recorded.

        Args:
            key: Key of the unit.
            function: Number of the function in the unit.
            namespace: Globals of the function.
        """
        self._add_unit(key)
        unit = find_unit(key)
        if unit is not None and namespace is self.ns and unit.functions[function].kind != "cell":
            self._add_wanted(unit.find_function_code(function))

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
        """Return the `__reduce__` tuple of an object; NotImplemented: pickle's own rules are used."""
        if (by_type := self._by_type.get(type_of(obj))) is not None:
            return by_type(self, obj)
        if is_own(obj):
            return NotImplemented
        kind = find_kind(type_of(obj))
        if kind is not None and (waiting := self._position(obj, kind)) is not NotImplemented:
            return waiting
        if (view := self.views.reduce(obj)) is not NotImplemented:
            return view
        if isinstance(obj, BaseException):
            return reduce_exception(obj)
        if isinstance(obj, self.figure_types):
            return reduce_figure(obj)
        if (reduced := self._one_of_a_kind(obj)) is not NotImplemented:
            return reduced
        if isinstance(obj, type):
            load_module_of(obj)
        reduced = super().reducer_override(obj)
        if reduced is NotImplemented:
            if hasattr(type_of(obj), "__del__"):
                self.finalized.append(obj)
            reduced = reduce_without_new(obj)
            return reduced if type_of(obj) in self.dispatch_table else self.attributes.reduce_object(obj, reduced)
        if isinstance(obj, type) and reduced is not NotImplemented and len(reduced) > 2:
            reduced = complete_class(obj, reduced)
            for _, name in self.moved.get(id(obj), ()):
                reduced[2][0].pop(name, None)
        return reduced

    def _position(self, obj: Any, kind: Kind) -> Any:
        reduced = reduce_position(obj, kind, self.running)
        if kind == "generator":
            if is_unfinished(obj):
                self.generators.append(obj)
            if reduced[0] is make_generator:
                unit, function, *_, namespace = reduced[1]
                self._add_code(unit, function, namespace)
        return reduced

    def _one_of_a_kind(self, obj: Any) -> Any:
        if is_cached(obj):
            return reduce_cached(obj, is_filled=id(obj) not in self.moved)
        if obj is dataclasses.MISSING:
            return "MISSING"  # dataclasses compare it by identity
        if type(obj) is super:
            return (super, (getattr(obj, "__thisclass__"), getattr(obj, "__self__")))  # noqa: B009 - the type stub lacks them
        if isinstance(obj, ModuleType) and id(vars(obj)) in self.namespaces:
            state = {name: value for name, value in vars(obj).items() if name != "__builtins__"}
            return (ModuleType, (obj.__name__,), state, None, None, set_module)
        return NotImplemented

    def _native_code(self, code: CodeType) -> Any:
        """Save code without instrumentation with `marshal`, in a tenth of the time that cloudpickle takes.

        The format of `marshal` depends on the version of Python, but so does a snapshot.
        """
        try:
            return marshal.loads, (marshal.dumps(code),)
        except ValueError:  # the code has constants that the compiler cannot make
            return super().reducer_override(code)

    def _cell(self, cell: CellType) -> Any:
        return (CellType, (), *(() if id(cell) in self.moved else read_cell_state(cell)))

    def _traceback(self, traceback: TracebackType) -> Any:
        return from_lines, (read_traceback_lines(traceback),)

    def _frame(self, frame: SavedFrame) -> Any:
        self._add_code(frame.unit, frame.function, frame.namespace)
        return NotImplemented

    def _function(self, function: FunctionType) -> Any:
        if is_dispatching(function):
            registry: Any = vars(function)["registry"]
            return (make_dispatching, (vars(function)["__wrapped__"], dict(registry)))
        if _cloudpickle._should_pickle_by_reference(function):
            return NotImplemented
        attributes, slots = read_function_state(function)
        self._leave_out_moved(function, attributes, slots)
        globals_: Any = function.__globals__
        if globals_ is self.ns:
            self._add_wanted(function.__code__)
        else:
            module = sys.modules.get(function.__module__ or "")
            if module is not None and module.__dict__ is globals_ and module.__name__ != "__main__":
                globals_ = ModuleGlobals(module.__name__)
            elif id(globals_) in self.namespaces:
                held = self.namespaces[id(globals_)]
                globals_ = ModuleVariables(held) if isinstance(held, ModuleType) else held
            else:
                self._own_namespaces[id(globals_)] = globals_
                reduced = self._dynamic_function_reduce(function)
                reduced[2][1].update(read_type_parameters(function))
                return reduced
        made = (function.__code__, globals_, function.__closure__)
        return (make_function, made, (attributes, slots), None, None, set_function)

    def shared_namespaces(self) -> dict[int, Any]:
        """Return dicts that are the globals of a pickled function and are also pickled as values themselves.

        `exec` in a dict makes such functions, and so does a module that is loaded from a path. The functions and the
        dict share their variables.

        Returns:
            Id of the dict -> the dict, or the module that has it.
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
