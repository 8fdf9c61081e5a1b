"""The functions `resource()` and `live()`, with which users handle objects that cannot be saved.

A *resource* is opened again on resume: the factory (a function or class) that made it is called again with the same
arguments. A *live* object is code rather than state, and is found again by its name on resume. Both are recognized by
identity, for as long as the object exists.
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
    """The call that made a resource.

    Attributes:
        factory: The function or class that was called.
        args, kwargs: Its arguments.
        key: Key of the `resource` call in its run, with which the keys of steps inside the factory begin; "" outside
            runs.
        run: Id of that run; "" outside runs.
    """

    factory: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    key: str = ""
    run: str = ""

    @property
    def factory_name(self) -> str:
        """Text of the call for messages, for example `hitl.resource(connect, ...)`."""
        return f"hitl.resource({name_function(self.factory)}, ...)"


@dataclass
class FactoryCall:
    """The running call of a resource's factory (the function that makes the resource), with the names of its steps.

    Attributes:
        key: Key of the resource. The keys of steps inside the factory begin with this key.
        run: Id of the run.
        ordinals: Name of a step -> number of its calls so far.
    """

    key: str
    run: str
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def make_step_key(self, name: str) -> str:
        """Return the key for the next call of the step `name`, and count the call."""
        number = self.ordinals.get(name, 0)
        self.ordinals[name] = number + 1
        return f"{self.key}/{name}/{number}"


_factory_call: ContextVar[FactoryCall | None] = ContextVar("hitl_nb_opening", default=None)


def current_factory_call() -> FactoryCall | None:
    """Return the call of a resource's factory that is running now in a run; None if there is none."""
    return _factory_call.get()


class _IdentityMap:
    """A map from objects to data, by identity.

    An entry is removed when its object is deleted. An object that allows no weak references is kept forever.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, obj: Any, about: Any) -> None:
        number, known = id(obj), self._known
        try:
            held: Any = weakref.ref(obj, lambda _: known.pop(number, None))
        except TypeError:
            held = _refer_strongly(obj)
        known[number] = (held, about)

    def get(self, obj: Any) -> Any:
        found = self._known.get(id(obj))
        return found[1] if found is not None and found[0]() is obj else None


def _refer_strongly(obj: Any) -> Callable[[], Any]:
    """Return a function that returns `obj` and keeps it alive; used if there can be no weak reference to `obj`."""
    return lambda: obj


_origins, _live_lines = _IdentityMap(), _IdentityMap()


def resource(factory: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make an object that is opened again when the agent continues in another process: a connection, a client, a pool.

    On resume, the factory is called once again with the saved arguments, but only if the rest of the agent still reads
    the object. Recorded steps inside the factory return their recorded results. An argument may equal the value of an
    environment variable (a key or password of 8 characters or more). Then the name of the variable is saved instead of
    the value.

    Args:
        factory: A function or class that is known by name, or defined in the notebook.
        *args: Positional arguments of the factory.
        **kwargs: Keyword arguments of the factory.

    Returns:
        The object that the factory returns. This also works outside a run.
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
    """Mark an object that is code rather than state, such as a framework's agent or a compiled graph.

    The object is never saved. When the agent continues in another process, it is found by its name in the notebook or
    in its module. If it does not exist there, HitlError says which cell has to be run first.

    Returns:
        The object.

    Raises:
        HitlError: Objects of this type cannot be marked.
    """
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    try:
        _live_lines.add(obj, line)
    except TypeError as error:
        raise HitlError(f"hitl.live cannot mark a {type(obj).__name__}") from error
    return obj


def mark_live(obj: Any, line: str) -> None:
    """Mark an object that was found by its name, if it is not marked in this process.

    Args:
        obj: The object.
        line: The source line in which the object was marked with `hitl.live` in another process.
    """
    if find_live_line(obj) is None:
        _live_lines.add(obj, line)


def find_origin(obj: Any) -> ResourceOrigin | None:
    """Return the call that made `obj`; None if `obj` is not a resource."""
    return _origins.get(obj) if _origins else None


def find_live_line(obj: Any) -> str | None:
    """Return the source line in which `obj` was marked with `hitl.live`; None if it is not marked."""
    return _live_lines.get(obj) if _live_lines else None


def has_resources() -> bool:
    """Return True if `hitl.resource` has made an object in this process."""
    return bool(_origins)


def reopen_resource(made: ResourceOrigin) -> Any:
    """Call the factory of a resource again, and return the new object.

    Raises:
        HitlError: The factory failed. The message names it. The run stays at its position.
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
    """Return the name of a function or class for messages."""
    name = getattr(function, "__qualname__", None)
    return str(name) if name else type(function).__qualname__
