"""Generators and coroutines that wait, each read from its own frame.

A coroutine waits at an `await`. What it awaits is kept where it can be (a coroutine of the notebook, a task, a
`gather`, what asyncio's own coroutines wait for), and awaited again. Else the call that made it is made again.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.compile.runtime.runtime import HeldAwait
from hitl_nb.engine.compile.tree.nodes import is_filed, walk
from hitl_nb.engine.compile.units import InstrumentedCode, is_awaitable
from hitl_nb.engine.position.event_loop.origins import is_call, origin_of
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import AWAITED, BOX, SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import is_loop, place_of
from hitl_nb.engine.position.frames.lookup import MISSING, FrameView, frame_of, look_up, open_wait_for
from hitl_nb.engine.position.frames.places import find_place, name_place
from hitl_nb.engine.position.stack.awaits import held_await, is_driven, waits_for
from hitl_nb.engine.position.stack.stack_reader import Places, read_frame, read_places, read_stack
from hitl_nb.engine.position.stack.unrepeatable_places import is_fleeting

can_keep: list[Callable[[Any], bool]] = []
"""Asked whether an awaited object is data that is saved as it is (`tasks`)."""


def read_generator(value: Any, running: dict[int, SavedFrame]) -> tuple[SavedFrame, bool] | None:
    """A generator or coroutine, and whether it must be brought to its place; None: it has ended.

    Raises:
        CannotSave: it runs elsewhere, waits in other code, or is other code's.
    """
    frame = frame_of(value)
    if frame is None:
        return None
    saved = running.get(id(frame))
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
        return _read_start(value, view, known), False
    number, _, _ = place_of(frame, known)
    place = find_place(known.unit, known.function.number, number)
    if place is not None and isinstance(place.node, ast.Yield):
        return read_frame(view, number, "yield"), True
    if place is not None and isinstance(place.node, ast.YieldFrom):
        return read_frame(view, number, "yield_from"), True
    saved = read_await(value)
    if not is_driven(value) or saved.how != "again" or saved.place != number:
        return saved, False
    saved.locals[AWAITED] = HeldAwait(waits_for(value))
    return saved, True


def _read_start(value: Any, view: FrameView, known: InstrumentedCode) -> SavedFrame:
    box = view.locals.get(BOX)
    if box is not None and box.saved is not None:  # restored, and not begun since
        return box.saved
    function = known.function
    values = dict(view.locals)
    cells: dict[str, types.CellType] = {}
    if function.cells:
        cells = _cells_before_start(value, view, values)
    saved = SavedFrame(known.unit.key, function.number, 0, "start", values, cells, view.globals)
    saved.is_awaitable = is_awaitable(view.code)
    return saved


def _cells_before_start(value: Any, view: FrameView, values: dict[str, Any]) -> dict[str, types.CellType]:
    """The cells of a generator before its first step: its function's, and new ones for its own parameters."""
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


def read_await(coroutine: Any) -> SavedFrame:
    """A coroutine of the notebook that waits at an `await`; continued, it awaits again.

    Raises:
        CannotSave: what it awaits can neither be kept nor made again.
    """
    view = FrameView(coroutine.cr_frame)
    known = view.known
    assert known is not None
    number, _, _ = place_of(view.frame, known)
    place = find_place(known.unit, known.function.number, number)
    node = place.node if place is not None else None
    if isinstance(node, ast.Await):
        value = look_up(node.value, view)
        if is_kept(value):
            return read_frame(view, number, "again")
        held = held_await(coroutine)
        if held is not None:
            saved = read_frame(view, number, "again")
            saved.locals[AWAITED] = held
            return saved
        return _made_again(view, node.value, value)
    if is_loop(node) and is_kept(coroutine.cr_await):
        saved = read_frame(view, number, "item")
        saved.locals[AWAITED] = coroutine.cr_await
        return saved
    raise CannotSave(f"{_where(view)} waits for something that cannot be saved")


def read_task(
    innermost: types.FrameType, task: Any, main: Any, is_answered: Callable[[Any], bool] | None
) -> SavedStack:
    """The stack of a run whose task `task` is at work in `innermost`, while its own coroutine `main` waits.

    The frames of functions that the task's coroutine calls come behind the run's own frame, as they are continued.
    """
    if origin_of(task).is_made_again or is_call(open_wait_for(task.get_coro())):
        return read_waiting(main)
    outermost = _read_main(main)
    code = getattr(open_wait_for(task.get_coro()), "cr_code", None)
    if not isinstance(code, types.CodeType) or find_code(code) is None:
        name = getattr(task.get_coro(), "__qualname__", "")
        raise CannotSave(
            f"the task {name}(), started at line {origin_of(task).line}, is no code of the notebook, and asks; "
            "await it in a statement of its own"
        )
    inside = read_stack(innermost, _root_of(task), is_answered, is_task=True)
    return SavedStack([outermost, *inside.frames], inside.waits, inside.running, [outermost, *inside.order])


