"""Load a pickle as a test, directly after it was made, so that a state that cannot be loaded is noticed at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hitl_nb.engine.snapshot.load_check import StructureReader, prove_loadable, read_structure
from hitl_nb.engine.snapshot.loader import DEFINITION_ENTRY, END_ENTRY
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.engine.snapshot.pickles.function_pickles import module_globals
from hitl_nb.engine.snapshot.pickles.pickler import Pickler
from hitl_nb.engine.snapshot.unpickler import Unpickler
from hitl_nb.engine.snapshot.variables.definitions import put_entries

NOTHING: Mapping[str, Any] = {}


def find_unknown_code(pickler: Pickler, stream: bytes, ns: dict[str, Any]) -> list[Any]:
    """Find the classes and functions of the user whose code would run when the stream is loaded.

    Args:
        pickler: The pickler that made the stream.
        stream: The pickle.
        ns: Namespace of the notebook.

    Raises:
        pickle.UnpicklingError, AttributeError, ImportError: The stream cannot be loaded.
    """

    def find_by_id(pid: tuple[Any, ...]) -> Any:
        return resolve_name(pid[1], ns) if pid[0] == "def" else None

    return read_structure(StructureReader(stream, find_by_id, (pickler.blobs[h] for h in pickler.buffers)), END_ENTRY)


def read_back(
    pickler: Pickler,
    stream: bytes,
    ns: dict[str, Any],
    unknown: list[Any],
    own: Mapping[str, tuple[bytes, list[str]]] = NOTHING,
    *,
    again: bool = False,
) -> None:
    """Load the stream in a child process, if loading it runs code that is not known to be harmless.

    Args:
        pickler: The pickler that made the stream; it has the large values.
        stream: The pickle.
        ns: Namespace of the notebook.
        unknown: Classes and functions in the stream whose code is not known to be harmless.
        own: Copies of the run's own definitions, by name. Each is loaded from its copy, as on resume, and gets its data
            in the order of the stream.
        again: True: load the stream even if all of `unknown` was loaded before.

    Raises:
        NotLoadableError: Loading the stream fails.
    """
    copies: dict[str, Any] = {}

    def buffers(hashes: Iterable[str]) -> Iterable[Any]:
        return (pickler.blobs[h] for h in hashes)

    def find(pid: tuple[Any, ...]) -> Any:
        match pid:
            case ("blob", kind, digest):
                data = bytes(pickler.blobs[digest])
                return data.decode("utf-8", "surrogatepass") if kind == "str" else data
            case ("opened" | "live", *_):
                return pickler.openings.find_object(pid)
            case ("ns", *module):
                return module_globals(*module) if module else ns
            case ("def", name):
                return definition(name)
            case _:
                return None

    def definition(name: str) -> Any:
        root = name.split(".", maxsplit=1)[0]
        if root in own and root not in copies:
            copies.update(Unpickler(own[root][0], find, buffers(own[root][1])).load())
        return resolve_name(name, copies if root in copies else ns)

    def load() -> list[Any]:
        loading = Unpickler(stream, find, buffers(pickler.buffers))
        loaded = [loading.load()]
        while loaded[-1][0] != END_ENTRY:
            if loaded[-1][0] == DEFINITION_ENTRY and loaded[-1][1][0] in own:
                root, entries = loaded[-1][1]
                definition(root)
                put_entries(copies[root], entries)
            loaded.append(loading.load())
        return loaded

    prove_loadable(load, unknown, again=again)
