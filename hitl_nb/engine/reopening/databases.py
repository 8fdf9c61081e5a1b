"""Open connections of sqlite3 again, with the arguments and settings that can be read from a connection."""

from __future__ import annotations

import functools
import gc
import sqlite3
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from hitl_nb.engine.refusals import NotSavedError
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.errors import HitlError

_SAVED_PRAGMAS = (
    *("foreign_keys", "synchronous", "query_only", "recursive_triggers", "busy_timeout", "ignore_check_constraints"),
    *("cache_size", "temp_store", "automatic_index", "read_uncommitted", "reverse_unordered_selects", "trusted_schema"),
    *("cell_size_check", "legacy_alter_table", "secure_delete", "wal_autocheckpoint"),
)
"""Settings of a connection that are saved. An older SQLite does not have all of them."""


def _describe_connection(connection: sqlite3.Connection) -> dict[str, Any]:
    about: dict[str, Any] = {"isolation_level": connection.isolation_level, "check_same_thread": _is_bound(connection)}
    try:
        if connection.in_transaction:
            raise NotSavedError("it is inside a transaction", "commit or roll back before the checkpoint")
        _check_callbacks(connection)
        count = connection.total_changes
        cursor = connection.cursor()
        cursor.row_factory = None
        cursor.execute("pragma database_list")
    except sqlite3.ProgrammingError:  # the connection is closed
        return {"closed": True}
    files = {str(name): str(file) for _, name, file in cursor.fetchall()}
    if cursor.execute("select count(*) from sqlite_temp_master").fetchone()[0]:
        raise NotSavedError("it has temporary tables", "drop them before the checkpoint, or use tables of the file")
    files.pop("temp", None)
    if not all(files.values()):
        raise NotSavedError(
            "it is a database in memory, whose tables would be lost", "connect to a file, or read the rows into a list"
        )
    is_case_sensitive = _check_functions(cursor)
    about |= {
        "files": files,
        "row_factory": connection.row_factory,
        "text_factory": connection.text_factory,
        "detect_types": _detect_types(cursor),
        "read_only": [name for name in files if _is_read_only(cursor, name)],
        "pragmas": {name: row[0] for name in _SAVED_PRAGMAS if (row := cursor.execute(f"pragma {name}").fetchone())},
        "has_counted": count > 0,
    }
    if is_case_sensitive:
        about["pragmas"]["case_sensitive_like"] = 1
    autocommit = getattr(connection, "autocommit", None)  # Python 3.12 and later
    if isinstance(autocommit, bool):
        about["autocommit"] = autocommit
    return about


