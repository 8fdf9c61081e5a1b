"""Checking that a pickle can be loaded again, without running any code of the user's in this process.

The check has two parts. *Structure*: the stream is read with stand-ins in place of every class and function it names.
So each name is looked up for real (a class that is gone fails here), and nothing is made, registered or called.
*Proof*: the stream may run pickling hooks of classes that are not known to be harmless (`__setstate__`, `__new__`, the
function that a `__reduce__` names). It is then loaded once in a forked child. The child can write only to its pipe, and
ends without unwinding. Proved classes are remembered, so a loop of pauses forks once.

Where a process cannot fork (Windows), or must not (macOS, whose frameworks do not survive it), only the structure is
checked. A hook with an effect outside of the process has it in the child too, as it would when the run continues.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType
from typing import Any, NoReturn
from weakref import WeakSet

PROOF_SECONDS = 10.0
"""How long loading may take in the child; what takes longer counts as loadable."""

_HOOKS = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__new__",
    "__getattr__",
    "__getattribute__",
    "__setattr__",
    "__hash__",
)
_HARMLESS = frozenset(
    {
        *sys.stdlib_module_names,
        *("hitl_nb", "cloudpickle", "numpy", "pandas", "matplotlib", "mpl_toolkits", "scipy", "sklearn"),
        *("torch", "tensorflow", "jax", "jaxlib", "polars", "pyarrow", "xarray", "dateutil", "pytz", "tzlocal"),
        *("pydantic", "pydantic_core", "attr", "attrs", "msgspec", "networkx", "PIL", "sqlalchemy", "traitlets"),
    }
) - {"__main__"}
"""Packages whose pickles are known to load. Some of them do not survive a fork."""

_proven_code: WeakSet[Any] = WeakSet()
"""Classes and functions whose pickles a child has loaded."""


class NotLoadableError(pickle.UnpicklingError):
    """The pickled data cannot be loaded; the message is the child's error."""


class _StandInType(type):
    def __setitem__(cls, key: Any, value: Any) -> None: ...


class _StandIn(metaclass=_StandInType):
    """Takes the place of every object and every class: whatever loading does to it has no effect, and gives itself."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _StandIn

    @classmethod
    def __setstate__(cls, state: Any) -> None: ...
    @classmethod
    def append(cls, item: Any) -> None: ...
    @classmethod
    def extend(cls, items: Any) -> None: ...
    @classmethod
    def add(cls, item: Any) -> None: ...


def _make_recording_stand_in(found: Any, used: dict[int, Any]) -> type:
    """Takes the place of a class or function, and notes in `used` when loading makes an object of it or calls it."""

    class InPlace(_StandIn):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            used[id(found)] = found
            return _StandIn

    return InPlace


class StructureReader(pickle.Unpickler):
    """Reads a stream with stand-ins.

    Attributes:
        used: the classes that loading makes objects of, and the functions that it calls, by id.

    Args:
        named: the object that a persistent id names here, or None.
    """

    def __init__(self, data: bytes, named: Callable[[tuple[Any, ...]], Any], buffers: Iterable[Any]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._find_by_id = named
        self._places: dict[int, type] = {}
        self.used: dict[int, Any] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Find a class or function, and make its stand-in."""
        return self._make_stand_in(super().find_class(module_name, global_name))

    def persistent_load(self, pid: Any) -> Any:
        """Find an object by its persistent id, and make its stand-in."""
        return self._make_stand_in(self._find_by_id(pid))

    def _make_stand_in(self, found: Any) -> type:
        if not _runs_unknown_code(found):
            return _StandIn
        place = self._places.get(id(found))
        if place is None:
            place = self._places[id(found)] = _make_recording_stand_in(found, self.used)
        return place


def read_structure(reader: StructureReader, end: str) -> list[Any]:
    """Read to the entry that is named `end`: what loading would use that runs unknown code.

    Raises:
        pickle.UnpicklingError, AttributeError, ImportError: it cannot be loaded.
    """
    while reader.load()[0] != end:
        pass
    return list(reader.used.values())


def prove_loadable(load: Callable[[], Any], unknown: Iterable[Any], *, again: bool = False) -> None:
    """Call `load` in a forked child, if it would run unknown code that no child has run yet, or `again`.

    Raises:
        NotLoadableError: it raised there.
    """
    todo = [one for one in unknown if again or one not in _proven_code]
    if not todo or not hasattr(os, "fork") or sys.platform == "darwin":
        return
    said = _load_in_child(load)
    if said:
        raise NotLoadableError(said)
    _proven_code.update(todo)


def _runs_unknown_code(used: Any) -> bool:
    if not isinstance(used, type):
        return isinstance(used, (FunctionType, BuiltinFunctionType)) and not _is_harmless(used)
    for cls in used.__mro__:
        if cls.__module__.split(".")[0] not in _HARMLESS:
            hooks = (cls.__dict__[name] for name in _HOOKS if name in cls.__dict__)
            if not all(_is_harmless(getattr(hook, "__func__", hook)) for hook in hooks):
                return True
    return False


def _is_harmless(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    if code is not None and code.co_filename == "<string>" and function.__name__ in ("__hash__", "__setattr__"):
        return True  # made by dataclasses, of the fields
    module = getattr(function, "__module__", None) or "builtins"
    return module.split(".")[0] in _HARMLESS or module.startswith("namedtuple_")


# -- the child


def _load_in_child(load: Callable[[], Any]) -> str:
    """Run `load` in a forked child; its error as text, empty if it raises none or takes too long to answer."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads: the child does nothing but load
        pid = os.fork()
    if pid == 0:
        _load_and_end(load, writing)
    os.close(writing)
    try:
        return _read_verdict(reading)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # a program may reap all its children
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _read_verdict(reading: int) -> str:
    until, said = time.monotonic() + PROOF_SECONDS, b""
    while (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        part = os.read(reading, 4096)
        if not part:
            break
        said += part
    return said.decode("utf-8", "replace")


def _load_and_end(load: Callable[[], Any], writing: int) -> NoReturn:
    """Run the child. It never unwinds: nothing that it inherited is flushed, closed or finalized."""
    try:
        gc.disable()
        logging.disable()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        sys.stdout = sys.stderr = io.StringIO()
        kept = load()
        os._exit(0 if kept is not None else 1)  # with all of it alive, so that no finalizer runs
    except BaseException as error:  # noqa: BLE001 - told to the parent
        said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode("utf-8", "replace")[:4000])
        os._exit(1)
