"""A saved position, found again in the code as it is now.

A cell may be edited while it is paused. What already ran, and the statement it is paused in, must be the same
syntax (comments and layout do not count); the rest may be new. Operations are matched by their place in the
syntax tree and compared by what they mean.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from typing import Any

from ..errors import CellChanged
from .program import Program
from .stack import Block, Frame
from .units import CellUnit, FunctionUnit, Unit


def restored(
    entry: tuple[Any, ...], unit: Unit, ns: dict[str, Any], recorded: Callable[[str], Unit], *, retry: bool = False
) -> Frame:
    """One frame of a loaded snapshot, over `unit`, the code as it is now.

    Args:
        recorded: makes a unit of the recorded source, to compare with.
        retry: the operation at the position failed; it may have been mended.

    Raises:
        CellChanged: what already ran is different now.
    """
    kind, _, source, (pc, blocks, ran, handled), values = entry
    frame = Frame(unit, ns, values if kind == "function" else None)
    if kind == "cell":
        ns.update(values)
    frame.handled = handled
    frame.blocks = [Block(*block) for block in blocks]
    frame.pc, frame.ran = pc, set(ran)
    if source != unit.program.source and ast.dump(ast.parse(source)) != ast.dump(ast.parse(unit.program.source)):
        _move(frame, recorded(source).program, unit, retry=retry)
    elif pc >= len(unit.program.ops):
        frame.pc = len(unit.program.ops)
    return frame


def _move(frame: Frame, old: Program, unit: Unit, *, retry: bool) -> None:
    new = unit.program

    def moved(i: int, *, same: bool = True) -> int:
        found = new.at(old.ops[i].label)
        if found is None or (same and new.ops[found].digest != old.ops[i].digest):
            raise changed(old, unit, old.ops[i].line)
        return found

    mended = retry and frame.pc < len(old.ops) and old.ops[frame.pc].label[1] == 0
    before = frame.ran - {frame.pc} if mended else frame.ran
    frame.ran = {moved(i) for i in before}
    for block in frame.blocks:
        if block.at >= 0:
            block.at = moved(block.at)
        if block.kind == "pending" and block.value and block.value[0] == "jump":
            block.value = ("jump", moved(block.value[1]))
    if frame.pc >= len(old.ops):
        frame.pc = _behind(old, new)
    else:
        failed = old.ops[frame.pc]
        frame.pc = moved(frame.pc, same=not mended)
        frame.mended = new.ops[frame.pc].digest != failed.digest


def _behind(old: Program, new: Program) -> int:
    """Where statements were added below a program that had come to its end."""
    length = len(ast.parse(old.source).body)
    for i, op in enumerate(new.ops):
        if op.label[0] and op.label[0][0] == "body" and isinstance(op.label[0][1], int) and op.label[0][1] >= length:
            return i
    return len(new.ops)


def changed(old: Program, unit: CellUnit | FunctionUnit, line: int) -> CellChanged:
    """The error that shows what is different, and the two ways on."""
    if isinstance(unit, CellUnit):
        what = "the cell"
        ways = (
            "Undo that, or add --as-recorded to go on with the code as it ran, or --restart to run it anew. "
            "(If another cell uses the same agent name, rename one.)"
        )
    else:
        what = f"the function {unit.name}"
        ways = "Undo that, or start anew: with --restart, or with another key for .run()."
    now = unit.program.source
    diff = "\n".join(
        difflib.unified_diff(old.source.splitlines(), now.splitlines(), "as it ran", "now", lineterm="", n=1)
    )
    return CellChanged(f"{what} was changed where it already ran (line {line} as it ran). {ways}\n{diff}", diff)
