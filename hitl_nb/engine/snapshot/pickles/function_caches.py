"""Save the results of `functools.cache` and `lru_cache`, so that a cached call is not executed again after a resume.

The wrapper has no function that returns its contents. They are read from the referents that the garbage collector sees.
For an unbounded cache, these include its dict. For a bounded cache, they include each key and result, the oldest first
(`lru_cache_tp_traverse` in CPython's Modules/_functoolsmodule.c). To restore a cache, the recorded calls are made again
while the function returns the recorded results. So the wrapper itself makes the keys.

The cache of a function that the notebook or a module of the user defines is data of that definition. It is saved with
the variables. So an object that is both `self` in a key and the value of a variable is one object again.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, cast

from hitl_nb.engine.instrument.plain_code import describe_code
from hitl_nb.engine.refusals import type_of

_Call = tuple[tuple[Any, ...], dict[str, Any]]

_FILL = "_hitl_nb_fill"
_MAX_COUNTED = 100_000
"""Maximum number of hits and of misses that are restored: each takes a call."""
_NOTHING = object()
_CACHED: Any = type(functools.lru_cache(int))


def is_cached(function: Any) -> bool:
    """Return True if a function was made by `functools.cache` or `lru_cache`."""
    return type_of(function) is _CACHED


class CacheContents(NamedTuple):
    """Contents of a cache.

    Attributes:
        calls: ((args, kwargs), result) of each remembered call, the oldest first.
        hits, misses: The counts of `cache_info()`.
    """

    calls: list[tuple[_Call, Any]]
    hits: int
    misses: int


def _fill_with_recorded(function: Callable[..., Any], contents: CacheContents, recorded: list[Any]) -> None:
    """Fill an empty cache by making the recorded calls.

    Args:
        function: The cached function. During this call it must return (and remove) the item of `recorded`, and raise
            IndexError if the list is empty.
        contents: The recorded calls, results and counts.
        recorded: The list from which the function takes its result.
    """
    for _ in range(min(contents.misses - len(contents.calls), _MAX_COUNTED)):
        with contextlib.suppress(IndexError):  # a call that fails counts as a miss, and its result is not kept
            function(_NOTHING)
    for (args, kwargs), result in contents.calls:
        recorded.append(result)
        function(*args, **kwargs)
        recorded.clear()
    if contents.calls:
        args, kwargs = contents.calls[-1][0]  # the newest call: so the order in which results are dropped is unchanged
        for _ in range(min(contents.hits, _MAX_COUNTED)):
            function(*args, **kwargs)


def read_cache(function: Any) -> CacheContents:
    """Read the calls and results that a cached function remembers.

    Raises:
        TypeError: They cannot be read in this version of Python.
    """
    info = function.cache_info()
    return CacheContents(_read_calls(function), info.hits, info.misses)


def _read_calls(function: Any) -> list[tuple[_Call, Any]]:
    about = function.cache_parameters()
    if not function.cache_info().currsize:
        return []
    count = function.cache_info().currsize
    if about["maxsize"] is None:
        pairs = list(_find_cache_dict(function).items())
        known = len(pairs) == count
    else:
        triples = gc.get_referents(function)[1 : 1 + 3 * count]
        known = len(triples) == 3 * count and all(link is _find_link_type() for link in triples[2::3])
        pairs = list(zip(triples[::3], triples[1::3], strict=False))
    if not known:
        raise TypeError("its cache cannot be read in this version of Python; call cache_clear() before the checkpoint")
    return [(_parse_call(key, typed=about["typed"]), result) for key, result in pairs]


def make_empty(function: Callable[..., Any], maxsize: int | None, typed: bool, attributes: dict[str, Any]) -> Any:
    """Make a cached function with an empty cache.

    Args:
        function: The function whose results are cached.
        maxsize: Maximum number of results to remember, as for `functools.lru_cache`; None: no limit.
        typed: True: arguments of different types are remembered separately, as for `functools.lru_cache`.
        attributes: Attributes to set on the cached function.
    """
    made: Any = functools.lru_cache(maxsize, typed)(function)
    made.__dict__.update(attributes)
    return made


def make_filled(function: Callable[..., Any], maxsize: int | None, typed: bool, attributes: dict[str, Any]) -> Any:
    """Make a cached function whose cache `fill_cache` fills later. The function must not be called before.

    Args:
        function: The function whose results are cached.
        maxsize: Maximum number of results to remember, as for `functools.lru_cache`; None: no limit.
        typed: True: arguments of different types are remembered separately, as for `functools.lru_cache`.
        attributes: Attributes to set on the cached function.
    """
    recorded: list[Any] = []
    filled = False

    def call_or_recall(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if filled else recorded.pop()

    def fill(contents: CacheContents) -> None:
        nonlocal filled
        try:
            _fill_with_recorded(made, contents, recorded)
        finally:
            filled = True

    made = make_empty(functools.update_wrapper(call_or_recall, function), maxsize, typed, attributes)
    made.__wrapped__ = function
    made.__dict__[_FILL] = fill
    return made


def fill_cache(made: Any, contents: CacheContents) -> None:
    """Fill the cache of a function that `make_filled` made.

    Args:
        made: The cached function.
        contents: The saved calls and results, as `read_cache` returned them.
    """
    made.__dict__.pop(_FILL)(contents)


def read_contents(function: Any) -> Any:
    """Read the data of a cached function: a hash of its code, and the remembered calls with their results.

    If they cannot be read, an object is returned that cannot be pickled, so that the save fails with the reason.
    """
    try:
        found = read_cache(function)
    except TypeError as error:
        return UnreadableResults(str(error))
    return _hash_function(function.__wrapped__), *found


def can_be_refilled(function: Any) -> bool:
    """Return True if `refill_cache` can put results into this cached function."""
    return isinstance(function.__wrapped__, FunctionType)


class UnreadableResults:
    """A placeholder for cached results that cannot be read. Pickling it raises TypeError with the reason."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __reduce__(self) -> Any:
        raise TypeError(self.why)


