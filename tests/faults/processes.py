"""Processes that do something to a store, in a few lines of Python each."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

LONG = 120.0
"""Seconds after which a process counts as hung; a safety net, never part of a check."""

HEAD = """
import os, random, signal, sys, threading, time
from hitl_nb.storage import open_store
from hitl_nb.ledger.ledger import Ledger
root = sys.argv[1]
url = "diskcache://" + root
"""


def start(script: str, root: Path, *, breaks: str = "", **options: Any) -> subprocess.Popen[str]:
    """A process that runs `script`, which may use `root`, `url` and what `HEAD` imports.

    Args:
        breaks: what of hitl_nb is broken in it: code that runs before the script.
    """
    code = HEAD + textwrap.dedent(breaks) + "\n" + textwrap.dedent(script)
    env = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parent.parent.parent}"}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True, env=env, **options
    )


def output(process: subprocess.Popen[str]) -> str:
    """What a process prints until it ends well."""
    try:
        found, _ = process.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, found
    return found
