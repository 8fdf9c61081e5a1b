"""Pickle generators, coroutines, iterators and context managers with their position, or refuse them with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import types
from typing import Any, Literal

from hitl_nb.engine.position.event_loop.completions import AsCompletedIterator
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.frames.links import generator_of
from hitl_nb.engine.position.frames.lookup import frame_of
from hitl_nb.engine.position.iterators.iterators import find_reducer, reduce_iterator
from hitl_nb.engine.position.managers.effects import EFFECTS
from hitl_nb.engine.position.managers.managers import find_effect, reduce_manager
from hitl_nb.engine.position.stack.generators import reduce_generator
from hitl_nb.engine.position.stack.tasks import reduce_asyncio
from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.unsavable_types import WAYS

Kind = Literal["generator", "iterator", "manager", "asyncio"]

_MANAGER: Any = vars(contextlib)["_GeneratorContextManager"]
_GENERATORS = (types.GeneratorType, types.CoroutineType)

_WAY_OUT: dict[str, str] = {
    "generator": "keep its items: write iter(list(...)) of it before the checkpoint, or make it after the checkpoint",
    "coroutine": WAYS["coroutine"],
    "_GeneratorContextManager": "leave its with block before the checkpoint, or make it after that",
}
_WAY_OUT_OF_LOOP = "loop over list(...) of it"


@functools.lru_cache(maxsize=4096)
def find_kind(cls: type) -> Kind | None:
    """Return the kind of objects of exactly this type: "generator", "iterator", "manager" or "asyncio".

    Objects of these kinds are saved with their position. None for other types: pickle saves their objects as usual.
    """
    if cls in _GENERATORS:
        return "generator"
    if find_reducer(cls) is not None:
        return "iterator"
    if issubclass(cls, asyncio.Future | AsCompletedIterator) or cls.__module__.partition(".")[0] == "asyncio":
        return "asyncio"
    return "manager" if cls is _MANAGER or (cls.__module__, cls.__qualname__) in EFFECTS else None


def is_unfinished(obj: Any) -> bool:
    """Return True if an object is a generator or coroutine that has not ended."""
    return frame_of(obj) is not None


def reduce_position(obj: Any, kind: Kind, running: dict[int, SavedFrame]) -> Any:
    """Return the `__reduce__` tuple of an object with its position; NotImplemented: pickle's own rules are used.

    Args:
        obj: The object, for example a generator that waits at a `yield`.
        kind: Its kind, as `find_kind` gives it.
        running: Saved frames of generators on the stack, by id of their frame.

    Raises:
        NotSavedError: The object cannot be saved in its current state.
    """
    try:
        if kind == "manager":
            _check_generator(obj, running)
            reduced = reduce_manager(obj, running)
        elif kind == "asyncio":
            reduced = reduce_asyncio(obj)
        else:
            reduced = reduce_iterator(obj, running)
        if reduced is None and kind == "generator":
            reduced = reduce_generator(obj, running)
    except CannotSave as problem:
        raise explain_refusal(problem, about=obj) from problem
    return NotImplemented if reduced is None else reduced


def _check_generator(manager: Any, running: dict[int, SavedFrame]) -> None:
    """Check that the generator of a context manager (made with `contextlib.contextmanager`) can be saved.

    Raises:
        CannotSave: It cannot be saved. The error is then about the manager, not about its generator.
    """
    if type_of(manager) is _MANAGER and find_effect(manager) is None:
        generator = generator_of(manager)
        if is_unfinished(generator) and reduce_iterator(generator, running) is None:
            reduce_generator(generator, running)


def explain_refusal(problem: CannotSave, *, about: Any = None) -> NotSavedError:
    """Convert an error of the position package (`engine/position`) into an error with a reason and a solution.

    Args:
        problem: The error; its text is "reason; solution".
        about: The object that cannot be saved.
    """
    text = str(problem)
    reason, _, way = text.rpartition("; ")
    kind = type_of(about).__name__
    if not reason or kind == _MANAGER.__name__:
        reason, way = reason or text, _WAY_OUT.get(kind, _WAY_OUT_OF_LOOP)
    return NotSavedError(reason, way, about=about)
