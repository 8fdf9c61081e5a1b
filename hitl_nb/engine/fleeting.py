"""Values that live within one statement: coroutines, futures, generators and iterators on their way to a call.

`await gather(send(a), send(b))` pauses while two coroutines are under way, and `list(map(ask, orders))` while a `map`
is half consumed. They cannot be saved as they were when the call began. But making them has no effect, so the position
goes back to where the first of them was made, and the statement goes on from there.
"""

from __future__ import annotations

import asyncio
import inspect

from ..errors import CannotPause
from .expressions import calls
from .machine import Machine


def step_back(machine: Machine) -> None:
    """Put the position in front of the fleeting values that the call at the position was given.

    Raises:
        CannotPause: since the first of them, something else was done that must not be repeated.
    """
    frame = machine.stack[-1]
    ops, pc = frame.unit.program.ops, frame.pc
    live = frame.live()
    made = {name for name in frame.temporaries() if name in live and _is_fleeting(frame.get(name))}
    first = next((i for i in range(pc) if ops[i].name in made), pc)
    for op in ops[first:pc]:
        if op.kind != "let" or (op.name not in made and any(map(calls, op.tree()))):
            kinds = sorted({type(frame.get(name)).__name__ for name in made})
            raise CannotPause(
                f"cannot pause at line {op.line}: a {' and a '.join(kinds)} made earlier in this statement cannot be "
                "saved; await it (or make a list of it) in a statement of its own, before the other calls"
            )
    frame.pc = first
    machine.tick -= pc - first


def _is_fleeting(value: object) -> bool:
    if inspect.isawaitable(value) or asyncio.isfuture(value) or inspect.isasyncgen(value):
        return True
    cls = type(value)
    return cls.__module__ == "builtins" and hasattr(cls, "__next__")


def is_callers_iterator(value: object) -> bool:
    """Whether an iterator of Python's calls functions of the user's while it has already taken an item."""
    return isinstance(value, (map, filter, zip, enumerate, reversed))
