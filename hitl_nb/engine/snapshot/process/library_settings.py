"""Settings of Python, numpy, scikit-learn and the operating system that a run changes for its whole process.

Each setting is read and restored with the library's own functions. Signal handlers, sqlite3 adapters and converters are
code of the notebook: they are saved with the notebook's other functions.
"""

from __future__ import annotations

import csv
import functools
import gc
import importlib
import locale
import mimetypes
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, cast

from hitl_nb import settings
from hitl_nb.engine.snapshot.process.process_kinds import MISSING, ProcessStateKind, Settings
from hitl_nb.errors import HitlError

_handler_of: Callable[[int], Any] = importlib.import_module("_signal").getsignal
"""The C function of `signal.getsignal`. It skips the search for a member of the enumeration, which takes a millisecond
for all signals."""
_SIGNALS = {one.name: int(one) for one in signal.Signals}
_STATUS = "/proc/self/status"
_DIALECT = (
    *("delimiter", "quotechar", "doublequote", "escapechar", "lineterminator", "quoting", "skipinitialspace", "strict"),
)
_CATEGORIES = ("LC_CTYPE", "LC_COLLATE", "LC_TIME", "LC_MONETARY", "LC_NUMERIC", "LC_MESSAGES")
_TYPES = ("types_map", "common_types", "suffix_map", "encodings_map")


def _find_loaded_library(name: str) -> Any:
    return sys.modules[name]


def _restore_recursion_limit(saved: int) -> None:
    sys.setrecursionlimit(max(saved, 200))  # Python refuses a limit below the depth of the notebook's own stack


def _read_locale() -> dict[str, str]:
    return {name: locale.setlocale(getattr(locale, name)) for name in _CATEGORIES if hasattr(locale, name)}


def _restore_locale(saved: Any) -> None:
    for name, value in saved[0].items():
        try:
            locale.setlocale(getattr(locale, name), value)
        except locale.Error as error:
            raise HitlError(
                f"the run set the locale to {value}, and this system does not have it ({error}); install it and run "
                "the agent again, or start the run over with --restart"
            ) from error


def _read_umask() -> int | None:
    """Return the mask for the permissions of new files; None if this system does not show it.

    Reading it with `os.umask` would change it for other threads for a moment.
    """
    try:
        file = os.open(_STATUS, os.O_RDONLY)  # runs at every save, and a file object takes twice as long
    except OSError:
        return None
    try:
        status = os.read(file, 4096)
    finally:
        os.close(file)
    _, found, rest = status.partition(b"\nUmask:")
    return int(rest.split(maxsplit=1)[0], 8) if found else None


def _read_temporary_folder() -> str | None:
    """Return the folder that the program chose with `tempfile.tempdir`.

    None if `tempfile.gettempdir` chose the folder itself; it stores its choice in the same variable.
    """
    if tempfile.tempdir is None:
        return None
    usual = {settings.read_variable(name) for name in ("TMPDIR", "TEMP", "TMP")} | {"/tmp", "/var/tmp", "/usr/tmp"}
    return tempfile.tempdir if tempfile.tempdir not in usual else None


def _restore_umask(saved: int) -> None:
    os.umask(saved)


def _restore_field_size(saved: int) -> None:
    csv.field_size_limit(saved)


def _read_time_zone() -> tuple[str | None, tuple[str, str]]:
    return settings.read_variable("TZ"), time.tzname


def _restore_time_zone(saved: Any) -> None:
    variable, names = saved
    settings.set_variable("TZ", variable)
    if names != time.tzname and hasattr(time, "tzset"):
        time.tzset()


def _read_signals() -> dict[str, Any]:
    """Return the signal handlers of the program: name of the signal -> handler.

    Jupyter and asyncio set a handler of SIGINT. So SIGINT is included only if its handler is code of the notebook.
    """
    found = dict(zip(_SIGNALS, map(_handler_of, _SIGNALS.values()), strict=True))
    code = found.get("SIGINT")
    if code != signal.SIG_IGN and getattr(code, "__module__", None) != "__main__":
        found.pop("SIGINT", None)
    return {name: handler for name, handler in found.items() if isinstance(handler, (int, FunctionType, MethodType))}


def _restore_signals(saved: Any) -> None:
    if threading.current_thread() is not threading.main_thread():
        raise HitlError(
            f"the run set handlers of signals ({', '.join(saved[0])}), which only the main thread can; "
            "continue it there"
        )
    for name, handler in saved[0].items():
        signal.signal(getattr(signal, name), handler)


def _read_dialects() -> dict[str, dict[str, Any]]:
    return {name: _describe_dialect(csv.get_dialect(name)) for name in sorted(csv.list_dialects())}


@functools.lru_cache(maxsize=64)
def _describe_dialect(dialect: csv.Dialect) -> dict[str, Any]:
    """Return the parameters of a registered csv dialect: name -> value.

    They are cached, because a dialect cannot be changed.
    """
    return {name: getattr(dialect, name) for name in _DIALECT}


