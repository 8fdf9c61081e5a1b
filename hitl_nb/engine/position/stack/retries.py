"""Chooses the position from which a failed run is tried again.

This is the position of the innermost frame. If a second attempt there cannot help, the innermost frame is removed, and
the call that began this frame is executed again.
"""

from __future__ import annotations

import ast

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.position.frames.frames import BOX, INSTANCE, PAUSE_MARK, SavedFrame, SavedStack
from hitl_nb.engine.position.frames.places import find_place, name_place
from hitl_nb.engine.position.stack.chains import is_await_unrepeatable, operand_name
from hitl_nb.engine.position.stack.unrepeatable_places import is_fleeting


def mark_paused_frames(stack: SavedStack) -> None:
    """Mark the frames of the saved stack of a pause, so that the calls which began these frames never run again."""
    for frame in stack.frames:
        frame.locals[PAUSE_MARK] = True


def name_innermost_place(stack: SavedStack) -> str:
    """Return the name of the position in the code at which the innermost frame of a saved stack waits."""
    frame = stack.frames[-1]
    unit = find_unit(frame.unit)
    assert unit is not None
    return name_place(unit, frame.function, frame.place)


def step_out(stack: SavedStack, *, is_edited: bool = False) -> bool:
    """Remove the innermost frame of a saved stack, so that the call that began this frame is executed again.

    Nothing is done if the call cannot be executed again. This concerns the outermost frame, a frame that the run has
    paused with, and a frame inside a `with` or `finally`. (An object that a `with` entered, such as a lock, is saved as
    it is inside the `with`.)

    Args:
        stack: the saved stack.
        is_edited: whether a frame inside a `finally` may be removed, too, because the source was edited.

    Returns:
        Whether the frame was removed.
    """
    if len(stack.frames) < 2 or PAUSE_MARK in stack.frames[-1].locals or _is_await_unrepeatable(stack.frames[-2]):
        return False
    is_with = [names[1] is None for names in _find_enclosing_blocks(stack.frames[-1])]
    if any(is_with) or (is_with and not is_edited):
        return False
    stack.frames.pop()
    prepare_reevaluation(stack.frames[-1])
    prepare_awaited_reevaluation(stack.frames[-1])
    stack.waits_for_answer = False
    stack.order[:] = stack.frames
    return True


def _find_enclosing_blocks(frame: SavedFrame) -> list[tuple[str, str | None]]:
    """Find the `with` and `finally` blocks around the position of a saved frame.

    Returns:
        The blocks, outermost first. Each is (name of its flag, name of its kept exception). A flag is a local variable,
        added by hitl_nb, that says how the block is left. The second name is None for a `with`.
    """
    unit = find_unit(frame.unit)
    assert unit is not None
    place, finals = find_place(unit, frame.function, frame.place), unit.get_tree().final_flags
    path = place.path if place is not None else ()
    return [finals[node] for node, (field, _) in path if node in finals and field == "body"]


def _is_await_unrepeatable(frame: SavedFrame) -> bool:
    unit = find_unit(frame.unit)
    assert unit is not None
    place = find_place(unit, frame.function, frame.place)
    return place is not None and is_await_unrepeatable(place.node, frame.locals.get(operand_name(place.node)))


def prepare_reevaluation(frame: SavedFrame) -> None:
    """Change a saved frame so that the call at its position is executed again, with the kept argument values."""
    frame.mode = "again"
    frame.locals.pop(INSTANCE, None)
    frame.reevaluated_names = tuple(n for n, value in frame.locals.items() if n.startswith(".t") and is_fleeting(value))
    for name in frame.reevaluated_names:
        del frame.locals[name]


def prepare_awaited_reevaluation(frame: SavedFrame) -> None:
    """Change a saved frame that failed at an `await` so that the call which made the awaited object is executed again.

    The frame then evaluates the call itself, as in the first run. So a recorded step among the arguments of the call
    has the same name as before, and does not run a second time.
    """
    unit = find_unit(frame.unit)
    assert unit is not None
    place = find_place(unit, frame.function, frame.place)
    node = place.node if place is not None else None
    if not isinstance(node, ast.Await) or not isinstance(node.value, ast.NamedExpr):
        return
    name, call = node.value.target.id, node.value.value
    if name in frame.reevaluated_names and isinstance(call, ast.Call):
        frame.place = call.lineno


def step_out_of_raising(stack: SavedStack) -> bool:
    """Remove the innermost frames that are at a `raise` or `assert`: this statement would raise the same error again.

    Returns:
        Whether the run can be tried again. False: such a frame could not be removed and cannot be continued. It is
        inside a `with`, or it is the frame of a coroutine that was made elsewhere.
    """
    while _is_at_raise(stack.frames[-1]) and step_out(stack):
        pass
    frames = stack.frames
    if len(frames) < 2 or PAUSE_MARK in frames[-1].locals or not _is_at_raise(frames[-1]):
        return True
    return not _is_await_unrepeatable(frames[-2]) and all(
        names[1] is not None for names in _find_enclosing_blocks(frames[-1])
    )


def _is_at_raise(frame: SavedFrame) -> bool:
    unit = find_unit(frame.unit)
    assert unit is not None
    place = find_place(unit, frame.function, frame.place)
    if place is None:
        return False
    statements = [node for node in (*(node for node, _ in place.path), place.node) if isinstance(node, ast.stmt)]
    return bool(statements) and isinstance(statements[-1], ast.Raise | ast.Assert)  # a lambda has no statements


def is_stuck(error: BaseException, stack: SavedStack) -> bool:
    """Return whether a continued run has failed at the same syntax node at which it was continued.

    Args:
        error: the error of the run.
        stack: the stack that was read when the run failed.
    """
    entry, innermost = error.__traceback__, None
    while entry is not None:
        if find_code(entry.tb_frame.f_code) is not None:
            innermost = entry
        entry = entry.tb_next
    if innermost is None or BOX not in innermost.tb_frame.f_code.co_varnames:
        return False
    known = find_code(innermost.tb_frame.f_code)
    assert known is not None
    numbers = [number for number, _ in known.places]
    place = stack.frames[-1].place
    first = numbers.index(place) if place in numbers else 0
    last = first
    while last + 1 < len(numbers) and numbers[last + 1] == place:
        last += 1
    return first <= innermost.tb_lasti // 2 <= last
