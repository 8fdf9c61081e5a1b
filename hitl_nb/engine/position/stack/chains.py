"""Coroutines of a failed run that await each other.

The error has ended these coroutines. They are made again from their saved frames, and each is awaited by its caller.
"""

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
    """Return whether a frame is the frame of a coroutine."""
    return bool(view.code.co_flags & _COROUTINE)


def read_awaiting_caller(
    view: FrameView, inner: FrameView | None, function: types.FunctionType | None
) -> SavedFrame | None:
    """Read a frame that directly awaits the coroutine to which the next frame inward belongs.

    Args:
        view: the frame that awaits.
        inner: the next frame inward; None: there is none.
        function: the function of `view`; None: not known.

    Returns:
        The saved frame; None if `view` does not await the coroutine of `inner` itself.
    """
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
        if value is coroutine:  # it may still run, with its `finally` blocks: it must not be kept
            saved.locals[name] = _FINISHED_COROUTINE
    return saved


def is_await_unrepeatable(node: Any, value: Any) -> bool:
    """Return whether a node awaits a coroutine that another statement has made. It cannot be awaited a second time.

    Args:
        node: the syntax node.
        value: the awaited object.
    """
    if not isinstance(node, ast.Await) or type(value) is not types.CoroutineType:
        return False
    operand: Any = node.value
    return not (is_filed_value(operand) and isinstance(operand.value, ast.Call))


def mark_paused_coroutine(saved_frame: SavedFrame, view: FrameView) -> None:
    """Mark the frame of a coroutine that was continued after a pause. It must never run again from its beginning.

    A coroutine that was only built again after a failure, and has not paused since, is not marked.
    """
    if BOX in view.code.co_varnames and JOINED_MARK not in saved_frame.locals:
        saved_frame.locals[PAUSE_MARK] = True


def join_coroutines(stack: SavedStack) -> None:
    """Make the coroutines of a failed run again from their saved frames. Each is put into the frame that awaits it.

    The frames of these coroutines are removed from the stack; the other frames remain.

    Args:
        stack: the saved stack; it is changed.
    """
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
    """Find the variable from which the frame `caller` awaits the coroutine of `frame`.

    Returns:
        The name of the variable. "": The operand of the `await` is not a variable, or `caller` does not await the
        coroutine.
    """
    unit, inner = find_unit(caller.unit), find_unit(frame.unit)
    assert unit is not None
    assert inner is not None
    function = inner.functions[frame.function]
    place = find_place(unit, caller.function, caller.place)
    is_awaited = caller.mode == "again" and place is not None and function.is_async and not function.is_generator
    return operand_name(place.node) if is_awaited and place is not None else ""


def operand_name(node: Any) -> str:
    """Return the name of the variable that an `await` awaits.

    "": the node is no `await`, or its operand is no variable.
    """
    if not isinstance(node, ast.Await):
        return ""
    operand: Any = node.value
    if is_filed_value(operand):
        return operand.target.id
    return operand.id if isinstance(operand, ast.Name) else ""
