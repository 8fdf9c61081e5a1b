"""URLs and directories of stores on the local disk. A store's directory must be local and belong to this user only."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from hitl_nb.errors import StoreError, StoreRefused
from hitl_nb.settings import STORE

MOUNTINFO = Path("/proc/self/mountinfo")

NETWORK_FILE_SYSTEMS = (
    *("nfs*", "cifs", "smb*", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs"),
    *("fuse.sshfs", "fuse.ceph*", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs"),
)
"""File systems on which SQLite's WAL loses data, because it needs memory that is shared within one machine."""

_SIDE_FILES = ("-wal", "-shm", "-journal")


def default_url() -> str:
    """Return the store's URL from `HITL_NB_STORE`.

    If that is not set, return the URL of a store in Jupyter's data directory.
    """
    from jupyter_core.paths import jupyter_data_dir

    return STORE.read() or f"diskcache://{Path(jupyter_data_dir()).absolute() / 'hitl_nb' / 'store'}"


def normalize_disk_url(url: str) -> str | None:
    """Return a diskcache URL with symbolic links resolved and without a trailing slash.

    The path is used literally; percent escapes are not decoded.

    Returns:
        The normalized URL; None if `url` has no absolute path.
    """
    rest = url.removeprefix("diskcache:")
    if not rest.startswith("///") or not rest.strip("/"):
        return None
    path = rest[3:] if os.name == "nt" else rest[2:]
    return f"diskcache://{os.path.realpath(path if os.name == 'nt' else '/' + path.lstrip('/'))}"


def store_directory(url: str) -> Path:
    """Return the directory of a normalized diskcache URL."""
    return Path(url.removeprefix("diskcache://"))


def prepare_store_directory(directory: Path) -> None:
    """Check the directory of a store; create it with mode 0700 if it is missing.

    Raises:
        StoreRefused: The directory is on a network file system, is a link, belongs to another user, or is writable by
            other users.
        StoreError: The directory cannot be created.
    """
    _refuse_network(directory)
    _make_directory(directory)
    if os.name == "posix" and _require_owned(directory).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreRefused(
            f"the store directory {directory} is writable by other users; `chmod 700 {directory}`, or choose another"
        )


def prepare_database_directory(directory: Path, database: str) -> None:
    """Create the directory (mode 0700) and the file (mode 0600) of a database, so that no other user can read them.

    Args:
        directory: Directory of the database.
        database: Name of the file in it.

    Raises:
        StoreRefused: The directory belongs to another user, or the database or one of its side files is a link.
        StoreError: The directory cannot be created.
    """
    _make_directory(directory)
    if os.name == "posix" and _require_owned(directory).st_mode & 0o077:
        directory.chmod(0o700)
    file = directory / database
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if os.name != "posix":
        return
    for end in ("", *_SIDE_FILES):
        _refuse_link(directory / f"{database}{end}")
    if os.lstat(file).st_mode & 0o077:
        file.chmod(0o600)


def _refuse_link(file: Path) -> None:
    """Refuse a link as a database file, because SQLite would then read, write or create another file.

    Raises:
        StoreRefused: The file is a link, or not a plain file.
    """
    try:
        found = os.lstat(file)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise StoreRefused(f"{file} is not a plain file of its own (a link?); move it away")


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the store directory {directory} cannot be made: {error.strerror}") from error


def _require_owned(directory: Path) -> os.stat_result:
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise StoreRefused(f"{directory} is not a directory of its own (a link?); move it away or choose another store")
    if found.st_uid != os.geteuid():
        raise StoreRefused(
            f"the store directory {directory} belongs to user {found.st_uid}, not to you ({os.geteuid()});"
            f" set {STORE.name}=diskcache:///path/of/your/own"
        )
    return found


def _refuse_network(directory: Path) -> None:
    try:
        mounts = MOUNTINFO.read_text(errors="surrogateescape")
    except OSError:
        return  # without /proc, the type of the file system cannot be found
    kind = _file_system_type(directory, mounts)
    if any(fnmatch.fnmatchcase(kind, pattern) for pattern in NETWORK_FILE_SYSTEMS):
        raise StoreRefused(
            f"the store directory {directory} is on a network file system ({kind}), where SQLite loses data;"
            f" set {STORE.name}=diskcache:///local/path to a directory on a local disk"
        )


def _file_system_type(directory: Path, mounts: str) -> str:
    """Return the type of the file system that holds an absolute path.

    Args:
        directory: The path.
        mounts: The system's list of mount points. The longest mount point above the path counts.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        if len(point) >= len(best) and directory.is_relative_to(point):
            best, kind = point, right.split(" ")[0]
    return kind
