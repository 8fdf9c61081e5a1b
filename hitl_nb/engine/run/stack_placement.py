"""Adaptation of a saved stack to the current code. The cell or function may have been edited since the stack was saved.

Code that already ran, and the statement at each saved position, must have the same syntax (comments and layout do not
count). The rest may be new.
"""

from __future__ import annotations

import ast
import difflib
from typing import Any

from hitl_nb.engine.compile import Unit, find_code, find_unit
from hitl_nb.engine.position.frames.edits import (
    PlaceChangedError,
    find_poll_place,
    move_end_frame,
    move_frame,
    restart_statement,
)
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack
from hitl_nb.engine.position.stack.retries import step_out
from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.snapshot.pickles.defined_names import resolve_name
from hitl_nb.errors import CellChanged


def move_to_current_code(
    stack: SavedStack, cell: Unit | None, ns: dict[str, Any], function: Any = None, *, retry: bool = False
) -> bool:
    """Change the frames of a loaded stack, so that they continue in the code as it is defined now.

    Args:
        stack: The loaded stack; its frames are changed.
        cell: The agent cell as it is now; None: the run is of `function`.
        ns: Namespace of the notebook.
        function: The `@hitl.agent` function as it is now; None: the run is of `cell`.
        retry: True if the run failed. The statement that failed may then have been edited.

    Returns:
        True if the statement that failed was edited.

    Raises:
        CellChanged: The code that already ran is different now.
    """
    mended = False
    for i, frame in enumerate(list(stack.frames)):
        old = find_unit(frame.unit)
        new = _current_unit(frame, cell, ns, function if i == 0 else None)
        if old is None or new is None:
            continue
        if new is old or _comparable_parts(old) == _comparable_parts(new):
            frame.unit = new.key
            continue
        try:
            if new is cell and is_at_end(stack, old):
                move_end_frame(frame, old, new)
                continue
            move_frame(frame, old, new)
        except PlaceChangedError as problem:
            if not retry or stack.waits_for_answer or frame is not stack.frames[-1]:
                raise make_change_error(old, new, problem) from None
            try:
                restart_statement(frame, old, new)
            except PlaceChangedError as problem:
                if not step_out(stack, is_edited=True):
                    raise make_change_error(old, new, problem) from None
            mended = True
    return mended


def _comparable_parts(unit: Unit) -> tuple[object, ...]:
    return unit.source, unit.is_cell, unit.shows_last, unit.flags


def _current_unit(frame: SavedFrame, cell: Unit | None, ns: dict[str, Any], function: Any) -> Unit | None:
    """Return the compiled source (unit) that defines a frame's function now; None if the function is not found.

    Args:
        frame: The saved frame.
        cell: The agent cell as it is now, or None.
        ns: Namespace of the notebook.
        function: The `@hitl.agent` function, if `frame` is its frame; otherwise None.
    """
    unit = find_unit(frame.unit)
    if unit is None:
        return None
    known = unit.functions[frame.function]
    if known.kind == "cell" or (cell is not None and unit.is_cell and _is_of_cell(unit, cell)):
        return cell
    found = function if function is not None else _find_outermost_function(known.qualname, frame.namespace)
    code = getattr(found, "__code__", None)
    current = find_code(code) if code is not None else None
    return current.unit if current is not None else None


def _is_of_cell(unit: Unit, cell: Unit) -> bool:
    """Return whether a compiled source is an earlier version of the agent cell."""
    return unit.shows_last and cell.shows_last


def _find_outermost_function(qualname: str, namespace: dict[str, Any]) -> Any:
    """Return the function or method in which the function with this qualified name is defined.

    For `A.f.<locals>.g` that is the method `f` of the class `A`, found through `namespace`. Decorators are removed.
    None if it is not found.
    """
    name = qualname.split(".<locals>", maxsplit=1)[0]
    found = resolve_name(name, namespace)
    found = getattr(found, "function", found) if getattr(type_of(found), "__hitl_definition__", False) else found
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found.__func__ if isinstance(found, classmethod | staticmethod) else found  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # any function


def make_change_error(old_unit: Unit, new_unit: Unit, problem: PlaceChangedError) -> CellChanged:
    """Return the error for code that was edited where it already ran. It shows the difference and how to continue.

    Args:
        old_unit: The source as it ran, compiled.
        new_unit: The source as it is now, compiled.
        problem: Tells the function and the line that were changed.
    """
    if new_unit.is_cell and new_unit.shows_last:
        what = "the cell"
        ways = (
            "Undo that, or add --as-recorded to continue with the code as it ran, or --restart to begin again: "
            f"the cell's first line is then `{make_first_line(new_unit, '--as-recorded')}` or "
            f"`{make_first_line(new_unit, '--restart')}`. "
            "(If another cell uses the same agent name, rename one.)"
        )
    else:
        what = f"the function {problem.function}"
        ways = "Undo that, or begin again: with --restart, or with another key for .run()."
    before, after = (_find_source_part(unit, problem.function) for unit in (old_unit, new_unit))
    diff = "\n".join(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "as it ran", "now", lineterm="", n=1)
    )
    return CellChanged(f"{what} was changed where it already ran (line {problem.line} as it ran). {ways}\n{diff}", diff)


def make_first_line(cell: Unit, option: str) -> str:
    """Return the first line of a cell (`%%agent ...`) with an option such as `--restart` added.

    The front end puts the line of the magic as a comment above the cell's code.
    """
    found = cell.source.partition("\n")[0].removeprefix("# ")
    words = (found if found.startswith("%%agent ") else "%%agent NAME").split(" ")
    return " ".join([*(word for word in words if word not in ("--as-recorded", "--restart")), option])


def _find_source_part(unit: Unit, name: str) -> str:
    """Return the source of the first function with this name; for "<module>", the whole source of the cell."""
    if name == "<module>":
        return unit.source
    for node in ast.walk(ast.parse(unit.source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return ast.get_source_segment(unit.source, node) or unit.source
    return unit.source


def read_cell_end(cell: Unit, ns: dict[str, Any]) -> SavedStack:
    """Return the stack to save after the last statement of a cell has run.

    If statements are added to the cell later, the finished run continues with them.

    Args:
        cell: The compiled cell.
        ns: Namespace of the notebook.
    """
    frame = SavedFrame(cell.key, 0, find_poll_place(cell), "call", {}, {}, ns)
    return SavedStack([frame], True, {}, [frame])


def is_at_end(stack: SavedStack, cell: Unit) -> bool:
    """Return whether a saved stack is behind the last statement of a cell, so that no code is left to execute."""
    frame = stack.frames[0]
    return len(stack.frames) == 1 and (frame.unit, frame.place) == (cell.key, find_poll_place(cell))
