"""Open SQLAlchemy engines again, with their URL and the other arguments that can be read from them."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.reopen_recipes import ReopenRecipe
from hitl_nb.engine.reopening.secrets import replace_secrets, restore_secrets
from hitl_nb.errors import HitlError

_DEFAULTS = {
    "_json_serializer": None,
    "_json_deserializer": None,
    "_user_defined_max_identifier_length": None,
    "label_length": None,
    "native_datetime": False,
    "skip_autocommit_rollback": False,
}
"""Attributes of the dialect and their default values. An engine with other values is refused."""
_POOL = {
    "_recycle": "pool_recycle",
    "_pre_ping": "pool_pre_ping",
    "_timeout": "pool_timeout",
    "_max_overflow": "max_overflow",
    "_reset_on_return": "pool_reset_on_return",
}
_KINDS = ("QueuePool", "AsyncAdaptedQueuePool", "NullPool")


def _describe_engine(engine: Any) -> dict[str, Any]:
    dialect, pool, url = engine.dialect, engine.pool, engine.url
    creator = pool._creator_arg
    if getattr(creator, "__qualname__", "") != "create_engine.<locals>.connect" or url.query.get("plugin"):
        raise NotSavedError("it has a creator, a pool or a plugin of its own")
    if type_of(pool).__name__ not in _KINDS:
        raise NotSavedError(f"its pool ({type_of(pool).__name__}) may hold more than connections")
    if any(getattr(dialect, name, default) != default for name, default in _DEFAULTS.items()):
        raise NotSavedError("it was made with arguments that it does not show")
    kind: Any = type_of(pool)
    about: dict[str, Any] = {
        "url": {name: getattr(url, name) for name in ("drivername", "username", "host", "port", "database")},
        "query": replace_secrets(dict(url.query)),
        "password": None if url.password is None else replace_secrets(str(url.password), inside=False),
        "connect_args": replace_secrets(_read_connect_args(creator, dialect, url)),
        "pool": kind,
        "arguments": _read_arguments(engine),
        "file": _find_file(url, dialect),
        "is_async": dialect.is_async,
    }
    if about["file"]:
        about["url"]["database"] = str(about["file"])
    if _list_listeners(_create_engine(about)) != _list_listeners(engine):
        raise NotSavedError("it has event listeners of its own")
    return about


def _read_connect_args(creator: Any, dialect: Any, url: Any) -> dict[str, Any]:
    known = inspect.getclosurevars(creator).nonlocals
    args, kwargs = dialect.create_connect_args(url)
    if list(known["cargs_tup"]) != list(args):
        raise NotSavedError("its connections take other arguments than its URL says")
    return {name: value for name, value in known["cparams"].items() if name not in kwargs or kwargs[name] != value}


def _read_arguments(engine: Any) -> dict[str, Any]:
    pool, found = engine.pool, {"hide_parameters": engine.hide_parameters}
    if type_of(pool).__name__ != "NullPool":
        found |= {argument: getattr(pool, name) for name, argument in _POOL.items()}
        found |= {"pool_size": pool.size(), "pool_use_lifo": pool._pool.use_lifo}
    if engine.get_execution_options():
        found["execution_options"] = dict(engine.get_execution_options())
    if engine.dialect._on_connect_isolation_level:
        found["isolation_level"] = engine.dialect._on_connect_isolation_level
    if engine.echo:
        found["echo"] = engine.echo
    return found


def _find_file(url: Any, dialect: Any) -> Path | None:
    """Return the path of an engine's SQLite database; None for other databases.

    Args:
        url: URL of the engine.
        dialect: SQLAlchemy's dialect of the engine.

    Raises:
        NotSavedError: The database is in memory, is given as a URI, or its file does not exist.
    """
    if dialect.name != "sqlite":
        return None
    name = url.database or ":memory:"
    if ":memory:" in name or "mode=memory" in name or url.query.get("mode") == "memory":
        raise NotSavedError("it is a database in memory, whose tables would be lost", "use a database in a file")
    if name.startswith("file:"):
        raise NotSavedError("its database is a URI")
    path = Path(name).absolute()
    if not path.exists():
        raise NotSavedError(
            "its database file does not exist", "connect to it before the checkpoint, or make it after it"
        )
    return path


def _list_listeners(engine: Any) -> list[tuple[str, int]]:
    return [
        (name, len(list(getattr(events, name))))
        for events in (engine.dispatch, engine.pool.dispatch, engine.dialect.dispatch)
        for name in events._event_names
    ]


def _create_engine(about: dict[str, Any]) -> Any:
    sqlalchemy: Any = importlib.import_module("sqlalchemy")
    password = restore_secrets(about["password"])
    url = sqlalchemy.URL.create(**about["url"], password=password, query=restore_secrets(about["query"]))
    arguments = {**about["arguments"], "connect_args": restore_secrets(about["connect_args"])}
    if about["is_async"]:
        return (
            importlib.import_module("sqlalchemy.ext.asyncio")
            .create_async_engine(url, poolclass=about["pool"], **arguments)
            .sync_engine
        )
    return sqlalchemy.create_engine(url, poolclass=about["pool"], **arguments)


def _open_engine(about: dict[str, Any]) -> Any:
    if about["file"] and not about["file"].exists():
        raise HitlError(
            f"the database {about['file']} is gone, which the agent used when it paused; put it back and run the agent "
            "again: it continues where it was"
        )
    return _create_engine(about)


def _describe_async_engine(engine: Any) -> dict[str, Any]:
    return _describe_engine(engine.sync_engine)


def _open_async_engine(about: dict[str, Any]) -> Any:
    return importlib.import_module("sqlalchemy.ext.asyncio").AsyncEngine(_open_engine(about))


def _is_exposed(about: dict[str, Any]) -> bool:
    return isinstance(about["password"], str)


ENGINE = ReopenRecipe(_describe_engine, _open_engine, is_exposed=_is_exposed)
ASYNC_ENGINE = ReopenRecipe(_describe_async_engine, _open_async_engine, is_exposed=_is_exposed)
