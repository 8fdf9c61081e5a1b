"""Ids of notebooks: a notebook carries its id in its metadata, so that its runs are found after it was moved.

The store keeps the path of each id, and the id of each path. `seen` says whether the file at that path was read with
this id in it: only then does another id in the file mean that another notebook took its place. The audit log has the
digest of each of these records: they decide to which file a run, and so a person's decision, belongs.
"""

from __future__ import annotations

import hashlib

import msgspec

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import REMOVED, Digests
from hitl_nb.records import Record, new_id
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

SUFFIX = ".ipynb"


class KnownNotebook(Record, frozen=True):
    """A notebook that has runs, or had some."""

    id: str
    path: str
    seen: bool = False


def find_by_id(reads: StoreReader, notebook_id: str) -> KnownNotebook | None:
    """The notebook with this id."""
    key = f"notebook/{notebook_id}"
    raw = reads.get(key) if rows.is_id(notebook_id) else None
    return None if raw is None else rows.decode_record(raw, KnownNotebook, key)


def find_at_path(reads: StoreReader, path: str) -> KnownNotebook | None:
    """The notebook at this path."""
    key = path_key(path)
    raw = reads.get(key)
    found = None if raw is None else find_by_id(reads, rows.decode_index_id(key, raw))
    return found if found is not None and found.path == path else None


def ensure_notebook_id(transaction: Transaction, path: str, wanted: str = "") -> tuple[str, Digests]:
    """The id of the notebook at `path`: the one that it has, else `wanted` if that is free, else a new one.

    "" for a path that is no notebook's. The digests are for the caller's event.
    """
    if not path.endswith(SUFFIX):
        return "", {}
    found = find_at_path(transaction, path)
    if found is not None:
        return found.id, {}
    free = rows.is_id(wanted) and find_by_id(transaction, wanted) is None
    made = KnownNotebook(id=wanted if free else new_id(), path=path, seen=free)
    return made.id, _put_notebook(transaction, made)


def mark_id_seen(transaction: Transaction, notebook_id: str) -> Digests:
    """Remember that the notebook's file has this id; the digest of that, if it is news, for the caller's event."""
    found = find_by_id(transaction, notebook_id)
    return {} if found is None or found.seen else _put_notebook(transaction, msgspec.structs.replace(found, seen=True))


def move_notebook_id(transaction: Transaction, old: str, new: str) -> Digests:
    """Let the id follow the notebook to its new path; the digests of that, for the caller's event."""
    found = find_at_path(transaction, old)
    if found is None:
        return {}
    records: Digests = {}
    replaced = find_at_path(transaction, new)
    if replaced is not None:
        key = f"notebook/{replaced.id}"
        transaction.delete(key)
        records[key] = REMOVED
    transaction.delete(path_key(old))
    return records | _put_notebook(transaction, msgspec.structs.replace(found, path=new))


def _put_notebook(transaction: Transaction, known: KnownNotebook) -> Digests:
    transaction.put(path_key(known.path), known.id.encode())
    return rows.put_record(transaction, f"notebook/{known.id}", known)


def path_key(path: str) -> str:
    """The key of the id of the notebook at a path."""
    return f"notebookat/{hashlib.sha256(path.encode()).hexdigest()[:24]}"


prepare_structs(globals())
