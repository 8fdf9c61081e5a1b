"""Notice changes of a run that are not saved, and report them again in a process that does not have them.

The changes are in environment variables (names only: values may be secrets), in context variables of packages, and in
the configuration of logging. Others are temporary files that the saved values name, and assignments in libraries
(`library_changes.py`). Together they are called the *surroundings* of the run.
"""

from __future__ import annotations

import contextvars
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePath
from typing import Any, TypedDict, cast

from hitl_nb import settings
from hitl_nb.engine.position.event_loop.context_values import list_unsaved_variables
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.runtime_hooks import current_driver
from hitl_nb.engine.snapshot.process.library_changes import (
    LibraryChanges,
    describe_changes,
    describe_lost_changes,
    find_changes,
)

_MAX_VALUES = 10_000
"""Maximum number of values that are searched for names of temporary files."""


class NoticedState(TypedDict, total=False):
    """The changes that a pause noticed. A key without changes is missing.

    Attributes:
        variables: Names of environment variables.
        context: Names of context variables.
        logging: Logger -> its level and handlers, as text.
        files: Path of a temporary file -> variables that name the path.
        libraries: Changes in libraries.
    """

    variables: list[str]
    context: list[str]
    logging: dict[str, str]
    files: dict[str, list[str]]
    libraries: LibraryChanges


class Surroundings:
    """Environment variables, context variables and loggers, as they were when this process began to work on the run.

    `notice` compares the current state with them.
    """

    def __init__(self) -> None:
        self._variables = settings.copy_raw_environment()
        self._loggers = _read_loggers()
        self._context = read_context()

    def notice(
        self, values: Iterable[tuple[str, Any]], carried: NoticedState, frames: Iterable[SavedFrame] = ()
    ) -> NoticedState:
        """Find the changes of the run that are not saved: in variables, logging, temporary files and libraries.

        Args:
            values: The saved values, each with its name.
            carried: The changes that an earlier pause noticed.
            frames: The frames of the run's code.
        """
        found = NoticedState()
        kept = carried.get("variables", [])
        changed_names = {
            os.fsdecode(n) for n, v in settings.copy_raw_environment().items() if self._variables.get(n) != v
        }
        variables = changed_names.union(n for n in kept if settings.read_variable(n) is not None) - {
            "TZ"
        }  # saved, see library_settings.py
        if variables:
            found["variables"] = sorted(variables)
        here = read_context()
        kept = [name for name in carried.get("context", []) if name in list_unsaved_variables(here, {})]
        if names := {*list_unsaved_variables(here, self._context), *kept}:
            found["context"] = sorted(names)
        known = carried.get("logging", {})
        changed = {n: s for n, s in _read_loggers().items() if self._loggers.get(n) != s or n in known}
        if changed:
            found["logging"] = changed
        files: dict[str, list[str]] = {}
        folders = _TemporaryFolders()
        for name, value in values:
            for path in _find_temporary_files(value, folders):
                files.setdefault(path, []).append(name)
        if files:
            found["files"] = files
        if libraries := find_changes(frames, carried.get("libraries", LibraryChanges())):
            found["libraries"] = libraries
        return found


def read_context() -> dict[contextvars.ContextVar[Any], Any]:
    """Return the context variables of the run's own context: variable -> value."""
    driver = current_driver()
    return dict(contextvars.copy_context() if driver is None else driver.context)


def describe_noticed(noticed: NoticedState) -> list[str]:
    """Return sentences for the reviewer about state that another process must have before the run continues there."""
    said: list[str] = []
    if names := noticed.get("variables"):
        said.append(
            f"environment variables that the agent set are not saved: {', '.join(names)}; where the agent continues in "
            "another process, set them before it does"
        )
    if names := noticed.get("context"):
        said.append(
            f"context variables that the agent set are not saved: {', '.join(names)}; where the agent continues in "
            "another process, set them again behind the question"
        )
    if loggers := noticed.get("logging"):
        said.append(f"logging that the agent set up is not saved: {_list_loggers(loggers)}")
    if files := noticed.get("files"):
        # The paths are left out, because outputs of a notebook are compared from run to run.
        named = sorted({name for names in files.values() for name in names if not name.startswith(".")}) or [
            "an intermediate value"
        ]
        said.append(f"temporary files may be gone when the agent continues: those named by {', '.join(named)}")
    return [*said, *describe_changes(noticed.get("libraries", LibraryChanges()))]