def _is_bound(connection: sqlite3.Connection) -> bool:
    """Return True if only the thread that opened a connection may use it (`check_same_thread=True`).

    The argument has no attribute, so the connection is used in another thread, which may then fail.
    """
    found: list[bool] = []

    def ask() -> None:
        try:
            _ = connection.total_changes
            connection.cursor()
        except sqlite3.ProgrammingError as error:
            found.append("thread" in str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return bool(found and found[0])


def _is_read_only(cursor: sqlite3.Cursor, schema: str) -> bool:
    """Return True if a database file was opened with `mode=ro`.

    The mode has no attribute, so a write is tried that changes nothing.

    Args:
        cursor: A cursor of the connection.
        schema: Name of the database in the connection, such as "main".
    """
    busy, query_only = (cursor.execute(f"pragma {name}").fetchone()[0] for name in ("busy_timeout", "query_only"))
    query = f"select name from \"{schema}\".sqlite_master where type = 'table' and rootpage > 0"
    tables = [row[0] for row in cursor.execute(query) if not row[0].startswith("sqlite_")]
    version = cursor.execute(f'pragma "{schema}".user_version').fetchone()[0]
    table = tables[0].replace('"', '""') if tables else ""
    write = f'delete from "{schema}"."{table}" where 0' if tables else f'pragma "{schema}".user_version = {version}'
    try:
        cursor.execute("pragma busy_timeout = 0")
        cursor.execute("pragma query_only = 0")
        cursor.execute("begin")
        cursor.execute(write)
    except sqlite3.OperationalError as error:
        return "readonly" in str(error)
    finally:
        if cursor.connection.in_transaction:
            cursor.connection.rollback()
        cursor.execute(f"pragma busy_timeout = {busy}")
        cursor.execute(f"pragma query_only = {query_only}")
    return False


def _check_callbacks(connection: sqlite3.Connection) -> None:
    """Refuse a connection with a trace callback, a progress handler or an authorizer.

    Such callbacks see every query, also those of hitl_nb, and cannot be read from the connection. But the garbage
    collector shows them: each has a reference to its module.

    Raises:
        NotSavedError: The connection has a callback.
    """
    if any(isinstance(one, ModuleType) for one in gc.get_referents(connection)):
        raise NotSavedError(
            "it has a trace callback, a progress handler or an authorizer",
            "remove it before the checkpoint (set_trace_callback(None), set_progress_handler(None, 0), "
            "set_authorizer(None)) and set it again after it. Or make the connection with hitl.resource(factory, ...)",
        )


_FUNCTIONS = "select name, builtin, type, narg from pragma_function_list"
_COLLATIONS = "select name from pragma_collation_list"
_LIKE = "select 'a' like 'A', 'ab' like 'a%', 'aBc' like 'a_c', 'Ä' like 'ä', 'a%' like 'ab%' escape 'b', 'a' like 'ab'"


def _check_functions(cursor: sqlite3.Cursor) -> bool:
    """Refuse a connection with SQL functions or collations in Python, which cannot be read from the connection.

    `pragma case_sensitive_like` cannot be read either. It replaces two functions, by which it is recognized.

    Returns:
        True if `case_sensitive_like` is on.

    Raises:
        NotSavedError: The connection has a function or collation of its own.
    """
    other = sqlite3.connect(":memory:")
    try:
        for query, what in ((_FUNCTIONS, "function"), (_COLLATIONS, "collation")):
            known = set(other.execute(query))
            own = sorted(row for row in cursor.execute(query).fetchall() if row not in known)
            if own == [("like", 0, "s", 2), ("like", 0, "s", 3)]:
                is_on = not cursor.execute("select 'a' like 'A'").fetchone()[0]
                other.execute(f"pragma case_sensitive_like = {int(is_on)}")
                own = own if cursor.execute(_LIKE).fetchone() != other.execute(_LIKE).fetchone() else []
            if own:
                raise NotSavedError(
                    f"it has a {what} of its own, {own[0][0]}",
                    "make it with hitl.resource(factory, ...), a function that connects and adds what it needs",
                )
        return not other.execute("select 'a' like 'A'").fetchone()[0]
    except sqlite3.OperationalError:
        return False  # SQLite was built without the list
    finally:
        other.close()


_ASKED = "hitl_nb_asked"


@functools.cache
def _database_to_ask() -> bytes:
    """Return a serialized SQLite database with one row, whose column has the special type `_ASKED`.

    `_detect_types` reads the row.
    """
    con = sqlite3.connect(":memory:")
    con.executescript(f"create table {_ASKED}(a {_ASKED}); insert into {_ASKED} values ('x')")
    data = con.serialize()
    con.close()
    return data


def _detect_types(cursor: sqlite3.Cursor) -> int:
    """Return the argument `detect_types` with which a connection was opened.

    The argument has no attribute, so a value of the special type `_ASKED` is read. The row to read is in a database in
    memory that is attached: an inserted row would count among the connection's changes.
    """
    con = cursor.connection
    sqlite3.register_converter(_ASKED, lambda raw: True)
    try:
        by_name = cursor.execute(f"select 'x' as \"a [{_ASKED}]\"").fetchone()[0] is True
        cursor.execute(f"attach ':memory:' as {_ASKED}")
        try:
            con.deserialize(_database_to_ask(), name=_ASKED)
            by_type = cursor.execute(f"select a from {_ASKED}.{_ASKED}").fetchone()[0] is True
        finally:
            cursor.execute(f"detach {_ASKED}")
    finally:
        converters: dict[str, Any] = getattr(sqlite3, "converters", {})
        converters.pop(_ASKED.upper(), None)
    return sqlite3.PARSE_COLNAMES * by_name | sqlite3.PARSE_DECLTYPES * by_type


def _open_connection(about: dict[str, Any]) -> sqlite3.Connection:
    if about.get("closed"):
        con = sqlite3.connect(":memory:")
        con.close()
        return con
    for file in about["files"].values():
        if not Path(file).is_file():
            raise HitlError(
                f"the database {file} is gone, to which the agent was connected when it paused; put it back and run "
                "the agent again: it continues where it was"
            )
    files: dict[str, str] = dict(about["files"])
    names = ("isolation_level", "detect_types", "check_same_thread", "autocommit")
    read_only: list[str] = about.get("read_only", [])
    places = {name: f"{Path(file).as_uri()}?mode=ro" if name in read_only else file for name, file in files.items()}
    arguments = {name: about[name] for name in names if name in about}
    con: Any = sqlite3.connect(places.pop("main"), **arguments, uri=bool(read_only))
    con.row_factory, con.text_factory = about["row_factory"], about["text_factory"]
    for name, file in places.items():
        con.execute(f'attach ? as "{name}"', (file,))
    for name, value in about["pragmas"].items():
        con.execute(f"pragma {name} = {int(value)}")
    return con


def _describe_loss(about: dict[str, Any]) -> str:
    return (
        "its counts (total_changes, changes(), last_insert_rowid()) begin at 0 there"
        if about.get("has_counted")
        else ""
    )


SQLITE = ReopenRecipe(_describe_connection, _open_connection, remark=_describe_loss)
