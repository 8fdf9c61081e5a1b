"""Stores are found by the scheme of their URL, in this package and in others."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hitl_nb.errors import StoreRefused
from hitl_nb.storage import BACKENDS, backends, open_store
from hitl_nb.storage.interface import StoreBackend

SHELF = """
from hitl_nb.storage.memory import MemoryStore

class ShelfStore(MemoryStore):
    URL_FORMS = "shelf:NAME"

    @classmethod
    def normalize_url(cls, url):
        return url.lower() if url.removeprefix("shelf:") else None

    @classmethod
    def temporary_url(cls, folder):
        return f"shelf:{folder.name.lower()}"
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package on the path whose metadata registers backends."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(package: str, **entries: str) -> None:
        (tmp_path / f"{package}.py").write_text(SHELF)
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{scheme} = {named}\n" for scheme, named in entries.items())
        (metadata / "entry_points.txt").write_text(f"[{backends.ENTRY_POINT_GROUP}]\n{lines}")
        backends._list_registered.cache_clear()

    yield install
    backends._list_registered.cache_clear()


@pytest.mark.parametrize("scheme", sorted(BACKENDS))
def test_a_backend_has_the_whole_contract(scheme: str, tmp_path: Path) -> None:
    backend = backends.find_backend(scheme)
    assert f"{backend.__module__}:{backend.__name__}" == BACKENDS[scheme]
    assert isinstance(backend.URL_FORMS, str)
    assert isinstance(backend.IS_SHARED, bool)
    methods = [name for name, _ in inspect.getmembers(StoreBackend, inspect.isfunction) if not name.startswith("_")]
    bound = [name for name, _ in inspect.getmembers(backend, inspect.ismethod)]
    assert set(methods) <= set(bound)
    url = backend.temporary_url(tmp_path)
    assert backend.normalize_url(url) == url
    assert not backends.store_exists(url)
    store = open_store(url)
    assert type(store) is backend
    assert backends.store_exists(url) is backend.IS_SHARED
    store.close()


def test_a_backend_is_imported_only_when_a_url_names_it() -> None:
    script = (
        "import sys; from hitl_nb.storage import open_store; open_store('memory:x'); "
        "sys.exit('hitl_nb.storage.disk.store' in sys.modules or 'importlib.metadata' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_another_package_registers_a_backend(install: Install) -> None:
    install("shelves", shelf="shelves:ShelfStore")
    assert backends.list_backends()["shelf"] == "shelves:ShelfStore"
    store = open_store("shelf:Top")
    assert (store.url, type(store).__name__) == ("shelf:top", "ShelfStore")
    store.transact(lambda tx: tx.put("k", b"1"))
    assert open_store("shelf:top").get("k") == b"1"
    store.close()
    with pytest.raises(ValueError, match=r"'shelf:' names no store; accepted are .*memory:NAME, shelf:$"):
        open_store("shelf:")


def test_a_scheme_that_nobody_has_is_refused_with_those_that_exist(install: Install) -> None:
    with pytest.raises(ValueError, match=r"no backend has the scheme 'shelf', those that exist are diskcache, memory;"):
        open_store("shelf:top")
    install("shelves", shelf="shelves:ShelfStore")
    with pytest.raises(ValueError, match=r"those that exist are diskcache, memory, shelf; accepted are"):
        open_store("sqlite:///x")


def test_a_backend_that_cannot_be_imported_says_so(install: Install) -> None:
    install("broken", shelf="broken.missing:ShelfStore", rack="broken:NoSuchStore")
    for scheme in ("shelf", "rack"):
        with pytest.raises(StoreRefused, match=f"for {scheme}: URLs cannot be loaded"):
            open_store(f"{scheme}:x")


def test_another_package_replaces_no_backend_of_this_one(install: Install, tmp_path: Path) -> None:
    install("shelves", diskcache="shelves:ShelfStore", postgresql="shelves:ShelfStore")
    store = open_store(f"diskcache://{tmp_path}/store")
    assert f"{type(store).__module__}:{type(store).__name__}" == BACKENDS["diskcache"]
    store.close()
    assert type(open_store("postgresql://host/name")).__name__ == "ShelfStore"


def test_two_packages_with_one_scheme_are_refused(install: Install) -> None:
    install("shelves", shelf="shelves:ShelfStore")
    install("racks", shelf="racks:ShelfStore")
    with pytest.raises(StoreRefused, match="two packages register a store's backend for shelf: URLs"):
        open_store("shelf:top")
