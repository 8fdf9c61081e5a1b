"""Where records live: `open_store` finds or makes the store that a URL names."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from hitl_nb.storage.interface import Reads, Store, Transaction

if TYPE_CHECKING:
    from hitl_nb.storage.disk.store import DiskStore
    from hitl_nb.storage.memory import MemoryStore

__all__ = ["Reads", "Store", "Transaction", "open_store"]

_open: dict[str, DiskStore | MemoryStore] = {}
_spelled: dict[str, DiskStore | MemoryStore] = {}
"""The same by the URL as it was given: links in it are followed when it is opened, not each time it is used."""
_opening = threading.Lock()


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
    known = _spelled.get(given) if isinstance(given, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if known is not None and not known.closed:
        return known
    url = places.normalise(given)
    with _opening:
        store = _open.get(url)
        if store is None or store.closed:
            _spelled.clear()
            store = _open[url] = _new(url)
        _spelled[given] = store
        return store


def _new(url: str) -> DiskStore | MemoryStore:
    if url.startswith("memory:"):
        from hitl_nb.storage.memory import MemoryStore

        return MemoryStore(url)
    from hitl_nb.storage import urls as places
    from hitl_nb.storage.disk import store as disk

    return disk.DiskStore(places.directory_of(url))


def _forget_after_fork() -> None:
    global _opening
    _open.clear()
    _spelled.clear()
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