def describe_missing(noticed: NoticedState) -> list[str]:
    """Return sentences about state that existed at the pause and does not exist in this process."""
    said: list[str] = []
    if names := [n for n in noticed.get("variables", []) if settings.read_variable(n) is None]:
        said.append(
            f"environment variables that were set before the pause are not set here: {', '.join(names)}; set them "
            "where the kernel is started, or in a cell above"
        )
    if set_before := noticed.get("context"):
        here = list_unsaved_variables(read_context(), {})
        if names := [name for name in set_before if name not in here]:
            said.append(
                f"context variables that were set before the pause are not set here: {', '.join(names)}; set them "
                "again behind the question"
            )
    known = noticed.get("logging", {})
    now = _read_loggers() if known else {}
    if loggers := {n: s for n, s in known.items() if now.get(n) != s}:
        said.append(
            "logging was set up before the pause and is not here: "
            f"{_list_loggers({n: _describe_missing_setup(setup, now.get(n)) for n, setup in loggers.items()})}; set "
            "it up in a cell above"
        )
    if files := [f for f in noticed.get("files", {}) if not os.path.lexists(f)]:
        said.append(f"temporary files that the saved state names are gone: {', '.join(files)}")
    return [*said, *describe_lost_changes(noticed.get("libraries", LibraryChanges()))]


def _list_loggers(loggers: dict[str, str]) -> str:
    return "; ".join(f"{name} ({setup})" for name, setup in loggers.items())


def _describe_missing_setup(setup: str, here: str | None) -> str:
    """Describe which part of a logger's former configuration (level and handlers) is missing in this process.

    Args:
        setup: The configuration at the pause, as text.
        here: The configuration in this process; None if the logger has none.

    Returns:
        The missing part; the whole former configuration if no part is missing.
    """
    if here is None:
        return setup
    (level, *handlers), (level_here, *handlers_here) = setup.split(", "), here.split(", ")
    missing = list((Counter(handlers) - Counter(handlers_here)).elements())
    changed = [f"level {level}, not {level_here}"] if level != level_here else []
    return ", ".join([*changed, *(f"without its {one}" for one in missing)]) or setup


def _read_loggers() -> dict[str, str]:
    """Return the loggers that have a level or handlers, each with a text that lists these."""
    found: dict[str, str] = {}
    for name, logger in [("root", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger) and (logger.level or logger.handlers):
            handlers = [type(handler).__name__ for handler in logger.handlers]
            found[name] = ", ".join([logging.getLevelName(logger.level), *handlers])
    return found


class _TemporaryFolders:
    """The folders of temporary files. Symbolic links are resolved only if a text may name a temporary file."""

    def __init__(self) -> None:
        self._named = tempfile.gettempdir() + os.sep

    @cached_property
    def _real_folder(self) -> str:
        return os.path.realpath(self._named) + os.sep

    @cached_property
    def _current_folder(self) -> str:
        return os.path.realpath(os.curdir)

    def has_file(self, text: str) -> bool:
        """Return True if a text is the path of an existing temporary file.

        Files of a project that is itself in the temporary folder do not count.
        """
        if len(text) >= 4096 or not os.path.isabs(text) or not text.startswith((self._named, self._real_folder)):  # noqa: PTH117 - runs for every text
            return False
        return not text.startswith(self._current_folder) and os.path.lexists(text)


def _find_temporary_files(saved: Any, folders: _TemporaryFolders) -> set[str]:
    """Return the existing files and folders in the system's temporary folder whose path occurs in a value."""
    found: set[str] = set()
    todo, seen = [saved], set[int]()
    while todo and len(seen) < _MAX_VALUES:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (str, PurePath)):
            text = str(value)
            if folders.has_file(text):
                found.add(text)
        elif isinstance(value, tempfile.TemporaryDirectory):
            found.add(str(cast("Any", value).name))
        elif type(value) is dict:
            todo += [*value.keys(), *value.values()]
        elif type(value) in (list, tuple, set):
            todo += value
        elif _type_of(value).__module__ == "__main__" and not isinstance(value, type):
            todo += _list_attributes(value)
    return found


def _type_of(value: object) -> type:
    return type(value)


def _list_attributes(value: Any) -> list[Any]:
    try:
        return list(object.__getattribute__(value, "__dict__").values())
    except (AttributeError, TypeError):
        return []
