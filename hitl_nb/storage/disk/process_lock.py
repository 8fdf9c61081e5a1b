"""The gate between processes: who writes to a database holds it from BEGIN to COMMIT, and for checkpoints.

SQLite's own busy handler is unfair (a process can wait seconds while another commits thousands of times), and
its WAL can be damaged by a checkpoint that runs beside a writer (SQLite before 3.51.3). A file lock cures both,
and the system lets go of it when its holder dies. Two locks make it fair: whoever wants the gate first takes
the turn, and keeps it until the gate is free, so that one who just let go cannot be first again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from hitl_nb.errors import StoreBusy


class ProcessLock:
    """A fair lock between processes, on the files `path` and `path`.turn, which are created 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread_lock = _open_lock_file(path)
        try:
            self._turn_file = _open_lock_file(path.with_name(path.name + ".turn"))
        except OSError:
            os.close(self._thread_lock)
            raise

    @contextmanager
    def acquire(self, patience: float) -> Generator[None]:
        """Hold the gate. Raises StoreBusy after `patience` seconds."""
        self.lock(patience)
        try:
            yield
        finally:
            self.unlock()

    def lock(self, patience: float) -> None:
        """Take the gate. Raises StoreBusy after `patience` seconds."""
        deadline = time.monotonic() + patience
        self._lock_file(self._turn_file, deadline, patience)
        try:
            self._lock_file(self._thread_lock, deadline, patience)
        finally:
            unlock_descriptor(self._turn_file)

    def try_lock(self) -> bool:
        """Take the gate, if nobody holds it or waits for it."""
        if not lock_descriptor(self._turn_file, blocking=False):
            return False
        try:
            return lock_descriptor(self._thread_lock, blocking=False)
        finally:
            unlock_descriptor(self._turn_file)

    def unlock(self) -> None:
        """Give the gate to whoever is next."""
        unlock_descriptor(self._thread_lock)

    def close(self) -> None:
        """Let go of the files. In a forked child this leaves the parent's hold untouched."""
        os.close(self._thread_lock)
        os.close(self._turn_file)

    def _lock_file(self, descriptor: int, deadline: float, patience: float) -> None:
        pause = 0.0001
        while not lock_descriptor(descriptor, blocking=False):
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    f"the store {self.path.parent} was locked for {patience:g} s by {self._describe_holder()};"
                    " if that process hangs, end it; otherwise try again"
                )
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 0.002)

    def _describe_holder(self) -> str:
        """Who holds the lock, as far as the system tells."""
        inode = f":{os.fstat(self._thread_lock).st_ino}"
        try:
            locks = Path("/proc/locks").read_text().splitlines()
        except OSError:
            locks = []
        for line in locks:
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].endswith(inode):
                return f"process {fields[4]}"
        return "another process"


def _open_lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
