"""Coroutines that await each other, in a run that failed: they have ended, and are made again from their frames."""

from __future__ import annotations

import ast
import inspect
import types
from typing import Any

from hitl_nb.engine.compile import find_unit
from hitl_nb.engine.compile.tree.nodes import is_filed_value
from hitl_nb.engine.position.frames.continuations import continue_frame
from hitl_nb.engine.position.frames.frames import BOX, JOINED_MARK, PAUSE_MARK, SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import locate_instruction
from hitl_nb.engine.position.frames.lookup import FrameView, look_up
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.stack.stack_reader import read_frame

_COROUTINE = inspect.CO_COROUTINE


async def _do_nothing() -> None: ...


_FINISHED_COROUTINE = _do_nothing()
_FINISHED_COROUTINE.close()


def is_coroutine_frame(view: FrameView) -> bool:
    """Return whether a frame is a coroutine's."""
    return bool(view.code.co_flags & _COROUTINE)


def read_awaiting_caller(
    view: FrameView, inner: FrameView | None, function: types.FunctionType | None
) -> SavedFrame | None:
    """Read a frame that itself awaits a coroutine, whose frame is `inner`; None: it does not."""
    if (
        inner is None
        or view.instrumented_code is None
        or inner.instrumented_code is None
        or not is_coroutine_frame(inner)
    ):
        return None
    number, _, _ = locate_instruction(view.frame, view.instrumented_code, view.lasti)
    place = find_place(view.instrumented_code.unit, view.instrumented_code.function.number, number)
    if place is None or not operand_name(place.node):
        return None
    coroutine = look_up(place.node.value, view)
    if type(coroutine) is not types.CoroutineType or coroutine.cr_code is not inner.code:
        return None
    saved = read_frame(view, number, "again", function)
    for name, value in saved.locals.items():
        if value is coroutine:  # it may run still, and its `finally`
            saved.locals[name] = _FINISHED_COROUTINE
    return saved


def is_await_unrepeatable(node: Any, value: Any) -> bool:
    """Return whether a place awaits a coroutine that was not made there: to await it again is an error."""
    if not isinstance(node, ast.Await) or type(value) is not types.CoroutineType:
        return False
    operand: Any = node.value
    return not (is_filed_value(operand) and isinstance(operand.value, ast.Call))


def mark_paused_coroutine(saved_frame: SavedFrame, view: FrameView) -> None:
    """Mark a coroutine that was continued: it is not made again from its beginning, unless it has only failed since."""
    if BOX in view.code.co_varnames and JOINED_MARK not in saved_frame.locals:
        saved_frame.locals[PAUSE_MARK] = True


def join_coroutines(stack: SavedStack) -> None:
    """Let coroutines be awaited by their callers, which are to be continued; other frames remain."""
    frames = stack.frames
    for i in range(len(frames) - 1, 0, -1):
        caller, frame = frames[i - 1], frames[i]
        name = _find_awaiting_variable(caller, frame)
        if not name:
            continue
        frame.locals[JOINED_MARK] = True
        function, box = continue_frame(frame)
        caller.locals[name] = function(box)
        del frames[i]


def _find_awaiting_variable(caller: SavedFrame, frame: SavedFrame) -> str:
    """Find the variable by which a frame awaits the coroutine of the next one.

    Returns:
        "": The operand is not a variable, or the coroutine is not awaited there.
    """
    unit, inner = find_unit(caller.unit), find_unit(frame.unit)
    assert unit is not None
    assert inner is not None
    function = inner.functions[frame.function]
    place = find_place(unit, caller.function, caller.place)
    is_awaited = caller.mode == "again" and place is not None and function.is_async and not function.is_generator
    return operand_name(place.node) if is_awaited and place is not None else ""


def operand_name(node: Any) -> str:
    """Return the variable that an `await` reads its operand from."""
    if not isinstance(node, ast.Await):
        return ""
    operand: Any = node.value
    if is_filed_value(operand):
        return operand.target.id
    return operand.id if isinstance(operand, ast.Name) else ""
