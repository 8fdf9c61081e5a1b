"""Use diskcache as a plain table of bytes, without pickles or files, and with settings that no program can change.

diskcache is a cache. By default it evicts rows and unpickles values that a row marks as pickled. It also opens and
deletes the files that a row names, and reads its SQLite settings from a table that any program may have written.
`BytesOnlyDisk` refuses all rows that hitl_nb does not write. `PinnedCache` pins every setting on every connection (sets
it and checks it).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, NoReturn, cast

import diskcache  # pyright: ignore[reportMissingTypeStubs] - it has none
from diskcache.core import DBNAME, MODE_RAW  # pyright: ignore[reportMissingTypeStubs]  # as above

from hitl_nb.errors import StoreCorrupt, StoreRefused
from hitl_nb.storage.disk.database_schema import refuse_foreign
from hitl_nb.storage.keys import check_key, check_value

DATABASE: str = DBNAME

FULL, NORMAL = 2, 1
"""Values of `synchronous`: sync at every commit; sync at checkpoints only."""

BUSY_SECONDS = 1.0
"""Seconds that one statement waits for a lock."""

MAX_ROW_BYTES = 16 << 20
"""Maximum size in bytes of a row that SQLite loads. hitl_nb never writes a row of this size, so a larger row was
planted."""

SETTINGS: dict[str, Any] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 2**62,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 0,
    "sqlite_cache_size": 2**13,
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,
    "disk_min_file_size": 2**62,
    "disk_pickle_protocol": 4,
}
_UNSTORED = {"wal_autocheckpoint": 0, "temp_store": 2}
"""Settings that are not in the settings table. The store makes its own checkpoints. Rollbacks need no space in the
directory for temporary files."""

_COUNTERS = {"count", "size", "hits", "misses"}


class BytesOnlyDisk(diskcache.Disk):
    """A `diskcache.Disk` for keys of the store's grammar and for values that are bytes in the row.

    Everything else is refused with StoreCorrupt (rows) or TypeError and ValueError (arguments).
    """

    def put(self, key: Any) -> tuple[str, bool]:  # pyright: ignore[reportIncompatibleMethodOverride]  # untyped there
        """Convert a key for a row of the database: return the key itself and True (it is plain text).

        Raises:
            TypeError, ValueError: The key is not valid in the store.
        """
        check_key(key)
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        """Return the key of a row that was read from the database.

        Args:
            key: The key in the row.
            raw: The row's mark: 1 if the key is plain text.

        Raises:
            StoreCorrupt: hitl_nb does not write such a key.
        """
        if raw != 1 or type(key) is not str:
            _raise_corrupt(key, "its key is not plain text")
        return key

    def store(  # pyright: ignore[reportIncompatibleMethodOverride]  # untyped there
        self, value: Any, read: bool, key: Any = None
    ) -> tuple[int, int, None, bytes]:
        """Convert a value for a row of the database: return the four columns (size, mode, file name, value).

        hitl_nb uses only one form: size 0, mode `MODE_RAW`, no file, and the bytes.

        Args:
            value: The value.
            read: Not used; diskcache passes True to store the content of an open file.
            key: Key of the value, for the message.

        Raises:
            TypeError: The value is not bytes.
            StoreFull: The value is longer than `MAX_VALUE_BYTES`.
        """
        check_value(str(key), value)
        return 0, MODE_RAW, None, value

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool, key: Any = None) -> bytes:
        """Return the value of a row that was read from the database.

        Args:
            mode: The row's column `mode`.
            filename: The row's file; None in rows of hitl_nb.
            value: The row's value.
            read: True: diskcache wants an open file, which is refused.
            key: Key of the row, for the message.

        Raises:
            StoreCorrupt: The row has another form than `store` writes, for example a file or a pickle.
        """
        if mode != MODE_RAW or filename is not None or type(value) is not bytes or read:
            _raise_corrupt(key, "its value is not plain bytes")
        return value

    def filename(self, key: Any = None, value: Any = None) -> NoReturn:
        """Raise TypeError, because values are never kept in files."""
        raise TypeError("values are never kept in files")

    def remove(self, file_path: Any) -> None:
        """Do nothing: values are never kept in files, so no file has to be deleted.

        diskcache calls this after a commit with the file name in a row, and another program may have written that name.
        """


class PinnedCache(diskcache.Cache):
    """A cache that opens and checks its connections itself, one for each thread.

    After opening, the store uses only `current_connection()` and `detach_connection()`: diskcache creates the schema,
    and the store runs its own statements.
    """

    def __init__(self, directory: Path, synchronous: int) -> None:
        self._file = directory / DATABASE
        self._synchronous = synchronous
        settings = SETTINGS | {"sqlite_synchronous": synchronous}
        _refuse_planted_settings(self._file, settings, synchronous)
        super().__init__(str(directory), disk=BytesOnlyDisk, **settings)  # pyright: ignore[reportUnknownMemberType]  # untyped there

    @property
    def _con(self) -> sqlite3.Connection:
        return self.current_connection().connection

    @property
    def _sql_retry(self) -> Any:
        return self._sql  # diskcache's own version retries for a minute

    @property
    def disk(self) -> BytesOnlyDisk:
        """The object that checks every row."""
        return cast(BytesOnlyDisk, self._disk)

    def current_connection(self) -> ThreadConnection:
        """Return this thread's connection. It is opened at the first call.

        Raises:
            StoreRefused: A setting of the connection cannot be set.
            StoreCorrupt: The database contains something that hitl_nb does not write.
        """
        link: ThreadConnection | None = getattr(self._local, "link", None)
        if link is None:
            link = self._local.link = ThreadConnection(open_connection(self._file, self._synchronous))
        return link

    def detach_connection(self) -> ThreadConnection:
        """Return this thread's connection and remove it from the cache, so that only the caller uses it."""
        link = self.current_connection()
        del self._local.link
        return link