def read_waiting(main: Any) -> SavedStack:
    """The stack of a run whose own coroutine `main` waits, for what begins again with the call that is awaited."""
    outermost = _read_main(main)
    return SavedStack([outermost], False, {}, [outermost])


def name_waiting(main: Any, task: str) -> Places:
    """The place where the run's own coroutine waits, for a task that begins again with the call that is awaited."""
    outermost = _read_main(main)
    unit = find_unit(outermost.unit)
    assert unit is not None
    return Places((task, name_place(unit, outermost.function, outermost.place)), False, main.cr_frame)


def _read_main(main: Any) -> SavedFrame:
    if main.cr_running:
        raise CannotSave("a task asks in its first step, which is taken before the code that made it goes on")
    return read_await(main) if main.cr_suspended else _read_start_of(main)


def _root_of(task: Any) -> types.FrameType | None:
    """The frame that takes the task's steps."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_back if frame is not None else None


def name_places_of_task(
    innermost: types.FrameType, task: Any, main: Any, is_answered: Callable[[Any], bool] | None
) -> Places:
    """The places on the stack of a task, their names with the task's own.

    Of a task that begins again with a call, the places of that call: what it awaits and is made again.
    """
    origin = origin_of(task)
    if is_call(open_wait_for(task.get_coro())):  # it has no frame of the notebook's: it begins again
        return Places((f"task {origin.key}", task.get_coro().__qualname__), False, main.cr_frame)
    if origin.is_made_again:
        return name_waiting(main, f"task {origin.key}")
    found = read_places(innermost, _root_of(task), is_answered)
    return replace(found, names=(f"task {origin.key}", *found.names))


def _read_start_of(coroutine: Any) -> SavedFrame:
    view = FrameView(coroutine.cr_frame)
    assert view.known is not None
    return _read_start(coroutine, view, view.known)


def is_kept(value: Any) -> bool:
    """Whether what is awaited is data: saved, and awaited again."""
    if isinstance(value, types.CoroutineType) and find_code(value.cr_code) is not None:
        return True
    if isinstance(value, types.GeneratorType) and find_code(value.gi_code) is not None:  # of `types.coroutine`
        return True
    return any(can(value) for can in can_keep)


def _made_again(view: FrameView, operand: Any, value: Any) -> SavedFrame:
    """The call that made what is awaited is made again, with the arguments that are filed."""
    call = operand.value if is_filed(operand) else operand
    kind = getattr(value, "__qualname__", type(value).__qualname__)
    if not isinstance(call, ast.Call) or value is MISSING:
        raise CannotSave(f"{_where(view)} awaits a {kind} that cannot be saved; await the call that makes it there")
    parts: list[Any] = [part for part in walk(call) if is_filed(part)]
    filed: list[str] = [part.target.id for part in parts]
    for name in filed:
        _refuse_begun(view, view.locals.get(name), kind)
    saved = read_frame(view, call.lineno, "again")
    if is_filed(operand):
        saved.locals.pop(operand.target.id, None)
    saved.again = tuple(name for name in filed if is_fleeting(saved.locals.get(name)))
    for name in saved.again:
        del saved.locals[name]
    return saved


def _refuse_begun(view: FrameView, argument: Any, kind: str) -> None:
    """Raise CannotSave where a call that is made again was given coroutines that are not made again with it."""
    parts: Any = argument if type(argument) in (list, tuple, set, frozenset) else ()
    for part in parts:
        if isinstance(part, types.CoroutineType) and (part.cr_frame is None or part.cr_suspended or part.cr_running):
            raise CannotSave(
                f"{_where(view)}: coroutines that were given to {kind}() have begun, and that call is made again; "
                "use asyncio.gather(...) or an asyncio.TaskGroup"
            )


def _where(view: FrameView) -> str:
    assert view.known is not None
    return f"line {view.frame.f_lineno} of {view.known.function.name}"


__all__ = [
    "can_keep",
    "is_kept",
    "name_places_of_task",
    "name_waiting",
    "read_await",
    "read_generator",
    "read_task",
    "read_waiting",
]
