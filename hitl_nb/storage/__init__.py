"""Stores of records. `open_store` opens or creates the store of a URL."""

from __future__ import annotations

import os
import threading

from hitl_nb.storage.backends import BACKENDS, find_backend, normalize_url
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.storage.urls import default_url

__all__ = ["BACKENDS", "Store", "StoreReader", "Transaction", "open_store"]

_open_stores: dict[str, Store] = {}
_stores_by_spelling: dict[str, Store] = {}
"""Open stores by the URL as the caller wrote it. Symbolic links in a URL are resolved when the store is opened, not
later."""
_open_lock = threading.Lock()


def open_store(url: str | None = None) -> Store:
    """Open the store at `url`, or return the object that is already open for this URL.

    Args:
        url: One of: `diskcache:///absolute/path` (the path is used literally, without percent escapes); `memory:` or
            `memory:NAME` (lost when the process ends); a URL of a backend that another package registers. None
            (default): the environment variable `HITL_NB_STORE`. If that is not set, the user's own store in Jupyter's
            data directory.

    Returns:
        The open store. The same URL gives the same object until the store is closed.

    Raises:
        TypeError, ValueError: `url` names no store.
        StoreRefused: The directory is not safe (see the message), or this version does not have the backend.
        StoreBusy, StoreFull, StoreCorrupt, StoreError: The store cannot be opened.
    """
    given = default_url() if url is None else url
    known = _stores_by_spelling.get(given) if isinstance(given, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
    if known is not None and not known.closed:
        return known
    url = normalize_url(given)
    with _open_lock:
        store = _open_stores.get(url)
        if store is None or store.closed:
            _stores_by_spelling.clear()
            store = _open_stores[url] = find_backend(url.partition(":")[0]).open(url)
        _stores_by_spelling[given] = store
        return store


def _forget_after_fork() -> None:
    global _open_lock
    _open_stores.clear()
    _stores_by_spelling.clear()
    _open_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
