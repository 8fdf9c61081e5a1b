"""F1 while a store is made: after a kill at any write `doctor` finds nothing wrong, and the store can be used."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import creation
import pytest
import shim
from forks import ChildDied


@pytest.fixture(scope="module")
def shimmed_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shim.Shimmed]:
    started = shim.Shimmed(tmp_path_factory.mktemp("shim"))
    yield started
    started.close()


STEP = 16
"""The quick test takes each 16th write."""


@pytest.mark.parametrize("how", [shim.CLEAN, shim.TORN], ids=["clean", "torn"])
@pytest.mark.parametrize("first", [1, *(pytest.param(n, marks=pytest.mark.faults_long) for n in range(2, STEP + 1))])
def test_killed_while_it_was_made(shimmed_process: shim.Shimmed, tmp_path: Path, first: int, how: int) -> None:
    for at in count(first, STEP):
        folder = tmp_path / str(at)
        folder.mkdir()
        with contextlib.suppress(ChildDied):
            assert shimmed_process(creation.create, folder, how, at) == "made"
            assert at > 150  # there were no more writes
            return
        assert shimmed_process(creation.examine_store, folder) == [], at
        shutil.rmtree(folder)