class ThreadConnection:
    """A connection that closes when its last user drops it: at the end of its thread, or of the cache.

    Python's own connections are in a reference cycle and would stay open until the next garbage collection.
    """

    __slots__ = ("_pid", "connection")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._pid = os.getpid()

    def close(self) -> None:
        """Close the connection.

        In a forked child, the connection stays open instead, because it belongs to the parent.
        """
        if self._pid == os.getpid():
            self.connection.close()
        else:
            _inherited.append(self.connection)  # SQLite forbids a forked child to close what its parent opened

    __del__ = close


_inherited: list[sqlite3.Connection] = []


def open_connection(file: Path, synchronous: int) -> sqlite3.Connection:
    """Open a connection to an existing database, and set and check every setting (pin it).

    Args:
        file: Path of the database.
        synchronous: SQLite's `synchronous`: `FULL` or `NORMAL`.

    Raises:
        StoreRefused: A setting cannot be pinned, for example because of the file system.
        StoreCorrupt: The database contains something that hitl_nb does not write.
        sqlite3.Error: SQLite cannot open the file.
    """
    uri = f"{file.as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)
        connection.execute("PRAGMA trusted_schema = 0").fetchall()
        refuse_foreign(connection, file)
        pragmas = {key[7:]: value for key, value in SETTINGS.items() if key.startswith("sqlite_")}
        for pragma, wanted in (pragmas | _UNSTORED | {"synchronous": synchronous}).items():
            if _read_pragma(connection, pragma) != wanted:
                connection.execute(f"PRAGMA {pragma} = {wanted}").fetchall()
                found = _read_pragma(connection, pragma)
                if found != wanted:
                    raise StoreRefused(
                        f"{file}: SQLite's {pragma} is {found!r} and cannot be made {wanted!r};"
                        " this is no store of hitl_nb, or its file system cannot carry one"
                    )
    except BaseException:
        connection.close()
        raise
    return connection


def restore_settings(connection: sqlite3.Connection, synchronous: int) -> None:
    """Write hitl_nb's settings into the database's settings table again, inside the caller's transaction.

    Args:
        connection: The connection with the open transaction.
        synchronous: SQLite's `synchronous`: `FULL` or `NORMAL`.
    """
    stored = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
    for key, value in (SETTINGS | {"sqlite_synchronous": synchronous}).items():
        if stored.get(key) != value:
            connection.execute("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (key, value))


def _refuse_planted_settings(file: Path, settings: dict[str, Any], synchronous: int) -> None:
    """Refuse unknown rows of the settings table, because diskcache turns them into SQL and attributes.

    Args:
        file: Path of the database.
        settings: The known settings: name -> value.
        synchronous: SQLite's `synchronous`, for the connection that reads the table.

    Raises:
        StoreCorrupt: There is an unknown row.
    """
    connection = open_connection(file, synchronous)
    try:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone() is None:
            return
        rows = connection.execute(
            "SELECT key, value FROM Settings"
        )  # the same statement as in diskcache, because an index could give other rows
        unknown = {key for key, _ in rows} - settings.keys() - _COUNTERS
    finally:
        connection.close()
    if unknown:
        names = ", ".join(sorted(map(repr, unknown)))
        raise StoreCorrupt(f"{file} has settings that are not ours ({names}); was it tampered with?")


def _read_pragma(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return 0 if row is None else row[0]


def _raise_corrupt(key: Any, why: str) -> NoReturn:
    raise StoreCorrupt(f"the stored record {str(key)[:80]!r} was not written by hitl_nb: {why}; nothing of it was used")
