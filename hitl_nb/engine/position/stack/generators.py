"""Suspended generators and coroutines as data.

A restored generator runs a *residual*: a function that contains only the code that was left to run. A first step runs
this function up to the position where the generator was suspended.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Generator, Iterable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.compile.runtime.runtime import Unwind
from hitl_nb.engine.compile.tree.nodes import is_engine_name
from hitl_nb.engine.position.event_loop import asyncio_calls
from hitl_nb.engine.position.frames.continuations import Box, continue_frame
from hitl_nb.engine.position.frames.frames import ContinuationMode, SavedFrame
from hitl_nb.engine.position.frames.lookup import frame_of
from hitl_nb.engine.position.liveness.liveness import find_live_variables
from hitl_nb.engine.position.stack.awaits import find_delegate
from hitl_nb.engine.position.stack.suspended_frames import read_generator

_unfilled_boxes: WeakKeyDictionary[Any, Box] = WeakKeyDictionary()
"""By generator: the box of a restored generator whose values were not set yet.

A generator that refers to itself may be made twice while it is unpickled; the copy is dropped.
"""

_filled_generators: ContextVar[list[Any] | None] = ContextVar("hitl_nb_filled", default=None)
"""Generators that got their values while a state is loaded, and must then be run up to their place."""


omits_unread_variables: ContextVar[bool] = ContextVar("hitl_nb_leaves_out", default=False)
"""Whether generators are saved without the variables that they no longer read, since one may be impossible to save.

If False, these variables are saved, too: in a normal run they live as long as the generator.
"""


def reduce_generator(value: Any, running_frames: dict[int, SavedFrame]) -> tuple[Any, ...]:
    """Return the pickle form of a generator or coroutine.

    The form is a tuple as `object.__reduce__` returns it, with a state setter.

    Args:
        value: the generator or coroutine.
        running_frames: `id` of a live frame -> its saved frame, for the generators on the stack that is saved at the
            same time.

    Raises:
        CannotSave: The generator cannot be saved.
    """
    known = asyncio_calls.reduce_coroutine(value)
    if known is not None:
        return known
    found = read_generator(value, running_frames)
    if found is None:
        return make_finished_generator, (isinstance(value, types.CoroutineType),)
    saved, is_begun = found
    unit = find_unit(saved.unit)
    assert unit is not None
    live, keeps = find_live_variables(unit, saved), not omits_unread_variables.get()
    kept = {n: v for n, v in saved.locals.items() if n in live or (keeps and not is_engine_name(n))}
    return reduce_saved_frame(replace(saved, locals=kept), is_begun, (value.__name__, value.__qualname__))


def reduce_saved_frame(
    saved_frame: SavedFrame, needs_placement: bool, titles: tuple[str, str] | None = None
) -> tuple[Any, ...]:
    """Return the pickle form of a generator or coroutine whose frame was read already.

    Args:
        saved_frame: the frame.
        needs_placement: whether the restored generator must be run up to its saved position.
        titles: `__name__` and `__qualname__` of the generator; None: the names of the function in the source.

    Returns:
        A tuple as `object.__reduce__` returns it, with a state setter.
    """
    shape = {name: v for name, v in saved_frame.locals.items() if name.startswith(".f") and isinstance(v, int)}
    args = (
        saved_frame.unit,
        saved_frame.function,
        saved_frame.place,
        saved_frame.mode,
        saved_frame.reevaluated_names,
        tuple(saved_frame.locals),
        shape,
        saved_frame.cells,
        titles,
        saved_frame.is_awaitable,
        saved_frame.namespace,
    )
    return make_generator, args, (tuple(saved_frame.locals.values()), needs_placement), None, None, fill_generator


def make_generator(
    unit: str,
    function: int,
    place: int,
    mode: ContinuationMode,
    reevaluated_names: tuple[str, ...],
    names: tuple[str, ...],
    flag_values: dict[str, int],
    cells: dict[str, types.CellType],
    titles: tuple[str, str] | None,
    is_awaitable: bool,
    namespace: dict[str, Any],
) -> Any:
    """Make a generator or coroutine from the pickled data of its frame. `fill_generator` sets its values later."""
    values: dict[str, Any] = {**dict.fromkeys(names), **flag_values}
    saved = SavedFrame(unit, function, place, mode, values, cells, namespace, reevaluated_names, is_awaitable)
    made, box = continue_frame(saved)
    generator = made(box)
    if titles is not None:
        generator.__name__, generator.__qualname__ = titles
    _unfilled_boxes[generator] = box
    return generator


def fill_generator(generator: Any, state: tuple[tuple[Any, ...], bool]) -> None:
    """Set the values of a restored generator, which may contain the generator itself.

    Args:
        generator: the generator that `make_generator` returned.
        state: the values, in the order of the names that `make_generator` got; and whether the generator must be run up
            to its place.
    """
    values, is_begun = state
    box = _unfilled_boxes.pop(generator)
    assert box.saved_frame is not None
    box.saved_frame.locals = dict(zip(box.names, values, strict=True))
    if is_begun:
        filled = _filled_generators.get()
        if filled is None:
            _advance_to_place(generator)
        else:
            filled.append(generator)


@contextlib.contextmanager
def defer_generator_placement() -> Generator[None]:
    """Run generators that are loaded inside the `with` block up to their saved position only at the end of the block.

    At the end the values that they hold are complete. To reach its position, a generator runs to its `yield`. No
    statement of the user is run for this. It only looks up an attribute in front of the `yield` in the same expression
    (`append` of `self.items.append((yield))`).
    """
    filled: list[Any] = []
    token = _filled_generators.set(filled)
    try:
        yield
    finally:
        _filled_generators.reset(token)
    for generator in filled:
        _advance_to_place(generator)


def _advance_to_place(generator: Any) -> None:
    """Run the first step of a restored generator, which brings it to the place where it was suspended."""
    with contextlib.suppress(StopIteration):
        generator.send(None)


def end_generators_quietly(generators: Iterable[Any]) -> None:
    """End generators and coroutines whose state is saved, without running their `finally` blocks.

    They are only paused: another process continues them.
    """
    listed = list(generators)
    inner = {id(find_delegate(one)) for one in listed}
    for generator in sorted(listed, key=lambda one: id(one) in inner):  # an awaited one must end after its caller
        frame = frame_of(generator)
        if frame is None or find_code(frame.f_code) is None:
            continue
        with contextlib.suppress(Unwind):
            generator.throw(Unwind())


def make_finished_generator(is_coroutine: bool) -> Any:
    """Make a generator, or a coroutine if `is_coroutine`, that has ended."""
    if not is_coroutine:
        ended = (item for item in ())
        next(ended, None)
        return ended
    coroutine = _do_nothing()
    coroutine.close()
    return coroutine


async def _do_nothing() -> None: ...
