"""The frames of a run that failed, read from the traceback of the error, so that the failed statement can run again."""

from __future__ import annotations

import ast
import types
from typing import Any

from hitl_nb.engine.compile.tree.protected_blocks import OPEN
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack
from hitl_nb.engine.position.frames.links import FrameLink, link_frames
from hitl_nb.engine.position.frames.lookup import FrameView, look_up, passthrough_codes
from hitl_nb.engine.position.frames.places import find_place
from hitl_nb.engine.position.handled_errors import find_left_flag, is_loop_guard, may_be_handled
from hitl_nb.engine.position.stack.chains import (
    is_await_unrepeatable,
    is_coroutine_frame,
    mark_paused_coroutine,
    read_awaiting_caller,
)
from hitl_nb.engine.position.stack.stack_reader import RUNTIME_FILES, frames_between, read_linked_frame


def read_failed_stack(
    error: BaseException,
    left_frame: types.FrameType | None = None,
    root: types.FrameType | None = None,
    *,
    is_left_by_with: bool = False,
) -> SavedStack | None:
    """Read the stack at the position where an error was raised, so that a resume executes the innermost call again.

    Args:
        error: The error.
        left_frame: The frame that the error is about to leave by a `finally` or `with`. None: the error has left all
            frames.
        root: The engine's frame that has called the outermost frame of the run.
        is_left_by_with: True if `left_frame` is left by a `with`, False if by a `finally`.

    Returns:
        The stack, outermost frame first. None: the run cannot be continued before the error, because a `finally`,
        `with` or handler has run since and has changed the state. Also None: a handler in the frames may still catch
        the error.

    Raises:
        CannotSave: The position of a frame cannot be continued.
    """
    views: list[FrameView] = []
    if left_frame is not None and root is not None:
        views = [FrameView(frame) for frame in frames_between(left_frame, root)[:-1]]
    _add_traceback_views(views, error)
    frames: list[SavedFrame] = []
    function: types.FunctionType | None = None
    for i, view in enumerate(views):
        inner = views[i + 1] if i + 1 < len(views) else None
        saved = read_awaiting_caller(view, inner, function)
        link = (
            link_frames(view, inner, lambda callee: False)
            if saved is None
            else FrameLink(saved.place, "again", is_exact=True)
        )
        if (
            inner is not None
            and not link.is_exact
            and inner.instrumented_code is not None
            and is_coroutine_frame(inner)
        ):
            return None  # a coroutine executed again from its beginning would give its calls other names
        is_leaving = left_frame is not None and view.frame is left_frame
        if link.is_generator or (not is_leaving and view.lasti is not None and _was_unwound(view, link.number)):
            return None
        if not link.is_exact and _is_await_unrepeatable(view, link.number):
            return None
        if left_frame is not None and may_be_handled(view, link.number, error):
            return None
        flag = find_left_flag(view, link.number, is_left_by_with=is_left_by_with) if is_leaving else ""
        if flag is None:
            return None
        saved = saved or read_linked_frame(view, link, function)
        if is_coroutine_frame(view):
            mark_paused_coroutine(saved, view)
        if view.lasti is not None and not _restore_iterators(saved, view, link.number):
            return None
        if flag:
            saved.locals[flag] = OPEN
        frames.append(saved)
        function = link.function
        if not link.is_exact:
            return SavedStack(frames, False, {}, frames)
    return None


def _add_traceback_views(views: list[FrameView], error: BaseException) -> None:
    """Append to `views` the frames of the run that an error has left, as its traceback lists them."""
    entry = error.__traceback__
    while entry is not None:
        frame = entry.tb_frame
        if any(view.frame is frame for view in views):
            break  # the error was raised again: its earlier frames are no longer active
        passes = frame.f_code in passthrough_codes or frame.f_code.co_filename in RUNTIME_FILES
        view = FrameView(frame, entry.tb_lasti)
        if not passes and (views or view.instrumented_code is not None):
            views.append(view)
        entry = entry.tb_next


def _is_await_unrepeatable(view: FrameView, number: int) -> bool:
    known = view.instrumented_code
    assert known is not None
    place = find_place(known.unit, known.function.number, number)
    assert place is not None
    return is_await_unrepeatable(
        place.node, look_up(place.node.value, view) if isinstance(place.node, ast.Await) else None
    )


def _restore_iterators(saved_frame: SavedFrame, view: FrameView, number: int) -> bool:
    """Put the iterators of `for` loops back into a saved frame.

    Instrumented code drops an iterator when an error leaves its loop.

    Args:
        saved_frame: The frame to change.
        view: The same frame as it was on the stack.
        number: Number of the syntax node at which the error was raised. The loops around this node count.

    Returns:
        True if all iterators are available; False if one is missing, so that the frame cannot be continued.
    """
    known = view.instrumented_code
    assert known is not None
    place = find_place(known.unit, known.function.number, number)
    assert place is not None
    for node, (field, _) in place.path:
        if is_loop_guard(node) and field == "body":
            kept, iterator = find_loop_names(node)
            if saved_frame.locals.get(iterator) is not None:
                continue  # the loop has not been left yet
            if saved_frame.locals.get(kept) is None:
                return False
            saved_frame.locals[iterator] = saved_frame.locals.pop(kept)
    return True


def find_loop_names(guard: Any) -> tuple[str, str]:
    """Return the names of two local variables that hitl_nb has added to an instrumented `for` loop.

    Args:
        guard: The `try` node that instrumented code has around the loop.

    Returns:
        (variable that keeps the iterator when an error leaves the loop, variable of the iterator while the loop runs).
    """
    keep: Any = guard.handlers[0].body[0]
    return keep.targets[0].id, keep.value.args[0].id


def _find_handler_flag(node: ast.Try) -> str:
    """Return the name of the variable (added by hitl_nb) that records whether an `except` of a `try` has begun."""
    begun: Any = node.handlers[-1].body[0]
    return begun.targets[0].id


def _was_unwound(view: FrameView, number: int) -> bool:
    known = view.instrumented_code
    assert known is not None
    place = find_place(known.unit, known.function.number, number)
    assert place is not None
    finals = known.unit.get_tree().final_flags
    for node, (field, _) in place.path:
        if isinstance(node, ast.ExceptHandler) and field == "body":
            return True  # the error that it handled is no longer available
        if (
            isinstance(node, ast.Try)
            and field == "body"
            and (
                node in finals
                or (node.handlers and not is_loop_guard(node) and view.locals.get(_find_handler_flag(node)))
            )
        ):
            return True
    return False
