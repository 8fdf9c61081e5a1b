"""What `asyncio.as_completed` gives, as data: what is done and was not taken yet, and what is not done.

Before Python 3.13 it is a generator, whose coroutines share a queue with it. Continued, it is a `Completing`.
"""

from __future__ import annotations

import asyncio
import gc
import types
from typing import Any, cast

from hitl_nb.engine.position.frames.errors import CannotSave

_AS_COMPLETED: Any = asyncio.as_completed
CODE: types.CodeType = _AS_COMPLETED.__code__
_CODES = {code.co_name: code for code in CODE.co_consts if isinstance(code, types.CodeType)}
WAIT_FOR_ONE = _CODES.get("_wait_for_one")
"""The code of the coroutines that the generator gives; None from Python 3.13 on."""
ITERATOR: Any = vars(asyncio.tasks).get("_AsCompletedIterator")
"""What it is from Python 3.13 on."""
_RANGE = type(iter(range(0)))


class Completing:
    """Gives coroutines that return the results of futures, in the order in which these are done."""

    def __init__(self, done: asyncio.Queue[Any], todo: set[Any], left: int) -> None:
        self.done, self.todo, self.left = done, todo, left

    def __iter__(self) -> Completing:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        self.left -= 1
        return wait_for_one(self)

    def complete(self, future: Any) -> None:
        if future in self.todo:
            self.todo.remove(future)
            self.done.put_nowait(future)


async def wait_for_one(completing: Completing) -> Any:
    future = await completing.done.get()
    return future.result()


_known: dict[int, Completing] = {}
"""Of the state that is being saved, by the identity of the queue."""


def is_completing(value: object) -> bool:
    return isinstance(value, Completing) or (ITERATOR is not None and type(value) is ITERATOR)


def forget() -> None:
    _known.clear()


def find_completing(names: dict[str, Any]) -> Completing:
    """What a coroutine of the generator's belongs to."""
    done = names["done"]
    if id(done) not in _known:
        _known[id(done)] = Completing(done, _todo_of(done), 0)
    return _known[id(done)]


def _todo_of(done: Any) -> set[Any]:
    for task in asyncio.all_tasks():
        for callback, _ in cast("Any", task)._callbacks or ():
            code: Any = getattr(callback, "__code__", None)
            if code is not None and code is _CODES.get("_on_completion"):
                cells = dict(zip(code.co_freevars, callback.__closure__, strict=True))
                if cells["done"].cell_contents is done:
                    return cells["todo"].cell_contents
    return set()


def reduce_generator(value: Any) -> tuple[Any, ...] | None:
    """How pickle makes the generator again; None: it is another one."""
    if not isinstance(value, types.GeneratorType) or value.gi_code is not CODE or value.gi_frame is None:
        return None
    names = value.gi_frame.f_locals
    if names["timeout"] is not None:
        raise CannotSave("asyncio.as_completed with a timeout is not kept; use asyncio.wait(..., timeout=)")
    if not value.gi_suspended:
        return _AS_COMPLETED, (names["fs"],)
    completing = find_completing(names)
    completing.todo = names["todo"]
    left: Any = next(part for part in gc.get_referents(value) if type(part) is _RANGE)
    completing.left = left.__length_hint__()
    return _itself, (completing,)


def _itself(value: Any) -> Any:
    return value
