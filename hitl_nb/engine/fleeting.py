"""Values that live within one statement: coroutines, futures, generators and iterators on their way to a call.

`await gather(send(a), send(b))` pauses while two coroutines are under way, and `list(map(ask, orders))` while a `map`
is half consumed. They cannot be saved as they were when the call began. But making them has no effect, so the position
goes back to where the first of them was made, and the statement goes on from there.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

from ..errors import CannotPause
from .expressions import calls
from .harmlesscalls import find_held, find_iterator, only_makes
from .machine import Machine
from .program import Op
from .stack import Frame


def step_back(machine: Machine) -> None:
    """Put the position in front of the fleeting values that the call at the position was given.

    Raises:
        CannotPause: since the first of them, something else was done that must not be repeated.
    """
    frame = machine.stack[-1]
    ops, pc = frame.unit.program.ops, frame.pc
    first, fleeting = _first_needed(frame)
    for op in ops[first:pc]:
        is_made_again = _is_made_again(op, frame, fleeting)
        if is_made_again and (iterator := find_iterator(op.tree(), frame)):
            raise CannotPause(
                f"cannot pause at line {op.line}: items taken from {iterator} earlier in this statement would be "
                "lost; make a list of it in a statement of its own before"
            )
        if op.kind != "let" or not (is_made_again or not any(map(calls, op.tree()))):
            kinds = sorted({type(each).__name__ for name in fleeting for each in _parts(frame.get(name))})
            raise CannotPause(
                f"cannot pause at line {op.line}: a {' and a '.join(kinds)} made earlier in this statement cannot be "
                "saved, and other calls were made after it or to make it, which must not be repeated; make those in a "
                "statement before this one (args = [...]), or put all of it into an async def of your own, and await it"
            )
    frame.pc = first
    machine.tick -= pc - first


def _first_needed(frame: Frame) -> tuple[int, set[str]]:
    """Where the first fleeting value was made that the rest of the statement reads, and the names of all of them."""
    ops, pc = frame.unit.program.ops, frame.pc
    first, fleeting = pc, set[str]()
    try:
        while True:  # making one again may need another one
            live = frame.live()
            fleeting |= {name for name in frame.temporaries() if name in live and _is_fleeting(frame.get(name))}
            frame.pc = next((i for i in range(first) if ops[i].name in fleeting), first)
            if frame.pc == first:
                return first, fleeting
            first = frame.pc
    finally:
        frame.pc = pc


def _is_made_again(op: Op, frame: Frame, fleeting: set[str]) -> bool:
    """Whether an operation made what is made again: by calls that do nothing else, where several made it."""
    value = find_held(frame, op.name)
    if op.name not in fleeting and not any(map(_is_saved_call, _parts(value))):
        return False
    return not _is_container(value) or only_makes(op.tree(), frame)


def _is_fleeting(value: object) -> bool:
    return any(map(_is_fleeting_itself, _parts(value)))


def _is_saved_call(value: object) -> bool:
    """Whether a value is a call of a gated tool or an agent that awaits nothing yet (`awaitablecalls`)."""
    return getattr(type(value), "__hitl_call__", False)


def _parts(value: object) -> list[Any]:
    """A value, or what a container holds that the code may have made to pass on."""
    if type(value) in (list, tuple, set, frozenset):
        return list(cast("list[Any]", value))
    return list(cast("dict[Any, Any]", value).values()) if type(value) is dict else [value]


def _is_container(value: object) -> bool:
    return type(value) in (list, tuple, set, frozenset, dict)


def _is_fleeting_itself(value: object) -> bool:
    if _is_saved_call(value):
        return False
    if inspect.isawaitable(value) or asyncio.isfuture(value) or inspect.isasyncgen(value):
        return True
    cls = type(value)
    return cls.__module__ == "builtins" and hasattr(cls, "__next__")


def is_callers_iterator(value: object) -> bool:
    """Whether an iterator of Python's calls functions of the user's while it has already taken an item."""
    return isinstance(value, (map, filter, zip, enumerate, reversed))
