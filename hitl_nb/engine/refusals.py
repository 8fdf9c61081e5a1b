"""Refusals to save a value: the rules, the search for the object that is the reason, and the message for people.

A pause is refused if the run has a value that cannot be saved. The message names the path to the object, as in
`config['db'].socket`, gives the reason, and says how to change the code.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import types
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Protocol, cast

from hitl_nb.engine.unsavable_types import NEVER, RESOURCE, WAYS


class HasLine(Protocol):
    """Protocol of an object that knows where a run is, for example "line 3" or "line 7 of refund"."""

    @property
    def line(self) -> str:
        """Description of the line for messages."""
        ...


class NotSavedError(pickle.PicklingError):
    """Error: an object cannot be saved with a run, because of its type or state.

    Attributes:
        reason: The reason, for the message.
        way: How to change the code, for the message.
        about: The object.
    """

    def __init__(self, reason: str, way: str = RESOURCE, *, about: Any = None) -> None:
        self.reason = reason
        self.way = way
        self.about = about
        super().__init__(f"{reason}; {way}")


_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__")


@functools.lru_cache(maxsize=4096)
def find_refusal(cls: type) -> tuple[str, str] | None:
    """Return why objects of a type are never saved, as (reason, how to change the code).

    None if no rule refuses the type. A subclass that defines how it is pickled is not refused.
    """
    for one in cls.__mro__:
        found = NEVER.get((one.__module__, one.__qualname__))
        if found is not None:
            return found
        if any(hook in one.__dict__ for hook in _HOOKS):
            return None
    return None


# -- the path to the object that cannot be saved


def find_offender(name: str, value: Any, fails: Callable[[Any], Exception | None]) -> tuple[str, Any, Exception | None]:
    """Find the innermost object inside `value` that cannot be saved.

    Args:
        name: Name of the value in the user's code.
        value: The value.
        fails: Returns the error of saving one object alone; None if it can be saved.

    Returns:
        (path of the object, the object, the error). The error is None if `value` itself can be saved.
    """
    problem = fails(value)
    if isinstance(problem, NotSavedError) and (found := find_path(problem.about, {name: value})) is not None:
        return found, problem.about, problem
    path, seen = name, {id(value)}
    budget = 2000
    while problem is not None:
        for part, child in _iterate_children(value):
            budget -= 1
            if budget < 0 or id(child) in seen:
                continue
            seen.add(id(child))
            reason = fails(child)
            if reason is not None:
                path, value, problem = path + part, child, reason
                break
        else:
            break
    return path if len(path) < 120 else f"{path[:60]} ... {path[-40:]}", value, problem


def find_path(obj: Any, roots: Mapping[str, Any]) -> str | None:
    """Return an expression that leads to `obj`, for example `config['db'].socket`.

    Args:
        obj: The object.
        roots: Names and values at which the search begins.

    Returns:
        The expression with the fewest steps; None if the first 5000 objects do not include `obj`.
    """
    todo = list(roots.items())
    seen = {id(value) for value in roots.values()}
    for path, value in todo:  # the list grows in the loop
        if value is obj:
            return path
        if len(todo) < 5000 and not isinstance(value, (str, bytes, int, float, types.ModuleType)):
            new = [(path + part, child) for part, child in _iterate_children(value) if id(child) not in seen]
            seen.update(id(child) for _, child in new)
            todo += new
    return None


def _iterate_children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the objects that an object holds, each as (expression such as `[0]` or `.name`, object).

    The expression is to be appended to the expression of the object itself.
    """
    if isinstance(value, Mapping):
        for key, item in list(cast("Mapping[Any, Any]", value).items())[:500]:
            yield f"[{_shorten(key)}]", item
            if not isinstance(key, (str, int)):
                yield f" (its key {_shorten(key)})", key
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(cast("list[Any]", value)[:500]):
            yield f"[{i}]", item
    elif isinstance(value, (set, frozenset)):
        for item in list(cast("set[Any]", value))[:500]:
            yield f" (its item {_shorten(item)})", item
    yield from _iterate_call_parts(value)
    yield from _iterate_attributes(value)


def _iterate_call_parts(value: Any) -> Generator[tuple[str, Any]]:
    if isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    elif isinstance(value, types.FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                yield f" (its variable {name})", cell.cell_contents
            except ValueError:
                continue
        for i, default in enumerate(value.__defaults__ or ()):
            yield f" (its default {i + 1})", default
        for name, default in (value.__kwdefaults__ or {}).items():
            yield f" (its default {name})", default
    elif isinstance(value, functools.partial):
        yield " (its function)", value.func
        yield from ((f" (its argument {i + 1})", arg) for i, arg in enumerate(value.args))
        yield from ((f" (its argument {name})", arg) for name, arg in value.keywords.items())
    elif isinstance(value, types.GeneratorType | types.CoroutineType):
        frame = value.gi_frame if isinstance(value, types.GeneratorType) else value.cr_frame
        for name, item in frame.f_locals.items() if frame is not None else ():
            yield f" (its variable {name})" if name[0] != "." else " (an intermediate value)", item
    elif isinstance(value, BaseException):
        yield from ((f".args[{i}]", arg) for i, arg in enumerate(value.args))


def _iterate_attributes(value: Any) -> Generator[tuple[str, Any]]:
    if isinstance(value, type):
        yield from ((f".{name}", item) for name, item in list(vars(value).items()) if name[:2] != "__")
        return
    try:
        own = dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError, ValueError):
        own = {}
    yield from ((f".{name}", item) for name, item in own.items() if isinstance(name, str) and name[:2] != "__")
    for cls in cast("type[Any]", type(value)).__mro__:
        slots: Any = cls.__dict__.get("__slots__", ())
        for slot in [slots] if isinstance(slots, str) else list(slots):
            try:
                yield f".{slot}", object.__getattribute__(value, slot)
            except AttributeError:
                continue


