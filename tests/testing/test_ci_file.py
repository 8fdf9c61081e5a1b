"""The CI file of the docs, run as a user's CI would: its own command, on a copy of the examples."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_the_examples_pass_twice_and_leave_nothing_behind(tmp_path: Path) -> None:
    lines = re.findall(r"- run: (.*)", (ROOT / "docs" / "notebooks.yml").read_text(encoding="utf-8"))
    assert lines[0].startswith("python -m pip install")
    command = lines[1].replace("python", sys.executable, 1).split()
    assert command[1:4] == ["-m", "pytest", "--nbval"]

    repository, temporary = tmp_path / "repository", tmp_path / "tmp"
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.jsonl")
    shutil.copytree(ROOT / "examples", repository / "examples", ignore=ignored)
    temporary.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HITL_NB_", "PYTEST_"))}
    env |= {"CI": "true", "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    env["PYTEST_ADDOPTS"] = "-p no:schemathesis -p no:hypothesispytest"  # a user's CI does not have them

    def files() -> list[str]:
        found = (str(file) for root in (repository, temporary) for file in root.rglob("*"))
        return [file for file in sorted(found) if "/pytest-of-" not in file and ".pytest_cache" not in file]

    before = files()
    for _ in range(2):
        done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed" in done.stdout
        assert files() == before
