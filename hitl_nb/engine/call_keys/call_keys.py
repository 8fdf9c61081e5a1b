"""The argument `key=` of questions and steps. It identifies a call in place of the number of the call.

Without a key, calls of the same function are told apart by their order. But code may be executed again after a pause,
and concurrent tasks may then make their calls in another order. With a key, a call counts as the same call if key,
function and the statement of the agent are the same.

Calls can follow each other with one key (a loop with the same key in each turn). They are distinguished by their order,
like calls without a key. This holds for questions and gated calls that are equal otherwise. A step with other arguments
is refused.

A call is *exact* if a continued run continues directly behind it. For exact calls, each statement, and each turn of a
loop, is a separate position: the same key means a different call in each.
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
"""In a thread that the run has started: the execution of the code that started the thread.

An execution is one execution of code with recorded calls. The names of the thread's calls are made from it, at whatever
time the calls are made.
"""

_MAX_KEY_CHARS = 200
"""Keys that are longer, as JSON, are replaced by their hash."""


def check_key(key: object, of: str) -> Key | None:
    """Check a `key=` argument, and return it as a str or an int; None if it is None.

    Args:
        key: The key that the user has given.
        of: Name of the called function, for the error message.

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
        key: The `key=` of the decorator: a key, or a function that makes the key from the arguments of the call.
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
    """Call a function that the user has given to a decorator, for example as `key=`, with the arguments of a call.

    If all required parameters of the function are named like arguments of the call, the function gets those arguments
    by name. Otherwise it gets all arguments in the order of the call.

    Args:
        function: The given function.
        bound: Arguments of the decorated call.
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
