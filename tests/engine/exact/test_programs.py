"""Programs saved at every question, or anywhere, and continued of the bytes alone, must not differ from native runs.

120 programs by default, in shards that pytest-xdist shares out; `HITL_PROGRAMS=5000` for a long night.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from exact import checks
from exact.shapes import shapes
from forks import Forks
from hypothesis import HealthCheck, assume, given, note, seed, settings
from hypothesis import strategies as st
from programs import programs

PROGRAMS = int(os.environ.get("HITL_PROGRAMS", "120"))
SEED = int(os.environ.get("HITL_SEED", "0"))

PARTS = {
    "saved at each question, 1": 0.25,
    "saved at each question, 2": 0.25,
    "saved at each question in new processes": 0.1,
    "saved at each poll, 1": 0.15,
    "saved at each poll, 2": 0.1,
    "continuations give what going on gives": 0.15,
}
"""Which share of the programs is run in which way."""


@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", PARTS)
def test_saved_and_continued_is_native(way: str, exact_forks: Forks) -> None:
    is_run = _way(way, exact_forks)

    @seed(SEED * 100 + list(PARTS).index(way))
    @settings(
        max_examples=max(int(PROGRAMS * PARTS[way]), 1),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(shapes(), shapes(), programs()))
    def check(source: str) -> None:
        note(f"HITL_SEED={SEED} {way}\n{source}")
        assume(is_run(source))

    check()


def _way(way: str, forks: Forks) -> Callable[[str], bool]:
    if "processes" in way:
        return lambda source: checks.check_in_processes(forks, source)
    if "poll" in way:
        return lambda source: forks(checks.check_saved, source, 1)
    if "continuations" in way:
        return lambda source: forks(checks.check_law, source)
    return lambda source: forks(checks.check_saved, source)
