"""A saved frame: where it is and what its locals were. Data only."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any, Literal

from hitl_nb.own_objects import mark_own

PAUSE_MARK = ".kept"
"""A local of a saved frame that was on the stack of a pause: its call is never made again."""

JOINED_MARK = ".joined"
"""A local of a saved frame: a coroutine made again after a failure, and not on the stack of a pause since."""

BOX, PENDING_CALL, INSTANCE = ".box", ".next", ".made"
"""Locals of a restored frame: its saved values until it begins, its pending call, the instance that it constructs."""

AWAITED_VALUE = ".awaited"
"""A local of a saved frame: the coroutine that an asynchronous loop waits for."""

FIRST_TURN_PREFIX = ".r."
"""Prefix of locals that only a residual has. They record whether the loop's first turn is over."""

ContinuationMode = Literal["call", "init", "item", "drive", "again", "yield", "yield_from", "start"]
"""Kinds of places at which a frame is continued:

- call: a call whose result comes from the next frame inward, or is the answer that was waited for;
- init: the same, of a class: the result is the instance;
- item: a loop waits for its iterator's `__next__`;
- drive: `send`, `throw`, `__next__` or `close` of a generator that is saved inside that call;
- again: something that is evaluated again, from the values that are filed;
- yield, yield_from: a generator that waits to be asked;
- start: a generator or coroutine that has not begun.
"""


@mark_own
@dataclass(eq=False)
class SavedFrame:
    """One frame of instrumented code.

    Attributes:
        unit, function: which function it is of.
        place: the number of the node where it waits.
        locals: by name, the engine's names too; without `cells`.
        cells: the variables that it shares with other functions.
        namespace: the globals of its function.
        reevaluated_names: filed names whose values are made again (iterators that live within one statement).
        is_awaitable: whether it is of a generator that `types.coroutine` has marked.
    """

    unit: str
    function: int
    place: int
    mode: ContinuationMode
    locals: dict[str, Any]
    cells: dict[str, types.CellType]
    namespace: dict[str, Any]
    reevaluated_names: tuple[str, ...] = field(default=())
    is_awaitable: bool = False

    def variables(self) -> dict[str, Any]:
        """The values of its locals and cells by name; None for a cell that is empty."""
        return {**self.locals, **{name: _read_cell(cell) for name, cell in self.cells.items()}}


def _read_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


@dataclass(eq=False)
class SavedTasks:
    """The tasks of a run.

    Attributes:
        unfinished_tasks: those that have not ended.
        main_turn: when the run's own coroutine has its next step, among them.
        is_cancelled: whether the run's own task was cancelled, and has not noticed.
        started_count: how many tasks the run's own has started.
        loop_calls: what the event loop is to call of the notebook's functions.
    """

    unfinished_tasks: list[Any]
    main_turn: int
    is_cancelled: bool = False
    started_count: int = 0
    loop_calls: list[Any] = field(default_factory=list[Any])


@dataclass(eq=False)
class SavedStack:
    """The frames of a run, outermost first.

    Attributes:
        waits_for_answer: whether the innermost frame waits for an answer (else its place is evaluated again).
        running_frames: generators and coroutines on the stack, by the identity of their frame.
        order: the frames and those of `running_frames`, outermost first.
        tasks: of a run that tasks belong to; to be saved with it.
    """

    frames: list[SavedFrame]
    waits_for_answer: bool
    running_frames: dict[int, SavedFrame]
    order: list[SavedFrame] = field(default_factory=list["SavedFrame"])
    tasks: SavedTasks | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Reduce the frame without values that have a meaning only in this process."""
        return SavedStack, (self.frames, self.waits_for_answer, {}, [], self.tasks)
