"""Reads suspended generators and coroutines, each from its own frame.

A coroutine is suspended at an `await`. The awaited object is saved if possible, and awaited again. This is possible for
a coroutine of the notebook, a task, a `gather`, and the future that a coroutine of asyncio awaits. If the object cannot
be saved, the call that made it is executed again.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.compile.runtime.runtime import HeldAwait
from hitl_nb.engine.compile.tree.nodes import is_filed_value, walk
from hitl_nb.engine.compile.units import InstrumentedCode, is_awaitable_code
from hitl_nb.engine.position.event_loop.origins import is_gated_call, origin_of
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import AWAITED_VALUE, BOX, SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import is_loop, locate_instruction
from hitl_nb.engine.position.frames.lookup import MISSING, FrameView, frame_of, look_up, unwrap_wait_for
from hitl_nb.engine.position.frames.places import find_place, name_place
from hitl_nb.engine.position.stack.awaits import continue_await, find_delegate, is_driven
from hitl_nb.engine.position.stack.stack_reader import StackPlaces, read_frame, read_places, read_stack
from hitl_nb.engine.position.stack.unrepeatable_places import is_fleeting

INNER_TASK = "task "
"""Name of a task that the run does not save, because code that is executed again begins it again."""

savable_awaitable_tests: list[Callable[[Any], bool]] = []
"""Functions that return whether an awaited object can be saved as it is. The module `tasks` adds one."""


def read_generator(value: Any, running_frames: dict[int, SavedFrame]) -> tuple[SavedFrame, bool] | None:
    """Read the frame of a generator or coroutine of the notebook as data.

    Args:
        value: the generator or coroutine.
        running_frames: `id` of a live frame -> its saved frame, for the generators on the saved stack.

    Returns:
        (the saved frame, whether the restored generator must be run up to its position). None: the generator has ended.

    Raises:
        CannotSave: The generator runs in other code or belongs to other code, or it cannot be continued at its
            position.
    """
    frame = frame_of(value)
    if frame is None:
        return None
    saved = running_frames.get(id(frame))
    if saved is not None:
        return saved, False
    known = find_code(frame.f_code)
    if known is None:
        of = "code that is not instrumented" if frame.f_globals.get("__name__") == "__main__" else "a library"
        raise CannotSave(f"{frame.f_code.co_qualname} is a generator of {of}")
    is_generator = isinstance(value, types.GeneratorType)
    if value.gi_running if is_generator else value.cr_running:
        raise CannotSave(f"the generator {frame.f_code.co_qualname} is being asked by other code")
    view = FrameView(frame)
    if not (value.gi_suspended if is_generator else value.cr_suspended):
        return _read_unstarted_frame(value, view, known), False
    number, _, _ = locate_instruction(frame, known)
    place = find_place(known.unit, known.function.number, number)
    if place is not None and isinstance(place.node, ast.Yield):
        return read_frame(view, number, "yield"), True
    if place is not None and isinstance(place.node, ast.YieldFrom):
        return read_frame(view, number, "yield_from"), True
    saved = read_awaiting_frame(value)
    if not is_driven(value) or saved.mode != "again" or saved.place != number:
        return saved, False
    saved.locals[AWAITED_VALUE] = HeldAwait(find_delegate(value))
    return saved, True


def _read_unstarted_frame(value: Any, view: FrameView, instrumented_code: InstrumentedCode) -> SavedFrame:
    box = view.locals.get(BOX)
    if box is not None and box.saved_frame is not None:  # it was restored, and has not begun since
        return box.saved_frame
    function = instrumented_code.function
    values = dict(view.locals)
    cells: dict[str, types.CellType] = {}
    if function.cells:
        cells = _find_unstarted_cells(value, view, values)
    saved = SavedFrame(instrumented_code.unit.key, function.number, 0, "start", values, cells, view.globals)
    saved.is_awaitable = is_awaitable_code(view.code)
    return saved


def _find_unstarted_cells(value: Any, view: FrameView, values: dict[str, Any]) -> dict[str, types.CellType]:
    """Return name -> cell for the closure variables of a generator that has not begun.

    A cell is CPython's object for such a variable.

    For variables of enclosing functions, these are the existing cells. For variables that the generator's own function
    shares with nested functions, cells are made.

    Args:
        value: the generator.
        view: its frame.
        values: name -> value of its variables. Those with a cell are removed.
    """
    import gc

    found = [part for part in gc.get_referents(value) if isinstance(part, types.CellType)]
    free = view.code.co_freevars
    cells = dict(zip(free, found[len(found) - len(free) :], strict=True)) if free else {}
    for name in view.code.co_cellvars:
        cells[name] = types.CellType(values.pop(name)) if name in values else types.CellType()
    for name in free:
        values.pop(name, None)
    return cells


# -- at an `await`


def read_awaiting_frame(coroutine: Any) -> SavedFrame:
    """Read the frame of a coroutine of the notebook that waits at an `await`. The restored coroutine awaits again.

    Raises:
        CannotSave: The awaited object cannot be saved, and the call that made it cannot be executed again.
    """
    view = FrameView(coroutine.cr_frame)
    known = view.instrumented_code
    assert known is not None
    number, _, _ = locate_instruction(view.frame, known)
    place = find_place(known.unit, known.function.number, number)
    node = place.node if place is not None else None
    if isinstance(node, ast.Await):
        value = look_up(node.value, view)
        if is_savable_awaitable(value):
            return read_frame(view, number, "again")
        held = continue_await(coroutine)
        if held is not None:
            saved = read_frame(view, number, "again")
            saved.locals[AWAITED_VALUE] = held
            return saved
        return _read_reevaluated_frame(view, node.value, value)
    if is_loop(node) and is_savable_awaitable(coroutine.cr_await):
        saved = read_frame(view, number, "item")
        saved.locals[AWAITED_VALUE] = coroutine.cr_await
        return saved
    raise CannotSave(f"{_describe_location(view)} waits for something that cannot be saved")


def read_task_stack(
    innermost: types.FrameType, task: Any, main_coroutine: Any, is_answered: Callable[[Any], bool] | None
) -> SavedStack:
    """Read the stack of a run while one of its tasks runs, and its own coroutine waits.

    Args:
        innermost: the innermost frame of the running task.
        task: the running task.
        main_coroutine: the coroutine of the run itself.
        is_answered: takes the function that `innermost` calls, and returns whether the call waits for a person's
            answer, as a checkpoint does. None: `innermost` is at a poll.

    Returns:
        The stack. Its first frame is the run's own; the frames of functions that the task's coroutine calls follow. If
        the task begins again with the call that the run awaits, the stack has only the run's own frame.

    Raises:
        CannotSave: The task is not code of the notebook, or the position of a frame cannot be continued.
    """
    if origin_of(task).is_reevaluated or is_gated_call(unwrap_wait_for(task.get_coro())):
        return read_waiting_stack(main_coroutine)
    outermost = _read_main_frame(main_coroutine)
    code = getattr(unwrap_wait_for(task.get_coro()), "cr_code", None)
    if not isinstance(code, types.CodeType) or find_code(code) is None:
        name = getattr(task.get_coro(), "__qualname__", "")
        raise CannotSave(
            f"the task {name}(), started at line {origin_of(task).line}, is no code of the notebook, and asks; "
            "await it in a statement of its own"
        )
    inside = read_stack(innermost, _find_task_root(task), is_answered, is_task=True)
    return SavedStack(
        [outermost, *inside.frames], inside.waits_for_answer, inside.running_frames, [outermost, *inside.order]
    )


def read_waiting_stack(main_coroutine: Any) -> SavedStack:
    """Read the stack of a run whose own coroutine waits for a call that a resume makes again.

    The tasks that this call has started are not saved, because the repeated call starts them again. So the stack has
    only the frame of the run's own coroutine.
    """
    outermost = _read_main_frame(main_coroutine)
    return SavedStack([outermost], False, {}, [outermost])


def name_waiting_place(main_coroutine: Any, task_name: str) -> StackPlaces:
    """Return the position where the run's own coroutine waits for a call that a resume executes again.

    Args:
        main_coroutine: the coroutine.
        task_name: name of the task that the call has started. It becomes the first of the returned names, except for
            `INNER_TASK` if the repeated call begins the task again.
    """
    outermost = _read_main_frame(main_coroutine)
    unit = find_unit(outermost.unit)
    assert unit is not None
    if task_name == INNER_TASK and main_coroutine.cr_suspended:
        view = FrameView(main_coroutine.cr_frame)
        assert view.instrumented_code is not None
        awaiting, _, _ = locate_instruction(view.frame, view.instrumented_code)
        if awaiting != outermost.place:
            # A resume makes the awaited call again, and the call begins the task again. So the task's calls are part of
            # that call, and have its position: the one that the call's own code has.
            place = name_place(unit, outermost.function, awaiting)
            return StackPlaces((place,), False, main_coroutine.cr_frame, is_inner=True)
    place = name_place(unit, outermost.function, outermost.place)
    return StackPlaces((task_name, place), False, main_coroutine.cr_frame)


def _read_main_frame(main_coroutine: Any) -> SavedFrame:
    if main_coroutine.cr_running:
        raise CannotSave("a task asks in its first step, before the code that made the task continues (an eager task)")
    return (
        read_awaiting_frame(main_coroutine)
        if main_coroutine.cr_suspended
        else _read_unstarted_coroutine(main_coroutine)
    )


def _find_task_root(task: Any) -> types.FrameType | None:
    """Return the frame of the event loop that runs the current step of a task; None if the task has no frame."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_back if frame is not None else None


