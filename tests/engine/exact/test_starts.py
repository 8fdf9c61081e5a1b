"""The stack of a run before its first statement: continued, the run begins, with the arguments that it was given."""

from __future__ import annotations

import asyncio
import functools
from types import FunctionType
from typing import Any

import pytest

from hitl_nb.engine.instrument import instrument_function
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.starts import read_initial_stack

FACTOR = 10


def add(first: int, *rest: int, second: int = 2, **named: int) -> Any:
    def inner() -> Any:
        return first * FACTOR, rest, second, named

    first += 1
    return inner()


async def add_later(first: int) -> int:
    await asyncio.sleep(0)
    return first + FACTOR


def instrument_copy(function: Any) -> Any:
    made = FunctionType(instrument_function(function), function.__globals__, function.__name__, None)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


@pytest.mark.parametrize("call", [((1,), {}), ((1, 5, 6), {"second": 3, "third": 4})])
def test_a_function_begins_with_its_arguments(call: tuple[tuple[int, ...], dict[str, int]]) -> None:
    args, named = call
    stack = read_initial_stack(functools.partial(instrument_copy(add), *args, **named))
    assert not stack.waits_for_answer
    assert Driver().resume(stack, None) == add(*args, **named)


def test_a_closure_keeps_its_cells() -> None:
    total = 0

    def count() -> int:
        nonlocal total
        total += 1
        return total

    made = FunctionType(instrument_function(count), globals(), "count", None, count.__closure__)
    assert Driver().resume(read_initial_stack(made), None) == 1
    assert total == 1


def test_a_coroutine_begins() -> None:
    stack = read_initial_stack(functools.partial(instrument_copy(add_later), 1))
    assert asyncio.run(_await_coroutine(Driver().resume(stack, None))) == 11


async def _await_coroutine(coroutine: Any) -> Any:
    return await coroutine


def test_other_code_has_no_stack() -> None:
    with pytest.raises(CannotSave):
        read_initial_stack(add)
