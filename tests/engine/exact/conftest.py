"""Fixtures of the tests of instrumented code that is saved and continued."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest
from forks import Forks


@pytest.fixture(scope="session")
def exact_forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """New processes that have the engine imported, and know nothing of one another."""
    started = Forks(tmp_path_factory.mktemp("jupyter"), "exact.checks")
    yield started
    started.close()


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    """What a module's programs leave ends with it, not within a test of another module."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
    gc.collect()
