"""Programs run natively, and run with a new process at every pause, must not differ in anything that can be seen.

500 programs by default, in shards that pytest-xdist shares out; `HITL_PROGRAMS=20000` for a long night.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from forks import Forks
from hypothesis import HealthCheck, assume, given, note, seed, settings
from programs import programs
from same import ways

SHARDS = 10
PROGRAMS = int(os.environ.get("HITL_PROGRAMS", "500"))
SEED = int(os.environ.get("HITL_SEED", "0"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_paused_and_resumed_is_native(shard: int, forks: Forks, tmp_path: Path) -> None:
    tried = 0

    @seed(SEED * SHARDS + shard)
    @settings(max_examples=PROGRAMS // SHARDS, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(programs())
    def check(source: str) -> None:
        nonlocal tried
        try:
            ast.parse(source)
        except SyntaxError:
            pytest.fail(f"not a program:\n{source}")
        note(f"HITL_SEED={SEED} shard {shard}\n{source}")
        tried += 1
        assume(ways(forks, source, tmp_path, f"p{tried}"))

    check()
