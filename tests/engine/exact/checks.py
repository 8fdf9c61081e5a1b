"""Holds runs of one program against its native run. AssertionError, with the difference, if one is not as natively."""

from __future__ import annotations

import dataclasses

import world
from exact import saving
from exact.saving import continue_run, continued_in_processes, run_rest, run_straight
from forks import Forks
from same import compare
from world import Result

MOST_POSITIONS = 8
"""Positions of one program that the law is tried on."""

KNOWN_REFUSALS = (
    "is being asked by other code",  # a generator within code of a library
    "is a generator of a library",
    "its item would be lost",
    "runs because a value ends",
)


def native(source: str) -> Result:
    result = world.native(source)
    if isinstance(result.error, tuple):
        result.error = saving.without_engine(result.error)
    result.leftovers = []
    return result


def check_saved(source: str, poll_every: int = 0) -> bool:
    """Save at each checkpoint and at each `poll_every`-th poll. Returns whether the program could be tried."""
    expected = native(source)
    return _is_tried(expected) and is_same(expected, continue_run(source, poll_every), f"poll {poll_every}")


def check_in_processes(forks: Forks, source: str, poll_every: int = 0) -> bool:
    """Save at each checkpoint; each piece runs in a process of its own."""
    expected: Result = forks(native, source)
    if not _is_tried(expected):
        return False
    return is_same(expected, continued_in_processes(forks, source, poll_every), "in new processes")


def check_law(source: str, poll_every: int = 1) -> bool:
    """Read the stack at each checkpoint and poll without leaving it; what each position continues to is what came."""
    expected = native(source)
    if not _is_tried(expected):
        return False
    straight, positions = run_straight(source, poll_every)
    if not is_same(expected, straight, "read"):
        return False
    positions = [position for position in positions if position.is_exact]
    for position in positions[:: max(len(positions) // MOST_POSITIONS, 1)]:
        rest = run_rest(source, position)
        rest.journal = straight.journal[: position.journal] + rest.journal
        is_same(expected, rest, f"continued after {position.journal} entries of the journal")
    return True


def is_same(expected: Result, got: Result, way: str) -> bool:
    """Whether the program could be run this way; AssertionError if it ran differently.

    When a suspended generator is closed may differ: one that is an operand is closed at the end of the statement, and
    tracebacks that are made again keep no frames.
    """
    if got.status == "refused" and any(reason in str(got.error) for reason in KNOWN_REFUSALS):
        return False
    compare(_without_closings(expected), _without_closings(got), way)
    return True


def _without_closings(result: Result) -> Result:
    return dataclasses.replace(result, journal=[entry for entry in result.journal if entry[0] != "closed"])


def _is_tried(expected: Result) -> bool:
    """Whether the program is one: others are not compiled, or ask for ever."""
    return expected.status != "too long" and not (expected.error and expected.error[0] == "SyntaxError")
