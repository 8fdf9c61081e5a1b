"""One signed snapshot back to position and variables.

`open_snapshot` checks the signature and the versions; only then may `load_snapshot` unpickle. Variables are put into
the
namespace as they come.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hitl_nb import json_text as json
from hitl_nb.engine.call_keys.keys import KeyCounts
from hitl_nb.engine.missing_names import remember_left_out
from hitl_nb.engine.position.event_loop import task_restorer as beginning
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.managers.managers import forget_loaded_managers
from hitl_nb.engine.reopening.reopen_recipes import ReopenedObjects
from hitl_nb.engine.snapshot.pickles.pickler import Unpickler, module_globals, resolve_name
from hitl_nb.engine.snapshot.pickles.saved_code import check_code_hashes, load_units
from hitl_nb.engine.snapshot.signing import unseal
from hitl_nb.engine.snapshot.variables.annotations import put_back_annotations
from hitl_nb.engine.snapshot.variables.inputs import Input, Inputs, read_header

END_ENTRY = "end"
"""Marks the last entry of a snapshot's stream."""
PROCESS_ENTRY = "process state"
"""Marks the first entry: what the run changed of the process."""
DEFINITION_ENTRY = "definition"
"""Marks an entry with the data that a definition of the notebook holds."""

ANNOTATIONS_ENTRY = "annotations"
"""Marks the entry with the annotations of the cell's names."""
MODULES_ENTRY = "modules"
"""Marks the entry with what the run changed in the user's modules."""


Definitions = dict[str, tuple[bytes, list[str]]]
"""Copies of the notebook's definitions by name: a pickle, and the hashes of its buffers."""


@dataclass
class OpenedSnapshot:
    """A snapshot, opened: checked, but nothing in it loaded yet.

    Attributes:
        source: the cell as it ran; for an `@agent` run, the function's source.
        outputs: what was printed and displayed so far, as the driver recorded it.
        left_out: sentences about names that it does not have.
        inputs: the names that the cell only reads, as they were when the run began.
        branches: the branches of the cell that have run; None: not known.
        own: names that the run itself defined: a function or class of that name is taken from here.
        units: the sources of the code in it.
        instrumenter, code_hashes: what compiled them, and to what.
    """

    source: str
    outputs: list[Any]
    left_out: dict[str, str]
    definitions: bytes
    stream: bytes
    buffers: list[str]
    blob: Callable[[str], bytes]
    envelope: bytes = b""
    inputs: Inputs = field(default_factory=dict[str, Input])
    branches: set[str] | None = None
    own: frozenset[str] = frozenset()
    units: list[list[Any]] = field(default_factory=list[list[Any]])
    instrumenter: str = ""
    code_hashes: dict[str, str] = field(default_factory=dict[str, str])

    def read_large(self, kind: str, digest: str) -> Any:
        """Read a large text or bytes, which is stored by itself."""
        data = self.blob(digest)
        return data.decode("utf-8", "surrogatepass") if kind == "str" else data


@dataclass
class LoadedState:
    """The content of a snapshot.

    Attributes:
        counts: the counts that the names of the run's calls continue from.
        is_alive: whether it is this process's own objects, not loaded.
    """

    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    stack: SavedStack = field(default_factory=lambda: SavedStack([], False, {}))
    counts: KeyCounts = field(default_factory=KeyCounts)
    process: dict[str, Any] = field(default_factory=dict[str, Any])
    pending: Any = None
    result: Any = None
    definitions: dict[str, Any] = field(default_factory=dict[str, Any])
    own: frozenset[str] = frozenset()
    modules: dict[str, Any] = field(default_factory=dict[str, Any])


def open_snapshot(
    place: str, envelope: bytes, blob: Callable[[str], bytes], *, sealed_here: bool = False
) -> OpenedSnapshot:
    """Check a snapshot's signature and versions. `sealed_here`: this process made these very bytes for this place.

    Raises:
        Untrusted, WrongPython: before anything in it is loaded.
    """
    header, body = unseal(place, envelope, sealed_here=sealed_here)
    first, second = header["sizes"]
    return OpenedSnapshot(
        source=header["source"],
        outputs=json.loads(body[:first]),
        left_out=header["left_out"],
        definitions=body[first : first + second],
        stream=body[first + second :],
        buffers=header["buffers"],
        blob=blob,
        envelope=envelope,
        inputs=read_header(header),
        branches=_read_branches(header),
        own=frozenset(header.get("own", ())),
        units=header.get("units", []),
        instrumenter=header.get("instrumenter", ""),
        code_hashes=header.get("code_hashes", {}),
    )


