"""The pytest plugin: with `--nbval`, notebooks with agents run to their end.

Each notebook gets a store of its own, gone afterwards, and its decisions from `NAME.decisions.json` beside it. Who
decided and when is masked, so a notebook that people decided compares equal. A notebook's cells share a kernel, so
they stay together and in order, whatever xdist or a plugin that shuffles tests would do with them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hitl_nb import settings

WHO_PATTERN = r'(?<=<span class="hitl-who">)[^<]*(?=</span>)'
"""What differs between two runs with the same decisions: who decided, and when."""

NOTE = "application/vnd.hitl-nb.note+json"
"""Marks outputs that say how a cell was run; see `review/static_html.py`."""

_stores = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """One worker for each notebook."""
    if _validates(config) and getattr(config.option, "dist", "no") in ("load", "worksteal"):
        config.option.dist = "loadfile"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cells of one notebook next to one another, in their order."""
    if not _validates(config):
        return
    first: dict[Path, int] = {}
    place = {id(item): first.setdefault(item.path, i) if _is_cell(item) else i for i, item in enumerate(items)}
    items.sort(key=lambda item: (place[id(item)], getattr(item, "cell_num", 0)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """The environment that the notebook's kernel inherits."""
    if not _is_cell(item):
        return (yield)
    item.parent.sanitize_patterns[WHO_PATTERN] = "..."  # type: ignore[union-attr]  # its parent is nbval's file
    _leave_out_notes(item)
    # Without the notebook of `hitl-nb run`, if it is that which runs pytest.
    with settings.change_environment(_environment(item), without=[settings.NOTEBOOK]):
        return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    stores = config.stash.get(_stores, None)
    if stores is not None:
        stores.cleanup()


def _validates(config: pytest.Config) -> bool:
    return bool(config.getoption("nbval", False) or config.getoption("nbval_lax", False))


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__module__ == "nbval.plugin"


def _leave_out_notes(item: Any) -> None:
    """Leave out what a cell says that was run again after its agent had finished: here it runs for the first time."""
    outputs: list[Any] = item.cell.get("outputs", [])
    item.cell["outputs"] = [output for output in outputs if NOTE not in output.get("data", {})]


def _environment(item: pytest.Item) -> dict[str, str]:
    stash = item.config.stash
    if _stores not in stash:
        stash[_stores] = tempfile.TemporaryDirectory(prefix="hitl-nb-", ignore_cleanup_errors=True)
    store = Path(stash[_stores].name).resolve() / hashlib.sha256(bytes(item.path)).hexdigest()[:16]
    return {
        settings.STORE.name: f"diskcache://{store}",
        settings.REVIEWER.name: f"script:{item.path.with_suffix('.decisions.json')}",
        settings.SESSION_NAME.name: str(item.path),
    }
