"""Objects that are opened again when an agent continues, instead of being saved.

sqlite3.Connection      with its files, isolation level, factories, detected types and timeout; refused in memory,
                        inside a transaction, with temporary tables, callbacks or functions of its own
files open for reading  with path, mode, encoding, newline and position; refused if it is no regular file, and on resume
                        if it is gone or shorter
SQLAlchemy Engine       with URL, connect_args, pool, isolation level and execution options; refused in memory, with a
                        creator, another pool or event listeners of its own
AsyncEngine             the same
requests.Session        with its state; refused with an adapter of its own
httpx                   its clients, with URL, headers, params, cookies, timeout, basic auth, limits, retries and hooks;
                        refused with another auth, a proxy of its own, mounts, a transport or TLS settings of its own
boto3                   clients and resources, with service, region, endpoint, options and credentials that were given;
                        those that boto3 found are found again; refused with event handlers of its own
openai, anthropic       their clients, with key, URL, timeout, retries, headers; refused with an HTTP client of its own
numpy.memmap            with path, type, mode, offset, shape and order, after what was written is in the file; refused
                        if a copy-on-write one was changed, and on resume if the file is gone or shorter
locks                   as new locks; refused while somebody holds them

Each is opened with the arguments it was made with, as the object itself knows them. A type is known by its module and
name, so that no library is imported for this.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, find_refusal
from hitl_nb.engine.reopening import resources
from hitl_nb.engine.reopening.secrets import replace_secrets, restore_secrets
from hitl_nb.errors import HitlError


@dataclass(frozen=True)
class ReopenRecipe:
    """How objects of one type are opened again.

    Attributes:
        describe: what it takes, as data; raises NotSavedError.
        open: makes the object from that.
        is_announced: whether people are told about it; not about a lock.
        applies: whether one object of the type is opened again; if not, it is saved like any other.
        is_exposed: whether a description has a key or password as text, since it equals no environment variable.
        cookies: the names of the cookies in a description, which are saved as text.
        remark: what is not as it was, for the sentence that it is opened again; "" if there is nothing.
    """

    describe: Callable[[Any], Any]
    open: Callable[[Any], Any]
    is_announced: bool = True
    applies: Callable[[Any], bool] = lambda obj: True
    is_exposed: Callable[[Any], bool] = lambda description: False
    cookies: Callable[[Any], list[str]] = lambda description: []
    remark: Callable[[Any], str] = lambda description: ""


_RECIPE_HOMES: dict[tuple[str, str], str] = {
    ("sqlite3", "Connection"): "databases:SQLITE",
    ("_io", "TextIOWrapper"): "openfiles:TEXT",
    ("_io", "BufferedReader"): "openfiles:BINARY",
    ("_io", "BufferedWriter"): "openfiles:BINARY",
    ("_io", "BufferedRandom"): "openfiles:BINARY",
    ("numpy", "memmap"): "mappedfiles:MEMMAP",
    ("sqlalchemy.engine.base", "Engine"): "engines:ENGINE",
    ("sqlalchemy.ext.asyncio.engine", "AsyncEngine"): "engines:ASYNC_ENGINE",
    ("requests.sessions", "Session"): "clients:REQUESTS",
    ("httpx", "Client"): "httpclients:HTTPX",
    ("httpx", "AsyncClient"): "httpclients:HTTPX",
    ("openai", "OpenAI"): "clients:MODEL",
    ("openai", "AsyncOpenAI"): "clients:MODEL",
    ("anthropic", "Anthropic"): "clients:MODEL",
    ("anthropic", "AsyncAnthropic"): "clients:MODEL",
    ("_thread", "lock"): "openlocks:LOCK",
    ("_thread", "RLock"): "openlocks:RLOCK",
}
"""Where the recipe of a type is: a module of this package, and a name in it."""

_SUBCLASS_HOMES: dict[tuple[str, str, str], str] = {
    ("botocore.client", "botocore.client", "BaseClient"): "awsclients:CLIENT",
    ("boto3.resources.factory", "boto3.resources.base", "ServiceResource"): "awsclients:RESOURCE",
}
"""The same of types that a library makes while it runs: by their module, and the module and name of a base."""


@functools.lru_cache(maxsize=4096)
def find_recipe_home(cls: type) -> str | None:
    """Find where the recipe of a type is; None if it has none. A subclass has none: it may hold more."""
    found = _RECIPE_HOMES.get((cls.__module__, cls.__qualname__))
    if found is not None or cls.__module__ not in {module for module, _, _ in _SUBCLASS_HOMES}:
        return found
    bases = [_SUBCLASS_HOMES.get((cls.__module__, base.__module__, base.__qualname__)) for base in cls.__mro__]
    return next((home for home in bases if home is not None), None)


@functools.cache
def import_recipe(home: str) -> ReopenRecipe:
    """Import the recipe at one of `_RECIPE_HOMES`."""
    module, name = home.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), name)


def is_reopened(obj: Any) -> bool:
    """Tell whether an object is opened again when an agent continues, and people are told."""
    home = _find_home(obj)
    return resources.find_origin(obj) is not None or (home is not None and import_recipe(home).is_announced)


def _find_home(obj: Any) -> str | None:
    cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]
    home = find_recipe_home(cls)
    return home if home is not None and import_recipe(home).applies(obj) else None


def _describe_object(home: str, obj: Any) -> Any:
    """Describe how to open an object again.

    Raises:
        NotSavedError: The object cannot be opened again.
    """
    try:
        return import_recipe(home).describe(obj)
    except (AttributeError, KeyError) as error:  # it is not built as the recipe knows its type
        raise NotSavedError("it is of a version of its library that is not known here") from error


class OpeningIds:
    """The objects of one pickle that are opened again.

    Attributes:
        announced: the objects that people are told about.
        resources: those that were made by hitl.resource.
        exposed: those whose key or password is saved as text.
        cookies: those that have cookies, with their names.
        remarks: what is not as it was, by the object's id.
    """

    def __init__(self, ns: dict[str, Any], *, is_kept: Callable[[type], bool] = lambda cls: False) -> None:
        """Start without objects.

        Args:
            ns: Namespace of the notebook.
            is_kept: Whether objects of exactly this type are saved, although other objects like it never are.
        """
        self.ns = ns
        self._is_kept = is_kept
        self.objects: list[Any] = []
        self.announced: list[Any] = []
        self.resources: list[Any] = []
        self.exposed: list[Any] = []
        self.cookies: list[tuple[Any, list[str]]] = []
        self.remarks: dict[int, str] = {}
        self._live: dict[tuple[Any, ...], Any] = {}
        self._numbers: dict[int, int] = {}

    def make_id(self, obj: Any) -> tuple[Any, ...] | None:
        """Make the persistent id of an object that is opened again or found by name; None for every other.

        Raises:
            NotSavedError: an object of this type is never saved, or not in its state.
        """
        try:
            return self._make_new_id(obj)
        except NotSavedError as problem:
            problem.about = obj
            raise

    def _make_new_id(self, obj: Any) -> tuple[Any, ...] | None:
        cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]
        line = resources.find_live_line(obj)
        if line is not None and not isinstance(obj, ModuleType):  # a module is found by its own name
            pid = ("live", *self._find_name(obj), cls.__qualname__, line)
            self._live[pid] = obj
            return pid
        made = resources.find_origin(obj)
        home = _find_home(obj) if made is None else None
        if made is None and home is None:
            refusal = find_refusal(cls)
            if refusal is not None and not self._is_kept(cls):
                raise NotSavedError(*refusal)
            return None
        number = self._numbers.get(id(obj))
        if number is not None:
            return ("opened", number)
        if made is not None:
            arguments = replace_secrets((made.args, made.kwargs), inside=False)
            pid = ("resource", (made.factory, *arguments, made.key, made.run))
            self.resources.append(obj)
        else:
            assert home is not None
            pid = (home, _describe_object(home, obj))
            if import_recipe(home).is_exposed(pid[1]):
                self.exposed.append(obj)
            if remark := import_recipe(home).remark(pid[1]):
                self.remarks[id(obj)] = remark
            cookies = import_recipe(home).cookies(pid[1])
            if cookies:
                self.cookies.append((obj, cookies))
        self._numbers[id(obj)] = len(self.objects)
        self.objects.append(obj)
        if made is not None or import_recipe(home or "").is_announced:
            self.announced.append(obj)
        return ("opened", len(self.objects) - 1, *pid)

    def __contains__(self, obj: Any) -> bool:
        return id(obj) in self._numbers

    def find_object(self, pid: tuple[Any, ...]) -> Any:
        """Find the object that has this persistent id here."""
        return self._live[pid] if pid[0] == "live" else self.objects[pid[1]]

    def _find_name(self, obj: Any) -> tuple[str, str]:
        """Module ("" for the notebook) and name under which a live object is found."""
        for name, value in self.ns.items():
            if value is obj and not name.startswith((".", "_")):
                return "", name
        module = sys.modules.get(getattr(obj, "__module__", None) or "")
        for name, value in vars(module).items() if module is not None else ():
            if value is obj:
                return module.__name__, name  # type: ignore[union-attr]  # it has this name
        raise NotSavedError(
            "it is marked with hitl.live and has no name in the notebook or its module",
            "bind it to a name in a cell of its own: `name = hitl.live(...)`",
        )


class ReopenedObjects:
    """The objects that one snapshot opens again, each once."""

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self.objects: dict[int, Any] = {}

    def find_object(self, pid: tuple[Any, ...]) -> Any:
        """Find the object that a persistent id names.

        Raises:
            HitlError: It cannot be opened or found.
        """
        match pid:
            case ("live", module, name, kind, line):
                return _find_marked_object(self.ns, module, name, kind, line)
            case ("opened", number):
                return self.objects[number]
            case ("opened", number, home, description):
                self.objects[number] = _reopen_object(home, description)
                return self.objects[number]
            case _:
                raise AssertionError(pid)


def _reopen_object(home: str, description: Any) -> Any:
    if home == "resource":
        factory, args, kwargs, key, run = description
        return resources.reopen_resource(
            resources.ResourceOrigin(factory, restore_secrets(args), restore_secrets(kwargs), key, run)
        )
    try:
        return import_recipe(home).open(description)
    except HitlError:
        raise
    except Exception as error:
        what = home.partition(":")[2].lower()
        raise HitlError(
            f"what the agent used ({what}) could not be opened again: {type(error).__name__}: {error}. Nothing was "
            "lost: mend that, and run the agent again; it continues where it was"
        ) from error


def _find_marked_object(ns: dict[str, Any], module: str, name: str, kind: str, line: str) -> Any:
    found = getattr(importlib.import_module(module), name, None) if module else ns.get(name)
    if found is None or type(found).__qualname__ != kind:
        where = f"the module {module}" if module else "this notebook"
        raise HitlError(
            f"{name} ({kind}) is marked with hitl.live, and {where} does not have it now: run the cell with `{line}` "
            "first, then run the agent again; it continues where it was"
        )
    return found
