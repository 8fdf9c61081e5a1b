"""Notice changes that a run made in libraries, at a pause, from the assignments in its code.

Assignments such as `time.time = ...`, `openai.api_key = ...`, `pandas.DataFrame.total = ...` and calls such as
`atexit.register` change the process. Another process loads the libraries unchanged from their files. Only code of the
agent that has already run is examined for such assignments and calls. Changes that `library_settings.py`,
`process_state.py` and `engine/snapshot/variables/user_modules.py` save are not reported.

A *touch* is an assignment to an attribute or item, or a use of a name (see `attribute_touches.py`). The *owner* of a
touch is the module or class that has the attribute.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import uuid
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, TypedDict, cast

from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.resources import find_live_line
from hitl_nb.engine.snapshot.pickles.defined_names import find_importable_name
from hitl_nb.engine.snapshot.process.attribute_touches import Touch, find_touches
from hitl_nb.engine.snapshot.variables.frame_source import FrameSource
from hitl_nb.engine.snapshot.variables.user_modules import is_user_module

_SAVED = (
    *("sys.path", "os.environ", "tempfile.tempdir", "warnings.filters", "mimetypes.", "sqlite3.adapters"),
    *("sqlite3.converters", "pandas.options", "matplotlib.rcParams", "matplotlib.pyplot.rcParams", "logging.root"),
)
"""Attributes that are saved, or whose changes other modules of this package notice."""

_REGISTER = {
    "atexit": "register",
    "codecs": "register register_error",
    "webbrowser": "register",
    "faulthandler": "register",
    "matplotlib": "register",
    "pandas": "register_dataframe_accessor register_series_accessor register_index_accessor",
    "logging": "addLevelName captureWarnings setLoggerClass setLogRecordFactory",
    "sys": "settrace setprofile addaudithook",
    "threading": "settrace setprofile stack_size",
    "shutil": "register_archive_format register_unpack_format",
    "signal": "alarm setitimer",
    "os": "nice register_at_fork",
    "xml": "register_namespace",
    "urllib": "install_opener",
    "resource": "setrlimit",
    "asyncio": "set_event_loop_policy",
    "multiprocessing": "set_start_method",
}
"""Package -> its functions whose effect belongs to the process. Names are separated by spaces."""
_NAMES = frozenset(name for names in _REGISTER.values() for name in names.split())
_PACKAGES = {"posix": "os", "nt": "os", "_thread": "threading"}
"""Packages whose functions name another package as their module -> the usual name of the package."""

_PROCESS_ID = uuid.uuid4().hex
"""Random id of this process."""


class LibraryChanges(TypedDict, total=False):
    """Changes of a run in libraries.

    Attributes:
        assigned: Source text of each assigned attribute (for example `openai.api_key`) -> description of its value at
            the pause.
        called: The called functions of `_REGISTER`, for example `atexit.register`.
        process: Id of the process in which the calls were noticed.
    """

    assigned: dict[str, str]
    called: list[str]
    process: str


def find_changes(frames: Iterable[SavedFrame], carried: LibraryChanges) -> LibraryChanges:
    """Find the changes in libraries that were made by code in these frames.

    Args:
        frames: Frames of the run. Only code in them that has run is examined.
        carried: Changes that an earlier pause found. Those that still exist are part of the result.
    """
    assigned = {path: look for path, look in carried.get("assigned", {}).items() if _describe_object_at(path) == look}
    called = set(carried.get("called", ()))
    for frame, touch, owner in _iterate_touches(frames):
        if touch.kind == "use":
            called |= _find_registering_functions(owner, touch)
        elif (path := _spell_assigned_attribute(frame, touch, owner)) is not None and (
            look := _describe_object_at(path)
        ) is not None:
            assigned[path] = look
    found = LibraryChanges()
    if assigned:
        found["assigned"] = assigned
    if called:
        found |= {"called": sorted(called), "process": _PROCESS_ID}
    return found


def describe_changes(changes: LibraryChanges) -> list[str]:
    """Return sentences for the reviewer about changes that are not saved."""
    said: list[str] = []
    if assigned := changes.get("assigned"):
        said.append(
            f"what the agent assigned in modules is not saved: {', '.join(sorted(assigned))}; where the agent "
            "continues in another process, assign it in a cell above"
        )
    if called := changes.get("called"):
        said.append(
            f"what the agent set up with {', '.join(called)} is not saved; where the agent continues in another "
            "process, call it in a cell above"
        )
    return said


def describe_lost_changes(changes: LibraryChanges) -> list[str]:
    """Return sentences about changes that were noticed at the pause and do not exist in this process."""
    said: list[str] = []
    if lost := sorted(path for path, look in changes.get("assigned", {}).items() if _describe_object_at(path) != look):
        said.append(
            f"what the agent assigned in modules before the pause is not so here: {', '.join(lost)}; assign it in a "
            "cell above"
        )
    if (called := changes.get("called")) and changes.get("process") != _PROCESS_ID:
        said.append(
            f"what the agent set up with {', '.join(called)} before the pause is not here; call it in a cell above"
        )
    return said


def check_made_modules(frames: Iterable[SavedFrame]) -> tuple[str, Any, NotSavedError] | None:
    """Find a module that the run put into `sys.modules` and that another process cannot import.

    Args:
        frames: Frames of the run. Only code in them that has run is examined.

    Returns:
        The source text (for example `sys.modules['m']`), the module, and an error that says how to change the code.
        None if there is no such module.
    """
    for frame, touch, owner in _iterate_touches(frames):
        if owner is sys and touch.kind == "item" and touch.names[-1] == "modules":
            key = _evaluate_node(frame, touch.key)
            held = (value.__name__ for value in list(frame.namespace.values()) if isinstance(value, ModuleType))
            for name in [key] if isinstance(key, str) else held:
                module = sys.modules.get(name)
                if isinstance(module, ModuleType) and not _can_be_imported(module):
                    why = "another process cannot import it"
                    way = "put it into a .py file that Python finds, or make it in a cell above the agent"
                    return f"sys.modules[{name!r}]", module, NotSavedError(why, way)
    return None


def _can_be_imported(module: ModuleType) -> bool:
    """Return True if another process can import a module by its own name."""
    name = module.__name__
    if getattr(module, "__spec__", None) is None:
        return name == "__main__"
    places = getattr(sys.modules.get(name.rpartition(".")[0]), "__path__", None)
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return any(find is not None and find(name, places) is not None for find in finders)


# -- assignments and calls in the code


def _iterate_touches(frames: Iterable[SavedFrame]) -> Iterator[tuple[SavedFrame, Touch, Any]]:
    """Yield the places where code of these frames changes a library: assignments, and calls like `atexit.register`.

    Only code that may have run is examined. Yields `(frame, touch, owner)`: the frame, the syntax, and the module or
    class that has the attribute.
    """
    for frame in frames:
        source = FrameSource(frame)
        for root, touches in find_touches(source.function, _NAMES).by_root.items():
            value = _find_value(frame, root)
            if isinstance(value, ModuleType) or callable(value):
                for touch in touches:
                    if source.may_have_run(touch.node):
                        yield from ((frame, touch, owner) for owner in _find_owners(value, touch))


def _find_owners(root: Any, touch: Touch) -> list[Any]:
    """Return a list with the module or class whose attribute the code assigns or uses.

    Args:
        root: Value of the first part of the dotted name, for example the module `openai` of `openai.api_key`.
        touch: The assignment or use.

    Returns:
        A list of one item. It is empty if the attribute does not belong to a library, or has to be ignored
        (`hitl.live`).
    """
    owner = root
    if not isinstance(root, (ModuleType, type)) and touch.kind != "use":
        return []
    for name in touch.names[1:-1]:
        owner = _read_member(owner, name)
    if len(touch.names) == 1 and touch.kind == "use":
        return [owner]
    cls: Any = owner if isinstance(owner, type) else type_of(owner)
    home: Any = owner if isinstance(owner, ModuleType) else sys.modules.get(cls.__module__)
    if home is None or owner is _NOTHING or home.__name__ == "__main__" or is_user_module(home):
        return []
    return [] if find_live_line(home) is not None else [owner]


def _find_registering_functions(owner: Any, touch: Touch) -> set[str]:
    function = _read_member(owner, touch.names[-1]) if len(touch.names) > 1 else owner
    package = (getattr(function, "__module__", None) or "").partition(".")[0]
    package = _PACKAGES.get(package, package.lstrip("_"))
    name = getattr(function, "__name__", "")
    return {f"{package}.{name}"} if name in _REGISTER.get(package, "").split() else set()


def _spell_assigned_attribute(frame: SavedFrame, touch: Touch, owner: Any) -> str | None:
    """Return the source text of an assigned attribute or item, beginning with the name of its module.

    Args:
        frame: The frame with the code.
        touch: The assignment.
        owner: The module or class that has the attribute.

    Returns:
        The text, for example `openai.api_key`. None if the change is saved elsewhere, or if the assignment put the
        original value back.
    """
    names = touch.names
    root = _find_value(frame, names[0])
    start = root.__name__ if isinstance(root, ModuleType) else f"{root.__module__}.{root.__qualname__}"
    path = ".".join((start, *names[1:]))
    if touch.kind == "setattr":
        if not isinstance(touch.key, ast.Constant):
            return f"{path}.*"
        name = str(touch.key.value)
        owner = _read_member(owner, names[-1]) if names[1:] else owner
        path, names = f"{path}.{name}", (*names, name)
    if path.startswith(_SAVED):
        return None
    if touch.kind == "item":
        key = _evaluate_node(frame, touch.key)
        return f"{path}[{key!r}]" if isinstance(key, (str, int)) and len(repr(key)) < 60 else f"{path}[...]"
    return None if _is_original(_read_member(owner, names[-1]), owner, names[-1]) else path


_NOTHING: Any = object()


def _read_member(owner: Any, name: str) -> Any:
    """Return an attribute without running code of its owner. `_NOTHING` if there is none."""
    return inspect.getattr_static(owner, name, _NOTHING)


def _is_original(value: Any, owner: Any, name: str) -> bool:
    """Return True if a value is the function or class that its module defines under this name.

    The program has then put the original value back. Also True if there is no value.
    """
    home = owner.__name__ if isinstance(owner, ModuleType) else getattr(owner, "__module__", "")
    own = getattr(value, "__module__", None) or ""
    if value is _NOTHING or own.partition(".")[0].lstrip("_") != home.partition(".")[0].lstrip("_"):
        return value is _NOTHING
    return (find_importable_name(value) or "").rpartition(".")[2] == name


def _find_value(frame: SavedFrame, name: str) -> Any:
    """Return the value of a name in a frame: a local, a closure's variable, or a global.

    If there is none, return the object that the frame's code imports under this name. `_NOTHING` if there is no such
    object either.
    """
    if name in frame.locals:
        return frame.locals[name]
    try:
        found = frame.cells[name].cell_contents if name in frame.cells else frame.namespace.get(name, _NOTHING)
    except ValueError:
        found = _NOTHING
    if found is not _NOTHING:
        return found
    module, member = find_touches(FrameSource(frame).function, _NAMES).imports.get(name, ("", ""))
    imported: Any = sys.modules.get(module, _NOTHING)
    return _read_member(imported, member) if member and imported is not _NOTHING else imported


def _evaluate_node(frame: SavedFrame, node: ast.expr | None) -> Any:
    """Return the value of an expression: a constant, a name, or an attribute of a name.

    No code of the user runs. `_NOTHING` for every other expression.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _find_value(frame, node.id)
    if isinstance(node, ast.Attribute):
        return _read_member(_evaluate_node(frame, node.value), node.attr)
    return _NOTHING


