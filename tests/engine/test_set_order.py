"""A loop over a set of texts that pauses: texts have another hash, so sets another order, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
sys.path[:0] = [{engine!r}, {root!r}]
from desk import Desk
desk = Desk({store!r})
if {again}:
    desk.answer()
desk.run('''
got = []
for name in {{"ann", "bo", "cy", "dee", "eve", "fay", "gus"}}:
    got.append(name)
    if len(got) == 3:
        hitl.checkpoint(name, title="Go?")
''')
print(*desk.ns["got"])
"""


def test_a_loop_that_paused_goes_through_the_rest_each_once(tmp_path: Path) -> None:
    names = {"engine": str(Path(__file__).parent), "root": str(Path(__file__).parents[2])}
    said: list[list[str]] = []
    for seed, again in (("1", False), ("2", True)):
        env = {**os.environ, "PYTHONHASHSEED": seed, "JUPYTER_DATA_DIR": str(tmp_path)}
        code = CODE.format(**names, store=f"diskcache://{tmp_path}/store", again=again)
        ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True)
        said.append(ran.stdout.split())
    before, after = said
    assert after[:3] == before
    assert sorted(after) == ["ann", "bo", "cy", "dee", "eve", "fay", "gus"]
