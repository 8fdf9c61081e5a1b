"""Running one program in every way, and holding the results against the native one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import world
from forks import Forks
from world import Result

IN_NEW_PROCESSES = 8
"""Pauses of one program that are each resumed in a process of their own; further ones share a process."""


def ways(forks: Forks, source: str, directory: Path, name: str) -> bool:
    """Whether the program could be tried; AssertionError if a way of running it differs from the native one."""
    expected = forks(world.native, source)
    if expected.status == "too long":
        return False
    place = Path(tempfile.mkdtemp(dir=_quick(directory)))
    try:
        compare(expected, run_paused(forks, source, f"diskcache://{place}/store", name), "resumed in new processes")
    finally:
        shutil.rmtree(place)
    if expected.pauses:
        alive = forks(world.engine, source, f"memory:{name}", name, rounds=world.MOST_PAUSES + 2, keep=True)
        compare(expected, alive, "resumed with its live objects")
    return True


def run_paused(forks: Forks, source: str, url: str, name: str, **how: object) -> Result:
    """Run to the end, each pause resumed in a process that has never seen the run."""
    journal: list[tuple[str, str]] = []
    for number in range(IN_NEW_PROCESSES + 1):
        last = number == IN_NEW_PROCESSES
        result: Result = forks(world.engine, source, url, name, rounds=world.MOST_PAUSES if last else 1, **how)
        journal += result.journal
        if result.status != "waiting":
            break
    result.journal = journal
    return result


def compare(expected: Result, got: Result, way: str) -> None:
    """AssertionError, with the difference, unless the two are equal."""
    for part in ("status", "journal", "error", "graph", "pauses", "leftovers"):
        differs = difference(getattr(expected, part), getattr(got, part), part)
        assert differs is None, f"{way}: {differs}\n({expected.status}, {expected.error}; {got.status}, {got.error})"


def difference(native: Any, engine: Any, at: str) -> str | None:
    """Where two values first differ, and how."""
    if native == engine:
        return None
    if isinstance(native, dict) and isinstance(engine, dict) and native.keys() == engine.keys():
        return next(d for k in native if (d := difference(native[k], engine[k], f"{at}.{k}")))
    if isinstance(native, (tuple, list)) and type(native) is type(engine) and len(native) == len(engine):
        return next(d for i, n in enumerate(native) if (d := difference(n, engine[i], f"{at}[{i}]")))
    if isinstance(native, dict) and isinstance(engine, dict):
        native, engine = (
            {k: v for k, v in one.items() if k not in other} for one, other in ((native, engine), (engine, native))
        )
    return f"{at} differs\n  native: {native!r}\n  engine: {engine!r}"


def _quick(directory: Path) -> Path:
    """Memory in place of a disk, where the system has it: syncing is not what is tested here."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else directory