# -- descriptions of values


def _describe_object_at(path: str) -> str | None:
    """Describe the object at a path (for example `openai.api_key`), so that another process can compare it.

    Values are described by type and hash, because they may be secrets. None if there is no object at the path.
    """
    if path.endswith(".*"):
        return _PROCESS_ID  # it is not known which attribute `setattr` assigned
    head, _, key = path.partition("[")
    parts = head.split(".")
    size = next((i for i in range(len(parts), 0, -1) if ".".join(parts[:i]) in sys.modules), 0)
    if not size:
        return None
    value: Any = sys.modules[".".join(parts[:size])]
    for name in parts[size:]:
        value = _read_member(value, name)
    if key and type(value) is dict:
        value = _find_item(cast("dict[Any, Any]", value), key[:-1])
    if value is _NOTHING:
        return None
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        text = repr(value).encode("utf-8", "replace")  # a hash, because the value may be an API key
        return f"{type(value).__name__} {hashlib.sha256(text).hexdigest()[:8]}"
    named: Any = value if hasattr(value, "__qualname__") else type_of(value)
    return f"{named.__module__}.{named.__qualname__}"


def _find_item(items: dict[Any, Any], key: str) -> Any:
    return items if key == "..." else items.get(ast.literal_eval(key), _NOTHING)
