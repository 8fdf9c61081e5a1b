"""The results that `functools.cache` and `lru_cache` hold, so that a cached call is not made again after a resume.

The wrapper shows its size and not its contents. They are read from what the garbage collector is told of it: of an
unbounded cache its dict, of a bounded one each key and result, the oldest first (`lru_cache_tp_traverse` in CPython's
Modules/_functoolsmodule.c). They are put back by making the recorded calls with the recorded results, which gives the
keys that the wrapper itself would make.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import Any, cast

from .refusals import type_of

_Call = tuple[tuple[Any, ...], dict[str, Any]]

_RECORDED = "_hitl_nb_recorded"
_CACHED: Any = type(functools.lru_cache(int))


def is_cached(function: Any) -> bool:
    """Whether a function was made by `functools.cache` or `lru_cache`."""
    return type_of(function) is _CACHED


def read_cache(function: Any) -> list[tuple[_Call, Any]]:
    """The calls that a cached function remembers, the oldest first, with their results. Raises TypeError."""
    about = function.cache_parameters()
    if not function.cache_info().currsize:
        return []
    seen: list[Any] = gc.get_referents(function)
    if about["maxsize"] is None:
        held: dict[Any, Any] = next(one for one in seen if type_of(one) is dict and one is not function.__dict__)
        pairs = list(held.items())
    else:
        triples = seen[1 : 1 + 3 * function.cache_info().currsize]
        if any(link is not _LINK for link in triples[2::3]):
            raise TypeError("its cache cannot be read in this version of Python")
        pairs = list(zip(triples[::3], triples[1::3], strict=True))
    return [(_call_of(key, typed=about["typed"]), result) for key, result in pairs]


def make_cached(function: Callable[..., Any], maxsize: int | None, typed: bool, attributes: dict[str, Any]) -> Any:
    """A cached function with an empty cache, which `fill_cache` can fill."""
    recorded: list[Any] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        return recorded.pop() if recorded else function(*args, **kwargs)

    made: Any = functools.lru_cache(maxsize, typed)(functools.update_wrapper(call, function))
    made.__dict__.update(attributes)
    made.__wrapped__ = function
    made.__dict__[_RECORDED] = recorded
    return made


def fill_cache(made: Any, calls: list[tuple[_Call, Any]]) -> None:
    """Put back what `read_cache` found."""
    recorded = made.__dict__.pop(_RECORDED)
    for (args, kwargs), result in calls:
        recorded.append(result)
        made(*args, **kwargs)
        recorded.clear()


def _find_link_type() -> Any:
    probe: Any = functools.lru_cache(1)(str)
    probe(0)
    return gc.get_referents(probe)[3]


def _find_mark() -> object:
    probe: Any = functools.lru_cache(None)(cast(Any, dict))
    probe(x=0)
    held: Any = next(one for one in gc.get_referents(probe) if type_of(one) is dict and one)
    return next(iter(held))[0]


_LINK = _find_link_type()
"""What follows each key and its result."""
_MARK = _find_mark()
"""What separates arguments from keyword arguments in a key."""


def _call_of(key: Any, *, typed: bool) -> _Call:
    if type_of(key) is not tuple:  # one argument, an int or a str
        return (key,), {}
    at = next((i for i, one in enumerate(key) if one is _MARK), None)
    if at is None:
        return key[: len(key) // 2] if typed else key, {}
    count = (len(key) - 1 - 2 * at) // 3 if typed else (len(key) - 1 - at) // 2
    rest = key[at + 1 : at + 1 + 2 * count]
    return key[:at], dict(zip(rest[::2], rest[1::2], strict=True))
