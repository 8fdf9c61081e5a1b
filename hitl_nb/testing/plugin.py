"""The pytest plugin: with the option `--nbval`, notebooks with agents are executed to their end without people.

nbval executes each cell of a notebook as a test and compares the output with the saved output. Each notebook gets a
temporary store. For a notebook `NAME.ipynb`, the decisions are read from `NAME.decisions.json` in the same folder.
Before outputs are compared, the names of reviewers and the times of decisions are masked. So an output that was saved
when people decided is equal to the output of the test. The cells of a notebook share a kernel, so they are executed
together and in order, even with pytest-xdist or a plugin that shuffles tests.
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
"""Regular expression for the parts of an output that differ between two runs with the same decisions.

These parts are the name of the person who decided, and the time.
"""

NOTE = "application/vnd.hitl-nb.note+json"
"""MIME type of outputs that say how a cell was executed, such as that its agent had already finished."""

_stores = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make pytest-xdist run all cells of a notebook in the same worker process."""
    if _validates(config) and getattr(config.option, "dist", "no") in ("load", "worksteal"):
        config.option.dist = "loadfile"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests so that the cells of each notebook are executed together and in the notebook's order."""
    if not _validates(config):
        return
    first: dict[Path, int] = {}
    place = {id(item): first.setdefault(item.path, i) if _is_cell(item) else i for i, item in enumerate(items)}
    items.sort(key=lambda item: (place[id(item)], getattr(item, "cell_num", 0)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run the test of a cell; tests that are not cells run unchanged.

    The environment variables that the notebook's kernel inherits name a temporary store and the decisions file.
    """
    if not _is_cell(item):
        return (yield)
    item.parent.sanitize_patterns[WHO_PATTERN] = "..."  # type: ignore[union-attr]  # its parent is nbval's file
    _leave_out_notes(item)
    # `without` removes the variable that `hitl-nb run` sets: pytest may have been started by that command.
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
    """Remove the notes about how the cell was executed from the saved outputs of the cell.

    A saved note can say, for example, that the agent had already finished. In the test, the cell is executed for the
    first time, so this note would not appear.
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
