"""The `key=` argument, which identifies a question or a step in place of its number in the order of calls.

Code may be executed again after a pause. If several tasks run concurrently, it may then make its calls in another
order. With a key, the same call is the one with the same key, function and statement of the agent.

Calls can follow each other with one key (a loop with the same key in each turn). They are distinguished by their order,
like calls without a key. This holds for questions and gated calls that are equal otherwise. A step with other arguments
is refused.

Exact code is code in which a run continues directly behind the call. In exact code, each statement, and each turn of a
loop, is a separate place: the same key means a different call in each.
"""

from __future__ import annotations

import hashlib
import inspect
import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from hitl_nb import json_text as json
from hitl_nb.engine.call_keys.keys import Execution

Key = str | int
"""Types of a key."""

inside_call: ContextVar[str] = ContextVar("hitl_nb_inside_call", default="")
"""Prefix for the names of calls that are made inside a gated call; empty outside of gated calls."""

started_in: ContextVar[Execution | None] = ContextVar("hitl_nb_started_in", default=None)
"""In a thread that the run has started: the execution that started the thread; see `keys.Execution`.

The thread's calls are named after this execution, at whatever time they are made.
"""

_MAX_KEY_CHARS = 200
"""Keys that are longer, as JSON, are replaced by their hash."""


def check_key(key: object, of: str) -> Key | None:
    """Return `key` as a str or an int; None if it is None.

    Args:
        key: The key that the user has given.
        of: Name of the call with that key, for the error message.

    Raises:
        TypeError: `key` is neither a str nor an int.
        ValueError: `key` is empty.
    """
    if key is None:
        return None
    if isinstance(key, str):
        if not key:
            raise ValueError(f"key of {of} must not be empty: it names the call among those that run beside it")
        return str(key)
    try:
        if not isinstance(key, bool):
            return operator.index(key)  # pyright: ignore[reportArgumentType]  # raises TypeError if `key` is no integer
    except TypeError:
        pass
    raise TypeError(f"key of {of} must be a str or an int, not {type(key).__name__}; str(...) makes one")


def check_rule(key: object, of: str) -> None:
    """Check the `key=` argument of a decorator: a key, or a function that makes a key from the arguments of a call.

    Args:
        key: The argument.
        of: Name of the decorated function, for the error message.

    Raises:
        TypeError: The key is not a str, an int or a function.
        ValueError: The key is empty.
    """
    if not callable(key):
        check_key(key, of)


def make_call_key(key: Key | Callable[..., Any] | None, bound: inspect.BoundArguments, of: str) -> Key | None:
    """Return the key of one call of a decorated function; None if the decorator has no key.

    Args:
        key: The `key=` of the decorator. A function is called by `call_with_arguments` and returns the key.
        bound: Arguments of the call.
        of: Name of the decorated function, for the error message.

    Raises:
        TypeError: The key is neither a str nor an int, or the key function returned None.
        ValueError: The key is empty.
        Exception: The key function raised it.
    """
    if not callable(key):
        return check_key(key, of)
    found = check_key(call_with_arguments(key, bound), of)
    if found is None:
        raise TypeError(f"the key function of {of} returned None; it must return a str or an int for every call")
    return found


def call_with_arguments(function: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
    """Call a function that was given to a decorator (as `key=`, for example) with the arguments of a decorated call.

    If all required parameters of the function are named like arguments of the call, the function gets those arguments
    by name. Otherwise it gets all arguments in the order of the call.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some builtins have no signature
        return function(*bound.args, **bound.kwargs)
    by_name = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return function(**bound.arguments)
    needed = [p for p in parameters if p.default is p.empty and p.kind != p.VAR_POSITIONAL]
    if all(p in by_name and p.name in bound.arguments for p in needed):
        return function(**{p.name: bound.arguments[p.name] for p in by_name if p.name in bound.arguments})
    return function(*bound.args, **bound.kwargs)


def spell_key(key: Key) -> str:
    """Return the key of a call as text, for use in the call's name. Different keys give different texts."""
    text = json.dumps(key)
    return text if len(text) <= _MAX_KEY_CHARS else f"#{hashlib.sha256(text.encode()).hexdigest()}"
