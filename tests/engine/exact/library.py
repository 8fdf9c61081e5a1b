"""Code that stands for a library's: it is not instrumented."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def each(function: Callable[[Any], Awaitable[Any]], items: list[Any]) -> list[Any]:
    """Calls a coroutine function of each, in tasks of its own."""
    tasks = [asyncio.create_task(function(item)) for item in items]
    return [await task for task in tasks]


async def twice(awaitable: Awaitable[Any]) -> Any:
    value = await awaitable
    return value, value


async def all_of(coroutines: list[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*coroutines))


async def slow(value: Any, turns: int = 3) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


class Client:
    """Something that keeps a task of its own at work."""

    def open(self) -> None:
        self.task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        await asyncio.sleep(0.01)