def _read_branches(header: dict[str, Any]) -> set[str] | None:
    found: list[str] | None = header.get("branches")
    return None if found is None else set(found)


def load_snapshot(
    saved: OpenedSnapshot,
    ns: dict[str, Any],
    *,
    special: Callable[[tuple[Any, ...]], Any] = lambda pid: None,
    prepare: Callable[[dict[str, Any]], None] = lambda process: None,
    put_back: Callable[[str, Any, Any, bool], None] = lambda root, definition, slots, is_copy: None,
) -> LoadedState:
    """Load a checked snapshot. Variables are put into `ns` while it is loaded.

    Args:
        saved: The opened snapshot; its signature has been checked.
        ns: Namespace of the notebook.
        special: Finds objects by persistent ids of other kinds; None: it does not know the id.
        prepare: Gets the saved process state before anything that could need it is loaded.
        put_back: Puts saved data into a definition, by its root name; is told whether that is a copy from the snapshot.
    """
    load_units(saved.units)
    check_code_hashes(saved.instrumenter, saved.code_hashes, [unit[0] for unit in saved.units])
    forget_loaded_managers()
    beginning.forget_loaded_objects()
    definitions: Definitions = pickle.loads(saved.definitions)
    loaded = LoadedState(own=saved.own)
    copies: dict[str, Any] = {}

    def finder() -> Callable[[tuple[Any, ...]], Any]:
        opened = ReopenedObjects(ns)
        return lambda pid: opened.find_object(pid) if pid[0] in ("opened", "live") else find(pid)

    def find(pid: tuple[Any, ...]) -> Any:
        match pid:
            case ("ns", *module):
                return module_globals(*module) if module else ns
            case ("blob", kind, digest):
                return saved.read_large(kind, digest)
            case ("def", name):
                found = _find_notebook_definition(name, ns, saved.own)
                return _copy(name) if found is None else found
            case _:
                return special(pid)

    def _copy(name: str) -> Any:
        root = name.split(".", maxsplit=1)[0]
        if root not in copies:
            stream, buffers = definitions[root]
            circle = Unpickler(stream, finder(), (bytearray(saved.blob(h)) for h in buffers)).load()
            copies.update({n: circle[n] for n in circle if n not in copies})
            ns.update({one: copies[one] for one in circle if one in saved.own or one not in ns})
        return resolve_name(name, {root: copies[root]})

    loading = Unpickler(saved.stream, finder(), (bytearray(saved.blob(h)) for h in saved.buffers))
    while True:
        name, value = loading.load()
        if name == END_ENTRY:
            remember_left_out(ns, saved.left_out)
            return loaded
        if name == PROCESS_ENTRY:
            loaded.process = value
            prepare(value)
        elif name == DEFINITION_ENTRY:
            root, slots = value
            definition = find(("def", root))
            put_back(root, definition, slots, root in copies)
        else:
            _place_entry(name, value, loaded, ns)


def _place_entry(name: str, value: Any, loaded: LoadedState, ns: dict[str, Any]) -> None:
    """Have an entry of the stream where it belongs."""
    if name == ANNOTATIONS_ENTRY:
        put_back_annotations(ns, value)
    elif name == MODULES_ENTRY:
        loaded.modules = value
    elif not name:
        frames, waits, loaded.counts, loaded.pending, loaded.result, tasks = value
        loaded.stack = SavedStack(frames, waits, {}, frames, tasks)
    else:
        loaded.variables[name] = ns[name] = value


def _find_notebook_definition(name: str, ns: dict[str, Any], own: frozenset[str]) -> Any:
    """Find the notebook's definition of a name; None if there is none, or the run itself defined it."""
    return resolve_name(name, ns) if name.split(".", maxsplit=1)[0] not in own else None