def name_task_places(
    innermost: types.FrameType, task: Any, main_coroutine: Any, is_answered: Callable[[Any], bool] | None
) -> StackPlaces:
    """Return the names of the positions of the frames of a task. The first name is the name of the task.

    If a resume starts the task again by a call that the run awaits, the second name is the position of this call.

    Args:
        innermost: the innermost frame of the task.
        task: the task, which runs now.
        main_coroutine: the coroutine of the run itself.
        is_answered: takes the function that `innermost` calls, and returns whether the call waits for a person's
            answer. None: `innermost` is between two statements.
    """
    origin = origin_of(task)
    if is_gated_call(unwrap_wait_for(task.get_coro())):  # it has no frame of the notebook, and begins again
        return StackPlaces((f"task {origin.key}", task.get_coro().__qualname__), False, main_coroutine.cr_frame)
    if origin.is_reevaluated:
        return name_waiting_place(main_coroutine, f"task {origin.key}")
    found = read_places(innermost, _find_task_root(task), is_answered)
    return replace(found, names=(f"task {origin.key}", *found.names))


def _read_unstarted_coroutine(coroutine: Any) -> SavedFrame:
    view = FrameView(coroutine.cr_frame)
    assert view.instrumented_code is not None
    return _read_unstarted_frame(coroutine, view, view.instrumented_code)


