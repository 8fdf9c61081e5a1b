"""Where records live: `open_store` finds or makes the store that a URL names."""

from __future__ import annotations

import os
import threading

from hitl_nb.storage.backends import BACKENDS, find_backend, normalize_url
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.storage.urls import default_url

__all__ = ["BACKENDS", "Store", "StoreReader", "Transaction", "open_store"]

_open_stores: dict[str, Store] = {}
_stores_by_spelling: dict[str, Store] = {}
"""The same by the URL as it was given: links in it are followed when it is opened, not each time it is used."""
_open_lock = threading.Lock()


def open_store(url: str | None = None) -> Store:
    """The store at `url`; the same object for the same URL, while it is open.

    Args:
        url: `diskcache:///absolute/path` (taken literally, nothing is decoded), `memory:` or `memory:NAME` (gone with
            the process), or a URL of a backend that another package registers. None stands for the environment's
            `HITL_NB_STORE`, or else the user's own store in Jupyter's data directory.

    Raises:
        TypeError, ValueError: `url` names no store.
        StoreRefused: not a safe place, or a backend that this version does not have.
        StoreBusy, StoreFull, StoreCorrupt, StoreError: it cannot be opened.
    """
    given = default_url() if url is None else url
    known = _stores_by_spelling.get(given) if isinstance(given, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
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
