"""The class of stores for each scheme of a URL: the classes of this package, and those that other packages register.

Another package adds a class with an entry point `scheme = "module:Class"` in the group `hitl_nb.storage`. The class
must have the class methods of `StoreBackend`. A scheme of this package cannot be replaced. A class is imported when its
scheme is used.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module
from typing import cast

from hitl_nb.errors import StoreRefused
from hitl_nb.storage.interface import StoreBackend

BACKENDS: Mapping[str, str] = {
    "diskcache": "hitl_nb.storage.disk.store:DiskStore",
    "memory": "hitl_nb.storage.memory:MemoryStore",
}
"""Scheme of a URL -> "module:Class", for the stores of this package."""
ENTRY_POINT_GROUP = "hitl_nb.storage"

_PLANNED = ("postgresql", "postgres")


def list_backends() -> dict[str, str]:
    """Return scheme -> "module:Class" for the stores of this package and of installed packages.

    Raises:
        StoreRefused: Two packages register the same scheme.
    """
    return {**_list_registered(), **BACKENDS}


def find_backend(scheme: str) -> type[StoreBackend]:
    """Return the class of stores for the scheme of a URL.

    Raises:
        KeyError: No backend has this scheme.
        StoreRefused: The class cannot be loaded, or two packages register the same scheme.
    """
    named = BACKENDS.get(scheme) or _list_registered()[scheme]
    try:
        return _load_class(named)
    except (ImportError, AttributeError) as error:
        raise StoreRefused(f"the store's backend {named} for {scheme}: URLs cannot be loaded: {error}") from error


def normalize_url(url: object) -> str:
    """Return the normalized form of a store's URL. All URLs of one store have the same normalized form.

    Raises:
        TypeError: `url` is not a str.
        ValueError: `url` names no store.
        StoreRefused: The backend is not part of this version, or cannot be loaded.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be a str or None, not {type(url).__name__}; {_describe_accepted()}")
    scheme, colon, _ = url.partition(":")
    shown = url if "@" not in url else f"{scheme}:..."
    if not colon:
        raise ValueError(f"url {shown!r} names no store; {_describe_accepted()}")
    try:
        backend = find_backend(scheme)
    except KeyError:
        if scheme in _PLANNED:
            raise StoreRefused(
                f"{scheme}:// stores are not part of this version of hitl_nb; {_describe_accepted()}"
            ) from None
        raise ValueError(
            f"url {shown!r} names no store: no backend has the scheme {scheme!r}, "
            f"those that exist are {', '.join(sorted(list_backends()))}; {_describe_accepted()}"
        ) from None
    normalized = backend.normalize_url(url)
    if normalized is None:
        raise ValueError(f"url {shown!r} names no store; {_describe_accepted()}")
    return normalized


def is_shared(url: str) -> bool:
    """Return whether other processes can open the store of a normalized URL.

    Raises:
        KeyError: No backend has the scheme of `url`.
        StoreRefused: The backend cannot be loaded.
    """
    return find_backend(url.partition(":")[0]).IS_SHARED


def store_exists(url: str) -> bool:
    """Return whether the store of a normalized URL exists. The store is not created.

    Raises:
        KeyError: No backend has the scheme of `url`.
        StoreRefused: The backend cannot be loaded.
    """
    return find_backend(url.partition(":")[0]).exists(url)


def _describe_accepted() -> str:
    forms = [find_backend(scheme).URL_FORMS for scheme in BACKENDS]
    return f"accepted are {', '.join([*forms, *(f'{scheme}:' for scheme in _list_registered())])}"


@functools.cache
def _load_class(named: str) -> type[StoreBackend]:
    module, _, name = named.partition(":")
    return cast("type[StoreBackend]", getattr(import_module(module), name))


@functools.cache
def _list_registered() -> dict[str, str]:
    """Return scheme -> "module:Class" for installed packages.

    Raises:
        StoreRefused: Two packages register the same scheme.
    """
    from importlib.metadata import entry_points

    found: dict[str, str] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if found.setdefault(point.name, point.value) != point.value:
            raise StoreRefused(
                f"two packages register a store's backend for {point.name}: URLs, "
                f"{found[point.name]} and {point.value}; uninstall one of them"
            )
    return {scheme: named for scheme, named in found.items() if scheme not in BACKENDS}
