"""Whoever only loads the extension notices nothing: the same cells in two shells, one of which instruments."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest
from instrument.cell_cases import CASES
from instrument.shells import Shell


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Shell, Shell]]:
    main = sys.modules["__main__"]
    shells = Shell(is_hooked=False), Shell(is_hooked=True)
    sys.modules["__main__"] = main
    gc.freeze()  # IPython collects garbage for each of the notebooks
    yield shells
    gc.unfreeze()
    for shell in shells:
        shell.close()


@pytest.mark.parametrize("name", CASES)
def test_cells_run_as_natively(pair: tuple[Shell, Shell], name: str) -> None:
    native, hooked = (shell.run_all(CASES[name]) for shell in pair)
    for cell, before, after in zip(CASES[name], native, hooked, strict=True):
        assert after == before, cell
    assert not [name for name in hooked[-1].names if "." in name]
