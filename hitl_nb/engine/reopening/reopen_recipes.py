"""Objects that are opened again when an agent continues, instead of being saved.

sqlite3.Connection      with its files, isolation level, factories, detected types and timeout; refused in memory,
                        inside a transaction, with temporary tables, callbacks or functions of its own
files open for reading  with path, mode, encoding, newline and position; refused if it is not a regular file, and on
                        resume if the file is gone or shorter
SQLAlchemy Engine       with URL, connect_args, pool, isolation level and execution options; refused in memory, with a
                        creator, another pool or event listeners of its own
AsyncEngine             the same
requests.Session        with its state; refused with an adapter of its own
httpx                   its clients, with URL, headers, params, cookies, timeout, basic auth, limits, retries and hooks;
                        refused with another auth, a proxy of its own, mounts, a transport or TLS settings of its own
boto3                   clients and resources, with service, region, endpoint, options and credentials that were given;
                        boto3 finds other credentials again; refused with event handlers of its own
openai, anthropic       their clients, with key, URL, timeout, retries, headers; refused with an HTTP client of its own
numpy.memmap            with path, type, mode, offset, shape and order, after changes are written to the file; refused
                        if a copy-on-write array was changed, and on resume if the file is gone or shorter
locks                   as new locks; refused while a lock is held

Each object is opened with the arguments it was made with, as far as they can be read from the object. A type is
recognized by its module and name, so that no library is imported for this. Each type has a *recipe* (`ReopenRecipe`) in
another module of this package. The *home* of a recipe is text such as `databases:SQLITE`: a module, and a name in it.
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
    """Functions to describe and open the objects of one type.

    Attributes:
        describe: Returns the arguments to open an object again, as data. Raises NotSavedError if that is not possible.
        open: Opens an object from its description.
        is_announced: True: reviewers are told that the object will be opened again. False for locks.
        applies: Returns True if an object of the type is opened again. Otherwise the object is pickled as usual.
        is_exposed: Returns True if a description has a key or password as text, because no environment variable has it.
        cookies: Returns the names of the cookies in a description. Cookies are saved as text.
        remark: Returns a clause about state that will be lost, for the sentence to the reviewer; "" if there is none.
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
"""(module, name) of a type -> home of its recipe."""

_SUBCLASS_HOMES: dict[tuple[str, str, str], str] = {
    ("botocore.client", "botocore.client", "BaseClient"): "awsclients:CLIENT",
    ("boto3.resources.factory", "boto3.resources.base", "ServiceResource"): "awsclients:RESOURCE",
}
"""Homes for types that a library makes while it runs: (module of the type, module and name of a base class) -> home."""


@functools.lru_cache(maxsize=4096)
def find_recipe_home(cls: type) -> str | None:
    """Return where the recipe for objects of a type is, for example `databases:SQLITE`; None if there is no recipe.

    A subclass has no recipe, because its objects may hold more state.
    """
    found = _RECIPE_HOMES.get((cls.__module__, cls.__qualname__))
    if found is not None or cls.__module__ not in {module for module, _, _ in _SUBCLASS_HOMES}:
        return found
    bases = [_SUBCLASS_HOMES.get((cls.__module__, base.__module__, base.__qualname__)) for base in cls.__mro__]
    return next((home for home in bases if home is not None), None)


@functools.cache
def import_recipe(home: str) -> ReopenRecipe:
    """Import and return the recipe at `home`, for example `databases:SQLITE`: a module, and a name in it."""
    module, name = home.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), name)


def is_reopened(obj: Any) -> bool:
    """Return True if an object will be opened again on resume, and reviewers are told that."""
    home = _find_home(obj)
    return resources.find_origin(obj) is not None or (home is not None and import_recipe(home).is_announced)


def _find_home(obj: Any) -> str | None:
    cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # of every object: no call
    home = find_recipe_home(cls)
    return home if home is not None and import_recipe(home).applies(obj) else None


def _describe_object(home: str, obj: Any) -> Any:
    """Describe how to open an object again, as data for the function `open` of its recipe.

    Args:
        home: Where the recipe is, such as `databases:SQLITE`.
        obj: The object.

    Raises:
        NotSavedError: The object cannot be opened again.
    """
    try:
        return import_recipe(home).describe(obj)
    except (AttributeError, KeyError) as error:  # the object has other attributes than the recipe expects
        raise NotSavedError("it is of a version of its library that is not known here") from error


class OpeningIds:
    """Persistent ids for the objects of one pickle that are opened again.

    Attributes:
        announced: The objects that reviewers are told about.
        resources: The objects that were made by `hitl.resource`.
        exposed: The objects whose key or password is saved as text.
        cookies: Pairs (object, names of its cookies).
        remarks: Id of an object -> clause about state that will be lost.
    """

    def __init__(self, ns: dict[str, Any], *, is_kept: Callable[[type], bool] = lambda cls: False) -> None:
        """Start without objects.

        Args:
            ns: Namespace of the notebook.
            is_kept: Returns True for a type whose objects are saved although similar objects are refused.
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
        """Return the persistent id of an object that is opened again or found by its name; None for other objects.

        Raises:
            NotSavedError: An object of this type is never saved, or this object cannot be opened again in its state.
        """
        try:
            return self._make_new_id(obj)
        except NotSavedError as problem:
            problem.about = obj
            raise

    def _make_new_id(self, obj: Any) -> tuple[Any, ...] | None:
        cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # of every object: no call
        line = resources.find_live_line(obj)
        if line is not None and not isinstance(obj, ModuleType):  # a module is pickled by its own name
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
        """Return the object of this pickle for which `make_id` made the persistent id `pid`."""
        return self._live[pid] if pid[0] == "live" else self.objects[pid[1]]

    def _find_name(self, obj: Any) -> tuple[str, str]:
        """Return (module, name) by which an object marked with `hitl.live` is found again on resume.

        The module is "" for an object of the notebook.

        Raises:
            NotSavedError: The object has no name.
        """
        for name, value in self.ns.items():
            if value is obj and not name.startswith((".", "_")):
                return "", name
        module = sys.modules.get(getattr(obj, "__module__", None) or "")
        for name, value in vars(module).items() if module is not None else ():
            if value is obj:
                return module.__name__, name  # type: ignore[union-attr]  # `module` is not None in the loop
        raise NotSavedError(
            "it is marked with hitl.live and has no name in the notebook or its module",
            "bind it to a name in a cell of its own: `name = hitl.live(...)`",
        )


class ReopenedObjects:
    """The objects of one snapshot that are opened again, each only once."""

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self.objects: dict[int, Any] = {}

    def find_object(self, pid: tuple[Any, ...]) -> Any:
        """Open or find the object of a persistent id that `OpeningIds.make_id` made.

        Raises:
            HitlError: The object cannot be opened or found.
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
    resources.mark_live(found, line)  # the next save finds it by its name again, too
    return found
