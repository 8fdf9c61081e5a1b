"""A plain pickler for the values of a program: what the engine's own pickler does beyond it is not tried here.

Everything is by value, but what lies outside of the program: its namespace, modules, and the code of its functions,
which is made again of the source.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.compile.tree.trees import iterate_codes
from hitl_nb.engine.compile.units import Unit, is_awaitable_code, mark_awaitable_code
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.stack.generators import reduce_generator
from hitl_nb.engine.tracebacks import from_lines

Named = dict[str, Any]
"""Objects that are not pickled but stand for themselves, by name: each process has its own."""

_codes: dict[tuple[str, int], types.CodeType] = {}


def remember_codes(unit: Unit) -> None:
    """Have the unit's functions found by what a pickle says of them."""
    for code in iterate_codes(unit.code):
        known = find_code(code)
        if known is not None:
            _codes[known.unit.key, known.function.number] = code


def dump(value: Any, named: Named, running: dict[int, SavedFrame], file: str) -> tuple[bytes, list[Any]]:
    """Pickle `value`. Returns the generators and coroutines in it, too.

    Args:
        running: generators on the stack that is saved with it, by the identity of their frame.
        file: whose lines are kept of tracebacks.

    Raises:
        CannotSave: a generator cannot be saved.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, named, running, file)
    pickler.dump(value)
    return buffer.getvalue(), pickler.generators


def load(data: bytes, named: Named) -> Any:
    """Make the value again; no class or object of before is met again, even in the same process."""
    tracked: Any = cloudpickle.cloudpickle
    tracked._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    tracked._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
    return _Unpickler(io.BytesIO(data), named).load()


class _Pickler(cloudpickle.Pickler):
    def __init__(self, buffer: io.BytesIO, named: Named, running: dict[int, SavedFrame], file: str) -> None:
        super().__init__(buffer)
        self.named = {id(value): name for name, value in {**named, "runtime": RUNTIME}.items()}
        self.namespace = named["namespace"]
        self.running = running
        self.file = file
        self.generators: list[Any] = []

    def persistent_id(self, value: Any) -> Any:
        name = self.named.get(id(value))
        if name is not None:
            return name
        if isinstance(value, types.ModuleType) and value.__name__ != "__main__":
            return ("module", value.__name__)
        known = find_code(value) if isinstance(value, types.CodeType) else None
        return None if known is None else ("code", known.unit.key, known.function.number, is_awaitable_code(value))

    def reducer_override(self, value: Any) -> Any:
        match value:
            case types.TracebackType():
                return from_lines, (self._lines(value),)
            case types.CellType():
                return types.CellType, (), _contents(value), None, None, _fill_cell
            case types.MethodType():
                return types.MethodType, (value.__func__, value.__self__)
            case types.FunctionType() if value.__globals__ is self.namespace:
                made = (value.__code__, value.__globals__, value.__name__, value.__defaults__, value.__closure__)
                return types.FunctionType, made, {n: getattr(value, n) for n in _OF_FUNCTIONS}, None, None, _fill
            case BaseException():
                state = {n: getattr(value, n) for n in ("__cause__", "__context__", "__suppress_context__")}
                state["__traceback__"] = self._lines(value.__traceback__)
                return _new_exception, (type(value), value.args), (state, vars(value)), None, None, _fill_exception
            case types.GeneratorType() | types.CoroutineType():
                self.generators.append(value)
                return reduce_generator(value, self.running)
            case _:
                return super().reducer_override(value)

    def _lines(self, traceback: types.TracebackType | None) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == self.file:
                found.append((code.co_filename, code.co_name, traceback.tb_lineno))
            traceback = traceback.tb_next
        return found


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, named: Named) -> None:
        super().__init__(buffer)
        self.named = named

    def persistent_load(self, pid: Any) -> Any:
        match pid:
            case "runtime":
                return RUNTIME
            case str():
                return self.named[pid]
            case ("module", name):
                __import__(name)
                return sys.modules[name]
            case (_, *name, is_marked):
                code = _codes[tuple(name)]
                return mark_awaitable_code(code) if is_marked else code


_OF_FUNCTIONS = ("__kwdefaults__", "__dict__", "__annotations__", "__doc__", "__qualname__", "__module__")


def _fill(made: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        setattr(made, name, value)


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _fill_cell(cell: types.CellType, contents: tuple[Any, ...]) -> None:
    if contents:
        cell.cell_contents = contents[0]


def _new_exception(kind: Callable[..., Any], args: tuple[Any, ...]) -> BaseException:
    made = BaseException.__new__(kind) if not _is_builtin(kind) else kind.__new__(kind, *args)
    made.args = args
    return made


def _is_builtin(kind: Any) -> bool:
    return kind.__module__ == "builtins"


def _fill_exception(made: BaseException, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    chained, attributes = state
    vars(made).update(attributes)
    made.__traceback__ = from_lines(chained.pop("__traceback__"))
    _fill(made, chained)
