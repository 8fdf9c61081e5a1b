"""The schema of a store's database: exactly diskcache's tables, indexes and triggers, and nothing else.

A trigger, view or table that another program added would run, or be read, with every statement of the store. The schema
is checked before anything else is read, and again after another program has changed it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hitl_nb.errors import StoreCorrupt

_CACHE_SQL = (
    "CREATE TABLE Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL,"
    " access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0,"
    " filename TEXT, value BLOB)"
)


def _trigger_sql(name: str, event: str, change: str, key: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {event} ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value {change}"
        f' WHERE key = "{key}"; END'
    )


_EXPECTED_SCHEMA: dict[tuple[str, str], str | None] = {
    ("table", "Settings"): "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)",
    ("index", "sqlite_autoindex_Settings_1"): None,
    ("table", "Cache"): _CACHE_SQL,
    ("index", "Cache_key_raw"): "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)",
    ("index", "Cache_expire_time"): "CREATE INDEX Cache_expire_time ON Cache (expire_time)",
    # Indexes for other settings: a plain diskcache.Cache that was opened here creates them. They are harmless.
    ("index", "Cache_store_time"): "CREATE INDEX Cache_store_time ON Cache (store_time)",
    ("index", "Cache_access_time"): "CREATE INDEX Cache_access_time ON Cache (access_time)",
    ("index", "Cache_access_count"): "CREATE INDEX Cache_access_count ON Cache (access_count)",
    ("index", "Cache_tag_rowid"): "CREATE INDEX Cache_tag_rowid ON Cache(tag, rowid)",
    **{
        ("trigger", name): _trigger_sql(name, event, change, key)
        for name, event, change, key in (
            ("Settings_count_insert", "INSERT", "+ 1", "count"),
            ("Settings_count_delete", "DELETE", "- 1", "count"),
            ("Settings_size_insert", "INSERT", "+ NEW.size", "size"),
            ("Settings_size_update", "UPDATE", "+ NEW.size - OLD.size", "size"),
            ("Settings_size_delete", "DELETE", "- OLD.size", "size"),
        )
    },
}
"""(type, name) -> SQL statement. A database may be incomplete: diskcache creates missing items."""

_ZERO_PRAGMAS = ("user_version", "application_id")


def refuse_foreign(connection: sqlite3.Connection, file: Path) -> None:
    """Check that the database contains only items that hitl_nb creates.

    Raises:
        StoreCorrupt: The schema has a foreign or changed item, which the message names, or another program has marked
            the file.
    """
    for kind, name, table, sql in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        wanted = _EXPECTED_SCHEMA.get((kind, name), "")
        if sql == wanted and table == _schema_table(kind, name):
            continue
        what = f"the {kind} {str(name)[:80]!r}"
        raise StoreCorrupt(
            f"{file} holds {what}, {'which hitl_nb did not make' if wanted == '' else 'but not as hitl_nb made it'}; "
            "nothing was written. If this store came from somebody else, do not use it; otherwise restore a backup"
        )
    for pragma in _ZERO_PRAGMAS:
        (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
        if found != 0:
            raise StoreCorrupt(f"{file} was marked by another program: its {pragma} is {found}, not 0")


def schema_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes with every change of the schema."""
    return connection.execute("PRAGMA schema_version").fetchone()[0]


def _schema_table(kind: str, name: str) -> str:
    if kind == "table":
        return name
    return "Settings" if name == "sqlite_autoindex_Settings_1" else "Cache"
