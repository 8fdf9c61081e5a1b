"""The position of a run: a stack of frames, each with its open blocks. Data, so that it can be saved.

A `Frame` is one activation (the cell, or a call of an `@agent` function) with an index into its program; a
`Block` is what Python keeps open around a statement: a loop with its iterator, `try`, `finally`, `with`, an
exception being handled.
"""

from __future__ import annotations

from types import CellType
from typing import Any

from .units import CellUnit, FunctionUnit, Unit

Position = list[tuple["Frame", int, list["Block"]]]


class Block:
    """An open block of a frame.

    Attributes:
        kind: "loop", "try", "finally", "with", "awith", "handling" (an exception in its handler) or "pending"
            (a `finally` body, and what happens behind it).
        at: index of the operation that opened it, whose target is the handlers, the finally body, or behind the with.
        value: the iterator, the context manager, or the pending ("jump", index of the leave) or ("return", value).
        exc: the exception being handled or pending.
        name: the variable of `except ... as name`.
        origin: where `exc` was raised: a run that fails goes on there, not at the end of the handlers.
    """

    __slots__ = ("at", "exc", "kind", "name", "origin", "value")

    def __init__(
        self, kind: str, at: int = -1, value: Any = None, exc: BaseException | None = None, name: str = ""
    ) -> None:
        self.kind = kind
        self.at = at
        self.value: Any = value
        self.exc = exc
        self.name = name
        self.origin: Position | None = None


class Frame:
    """One activation: the cell, or a call of an `@agent` function.

    Attributes:
        ns: the cell's namespace; a function has `cells`, one for each local.
        ran: indices of operations that were begun; what must be unchanged when an edited cell goes on.
        handled: the exception that was being handled where this call was made.
        mended: whether the operation at the position failed, and is another one now.
    """

    __slots__ = ("blocks", "cells", "handled", "mended", "ns", "pc", "ran", "unit")

    def __init__(self, unit: Unit, ns: dict[str, Any], cells: dict[str, CellType] | None = None) -> None:
        self.unit = unit
        self.ns = ns
        self.cells = cells or {}
        self.pc = 0
        self.blocks: list[Block] = []
        self.ran: set[int] = set()
        self.handled: BaseException | None = None
        self.mended = False

    def cell(self, name: str) -> CellType:
        """The cell of a local, a free variable or a temporary."""
        assert isinstance(self.unit, FunctionUnit)
        found = self.cells.get(name) or self.unit.free.get(name)
        if found is None:
            found = self.cells[name] = CellType()
        return found

    def get(self, name: str) -> Any:
        """The value of a temporary."""
        return self.ns[name] if isinstance(self.unit, CellUnit) else self.cell(name).cell_contents

    def set(self, name: str, value: Any) -> None:
        if isinstance(self.unit, CellUnit):
            self.ns[name] = value
        else:
            self.cell(name).cell_contents = value

    def unset(self, name: str) -> None:
        if isinstance(self.unit, CellUnit):
            self.ns.pop(name, None)
        else:
            self.cells.pop(name, None) if name.startswith(".") else self.cells.update({name: CellType()})

    def temporaries(self) -> list[str]:
        """Names of temporaries that hold a value."""
        prefix = f".{self.unit.program.prefix}:"
        return [
            name for name in (self.ns if isinstance(self.unit, CellUnit) else self.cells) if name.startswith(prefix)
        ]

    def target(self, block: Block) -> int:
        """Where control goes when `block` is closed by an exception or a jump."""
        return self.unit.program.ops[block.at].target

    def live(self, *, behind: bool = False) -> set[str]:
        """Names that the rest of this activation may read; with `behind`, once the call at its position is done."""
        starts = [self.pc + behind, *(self.target(b) for b in self.blocks if b.at >= 0)]
        starts += [
            self.unit.program.ops[int(b.value[1])].target for b in self.blocks if b.kind == "pending" and jumps(b)
        ]
        return self.unit.program.live(starts)

    def handling(self) -> BaseException | None:
        """What `sys.exc_info()` shows here."""
        for block in reversed(self.blocks):
            if block.exc is not None:
                return block.exc
        return self.handled


def jumps(block: Block) -> bool:
    """Whether a jump waits behind a `finally` body."""
    return block.value is not None and block.value[0] == "jump"
