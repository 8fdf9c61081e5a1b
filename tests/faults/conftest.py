"""What the fault tests share. Their modules import each other by name, here and in the processes they start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_nb.storage.disk.store import DiskStore

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "engine")]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `faults_long`, unless `-m` names it."""
    if "faults_long" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("faults_long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Iterator[DiskStore]:
    store = DiskStore(root)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a signing key of its own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
