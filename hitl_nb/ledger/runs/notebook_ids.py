"""Ids of notebooks: a notebook has its id in its metadata, so that its runs are found after it was moved.

The store keeps the path of each id, and the id of each path. `seen` tells whether the file at that path was ever read
with this id in it. Only then does another id in the file mean that another notebook has replaced it. The audit log has
the digest of each of these records, because they determine to which file a run and its decisions belong.
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
        path: Path of the notebook.
        seen: Whether the file at `path` was read with this id in it.
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
    """Return the id of the notebook at a path; record one if it has none.

    Args:
        transaction: The transaction to write in.
        path: Path of the notebook.
        wanted: Id to use if the notebook has none and no other notebook has this id. Default: a new id.

    Returns:
        The id, and digests for the caller's event. The id is "" if `path` is not the path of a notebook.
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
    """Record that the notebook's file has this id; return the digest for the caller's event, if this is new."""
    found = find_by_id(transaction, notebook_id)
    return {} if found is None or found.seen else _put_notebook(transaction, msgspec.structs.replace(found, seen=True))


def move_notebook_id(transaction: Transaction, old: str, new: str) -> Digests:
    """Move a notebook's id from the path `old` to the path `new`; return the digests for the caller's event."""
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
