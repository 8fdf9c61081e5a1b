"""Waiting for the steps that are under way: as long as one of them is, and no longer."""

from __future__ import annotations

import asyncio
import threading
import time

from hitl_nb.engine.live.steps_under_way import StepCounter


def test_a_run_waits_until_the_last_step_has_ended() -> None:
    steps = StepCounter()
    first, second = steps.begin_step("a"), steps.begin_step("b")
    ended: list[str] = []

    def end() -> None:
        time.sleep(0.1)
        steps.end_step(first)
        time.sleep(0.1)
        ended.append("all")
        steps.end_step(second)

    thread = threading.Thread(target=end)
    thread.start()
    asyncio.run(steps.wait_until_idle())
    assert ended == ["all"]
    assert not steps
    assert first.has_ended
    assert second.has_ended
    thread.join()


def test_nobody_waits_for_a_step_that_has_ended() -> None:
    steps = StepCounter()
    steps.end_step(steps.begin_step("a"))
    began = time.monotonic()
    asyncio.run(steps.wait_until_idle())
    assert time.monotonic() - began < 0.05


def test_a_step_that_begins_while_others_are_waited_for_is_waited_for_too() -> None:
    steps, checks = StepCounter(), 0
    first = steps.begin_step("a")
    more = []

    def check() -> None:
        nonlocal checks
        checks += 1
        if checks == 1:
            more.append(steps.begin_step("b"))
            steps.end_step(first)
        elif checks == 2:
            steps.end_step(more[0])

    asyncio.run(steps.wait_until_idle(check))
    assert checks == 2
