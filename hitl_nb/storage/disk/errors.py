"""Convert errors of SQLite and of the operating system to StoreError."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hitl_nb.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull

_DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def store_errors(directory: Path) -> Generator[None]:
    """Convert the errors of SQLite and of the operating system to StoreError, inside a `with` block.

    Args:
        directory: Directory of the database, for the message.

    Raises:
        StoreError: One of `FOREIGN_ERRORS` was raised in the block.
    """
    try:
        yield
    except FOREIGN_ERRORS as error:
        raise to_store_error(error, directory) from error


FOREIGN_ERRORS = (sqlite3.Error, UnicodeDecodeError, OSError)
"""Exceptions that SQLite and the operating system raise."""


def to_store_error(error: sqlite3.Error | UnicodeDecodeError | OSError, directory: Path) -> StoreError:
    """Return a StoreError that explains an error of SQLite or of the operating system.

    Args:
        error: One of `FOREIGN_ERRORS`.
        directory: Directory of the database, for the message.
    """
    if isinstance(error, sqlite3.Error):
        return explain_sqlite_error(error, directory)
    if isinstance(error, UnicodeDecodeError):  # SQLite's message about the damage was not valid text
        return StoreCorrupt(f"the database in {directory} is damaged; restore it from a backup")
    kind = StoreFull if error.errno in _DISK_FULL_ERRNOS else StoreError
    return kind(f"the store {directory} cannot be used: {error.strerror}")


def explain_sqlite_error(error: sqlite3.Error, directory: Path) -> StoreError:
    """Return a StoreError that explains an error of SQLite and says what to do."""
    code = sqlite_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"another program holds the database in {directory}; close it, or try again")
    if code == sqlite3.SQLITE_TOOBIG:
        return StoreCorrupt(f"a record in {directory} is larger than any that hitl_nb writes, so it was not read")
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_disk_full(directory)):
        return StoreFull(f"no room left for the store {directory}; nothing was half-saved; make room and try again")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreCorrupt(f"the database in {directory} is damaged ({error}); restore it from a backup")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"reading or writing {directory} failed ({error}); check what was saved, then try again")
    return StoreError(f"the store {directory} cannot be used: {error}")


def sqlite_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code (without the extended bits)."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _is_disk_full(directory: Path) -> bool:
    """Return whether the next block of the write-ahead log cannot be written either.

    SQLite reports an exceeded quota, or a file that is too large, as an ordinary I/O error. A test write shows the
    reason.
    """
    probe = directory / "room.probe"
    try:
        end = max((file.stat().st_size for file in directory.glob("cache.db*")), default=0)
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            return os.pwrite(fd, bytes(1 << 16), end) < 1 << 16
        finally:
            os.close(fd)
            probe.unlink()
    except OSError as error:
        return error.errno in _DISK_FULL_ERRNOS
