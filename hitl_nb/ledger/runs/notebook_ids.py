"""Ids of notebooks. A notebook has its id in its metadata, so that its runs are found after the file was moved.

The store has the path of each id, and the id of each path. `KnownNotebook.seen` is True once the file at that path was
read and had this id in it. Only then does another id in the file mean that another notebook has replaced it. Before
that, the file may simply not have got its id yet. The audit log has the digest of each of these records, because they
determine to which file a run and its decisions belong.
"""

from __future__ import annotations

import hashlib

import msgspec

from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import REMOVED, Digests
from hitl_nb.records import Record, new_id
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

SUFFIX = ".ipynb"


class KnownNotebook(Record, frozen=True):
    """A notebook that has or had runs.

    Attributes:
        id: Id of the notebook.
        path: Path at which the notebook was last known.
        seen: Whether the file at `path` was ever read and had this id in its metadata.
    """

    id: str
    path: str
    seen: bool = False


def find_by_id(reads: StoreReader, notebook_id: str) -> KnownNotebook | None:
    """Return the notebook with this id; None if it is not known."""
    key = f"notebook/{notebook_id}"
    raw = reads.get(key) if layout.is_id(notebook_id) else None
    return None if raw is None else rows.decode_record(raw, KnownNotebook, key)


def find_at_path(reads: StoreReader, path: str) -> KnownNotebook | None:
    """Return the notebook at this path; None if it is not known."""
    key = path_key(path)
    raw = reads.get(key)
    found = None if raw is None else find_by_id(reads, layout.decode_index_id(key, raw))
    return found if found is not None and found.path == path else None


def ensure_notebook_id(transaction: Transaction, path: str, wanted: str = "") -> tuple[str, Digests]:
    """Return the id of the notebook at a path. If the store has none for this path, store one.

    Args:
        transaction: The transaction to write in.
        path: Path of the notebook.
        wanted: Id to store if the path has none yet, unless another notebook has this id. Default: a new random id.

    Returns:
        The id, and the digests of the written records by their keys, for the caller's event. The id is "" if `path`
        does not end with `.ipynb`.
    """
    if not path.endswith(SUFFIX):
        return "", {}
    found = find_at_path(transaction, path)
    if found is not None:
        return found.id, {}
    free = layout.is_id(wanted) and find_by_id(transaction, wanted) is None
    made = KnownNotebook(id=wanted if free else new_id(), path=path, seen=free)
    return made.id, _put_notebook(transaction, made)


def mark_id_seen(transaction: Transaction, notebook_id: str) -> Digests:
    """Record that a notebook's file has this id in its metadata.

    Returns:
        Digest of the written record by its key, for the caller's event. Empty if nothing was written, because this was
        known or the id is unknown.
    """
    found = find_by_id(transaction, notebook_id)
    return {} if found is None or found.seen else _put_notebook(transaction, msgspec.structs.replace(found, seen=True))


def move_notebook_id(transaction: Transaction, old: str, new: str) -> Digests:
    """Record that the notebook at the path `old` is now at the path `new`.

    If the store has another notebook at `new`, that notebook's record is removed.

    Returns:
        Digests of the changed records by their keys, for the caller's event. Empty if no notebook is known at `old`.
    """
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
    """Return the key of the index entry for the notebook at a path."""
    return f"notebookat/{hashlib.sha256(path.encode()).hexdigest()[:24]}"


prepare_structs(globals())
