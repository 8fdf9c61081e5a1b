"""The result of `asyncio.as_completed`, as data: the finished futures that were not taken yet, and the unfinished ones.

Before Python 3.13 the result is a generator, and its coroutines share a queue with it. After a resume it is an
`AsCompletedIterator`.
"""

from __future__ import annotations

import asyncio
import gc
import types
from typing import Any, cast

from hitl_nb.engine.position.frames.errors import CannotSave

_AS_COMPLETED: Any = asyncio.as_completed
AS_COMPLETED_CODE: types.CodeType = _AS_COMPLETED.__code__
_NESTED_CODES = {code.co_name: code for code in AS_COMPLETED_CODE.co_consts if isinstance(code, types.CodeType)}
WAIT_FOR_ONE_CODE = _NESTED_CODES.get("_wait_for_one")
"""The code of the coroutines that the generator gives; None from Python 3.13 on."""
ITERATOR_TYPE: Any = vars(asyncio.tasks).get("_AsCompletedIterator")
"""The type of the result from Python 3.13 on; None before."""
_RANGE_ITERATOR = type(iter(range(0)))


class AsCompletedIterator:
    """A restored result of `asyncio.as_completed`: an iterator of coroutines.

    Each coroutine returns the result of the next future that finishes.

    Args:
        done_queue: futures that are done and whose results no coroutine has returned yet.
        unfinished_futures: futures that are not done.
        left_count: number of coroutines that the iterator still gives.
    """

    def __init__(self, done_queue: asyncio.Queue[Any], unfinished_futures: set[Any], left_count: int) -> None:
        self.done_queue, self.unfinished_futures, self.left_count = done_queue, unfinished_futures, left_count

    def __iter__(self) -> AsCompletedIterator:
        return self

    def __next__(self) -> Any:
        if not self.left_count:
            raise StopIteration
        self.left_count -= 1
        return wait_for_one(self)

    def complete_future(self, future: Any) -> None:
        """Move a future that is done from the unfinished futures to the queue."""
        if future in self.unfinished_futures:
            self.unfinished_futures.remove(future)
            self.done_queue.put_nowait(future)


async def wait_for_one(completing: AsCompletedIterator) -> Any:
    """Wait for the next future that is done, and return its result or raise its exception."""
    future = await completing.done_queue.get()
    return future.result()


_known_iterators: dict[int, AsCompletedIterator] = {}
"""Iterators of the state that is being saved, by the `id` of the queue that each shares with its coroutines."""


def is_as_completed(value: object) -> bool:
    """Return whether a value is an iterator of `asyncio.as_completed` of Python 3.13, or an `AsCompletedIterator`."""
    return isinstance(value, AsCompletedIterator) or (ITERATOR_TYPE is not None and type(value) is ITERATOR_TYPE)


def forget_iterators() -> None:
    """Forget the iterators that `find_as_completed` has returned, because another state of the run is saved now."""
    _known_iterators.clear()


def find_as_completed(names: dict[str, Any]) -> AsCompletedIterator:
    """Return the `AsCompletedIterator` to which a coroutine from the generator of `as_completed` belongs.

    It is made at the first call; all coroutines of the same generator get the same iterator.

    Args:
        names: the local variables of the coroutine.
    """
    done = names["done"]
    if id(done) not in _known_iterators:
        _known_iterators[id(done)] = AsCompletedIterator(done, _find_unfinished(done), 0)
    return _known_iterators[id(done)]


def _find_unfinished(done_queue: Any) -> set[Any]:
    for task in asyncio.all_tasks():
        for callback, _ in cast("Any", task)._callbacks or ():
            code: Any = getattr(callback, "__code__", None)
            if code is not None and code is _NESTED_CODES.get("_on_completion"):
                cells = dict(zip(code.co_freevars, callback.__closure__, strict=True))
                if cells["done"].cell_contents is done_queue:
                    return cells["todo"].cell_contents
    return set()


def reduce_as_completed(value: Any) -> tuple[Any, ...] | None:
    """Return the pickle form (as of `object.__reduce__`) of a generator of `asyncio.as_completed`.

    None: the value is no such generator, or the generator has ended.

    Raises:
        CannotSave: `as_completed` was called with a timeout.
    """
    if not isinstance(value, types.GeneratorType) or value.gi_code is not AS_COMPLETED_CODE or value.gi_frame is None:
        return None
    names = value.gi_frame.f_locals
    if names["timeout"] is not None:
        raise CannotSave("asyncio.as_completed with a timeout is not kept; use asyncio.wait(..., timeout=)")
    if not value.gi_suspended:
        return _AS_COMPLETED, (names["fs"],)
    completing = find_as_completed(names)
    completing.unfinished_futures = names["todo"]
    left: Any = next(part for part in gc.get_referents(value) if type(part) is _RANGE_ITERATOR)
    completing.left_count = left.__length_hint__()
    return _return_unchanged, (completing,)


def _return_unchanged(value: Any) -> Any:
    return value
