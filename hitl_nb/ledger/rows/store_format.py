"""The record `meta/format` of a store: the number of its format, and its id, which signatures contain.

A store has the oldest format that can hold its content. So versions of hitl_nb without review policies can still open a
store in which no policy was used. They refuse a store in which one was used, because they would ignore the required
reviewers.
"""

from __future__ import annotations

from hitl_nb.errors import StoreRefused
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.records import FORMAT, Record, new_id
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

PLAIN, WITH_TERMS = 1, 2
"""Format of a store without review policies, and format of a store with proposals that have terms (review rules)."""

_MARK_KEY = "meta/format"


class _FormatMark(Record, frozen=True):
    format: int
    store_id: str


def store_id(store: Store) -> str:
    """Return the permanent id of a store. A new store gets a format and a random id first.

    Raises:
        StoreRefused: The format of the store is newer than this version of hitl_nb.
    """
    mark = _read_mark(store) or _ensure_mark(store)
    if mark.format > FORMAT:
        raise StoreRefused(
            f"the store {store.url} has format {mark.format}, and this hitl_nb knows formats up to {FORMAT}: "
            "update hitl_nb, or set HITL_NB_STORE to another store"
        )
    return mark.store_id


def mark_terms(transaction: Transaction) -> None:
    """Raise the format of the store to the one for proposals with terms (review rules), if it is lower.

    From now on, versions of hitl_nb without review policies refuse the store.
    """
    mark = _read_mark(transaction)
    if mark is not None and mark.format < WITH_TERMS:
        transaction.put(_MARK_KEY, _FormatMark(format=WITH_TERMS, store_id=mark.store_id).json())


def has_terms(reads: StoreReader) -> bool:
    """Return whether any proposal of the store was ever asked or decided under terms (review rules)."""
    mark = _read_mark(reads)
    return mark is not None and mark.format >= WITH_TERMS


def _ensure_mark(store: Store) -> _FormatMark:
    fresh = _FormatMark(format=PLAIN, store_id=new_id())

    def work(transaction: Transaction) -> _FormatMark:
        mark = _read_mark(transaction)
        if mark is None:
            mark = fresh
            transaction.put(_MARK_KEY, mark.json())
        return mark

    return store.transact(work)


def _read_mark(reads: StoreReader) -> _FormatMark | None:
    raw = reads.get(_MARK_KEY)
    return None if raw is None else decode_record(raw, _FormatMark, _MARK_KEY)


prepare_structs(globals())
