"""Files with a key: only this user can read them, they are durable, and each is created only once by many processes.

Signatures cannot be checked without their key. So the file and its directory entry are on the disk before any caller
gets the content.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

MAX_SECRET_BYTES = 4096
"""Maximum size of a file with a key, in bytes."""


class UnsafeFile(Exception):
    """A file cannot be trusted. The text gives the reason and the remedy."""


def read_or_create_secret(path: Path, make: bytes) -> bytes:
    """Return the content of a file with a key; create the file if it does not exist.

    Args:
        path: Path of the file.
        make: Content for a new file, at most `MAX_SECRET_BYTES` bytes.

    Returns:
        The content, after it is durable. If another process created the file first, the content of that file.

    Raises:
        UnsafeFile: The file is a link, belongs to another user, can be read by others, or was removed meanwhile.
        OSError: The file cannot be read or written.
    """
    found = _read_secret(path)
    if found is None:
        place_file(path, make)
        found = _read_secret(path)
    if found is None:
        raise UnsafeFile(f"{path} was removed while it was made; try again")
    return found


def place_file(path: Path, content: bytes) -> None:
    """Create a file that only this user can read; it is complete and durable when this returns.

    If a file exists at `path`, it is not changed.

    Raises:
        OSError: The file cannot be written.
    """
    _make_folder(path.parent)
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process created the file first
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _read_secret(path: Path) -> bytes | None:
    """Return the content of the file after its directory entry is durable; None if there is no file."""
    content = read_private_file(path, MAX_SECRET_BYTES)
    if content is not None:
        _sync_folder(path.parent)  # the process that created the file may not have synced the folder yet
    return content


def read_private_file(path: Path, largest: int) -> bytes | None:
    """Read a file, and check that only this user can read it.

    Args:
        path: Path of the file.
        largest: Maximum number of bytes to read.

    Returns:
        The first `largest` bytes of the file; None if there is no file.

    Raises:
        UnsafeFile: The path is a link or not a plain file, or the file belongs to another user, or others can read it.
        OSError: The file cannot be read.
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
    """Create the folder and its missing parents, durably."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(0o700, parents=True, exist_ok=True)
    for made in missing:
        _sync_folder(made.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot sync directories
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
