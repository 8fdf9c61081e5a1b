"""Starting: imports, the extension, and a paused run that goes on in a new process.

Each sample is a process of its own, from its start; the first of each, which writes bytecode, is left out. Imports and
`%load_ext` are what they add to the same process without them: bare Python, and terminal IPython, which has loaded less
than a kernel has.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import Line, below, interleaved, milliseconds


def process(*arguments: str) -> Callable[[], float]:
    """Milliseconds from the start of a Python process to its end."""
    command = [sys.executable, *arguments]
    return lambda: milliseconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def measure(folder: Path, rounds: int = 15) -> list[Line]:
    profile = folder / "ipython"
    profile.mkdir()
    ipython = ("-m", "IPython", "--no-banner", "--quick", f"--ipython-dir={profile}", "-c")
    bare, importing, shell, extension = interleaved(
        rounds,
        process("-c", "pass"),
        process("-c", "import hitl_nb"),
        process(*ipython, "pass"),
        process(*ipython, "%load_ext hitl_nb"),
        warm=1,
    )
    added = [b - a for a, b in zip(bare, importing, strict=True)]
    loaded = [b - a for a, b in zip(shell, extension, strict=True)]
    return [
        below("import hitl_nb, over bare Python", added, 60),
        below("%load_ext hitl_nb, over IPython", loaded, 150),
    ]
