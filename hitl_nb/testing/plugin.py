"""The pytest plugin: with `--nbval`, notebooks with agents are executed to their end.

Each notebook gets a temporary store, and its decisions come from `NAME.decisions.json` in the same folder. The names of
the people who decided, and the times, are masked. So a notebook whose decisions people made compares equal. A
notebook's cells share a kernel, so they stay together and in order, even with xdist or a plugin that shuffles tests.
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
"""Matches the parts of an output that differ between two runs with the same decisions: the person's name, and the time.
"""

NOTE = "application/vnd.hitl-nb.note+json"
"""MIME type of notes about how a cell was executed; see `review/static_html.py`."""

_stores = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make xdist run all cells of a notebook in one worker."""
    if _validates(config) and getattr(config.option, "dist", "no") in ("load", "worksteal"):
        config.option.dist = "loadfile"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the cells of one notebook together and in order."""
    if not _validates(config):
        return
    first: dict[Path, int] = {}
    place = {id(item): first.setdefault(item.path, i) if _is_cell(item) else i for i, item in enumerate(items)}
    items.sort(key=lambda item: (place[id(item)], getattr(item, "cell_num", 0)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run a cell, with environment variables for the notebook's kernel: a temporary store and the decisions file."""
    if not _is_cell(item):
        return (yield)
    item.parent.sanitize_patterns[WHO_PATTERN] = "..."  # type: ignore[union-attr]  # its parent is nbval's file
    _leave_out_notes(item)
    # The notebook is set if `hitl-nb run` runs pytest.
    with settings.change_environment(_environment(item), without=[settings.NOTEBOOK]):
        return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the temporary stores."""
    stores = config.stash.get(_stores, None)
    if stores is not None:
        stores.cleanup()


def _validates(config: pytest.Config) -> bool:
    return bool(config.getoption("nbval", False) or config.getoption("nbval_lax", False))


def _is_cell(item: pytest.Item) -> bool:
    return type(item).__module__ == "nbval.plugin"


def _leave_out_notes(item: Any) -> None:
    """Remove notes that the agent had already finished from the recorded outputs.

    In the test, the cell runs for the first time.
    """
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
