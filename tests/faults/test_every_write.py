"""F1: killed at every single write. F4: the disk refuses to sync.

Both go through `story.py` one system call at a time (`shim.c`): what was acknowledged before must be there after, the
log must be unbroken, and a new process must bring the run to its end, with nothing paid twice.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import broken
import pytest
import shim
import story
from forks import ChildDied

from hitl_nb.errors import HitlError, StoreError


@pytest.fixture(scope="module")
def shimmed_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shim.Shimmed]:
    started = shim.Shimmed(tmp_path_factory.mktemp("shim"))
    yield started
    started.close()


def kill_at_write(shimmed: shim.Shimmed, folder: Path, how: int, at: int, breaks: str = "") -> bool:
    """Whether the story ended before its write number `at`; else it was killed there."""
    folder.mkdir()
    try:
        assert shimmed(broken.child, breaks, shim.play_armed, folder, how, at) == story.RESULT
    except ChildDied:
        return True
    return False


def problems(shimmed: shim.Shimmed, folder: Path) -> list[str]:
    found, result = shimmed(story.go_on, folder)
    return found if result == story.RESULT else [*found, f"the result is {result}"]


STEP = 40
"""The quick test takes each 40th write, and each 40th torn write between them."""


@pytest.mark.parametrize("first", [1, *(pytest.param(n, marks=pytest.mark.faults_long) for n in range(2, STEP + 1))])
def test_killed_at_every_write(shimmed_process: shim.Shimmed, tmp_path: Path, first: int) -> None:
    for at in count(first, STEP):
        for how, place in ((shim.CLEAN, at), (shim.TORN, at + STEP // 2)):
            folder = tmp_path / f"{place}-{'clean' if how == shim.CLEAN else 'torn'}"
            if not kill_at_write(shimmed_process, folder, how, place):
                assert at > 400  # it is a story of some five hundred writes
                return
            assert problems(shimmed_process, folder) == [], folder
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("breaks", "first"), [("in_pieces", 250), ("acknowledged_early", 350)])
def test_control_a_store_that_lies_is_caught(
    shimmed_process: shim.Shimmed, tmp_path: Path, breaks: str, first: int
) -> None:
    for at in range(first, first + 200, 9):
        folder = tmp_path / f"{at}"
        try:
            kill_at_write(shimmed_process, folder, shim.CLEAN, at, breaks)
            if problems(shimmed_process, folder):
                return
        except (HitlError, ValueError):  # so broken that the run cannot go on
            return
    raise AssertionError("killed everywhere, and the check saw nothing")


# F4


@pytest.mark.parametrize(
    "at", [*range(1, 70, 9), *(pytest.param(n, marks=pytest.mark.faults_long) for n in range(1, 70) if n % 9 != 1)]
)
@pytest.mark.parametrize("how", [shim.EIO_ONCE, shim.EIO_EVER])
def test_a_sync_that_fails_anywhere(shimmed_process: shim.Shimmed, tmp_path: Path, how: int, at: int) -> None:
    folder = tmp_path / "story"
    folder.mkdir()
    with contextlib.suppress(StoreError, OSError):  # told, and not hidden
        shimmed_process(shim.play_armed, folder, how, at)
    assert problems(shimmed_process, folder) == []


def test_what_is_not_synced_is_not_acknowledged(shimmed_process: shim.Shimmed, tmp_path: Path) -> None:
    once = shimmed_process(shim.save_armed, tmp_path / "once", shim.EIO_ONCE, 1)
    assert once == [("saved", True), ("failed", False), ("saved", True), ("saved", True), ("saved", True)]
    ever = shimmed_process(
        shim.save_armed, tmp_path / "ever", shim.EIO_EVER, 1
    )  # what failed may be there in the end, or not
    assert [said for said, _ in ever] == ["saved", "failed", "failed", "failed", "failed"]


def test_control_a_store_that_does_not_sync_acknowledges_all_the_same(
    shimmed_process: shim.Shimmed, tmp_path: Path
) -> None:
    said = shimmed_process(broken.child, "not_synced", shim.save_armed, tmp_path, shim.EIO_EVER, 1)
    assert said == [("saved", True)] * 5
