"""Ids of notebooks: a notebook carries its id in its metadata, so that its runs are found after it was moved.

The store keeps the path of each id, and the id of each path. `seen` says whether the file at that path was read with
this id in it: only then does another id in the file mean that another notebook took its place.
"""

from __future__ import annotations

import hashlib

import msgspec

from hitl_nb.records import Record, new_id
from hitl_nb.store import rows
from hitl_nb.store.base import Reads, Transaction

SUFFIX = ".ipynb"


class Known(Record, frozen=True):
    """A notebook that has runs, or had some."""

    id: str
    path: str
    seen: bool = False


def by_id(reads: Reads, notebook_id: str) -> Known | None:
    """The notebook with this id."""
    key = f"notebook/{notebook_id}"
    raw = reads.get(key) if rows.is_id(notebook_id) else None
    return None if raw is None else rows.decode(raw, Known, key)


def at(reads: Reads, path: str) -> Known | None:
    """The notebook at this path."""
    key = _path_key(path)
    raw = reads.get(key)
    found = None if raw is None else by_id(reads, rows.id_at(key, raw))
    return found if found is not None and found.path == path else None


def ensure(tx: Transaction, path: str, wanted: str = "") -> str:
    """The id of the notebook at `path`: the one that it has, else `wanted` if that is free, else a new one.

    "" for a path that is no notebook's.
    """
    if not path.endswith(SUFFIX):
        return ""
    found = at(tx, path)
    if found is None:
        free = rows.is_id(wanted) and by_id(tx, wanted) is None
        found = Known(id=wanted if free else new_id(), path=path, seen=free)
        _put(tx, found)
    return found.id


def see(tx: Transaction, notebook_id: str) -> None:
    """Remember that the notebook's file has this id."""
    found = by_id(tx, notebook_id)
    if found is not None and not found.seen:
        _put(tx, msgspec.structs.replace(found, seen=True))


def move(tx: Transaction, old: str, new: str) -> None:
    """Let the id follow the notebook to its new path."""
    found = at(tx, old)
    if found is None:
        return
    replaced = at(tx, new)
    if replaced is not None:
        tx.delete(f"notebook/{replaced.id}")
    tx.delete(_path_key(old))
    _put(tx, msgspec.structs.replace(found, path=new))


def _put(tx: Transaction, known: Known) -> None:
    tx.put(f"notebook/{known.id}", known.json())
    tx.put(_path_key(known.path), known.id.encode())


def _path_key(path: str) -> str:
    return f"notebookat/{hashlib.sha256(path.encode()).hexdigest()[:24]}"