def is_savable_awaitable(value: Any) -> bool:
    """Return whether an awaited object can be saved as data, and awaited again."""
    if isinstance(value, types.CoroutineType) and find_code(value.cr_code) is not None:
        return True
    if isinstance(value, types.GeneratorType) and find_code(value.gi_code) is not None:  # see `types.coroutine`
        return True
    return any(can(value) for can in savable_awaitable_tests)


def _read_reevaluated_frame(view: FrameView, operand: Any, value: Any) -> SavedFrame:
    """Read a frame so that a resume makes its awaited object again, by the same call with the same arguments.

    Raises:
        CannotSave: The awaited object was not made by a call in the `await`, or the call cannot be executed again.
    """
    call = operand.value if is_filed_value(operand) else operand
    kind = getattr(value, "__qualname__", type(value).__qualname__)
    if not isinstance(call, ast.Call) or value is MISSING:
        raise CannotSave(
            f"{_describe_location(view)} awaits a {kind} that cannot be saved; await the call that makes it there"
        )
    parts: list[Any] = [part for part in walk(call) if is_filed_value(part)]
    filed: list[str] = [part.target.id for part in parts]
    for name in filed:
        _refuse_started_coroutines(view, view.locals.get(name), kind)
    saved = read_frame(view, call.lineno, "again")
    if is_filed_value(operand):
        saved.locals.pop(operand.target.id, None)
    saved.reevaluated_names = tuple(name for name in filed if is_fleeting(saved.locals.get(name)))
    for name in saved.reevaluated_names:
        del saved.locals[name]
    return saved


def _refuse_started_coroutines(view: FrameView, argument: Any, call_name: str) -> None:
    """Raise CannotSave if an argument of a call that is executed again holds a coroutine that has begun.

    Such a coroutine is not made again with the call, and cannot be awaited a second time.
    """
    parts: Any = argument if type(argument) in (list, tuple, set, frozenset) else ()
    for part in parts:
        if isinstance(part, types.CoroutineType) and (part.cr_frame is None or part.cr_suspended or part.cr_running):
            raise CannotSave(
                f"{_describe_location(view)}: coroutines that were given to {call_name}() have begun, and that call "
                "is made again; "
                "use asyncio.gather(...) or an asyncio.TaskGroup"
            )


def _describe_location(view: FrameView) -> str:
    assert view.instrumented_code is not None
    return f"line {view.frame.f_lineno} of {view.instrumented_code.function.name}"


__all__ = [
    "is_savable_awaitable",
    "name_task_places",
    "name_waiting_place",
    "read_awaiting_frame",
    "read_generator",
    "read_task_stack",
    "read_waiting_stack",
    "savable_awaitable_tests",
]
