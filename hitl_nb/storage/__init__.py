"""Where records live: `open_store` finds or makes the store that a URL names."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from hitl_nb.storage.interface import Store, StoreReader, Transaction

if TYPE_CHECKING:
    from hitl_nb.storage.disk.store import DiskStore
    from hitl_nb.storage.memory import MemoryStore

__all__ = ["Store", "StoreReader", "Transaction", "open_store"]

_open_stores: dict[str, DiskStore | MemoryStore] = {}
_stores_by_spelling: dict[str, DiskStore | MemoryStore] = {}
"""The same by the URL as it was given: links in it are followed when it is opened, not each time it is used."""
_open_lock = threading.Lock()


def open_store(url: str | None = None) -> Store:
    """The store at `url`; the same object for the same URL, while it is open.

    Args:
        url: `diskcache:///absolute/path` (taken literally, nothing is decoded), `memory:` or `memory:NAME` (gone with
            the process). None stands for the environment's `HITL_NB_STORE`, or else the user's own store in Jupyter's
            data directory.

    Raises:
        TypeError, ValueError: `url` names no store.
        StoreRefused: not a safe place, or a backend that this version does not have.
        StoreBusy, StoreFull, StoreCorrupt, StoreError: it cannot be opened.
    """
    from hitl_nb.storage import urls as places

    given = places.default_url() if url is None else url
    known = _stores_by_spelling.get(given) if isinstance(given, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if known is not None and not known.closed:
        return known
    url = places.normalize_url(given)
    with _open_lock:
        store = _open_stores.get(url)
        if store is None or store.closed:
            _stores_by_spelling.clear()
            store = _open_stores[url] = _create_store(url)
        _stores_by_spelling[given] = store
        return store


def _create_store(url: str) -> DiskStore | MemoryStore:
    if url.startswith("memory:"):
        from hitl_nb.storage.memory import MemoryStore

        return MemoryStore(url)
    from hitl_nb.storage import urls as places
    from hitl_nb.storage.disk import store as disk

    return disk.DiskStore(places.store_directory(url))


def _forget_after_fork() -> None:
    global _open_lock
    _open_stores.clear()
    _stores_by_spelling.clear()
    _open_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
