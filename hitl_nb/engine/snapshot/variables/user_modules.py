"""Save and restore changes that a run made in the user's own modules: globals, class attributes, defaults of functions.

A module is code. Another process imports it again, and then its globals have the values of its file. A run may have
changed `helpers.CACHE` or `helpers.RATE` meanwhile. Plain data of this kind is saved like a variable, in the same
pickle, and is put into the module on resume. Other changes are named in a note for the reviewer. Installed packages are
not examined.

The *baseline* of a module is its state when the run began. For a module that is imported later, it is the state after
its import. A *slot* is one place for data in a module (see `definitions.py`).
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import operator
import site
import sys
import sysconfig
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from types import FunctionType, ModuleType
from typing import Any, cast

from hitl_nb.engine.position.event_loop import context_values as contextvalues
from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.reopening.resources import find_live_line
from hitl_nb.engine.snapshot.pickles.function_caches import is_cached
from hitl_nb.engine.snapshot.variables.definitions import (
    DataSlot,
    SlotEntry,
    SlotPath,
    find_module_slots,
    is_code,
    put_slot,
)
from hitl_nb.engine.snapshot.variables.plain_shapes import hash_plain_data
from hitl_nb.errors import HitlError

SlotHashes = dict[SlotPath, tuple[str | None, Any]]
"""Path of a slot -> (hash of its value, the value). The hash is None if the value is large or not plain data."""


@functools.cache
def _list_library_folders() -> tuple[str, ...]:
    paths = {path for name, path in sysconfig.get_paths().items() if name != "data" and name != "scripts"}
    paths |= {site.getusersitepackages(), *site.getsitepackages()}
    return tuple(str(FilePath(path)) for path in paths)


@functools.lru_cache(maxsize=4096)
def _is_users_file(file: str) -> bool:
    path = FilePath(file)
    if path.suffix != ".py" or {"site-packages", "dist-packages"}.intersection(path.parts):
        return False
    return not any(file.startswith(folder) for folder in _list_library_folders())


def is_user_module(module: object) -> bool:
    """Return True if a module is the user's own: a `.py` file that is not installed.

    A module that is exempted by `hitl.live(module)` does not count.
    """
    if not isinstance(module, ModuleType):
        return False
    file, name = getattr(module, "__file__", None), module.__name__
    if not isinstance(file, str) or name == "__main__" or name.partition(".")[0] == "hitl_nb":
        return False
    return sys.modules.get(name) is module and _is_users_file(file) and find_live_line(module) is None


contextvalues.users.append(is_user_module)


def is_user_class(cls: type) -> bool:
    """Return True if a class is defined in the notebook or in a module of the user."""
    return cls.__module__ == "__main__" or is_user_module(sys.modules.get(cls.__module__))


def find_user_modules(values: Iterable[Any]) -> dict[str, ModuleType]:
    """Return the user's modules that values belong to, and the user's modules that these modules use, by name."""
    found: dict[str, ModuleType] = {}
    todo = list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, ModuleType):
            module: Any = value
        else:
            owner = value if is_code(value) else type_of(value)
            module = sys.modules.get(getattr(owner, "__module__", None) or "")
        if module is not None and module.__name__ not in found and is_user_module(module):
            found[module.__name__] = module
            todo += list(module.__dict__.values())
    return found


@dataclass
class ModuleEntries:
    """Data of the user's modules to save.

    Attributes:
        entries: The changed slots, by name of the module.
        lost: Changes that are not saved, each as source text with the type of the value.
    """

    entries: dict[str, list[SlotEntry]] = field(default_factory=dict[str, list[SlotEntry]])
    lost: list[str] = field(default_factory=list[str])


class ModuleState:
    """Changes of one run in the user's modules, compared with their state when the run began or after their import.

    Make the object when this process begins to work on the run.

    Args:
        ns: The notebook's namespace. Empty: no modules are examined.

    Attributes:
        saved: The saved data of the last save, by name of the module.
    """

    def __init__(self, ns: dict[str, Any]) -> None:
        self.ns = ns
        self._before = (
            {name: _hash_module_slots(module) for name, module in find_user_modules(ns.values()).items()} if ns else {}
        )
        self._changed: dict[str, set[SlotPath]] = {}
        self.saved: dict[str, list[SlotEntry]] = {}
        watch_imports()

    def make_entries(self, memo: Callable[[], Container[int]]) -> ModuleEntries:
        """Find the data of the user's modules to save: data that the run changed, and shared objects.

        A mutable object is shared if the pickle already has it as a part of another value.

        Args:
            memo: Returns the ids of the objects that are already in the pickle.
        """
        found = ModuleEntries()
        in_pickle: Container[int] | None = None
        for name, module in find_user_modules(self.ns.values()).items() if self.ns else ():
            before = self._before.setdefault(name, _find_import_state(module) or _hash_module_slots(module))
            changed = self._changed.setdefault(name, set())
            entries: list[SlotEntry] = []
            for path, slot in find_module_slots(module).items():
                was, value = before.get(path, (None, None))
                now = hash_plain_data(slot.value)
                is_other = was != now or (now is None and not _is_same(slot, value))
                if path not in before or is_other:
                    changed.add(path)
                if path in changed and now is None:
                    found.lost.append(f"{name}{slot.description} (a {type(slot.value).__name__})")
                    continue
                if path not in changed and now is not None and _is_mutable(slot):
                    in_pickle = memo() if in_pickle is None else in_pickle
                if path in changed or (in_pickle is not None and _is_mutable(slot) and id(slot.value) in in_pickle):
                    entries.append((path, slot.value, path in changed, now))
            if entries:
                found.entries[name] = entries
        self.saved = found.entries
        return found

    def restore_slots(self, saved: dict[str, list[SlotEntry]]) -> None:
        """Put saved data into the user's modules, which are imported if necessary.

        Restored are values that the run changed, and objects shared with other values of the snapshot. A shared object
        is restored only if the module has the same value as at the save.

        Args:
            saved: The saved data, by name of the module.

        Raises:
            HitlError: A module cannot be imported.
        """
        for name, entries in saved.items():
            try:
                module = importlib.import_module(name)
            except ImportError as error:
                raise HitlError(
                    f"the run changed the module {name}, which cannot be imported here ({error}); put its file where "
                    "Python finds it, and run the agent again: it continues where it was"
                ) from error
            self._before.setdefault(name, _find_import_state(module) or _hash_module_slots(module))
            slots = find_module_slots(module)
            for path, value, is_changed, was in entries:
                if is_changed:
                    self._changed.setdefault(name, set()).add(path)
                if is_changed or (path in slots and hash_plain_data(slots[path].value) == was):
                    put_slot(module, path, value)

    def carry_over(self, saved: dict[str, list[SlotEntry]]) -> None:
        """Take over the saved data when a run continues in the process that saved it.

        The modules keep their values, and slots (places for data) that had changed are saved again at the next pause.
        """
        for name, entries in saved.items():
            self._changed.setdefault(name, set()).update(path for path, _, is_changed, _ in entries if is_changed)


def describe_lost(lost: list[str]) -> list[str]:
    """Return the note for reviewers about changes in modules that are not saved, as a list of one sentence.

    Args:
        lost: The changes, each as source text with the type of the value. Empty: the result is empty, too.
    """
    if not lost:
        return []
    return [
        f"what the agent changed in modules is saved only where it is plain data; not saved: {', '.join(sorted(lost))}"
    ]


def _is_same(slot: DataSlot, before: Any) -> bool:
    """Return True if a place for data (slot) still holds the same object as before.

    Args:
        slot: The slot. If it is a function's cache, the cached results are compared.
        before: The value at the comparison time, such as the run's start.
    """
    if is_cached(slot.holder) and type_of(before) is tuple is type_of(slot.value):
        now, then = ([result for _, result in contents[1]] for contents in (slot.value, before))
        return len(now) == len(then) and all(map(operator.is_, now, then))
    return slot.value is before


_UNCHANGEABLE = (int, float, complex, str, bytes, tuple, frozenset, type, FunctionType, type(None))


def _is_mutable(slot: DataSlot) -> bool:
    return not isinstance(slot.value, _UNCHANGEABLE)


def _hash_module_slots(module: ModuleType) -> SlotHashes:
    return {path: (hash_plain_data(slot.value), slot.value) for path, slot in find_module_slots(module).items()}


# -- modules that are imported during a run

_imported: dict[str, tuple[ModuleType, SlotHashes]] = {}
"""The user's modules that were executed since the first run of this process, with their content after that."""


def _find_import_state(module: ModuleType) -> SlotHashes | None:
    """Return the state of a module directly after it was executed.

    None if the module was executed before `watch_imports` was called (at the first run of this process).
    """
    executed, prints = _imported.get(module.__name__, (None, None))
    return prints if executed is module else None


def watch_imports() -> None:
    """Record the content of each module of the user directly after its execution, from now on.

    Modules that are loaded from a path (`spec_from_file_location` and `exec_module`) are recorded, too.
    """
    loader: Any = importlib.machinery.SourceFileLoader
    execute = loader.exec_module
    if getattr(execute, "__hitl_watches__", False):
        return

    @functools.wraps(execute)
    def exec_module(self: Any, module: ModuleType) -> None:
        execute(self, module)
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and module.__name__ != "__main__" and _is_users_file(file):
            _imported[module.__name__] = module, _hash_module_slots(module)

    # The function gets the file name of the import system. So warnings skip its frame when they look for the line that
    # imports, and tracebacks leave it out.
    watching = cast("Any", exec_module)
    watching.__code__ = watching.__code__.replace(co_filename=execute.__code__.co_filename)
    watching.__hitl_watches__ = True
    loader.exec_module = watching
