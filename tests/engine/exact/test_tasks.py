"""Questions asked inside tasks of asyncio: all tasks of the run are saved with it, and continue where they were."""

from __future__ import annotations

import pytest
from exact.pausing import same

START = """
import asyncio
async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)
async def f(n):
    tell("begin", n)
    await turns(n)
    tell("asks", n)
    got = ask(n * 10)
    tell("got", got)
    await turns(2)
    tell("end", n)
    return got + 1
"""

PROGRAMS = {
    "gather": "a, b = await asyncio.gather(f(1), f(2))\ntell(a, b)",
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_tasks_continue_as_natively(kind: str) -> None:
    same(START + PROGRAMS[kind])
