"""New processes, forked from a server that has everything imported; with `shim.c` in them, if wanted."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import story
from forks import Forks

CLEAN, TORN, EIO_ONCE, EIO_EVER = 1, 2, 3, 4

HERE = Path(__file__).parent
_PROGRAM = """\
from hitl_nb.values.schemas import import_jsonschema
import_jsonschema()
import forks, story, broken, doubt, task_kills
forks.serve()
"""


class Fresh(Forks):
    """`forks.Forks`, for functions of the fault tests."""

    def __init__(self, **env: str) -> None:
        places = (HERE, HERE.parent / "engine", HERE.parent.parent)
        self.server = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ":".join(map(str, places)), **env},
        )


class Shimmed(Fresh):
    """The same with `shim.c` loaded, which does nothing until it is armed."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not sys.platform.startswith("linux"):
            pytest.skip("no C compiler (cc) to build tests/faults/shim.c with: install gcc")
        library = folder / "libshim.so"
        subprocess.run(
            [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(HERE / "shim.c"), "-ldl"], check=True
        )
        super().__init__(LD_PRELOAD=str(library))


def arm(watched: Path, how: int, at: int) -> None:
    """In this process, from now on: count the writes to files in `watched`; the one with number `at` fails."""
    ctypes.CDLL(None).shim_arm(os.fsencode(watched), ctypes.c_int(how), ctypes.c_long(at), None)


def play_armed(folder: Path, how: int, at: int) -> Any:
    """`story.play()` in `folder`, with the shim armed."""
    arm(story.use(folder), how, at)
    return story.play()


def save_armed(folder: Path, how: int, at: int) -> list[tuple[str, bool]]:
    """`story.save_some` in `folder`, with the shim armed once the store is open."""
    return story.save_some(folder, lambda watched: arm(watched, how, at))