def _shorten(value: Any) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - a user's __repr__, in the middle of a sentence
        text = type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."


# -- the sentence


def describe_place(position: HasLine) -> str:
    """Return the line of the run as messages name it, for example "line 7 of refund"."""
    return position.line


def make_refusal_sentence(
    position: HasLine, what: str, value: Any, problem: Exception | None, way: str | None = None
) -> str:
    """Return the message that says why the run cannot pause: place, object, type, reason, and how to change the code.

    Args:
        position: Where the run is.
        what: Name or path of the object, as messages show it.
        value: The object.
        problem: The error of saving it; None: it cannot be pickled.
        way: How to change the code; None: `find_way_out` chooses it.
    """
    way = way or find_way_out(what, value, problem)
    named = describe_typed_name(what, value)
    return f"cannot pause at {position.line}: {named} cannot be saved ({format_reason(problem)}); {way}"


_LIST = "loop over list(...) of it"
_PICKLED_ITERATORS = frozenset(
    {"list_iterator", "tuple_iterator", "dict_keyiterator", "dict_valueiterator", "dict_itemiterator", "set_iterator"}
)


def find_way_out(what: str, value: Any, problem: Exception | None) -> str:
    """Return how to change the code so that the run can pause; the arguments are as in `make_refusal_sentence`."""
    kind, why = type(value).__name__, str(problem)
    if "with block" in what:
        if isinstance(value, io.IOBase):
            return "move the checkpoint out of the with block: collect what is to be written, and write it after that"
        out = "move the checkpoint out of the with block"
        of_generator = kind in ("_GeneratorContextManager", "_AsyncGeneratorContextManager")
        return f"{out}, or write the manager as a class with __enter__ and __exit__" if of_generator else out
    if "excessively deep" in why or isinstance(problem, RecursionError):
        return "keep it flat: lists, dicts or ids in place of objects inside of objects inside of objects"
    if any(value is stream for stream in (sys.stdout, sys.stderr)):
        return "write sys.stdout or sys.stderr where it is used, or use print(...)"
    if "containing pointers" in why:
        return "keep what it points to (.value, .contents, or bytes(...) of it) before the checkpoint"
    if "iterator" in what:
        return _find_way_out_of_loop(value, kind)
    if isinstance(problem, NotSavedError) and problem.about is value:
        return problem.way
    if isinstance(value, types.GeneratorType):
        return "keep its items: write iter(list(...)) of it before the checkpoint, or make it after the checkpoint"
    if isinstance(problem, NotSavedError):
        return problem.way
    return WAYS.get(kind) or (
        f"{RESOURCE}, make it where it is used, or mark it with hitl.live(...) if it is code and not state"
    )


def _find_way_out_of_loop(value: Any, kind: str) -> str:
    if kind == "ScandirIterator":
        return WAYS[kind]
    if hasattr(type_of(value), "__anext__"):
        return "loop over a list: for x in [x async for x in ...]"
    if kind in _PICKLED_ITERATORS:
        return "loop over plain data (ids, names), and make what cannot be saved inside the loop, below the checkpoint"
    return _LIST


def describe_typed_name(what: str, value: Any) -> str:
    """Return text for messages: a name or path, and the type of its value, for example "db (a Connection)"."""
    return f"{what} (a {type(value).__name__})"


def type_of(value: object) -> type:
    """Return the type of a value, typed as `type` for the type checker."""
    return type(value)


def qualified_type_name(obj: Any) -> str:
    """Return the name of an object's type with its module, for messages.

    Types of the notebook and builtins are named without a module.
    """
    cls = type_of(obj)
    module = cls.__module__.lstrip("_")
    return cls.__qualname__ if module in ("main__", "builtins") else f"{module}.{cls.__qualname__}"


def format_reason(problem: Exception | None) -> str:
    """Return the reason why an object cannot be saved, for messages: text without line breaks.

    Args:
        problem: The error of saving it. None: pickle gave no reason.
    """
    if problem is None:
        return "it cannot be pickled"
    if isinstance(problem, NotSavedError):
        return problem.reason
    return " ".join(f"{type(problem).__name__}: {problem}".split())
