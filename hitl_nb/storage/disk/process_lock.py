"""A lock between processes. A process that writes holds it from BEGIN to COMMIT, and for checkpoints.

SQLite's own busy handler is unfair: a process can wait seconds while another commits thousands of times. And a
checkpoint that runs at the same time as a write can damage SQLite's WAL (before SQLite 3.51.3). A file lock prevents
both. The operating system releases the lock when the process that holds it dies.

Two file locks make it fair. A process that wants the lock first acquires the *turn* (the second file lock), and keeps
the turn until it has the lock. So a process that has just released the lock cannot be the next one to acquire it.
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
    """A fair lock between processes, on the files `path` and `path`.turn.

    Args:
        path: Path of the lock file. Both files are created with mode 0600.
    """

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
        """Hold the lock inside a `with` block.

        Args:
            patience: Maximum number of seconds to wait for the lock.

        Raises:
            StoreBusy: Another process held the lock for all that time.
        """
        self.lock(patience)
        try:
            yield
        finally:
            self.unlock()

    def lock(self, patience: float) -> None:
        """Acquire the lock.

        Args:
            patience: Maximum number of seconds to wait for the lock.

        Raises:
            StoreBusy: Another process held the lock for all that time.
        """
        deadline = time.monotonic() + patience
        self._lock_file(self._turn_file, deadline, patience)
        try:
            self._lock_file(self._thread_lock, deadline, patience)
        finally:
            unlock_descriptor(self._turn_file)

    def try_lock(self) -> bool:
        """Acquire the lock if no process holds it or waits for it.

        Returns:
            True if the lock was acquired.
        """
        if not lock_descriptor(self._turn_file, blocking=False):
            return False
        try:
            return lock_descriptor(self._thread_lock, blocking=False)
        finally:
            unlock_descriptor(self._turn_file)

    def unlock(self) -> None:
        """Release the lock, so that the next process can acquire it."""
        unlock_descriptor(self._thread_lock)

    def close(self) -> None:
        """Close the lock files. A forked child that calls this does not release the parent's lock."""
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
        """Return text for messages: "process" and the id of the process that holds the lock, or "another process"."""
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
