"""Saved frames and saved stacks: data only.

A saved frame has a *place* (the number of the syntax node at which it waits) and the values of its variables. Some of
these are *filed values*: intermediate values that instrumented code keeps in variables such as `.t0`. All engine names
begin with a dot.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any, Literal

from hitl_nb.own_objects import mark_own

PAUSE_MARK = ".kept"
"""Engine local that marks a frame with which the run has paused. The call that began this frame never runs again."""

JOINED_MARK = ".joined"
"""Engine local that marks the frame of a coroutine which was built again after a failure.

The coroutine was not on the stack of a pause since then.
"""

BOX, PENDING_CALL, INSTANCE = ".box", ".next", ".made"
"""Engine locals of a restored frame.

`.box` has the saved values until the frame begins. `.next` is the pending call. `.made` is the instance that the
pending call of a class constructs.
"""

AWAITED_VALUE = ".awaited"
"""Engine local of a saved frame: the object that its `await` or its `async for` waits for."""

FIRST_TURN_PREFIX = ".r."
"""Prefix of engine locals that only a residual (the rest of a saved frame) has.

They record whether the first turn of a loop, which begins inside the loop's body, is over.
"""

ContinuationMode = Literal["call", "init", "item", "drive", "again", "yield", "yield_from", "start"]
"""How a saved frame is continued at its place:

- call: the result of the call at the place comes from the next frame inward, or is the answer of a person;
- init: the same for the call of a class, whose result is the new instance;
- item: a `for` loop waits for the `__next__` of its iterator;
- drive: the frame called `send`, `throw`, `__next__` or `close` of a generator, which is saved inside this call;
- again: the node at the place is evaluated again, with the filed values of its operands;
- yield, yield_from: the frame is of a generator that waits at a `yield` or `yield from`;
- start: the frame is of a function, generator or coroutine that has not begun.
"""


@mark_own
@dataclass(eq=False)
class SavedFrame:
    """The data of one frame of instrumented code (code that hitl_nb compiled).

    Attributes:
        unit: key of the unit (the compiled source of one cell or module).
        function: number of the function in the unit.
        place: number of the syntax node at which the frame waits.
        mode: how the frame is continued at its place.
        locals: values by name, with the engine's names (which begin with a dot); without the variables in `cells`.
        cells: by name, the variables that the frame shares with other functions (closures).
        namespace: the globals of the function.
        reevaluated_names: names of intermediate values that are not saved but evaluated again. These are iterators,
            coroutines and futures that live within one statement.
        is_awaitable: whether the frame is of a generator function decorated with `types.coroutine`.
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
        """Return name -> value for all variables of the frame, with closure variables; None for an empty cell."""
        return {**self.locals, **{name: _read_cell(cell) for name, cell in self.cells.items()}}


def _read_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


@dataclass(eq=False)
class SavedTasks:
    """The asyncio tasks of a run.

    Attributes:
        unfinished_tasks: the tasks that have not ended, without the main task (the task that awaits the run itself).
        main_turn: position of the main task's next step in the order of the event loop's steps.
        is_cancelled: whether `cancel()` was called on the main task, and the CancelledError has not been raised in it
            yet.
        started_count: number of tasks that the main task has started.
        loop_calls: calls of functions of the notebook that are scheduled on the event loop, for example by
            `call_later`.
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
        waits_for_answer: True: the innermost frame waits for an answer. False: the node at its place is evaluated
            again.
        running_frames: frames of generators and coroutines on the stack, by the `id` of their live frame.
        order: the frames of `frames` and `running_frames` together, outermost first.
        tasks: the asyncio tasks of the run; None if its own code awaits nothing.
    """

    frames: list[SavedFrame]
    waits_for_answer: bool
    running_frames: dict[int, SavedFrame]
    order: list[SavedFrame] = field(default_factory=list["SavedFrame"])
    tasks: SavedTasks | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the pickle form of the stack (see `object.__reduce__`).

        `running_frames` and `order` are left out: they are of use only in this process.
        """
        return SavedStack, (self.frames, self.waits_for_answer, {}, [], self.tasks)
