"""The frames of a run that an error left, as the traceback has them: the failed statement can begin again."""

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
    """Read the stack where an error was raised: its innermost call is made again.

    Args:
        left_frame: the frame that the error is about to leave by a `finally` or `with`; None: it has left all frames.
        root: the engine's frame, below all.
        is_left_by_with: whether it is a `with`.

    Returns:
        None: A `finally`, a `with` or a handler has run since and changed the state that would be continued. Or a
        handler may still catch the error before `left` is left.

    Raises:
        CannotSave: a place cannot be continued.
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
            return None  # made again from its beginning, its calls would not have their names again
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
    """Add the frames that an error has left."""
    entry = error.__traceback__
    while entry is not None:
        frame = entry.tb_frame
        if any(view.frame is frame for view in views):
            break  # raised again: what it went through before is over
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
    """Restore the iterators of the loops around a place, which the loops have dropped.

    Returns:
        Whether all iterators are available.
    """
    known = view.instrumented_code
    assert known is not None
    place = find_place(known.unit, known.function.number, number)
    assert place is not None
    for node, (field, _) in place.path:
        if is_loop_guard(node) and field == "body":
            kept, iterator = find_loop_names(node)
            if saved_frame.locals.get(iterator) is not None:
                continue  # it is not left yet
            if saved_frame.locals.get(kept) is None:
                return False
            saved_frame.locals[iterator] = saved_frame.locals.pop(kept)
    return True


def find_loop_names(guard: Any) -> tuple[str, str]:
    """Find the name under which the guard of a loop keeps its iterator, and the iterator's own name."""
    keep: Any = guard.handlers[0].body[0]
    return keep.targets[0].id, keep.value.args[0].id


def _find_handler_flag(node: ast.Try) -> str:
    """Find the name that records whether a handler of a `try` has begun."""
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
            return True  # what it handled is not there any more
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