def _restore_dialects(saved: Any) -> None:
    for name, arguments in saved[0].items():
        csv.register_dialect(name, **arguments)
    for name in set(saved[1]).intersection(csv.list_dialects()):
        csv.unregister_dialect(name)


def _read_file_types() -> tuple[dict[str, str], ...]:
    return tuple(dict(getattr(mimetypes, table)) for table in _TYPES)


def _restore_file_types(saved: Any) -> None:
    for (table, ending), kind in saved[0].items():
        if table in ("types_map", "common_types"):
            mimetypes.add_type(kind, ending, strict=table == "types_map")
        else:
            getattr(mimetypes, table)[ending] = kind
    for table, ending in saved[1]:
        getattr(mimetypes, table).pop(ending, None)


def _read_adapters() -> dict[Any, Any]:
    registered = cast(Any, sqlite3)
    found = {("adapter", cls): code for (cls, protocol), code in registered.adapters.items() if protocol is not None}
    return found | {("converter", name): code for name, code in registered.converters.items()}


def _restore_adapters(saved: Any) -> None:
    for (kind, key), code in saved[0].items():
        register: Callable[..., None] = sqlite3.register_adapter if kind == "adapter" else sqlite3.register_converter
        register(key, code)


class _FileTypes(Settings):
    """The tables of `mimetypes`, which assign types to file endings.

    The tables have a thousand entries. So single entries are compared only if a table has changed.
    """

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        if carried is None and now == before:
            return None
        return super().find_change(
            MISSING if before is MISSING else _flatten_tables(before), _flatten_tables(now), carried
        )


def _flatten_tables(tables: tuple[dict[str, str], ...]) -> dict[tuple[str, str], str]:
    return {(name, ending): kind for name, table in zip(_TYPES, tables, strict=True) for ending, kind in table.items()}


class _SqliteAdapters(Settings):
    """Adapters and converters of sqlite3. Those that the run removed are not saved: their keys cannot be sorted."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        found = super().find_change({k: v for k, v in dict(before).items() if k in now}, now, carried)
        return found and (found[0], ())


SETTINGS = (
    ProcessStateKind(
        "recursion limit", "sys.setrecursionlimit", "sys", sys.getrecursionlimit, _restore_recursion_limit
    ),
    ProcessStateKind("switch interval", "sys.setswitchinterval", "sys", sys.getswitchinterval, sys.setswitchinterval),
    ProcessStateKind(
        "int digits", "sys.set_int_max_str_digits", "sys", sys.get_int_max_str_digits, sys.set_int_max_str_digits
    ),
    ProcessStateKind(
        "gc", "gc.enable and gc.disable", "gc", gc.isenabled, lambda on: gc.enable() if on else gc.disable()
    ),
    ProcessStateKind("time zone", "time.tzset and TZ", "time", _read_time_zone, _restore_time_zone),
    ProcessStateKind("umask", "os.umask", "os", _read_umask, _restore_umask),
    ProcessStateKind(
        "socket timeout", "socket.setdefaulttimeout", "socket", socket.getdefaulttimeout, socket.setdefaulttimeout
    ),
    ProcessStateKind("csv field size", "csv.field_size_limit", "csv", csv.field_size_limit, _restore_field_size),
    ProcessStateKind(
        "temporary folder",
        "tempfile.tempdir",
        "tempfile",
        _read_temporary_folder,
        lambda folder: setattr(tempfile, "tempdir", folder),
    ),
    Settings("locale", "locale.setlocale", "locale", _read_locale, _restore_locale),
    Settings("signals", "a handler of signal.signal", "signal", _read_signals, _restore_signals),
    Settings("csv dialects", "csv.register_dialect", "csv", _read_dialects, _restore_dialects),
    _FileTypes("file types", "mimetypes.add_type", "mimetypes", _read_file_types, _restore_file_types),
    _SqliteAdapters(
        "sqlite3 adapters", "an adapter or converter of sqlite3", "sqlite3", _read_adapters, _restore_adapters
    ),
    Settings(
        "numpy errors",
        "numpy.seterr",
        "numpy",
        lambda: _find_loaded_library("numpy").geterr(),
        lambda saved: _find_loaded_library("numpy").seterr(**saved[0]),
    ),
    Settings(
        "numpy print options",
        "numpy.set_printoptions",
        "numpy",
        lambda: _find_loaded_library("numpy").get_printoptions(),
        lambda saved: _find_loaded_library("numpy").set_printoptions(**saved[0]),
    ),
    Settings(
        "scikit-learn",
        "sklearn.set_config",
        "sklearn",
        lambda: _find_loaded_library("sklearn").get_config(),
        lambda saved: _find_loaded_library("sklearn").set_config(**saved[0]),
    ),
)
"""The settings, in the order in which they are restored."""
