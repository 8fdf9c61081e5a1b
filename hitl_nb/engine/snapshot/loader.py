"""Load a signed snapshot: restore the position and the variables of a run.

`open_snapshot` checks the signature and the versions. Only then may `load_snapshot` unpickle the content.

A snapshot's stream is a sequence of pickled entries `(name, value)`. Most entries are variables, and each is put into
the namespace as soon as it is loaded. Other terms:

- *definition*: a function or class that a cell of the notebook defines. The notebook's current definition is preferred;
  the snapshot has a copy in case the notebook has none.
- *own definition*: a definition that the run itself made. It is always taken from the copy in the snapshot.
- *root*: the first part of a dotted name, for example `A` of `A.method`.
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
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.engine.snapshot.pickles.function_pickles import module_globals
from hitl_nb.engine.snapshot.pickles.saved_code import check_code_hashes, load_units
from hitl_nb.engine.snapshot.signing import unseal
from hitl_nb.engine.snapshot.unpickler import Unpickler
from hitl_nb.engine.snapshot.variables.annotations import put_back_annotations
from hitl_nb.engine.snapshot.variables.inputs import Input, Inputs, read_header

END_ENTRY = "\0end"
"""Name of the last entry of a snapshot's stream. It begins with a character that no name of a variable has."""
PROCESS_ENTRY = "\0process state"
"""Name of the first entry: the changes of the run in state of the process, such as the working directory."""
DEFINITION_ENTRY = "\0definition"
"""Name of an entry with data that a definition of the notebook holds, such as class attributes."""

ANNOTATIONS_ENTRY = "\0annotations"
"""Name of the entry with the annotations of the cell's variables."""
MODULES_ENTRY = "\0modules"
"""Name of the entry with the values that the run changed in modules of the user."""


Definitions = dict[str, tuple[bytes, list[str]]]
"""Copies of the notebook's definitions: name -> (pickle, hashes of the pickle's buffers)."""


@dataclass
class OpenedSnapshot:
    """A snapshot whose signature and versions were checked. Its content is not unpickled yet.

    Attributes:
        source: Source of the cell as it was executed. For a run of an `@agent` function, the function's source.
        outputs: The printed and displayed outputs until the pause, as the driver recorded them.
        left_out: Names that are not in the snapshot -> a sentence with the reason.
        definitions: Pickle of the copies of the notebook's definitions (`Definitions`).
        stream: Pickle of the entries: variables, position, process state.
        buffers: Hashes of the out-of-band buffers of `stream`.
        blob: Reads a large value from the store by its hash.
        envelope: The whole signed snapshot, as stored.
        inputs: The names that the cell only reads, with their values when the run began.
        branches: The branches of the cell that were executed. None: not known.
        own: Names of functions and classes that the run itself defined. They are taken from the snapshot.
        units: Sources of the code (cells and modules) in the snapshot.
        instrumenter: Hash of the compiler (instrumenter) that compiled the units.
        code_hashes: Hashes of the compiled code, by unit.
        previous_cell: Id of the cell before the cell in its notebook, to put a deleted cell back. "": it was the first
            one. None: not known.
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
    previous_cell: str | None = None

    def read_large(self, kind: str, digest: str) -> Any:
        """Read a large value, which is stored outside the pickle under its hash.

        Args:
            kind: "str" or "bytes", the type of the value.
            digest: SHA-256 of the value.
        """
        data = self.blob(digest)
        return data.decode("utf-8", "surrogatepass") if kind == "str" else data


@dataclass
class LoadedState:
    """The content of a loaded snapshot.

    Attributes:
        variables: The restored variables of the namespace, by name.
        stack: The saved frames of the run.
        counts: Counters from which the names of the run's recorded calls continue.
        process: Saved state of the process, by kind.
        pending: The call that requested a decision, or None.
        result: The result of the run, if it had finished.
        definitions: Restored definitions, by name.
        own: Names of functions and classes that the run itself defined.
        modules: Values that the run changed in modules of the user.
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
    """Check the signature and the versions of a snapshot, and split it into its parts. Nothing is unpickled.

    Args:
        place: Store, run and role of the snapshot, which are part of the signed data.
        envelope: The signed snapshot, as stored.
        blob: Reads a large value from the store by its hash.
        sealed_here: True: this process made exactly these bytes for this place, so the signature is not checked again.

    Raises:
        Untrusted: The snapshot is not signed by this user's key for this place.
        WrongPython: It was saved by another Python version or in another format.
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
        previous_cell=header.get("previous_cell"),
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
    """Unpickle a snapshot whose signature was checked. Each variable is put into `ns` as soon as it is loaded.

    A *definition* is a function or class that a cell of the notebook defines.

    Args:
        saved: The opened snapshot; its signature has been checked.
        ns: Namespace of the notebook.
        special: Returns the object for a persistent id that this function does not know. None: unknown id.
        prepare: Called with the saved process state before the variables are loaded, because they may need it.
        put_back: Called as `put_back(root, definition, slots, is_copy)` to restore saved data of the definition with
            the name `root`, for example class attributes. `is_copy` is True if `definition` is the snapshot's copy.

    Returns:
        The content of the snapshot: variables, frames, counters and so on.
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
    """Store one loaded entry in `loaded`. Variables and annotations are also put into the notebook's namespace.

    Args:
        name: Name of the entry: a variable, or one of the names for the position, the annotations and the modules.
        value: Its content.
        loaded: The content of the snapshot so far.
        ns: Namespace of the notebook.
    """
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
    """Return the function or class that the notebook defines under a name.

    None if there is none, or if the run itself defined the name: then the copy in the snapshot is used.
    """
    return resolve_name(name, ns) if name.split(".", maxsplit=1)[0] not in own else None