def refill_cache(function: Any, contents: Any) -> None:
    """Put saved results into the cache of a function. If the function's code was changed since, do nothing.

    The recorded calls are made while the function has other code, which returns the recorded results.

    Args:
        function: The cached function.
        contents: The value that `read_contents` returned.
    """
    code_hash, *found = contents
    inner = function.__wrapped__
    if not isinstance(inner, FunctionType) or _hash_function(inner) != code_hash:
        return
    recorded: list[Any] = []
    consts = tuple(recorded if one == _PLACEHOLDER else one for one in _recall.__code__.co_consts)
    code = inner.__code__
    inner.__code__ = _recall.__code__.replace(co_consts=consts, co_freevars=code.co_freevars)
    try:
        _fill_with_recorded(function, CacheContents(*found), recorded)
    finally:
        inner.__code__ = code


_PLACEHOLDER = "the recorded results"


def _recall(*args: object, **kwargs: object) -> object:
    return "the recorded results".pop()  # type: ignore[attr-defined]  # `refill_cache` puts a list there


def _hash_function(function: Any) -> str:
    code: Any = getattr(function, "__code__", None)
    return hashlib.sha256(repr(describe_code(code)).encode()).hexdigest() if code is not None else ""


@functools.cache
def _find_link_type() -> Any:
    """Return the internal type `_lru_list_elem`, of which CPython makes an object for each entry of a bounded cache.

    Among the referents of the cache (`gc.get_referents`), this object follows the key and the result of its entry. None
    if this version of Python does not have the type.
    """
    probe: Any = functools.lru_cache(1)(str)
    probe(0)
    return next((one for one in gc.get_referents(probe) if getattr(one, "__name__", "") == "_lru_list_elem"), None)


@functools.cache
def _find_key_mark() -> object:
    """Return the object that separates arguments from keyword arguments in a key of the cache."""
    probe: Any = functools.lru_cache(None)(cast(Any, dict))
    probe(x=0)
    return next(iter(_find_cache_dict(probe)))[0]


def _find_cache_dict(function: Any) -> dict[Any, Any]:
    seen: list[Any] = gc.get_referents(function)
    found: list[dict[Any, Any]] = [one for one in seen if type_of(one) is dict and one is not function.__dict__]
    return found[0] if found else {}


def _parse_call(key: Any, *, typed: bool) -> _Call:
    if type_of(key) is not tuple:  # one argument, an int or a str
        return (key,), {}
    at = next((i for i, one in enumerate(key) if one is _find_key_mark()), None)
    if at is None:
        return key[: len(key) // 2] if typed else key, {}
    count = (len(key) - 1 - 2 * at) // 3 if typed else (len(key) - 1 - at) // 2
    rest = key[at + 1 : at + 1 + 2 * count]
    return key[:at], dict(zip(rest[::2], rest[1::2], strict=True))
