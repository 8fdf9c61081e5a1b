"""Check that a pickle can be loaded again, without running the user's code in this process.

The check has two parts:

- *Structure*: The pickle stream is read with stand-ins (dummy objects) in place of every class and function that the
  stream names. Each name is looked up for real, so a class that no longer exists is an error. No object is made, no
  registry is changed, and no function is called.
- *Proof*: Loading may run pickling hooks of classes that are not known to be harmless: `__setstate__`, `__new__`, or
  the function that a `__reduce__` returns. Such a stream is loaded once in a forked child process. The child can write
  only to its pipe, and it ends with `os._exit`. Classes and functions that were proved this way are remembered, so a
  loop of pauses forks only once.

Where a process cannot fork (Windows) or must not fork (macOS, whose frameworks do not survive a fork), only the
structure is checked. If a hook changes something outside the process, it does so in the child too, as it does when the
run continues.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import pickle
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType
from typing import Any, NoReturn
from weakref import WeakSet

PROOF_SECONDS = 10.0
"""Maximum time in seconds for loading in the child. A stream that takes longer counts as loadable."""

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
"""Packages whose pickles are known to load without a check in a child. Some of these packages do not survive a fork."""

_proven_code: WeakSet[Any] = WeakSet()
"""Classes and functions in pickles that a child process has already loaded without an error."""


class NotLoadableError(pickle.UnpicklingError):
    """A pickle cannot be loaded. The message is the error that loading raised in the child process."""


class _StandInType(type):
    def __setitem__(cls, key: Any, value: Any) -> None: ...


class _StandIn(metaclass=_StandInType):
    """A dummy object that replaces every object and class while a pickle stream is read without loading it.

    Pickle operations on a stand-in (a call, `append`, `__setstate__` and so on) have no effect. A call returns the
    stand-in.
    """

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
    """Return a stand-in (dummy) class for a class or function that may run unknown code.

    Args:
        found: The class or function.
        used: When pickle calls the stand-in, `found` is added to this dict under `id(found)`.
    """

    class InPlace(_StandIn):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            used[id(found)] = found
            return _StandIn

    return InPlace


class StructureReader(pickle.Unpickler):
    """An unpickler that replaces all objects by stand-ins, so that loading runs no code of the user.

    Args:
        data: The pickle stream.
        named: Returns the object for a persistent id, or None if there is no object to check.
        buffers: The out-of-band buffers of the pickle.

    Attributes:
        used: Classes that loading would instantiate and functions that it would call, if their code is not known to be
            harmless. The keys are `id(object)`.
    """

    def __init__(self, data: bytes, named: Callable[[tuple[Any, ...]], Any], buffers: Iterable[Any]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._find_by_id = named
        self._places: dict[int, type] = {}
        self.used: dict[int, Any] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return a stand-in for the class or function that a stream names. The real one is looked up and must exist."""
        return self._make_stand_in(super().find_class(module_name, global_name))

    def persistent_load(self, pid: Any) -> Any:
        """Return a stand-in for the object of a persistent id. The object itself must exist: it is looked up."""
        return self._make_stand_in(self._find_by_id(pid))

    def _make_stand_in(self, found: Any) -> type:
        if not _runs_unknown_code(found):
            return _StandIn
        place = self._places.get(id(found))
        if place is None:
            place = self._places[id(found)] = _make_recording_stand_in(found, self.used)
        return place


def read_structure(reader: StructureReader, end: str) -> list[Any]:
    """Read a stream of pickled entries (name, value) up to the entry with the name `end`, without loading it.

    Args:
        reader: Reader of the stream, which makes stand-ins (dummy objects) instead of objects.
        end: Name of the last entry.

    Returns:
        The classes and functions whose unknown code would run if the stream was loaded.

    Raises:
        pickle.UnpicklingError, AttributeError, ImportError: The stream cannot be loaded.
    """
    while reader.load()[0] != end:
        pass
    return list(reader.used.values())


def prove_loadable(load: Callable[[], Any], unknown: Iterable[Any], *, again: bool = False) -> None:
    """Call `load` in a forked child process to prove that it does not fail.

    Nothing is done if a child has already run all the unknown code, or if this system cannot fork.

    Args:
        load: Loads the pickle and returns the loaded objects.
        unknown: Classes and functions whose code `load` runs and which is not known to be harmless.
        again: True: run the check even if a child has already loaded all of `unknown`.

    Raises:
        NotLoadableError: `load` raised an error in the child.
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
        return True  # a method that dataclasses generates from the fields
    module = getattr(function, "__module__", None) or "builtins"
    return module.split(".")[0] in _HARMLESS or module.startswith("namedtuple_")


# -- loading in a child process


def _load_in_child(load: Callable[[], Any]) -> str:
    """Call `load` in a forked child process.

    Returns:
        The child's error as text. Empty if there was no error, or if the child took too long to answer.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The warning is about forking with threads. It does not apply: the child only loads.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _load_and_end(load, writing)
    os.close(writing)
    try:
        return _read_verdict(reading)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # the program may have reaped all children
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _read_verdict(reading: int) -> str:
    until, said = time.monotonic() + PROOF_SECONDS, b""
    with selectors.DefaultSelector() as selector:  # `select` refuses the descriptors of a process that has many files
        selector.register(reading, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and selector.select(left):
            part = os.read(reading, 4096)
            if not part:
                break
            said += part
    return said.decode("utf-8", "replace")


def _load_and_end(load: Callable[[], Any], writing: int) -> NoReturn:
    """Call `load` in the child process, send an error to the parent, and end the process.

    The process ends with `os._exit`, so no inherited file is flushed or closed and no object is finalized.
    """
    try:
        gc.disable()
        logging.disable()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        sys.stdout = sys.stderr = io.StringIO()
        kept = load()
        os._exit(0 if kept is not None else 1)  # the objects are still referenced, so that no finalizer runs
    except BaseException as error:  # noqa: BLE001 - the parent gets the error
        said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode("utf-8", "replace")[:4000])
        os._exit(1)
