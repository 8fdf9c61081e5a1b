"""Choice of the place where a failed run is tried again: the innermost, and further outward if that cannot help."""

from __future__ import annotations

import ast

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.position.frames.frames import BOX, INSTANCE, PAUSE_MARK, SavedFrame, SavedStack
from hitl_nb.engine.position.frames.places import find_place, name_place
from hitl_nb.engine.position.stack.chains import is_await_unrepeatable, operand_name
from hitl_nb.engine.position.stack.unrepeatable_places import is_fleeting


def mark_paused_frames(stack: SavedStack) -> None:
    """Mark the frames of a stack with which the run pauses: code that they ran never runs again."""
    for frame in stack.frames:
        frame.locals[PAUSE_MARK] = True


def name_innermost_place(stack: SavedStack) -> str:
    """Return the name of the innermost place."""
    frame = stack.frames[-1]
    unit = find_unit(frame.unit)
    assert unit is not None
    return name_place(unit, frame.function, frame.place)


def step_out(stack: SavedStack, *, is_edited: bool = False) -> bool:
    """Have the call of the innermost frame made again. Returns whether that is possible.

    Not out of a `with`: what was entered is saved as it is inside, such as a lock. `is_edited`: but out of a `finally`.
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
    """Find the `with` and `finally` around the place of a frame, as `SourceTree.final_flags` has them."""
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
    """Prepare to make the call at the place of a frame again, from the values that are filed."""
    frame.mode = "again"
    frame.locals.pop(INSTANCE, None)
    frame.reevaluated_names = tuple(n for n, value in frame.locals.items() if n.startswith(".t") and is_fleeting(value))
    for name in frame.reevaluated_names:
        del frame.locals[name]


def prepare_awaited_reevaluation(frame: SavedFrame) -> None:
    """Prepare a frame that failed at an `await`: the awaited object's call is made again, from its own arguments.

    So a call of a step in these arguments is the same call.
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
    """Step out of functions that raised the error by a `raise` or `assert`: that statement would raise it again.

    Returns:
        False: A function can neither be made again nor continued. It is inside a `with`, or it is a coroutine that was
        made elsewhere.
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
    return bool(statements) and isinstance(statements[-1], ast.Raise | ast.Assert)  # a lambda has none


def is_stuck(error: BaseException, stack: SavedStack) -> bool:
    """Return whether a continued frame has failed at the same place where it was continued."""
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
