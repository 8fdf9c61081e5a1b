"""Reads the live stack as data, without running code of the user.

The instruction of a frame gives its position in the code; its local variables have the values.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime import namespace_views, rethrown_errors, runtime, with_methods
from hitl_nb.engine.compile.tree.nodes import is_engine_name
from hitl_nb.engine.compile.tree.trees import CELLS_NAME
from hitl_nb.engine.compile.units import InstrumentedCode, is_awaitable_code
from hitl_nb.engine.position.frames.endings import find_finalizer_frame
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import (
    AWAITED_VALUE,
    BOX,
    FIRST_TURN_PREFIX,
    INSTANCE,
    PENDING_CALL,
    ContinuationMode,
    SavedFrame,
    SavedStack,
)
from hitl_nb.engine.position.frames.links import GENERATOR_MANAGER, FrameLink, link_frames
from hitl_nb.engine.position.frames.lookup import MISSING, WAIT_FOR, FrameView, passthrough_codes
from hitl_nb.engine.position.frames.places import find_repeated_place, name_place
from hitl_nb.engine.position.stack.unrepeatable_places import (
    is_fleeting,
    refuse_half_used_iterator,
    refuse_repeated_call,
)

_UNSAVED_NAMES = frozenset((BOX, PENDING_CALL, CELLS_NAME, INSTANCE, AWAITED_VALUE))


def read_stack(
    innermost: types.FrameType,
    root: types.FrameType | None,
    is_answered: Callable[[Any], bool] | None,
    *,
    is_task: bool = False,
) -> SavedStack:
    """Read the frames between `root` and `innermost` as data.

    Args:
        innermost: the innermost frame.
        root: the engine's frame that has called the outermost frame to read. `root` itself is not read.
        is_answered: takes the function that `innermost` calls, and returns whether the call waits for a person's
            answer, as a checkpoint does. None: `innermost` is between two statements, or its answer is being computed.
        is_task: whether the outermost frame is of the coroutine of a task.

    Returns:
        The saved stack, outermost frame first. It ends at the first frame that evaluates the node at its position
        again.

    Raises:
        CannotSave: The frames are not all on this stack, or a frame cannot be continued at its position.
    """
    views = [FrameView(frame) for frame in frames_between(innermost, root)]
    frames: list[SavedFrame] = []
    running: dict[int, SavedFrame] = {}
    order: list[SavedFrame] = []
    is_generator = is_task
    function: types.FunctionType | None = None
    for i, view in enumerate(views):
        inner = views[i + 1] if i + 1 < len(views) else None
        try:
            link = link_frames(view, inner, is_answered)
        except CannotSave:  # an error leaves this frame, and a generator that it held is closed
            _refuse_finalizer(views[i + 1 :])
            raise
        if not link.is_exact:
            _refuse_finalizer(views[i + 1 :])
            refuse_half_used_iterator(view, link.number)
            refuse_repeated_call(view, link.number)
        saved = read_linked_frame(view, link, function)
        function = link.function
        order.append(saved)
        if is_generator:
            running[id(view.frame)] = saved
        else:
            frames.append(saved)
        if not link.is_exact:
            return SavedStack(frames, False, running, order)
        if inner is None:
            return SavedStack(frames, True, running, order)
        is_generator = link.is_generator
    raise AssertionError("a stack without frames")


def _refuse_finalizer(inside: Sequence[FrameView]) -> None:
    """Raise CannotSave if one of these frames runs because an object is destroyed, for example a `__del__`."""
    ending = find_finalizer_frame(inside)
    if ending is not None:
        where = f"line {ending.frame.f_lineno} of {ending.code.co_name}"
        raise CannotSave(f"{where} runs because a value ends, and no pause can leave it")


@dataclass(frozen=True)
class StackPlaces:
    """The names of the positions in the code at which the frames of a stack are.

    Attributes:
        names: names of the positions of all frames that are continued, outermost first. For a task, the name of the
            task comes before them.
        is_exact: whether the run continues after the innermost call. False: the node at the last position is evaluated
            again.
        frame: the innermost frame that is continued.
        is_inner: whether the caller is another task or thread that has begun inside the innermost call. A resume makes
            this call again, and so begins them again.
    """

    names: tuple[str, ...]
    is_exact: bool
    frame: types.FrameType
    is_inner: bool = False


def read_places(
    innermost: types.FrameType, root: types.FrameType | None, is_answered: Callable[[Any], bool] | None
) -> StackPlaces:
    """Read the names of the positions of all frames that can be continued, without the values of their variables.

    Args:
        innermost: the innermost frame.
        root: the engine's frame that has called the outermost frame to read.
        is_answered: takes the function that `innermost` calls, and returns whether the call waits for a person's
            answer. None: `innermost` is between two statements, or its answer is being computed.

    Raises:
        CannotSave: The frames are not all on this stack, or a frame cannot be continued at its position.
    """
    views = [FrameView(frame) for frame in frames_between(innermost, root)]
    names: list[str] = []
    for view, inner in zip(views, (*views[1:], None), strict=True):
        link = link_frames(view, inner, is_answered)
        assert view.instrumented_code is not None
        unit, function, number = view.instrumented_code.unit, view.instrumented_code.function.number, link.number
        names.append(
            name_place(unit, function, number if link.is_exact else find_repeated_place(unit, function, number))
        )
        if not link.is_exact:
            return StackPlaces(tuple(names), False, view.frame)
    return StackPlaces(tuple(names), True, views[-1].frame)


def frames_between(innermost: types.FrameType, root: types.FrameType | None) -> list[types.FrameType]:
    """List the frames between `root` and `innermost`, outermost first, without `root` and with `innermost`.

    Frames of code that only passes a call on (of the engine's runtime, of `contextlib`) are left out.

    Raises:
        CannotSave: `root` is not on this stack, or no frame remains.
    """
    found: list[types.FrameType] = []
    frame: types.FrameType | None = innermost
    while frame is not root:
        if frame is None:
            raise CannotSave("this is not the run's own stack: it is another thread's or another task's")
        is_passing = frame.f_code in _PASSTHROUGH_CODES and bool(found) and find_code(found[-1].f_code) is not None
        is_passing = is_passing or frame.f_code in passthrough_codes
        if not is_passing and frame.f_code.co_filename not in RUNTIME_FILES:  # the runtime's frames only pass on, too
            found.append(frame)
        frame = frame.f_back
    if not found:
        raise CannotSave("a task of the run that has no code of the notebook, such as a step, is at work")
    return found[::-1]


RUNTIME_FILES = tuple(module.__file__ for module in (runtime, namespace_views, rethrown_errors, with_methods))
_PASSTHROUGH_CODES = (GENERATOR_MANAGER.__enter__.__code__, GENERATOR_MANAGER.__exit__.__code__, WAIT_FOR)
"""Code by which a `with` runs the generator of a `@contextmanager` function; and `wait_for`, which is called again."""


def read_linked_frame(view: FrameView, link: FrameLink, function: types.FunctionType | None) -> SavedFrame:
    """Read a frame as data, with the values that are needed to continue the next frame inward.

    Args:
        view: the frame.
        link: tells at which node the frame waits, and how the next frame inward was called.
        function: the function of the frame; None: not known.
    """
    saved = read_frame(view, link.number, link.mode, function)
    if link.continued_object is not MISSING:
        saved.locals[INSTANCE if link.mode == "init" else AWAITED_VALUE] = link.continued_object
    if not link.is_exact:
        saved.reevaluated_names = tuple(
            n for n, value in saved.locals.items() if n.startswith(".t") and is_fleeting(value)
        )
        for name in saved.reevaluated_names:
            del saved.locals[name]
    return saved


def read_frame(
    view: FrameView, number: int, mode: ContinuationMode, function: types.FunctionType | None = None
) -> SavedFrame:
    """Read the local and closure variables of a frame, without the variables that only this process needs.

    Args:
        view: the frame.
        number: number of the syntax node at which the frame waits.
        mode: how the frame is continued.
        function: the function of the frame; None: not known.

    Raises:
        CannotSave: The closure variables of the frame cannot be found.
    """
    known = view.instrumented_code
    assert known is not None
    cells = _find_cells(view, known, function)
    values = {
        name: value
        for name, value in view.locals.items()
        if name not in cells
        and name not in _UNSAVED_NAMES
        and not (is_engine_name(name) and name.startswith(FIRST_TURN_PREFIX))
    }
    saved = SavedFrame(known.unit.key, known.function.number, number, mode, values, cells, view.globals)
    saved.is_awaitable = is_awaitable_code(view.code)
    return saved


def _find_cells(
    view: FrameView, instrumented_code: InstrumentedCode, function: types.FunctionType | None
) -> dict[str, types.CellType]:
    """Find the cells (closure variables) of a frame.

    A frame whose function defines variables of closures keeps its cells in a local. Other frames have the cells of
    `function`.
    """
    filed = view.locals.get(CELLS_NAME)
    if filed is None:
        if not instrumented_code.function.cells:
            return {}
        if function is None or {*instrumented_code.function.cells} - {*function.__code__.co_freevars}:
            raise CannotSave(f"{instrumented_code.function.name} has not begun")
        filed = function
    assert filed.__closure__ is not None
    return dict(zip(filed.__code__.co_freevars, filed.__closure__, strict=True))
