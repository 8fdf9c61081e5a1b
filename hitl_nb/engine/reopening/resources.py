"""`resource()` and `live()`: how users say what becomes of an object that cannot be saved.

A *resource* is opened again on resume, by the factory and the arguments that made it. A *live* object is code rather
than state: it is found again by its name. Both are known by identity, as long as the object lives.
"""

from __future__ import annotations

import linecache
import sys
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from hitl_nb.errors import HitlError

T = TypeVar("T")
P = ParamSpec("P")


@dataclass
class ResourceOrigin:
    """How a resource was made.

    Attributes:
        key: its place in the run that made it, which the keys of steps inside the factory begin with; "" outside runs.
        run: that run's id.
    """

    factory: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    key: str = ""
    run: str = ""

    @property
    def factory_name(self) -> str:
        """The factory's name, for sentences."""
        return f"hitl.resource({name_function(self.factory)}, ...)"


@dataclass
class FactoryCall:
    """A factory at work: steps that it calls have keys that belong to the resource, not to the position."""

    key: str
    run: str
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def make_step_key(self, name: str) -> str:
        """Make the key of the next call of the step `name`."""
        number = self.ordinals.get(name, 0)
        self.ordinals[name] = number + 1
        return f"{self.key}/{name}/{number}"


_factory_call: ContextVar[FactoryCall | None] = ContextVar("hitl_nb_opening", default=None)


def current_factory_call() -> FactoryCall | None:
    """Get the resource of a run whose factory is at work, if any."""
    return _factory_call.get()


class _IdentityMap:
    """Facts about objects, by identity, for as long as the objects live; forever if they allow no weak references."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, obj: Any, about: Any) -> None:
        number, known = id(obj), self._known
        try:
            held: Any = weakref.ref(obj, lambda _: known.pop(number, None))
        except TypeError:
            held = lambda: obj  # noqa: E731
        known[number] = (held, about)

    def get(self, obj: Any) -> Any:
        found = self._known.get(id(obj))
        return found[1] if found is not None and found[0]() is obj else None


_origins, _live_lines = _IdentityMap(), _IdentityMap()


def resource(factory: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make an object that is opened again when the agent continues in another process: a connection, a client, a pool.

    The factory is called again with the arguments as they were saved, once, and only if the rest of the agent still
    reads the object. Steps that it calls come from the record. An argument may equal the value of an environment
    variable (a key, a password, 8 characters or more). It is then saved as the name of that variable.

    Args:
        factory: A function or class that is known by name, or defined in the notebook.
        *args: Positional arguments of the factory.
        **kwargs: Keyword arguments of the factory.

    Returns:
        The object that the factory returns; outside of a run, too.
    """
    from hitl_nb.engine.current_session import current_session

    session, around = current_session(), _factory_call.get()
    if session is None:
        made = factory(*args, **kwargs)
        _origins.add(made, ResourceOrigin(factory, args, kwargs))
        return made
    if around is not None:
        key, run = around.make_step_key("resource"), around.run
    else:
        session.live.begin_call(resource)
        key, run = session.live.name_call("resource"), session.run_record.id
    with _enter_factory_call(FactoryCall(key, run)):
        made = factory(*args, **kwargs)
    _origins.add(made, ResourceOrigin(factory, args, kwargs, key, run))
    return made


def live(obj: T) -> T:
    """Mark an object that is code rather than state, such as a framework's agent or a compiled graph; returns it.

    It is never saved. When the agent continues in another process, it is found by the name that it has in the notebook
    or in its module; HitlError says which cell has to be run first if it is not there.
    """
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    try:
        _live_lines.add(obj, line)
    except TypeError as error:
        raise HitlError(f"hitl.live cannot mark a {type(obj).__name__}") from error
    return obj


def find_origin(obj: Any) -> ResourceOrigin | None:
    """Find how `obj` was made, if it is a resource."""
    return _origins.get(obj) if _origins else None


def find_live_line(obj: Any) -> str | None:
    """Find the source line that marked `obj` as live, if one did."""
    return _live_lines.get(obj) if _live_lines else None


def has_resources() -> bool:
    """Tell whether this process has made a resource."""
    return bool(_origins)


def reopen_resource(made: ResourceOrigin) -> Any:
    """Call the factory.

    Raises:
        HitlError: The factory failed. The message names it, and the run stays where it was.
    """
    try:
        with _enter_factory_call(FactoryCall(made.key, made.run) if made.key else None):
            obj = made.factory(*made.args, **made.kwargs)
    except HitlError:
        raise
    except Exception as error:
        raise HitlError(
            f"a resource could not be opened again: {made.factory_name} raised {type(error).__name__}: {error}. "
            "Nothing was "
            "lost: mend that, and run the agent again; it continues where it was"
        ) from error
    _origins.add(obj, made)
    return obj


@contextmanager
def _enter_factory_call(factory_call: FactoryCall | None) -> Generator[None]:
    token = _factory_call.set(factory_call)
    try:
        yield
    finally:
        _factory_call.reset(token)


def name_function(function: Any) -> str:
    """Find the name of a function or class, for sentences."""
    name = getattr(function, "__qualname__", None)
    return str(name) if name else type(function).__qualname__
