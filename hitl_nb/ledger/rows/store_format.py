"""The store's mark: its format, and the id that what is signed is bound to.

A new store has the oldest format that can hold what is in it. So a store without review policies is open to the
versions of hitl_nb that do not know them, and one with them is refused by those: they would ignore who has to decide.
"""

from __future__ import annotations

from hitl_nb.errors import StoreRefused
from hitl_nb.ledger.rows.layout import decode_record
from hitl_nb.records import FORMAT, Record, new_id
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

PLAIN, WITH_TERMS = 1, 2
"""Formats: of a store without review policies, and of one with proposals that have terms."""

_MARK_KEY = "meta/format"


class _FormatMark(Record, frozen=True):
    format: int
    store_id: str


def store_id(store: Store) -> str:
    """The id of this store, which is marked with one if it is new. Raises StoreRefused for a newer format."""
    mark = _read_mark(store) or _ensure_mark(store)
    if mark.format > FORMAT:
        raise StoreRefused(
            f"the store {store.url} has format {mark.format}, and this hitl_nb knows formats up to {FORMAT}: "
            "update hitl_nb, or set HITL_NB_STORE to another store"
        )
    return mark.store_id


def mark_terms(transaction: Transaction) -> None:
    """What is written now has terms: from now on, a hitl_nb that does not know them refuses the store."""
    mark = _read_mark(transaction)
    if mark is not None and mark.format < WITH_TERMS:
        transaction.put(_MARK_KEY, _FormatMark(format=WITH_TERMS, store_id=mark.store_id).json())


def has_terms(reads: StoreReader) -> bool:
    """Whether anything in the store was ever asked or decided under terms."""
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
