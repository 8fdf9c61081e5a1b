"""Files that hold a key: readable by this user alone, made once however many processes need one, and durable.

What is signed with a key is worth nothing without it. So the file and its directory entry are on the disk before
anybody is given what it holds.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

MAX_SECRET_BYTES = 4096
"""Most bytes of such a file."""


class UnsafeFile(Exception):
    """The file cannot be trusted; the text says why, and what to do."""


def read_or_create_secret(path: Path, make: bytes) -> bytes:
    """What the file holds; `make`, if there was none. Raises UnsafeFile, OSError."""
    found = _read_secret(path)
    if found is None:
        place_file(path, make)
        found = _read_secret(path)
    if found is None:
        raise UnsafeFile(f"{path} was removed while it was made; try again")
    return found


def place_file(path: Path, content: bytes) -> None:
    """Put a file there that only this user can read, whole and durable; if there is one, it stays. Raises OSError."""
    _make_folder(path.parent)
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first, so that there is one
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _read_secret(path: Path) -> bytes | None:
    """What the file holds, once its directory entry is durable; None if there is none. Raises UnsafeFile, OSError."""
    content = read_private_file(path, MAX_SECRET_BYTES)
    if content is not None:
        _sync_folder(path.parent)  # the process that made it may not have done that yet
    return content


def read_private_file(path: Path, largest: int) -> bytes | None:
    """At most `largest` bytes of a file that only this user can read; None if there is none.

    Raises UnsafeFile for a link, another user's file, or one that others can read; OSError.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise UnsafeFile(f"{path} is a link; put the file itself there") from error
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeFile(f"{path} is not a plain file; move it away")
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o077):
            raise UnsafeFile(f"{path} must belong to you and be readable by nobody else: chmod 600 {path}")
        return os.read(fd, largest)
    finally:
        os.close(fd)


def _make_folder(folder: Path) -> None:
    """Make the folder, and those above it, durably."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(0o700, parents=True, exist_ok=True)
    for made in missing:
        _sync_folder(made.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # directories cannot be synced there
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
