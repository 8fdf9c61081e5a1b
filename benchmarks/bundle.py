"""The size of the JupyterLab extension's own build, compressed as servers do (gzip, level 6), file by file.

What JupyterLab shares (React, CodeMirror, Lumino, its own packages) is not in it. The styles are in the scripts.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from benchmarks import front
from benchmarks.measuring import Line, below, known, skipped

LIMIT = 220


def measure(folder: Path, rounds: int = 1) -> list[Line]:
    if why := front.not_built():
        return [skipped("JupyterLab extension, compressed", why)]
    files = [path.read_bytes() for path in sorted((front.BUILT / "static").glob("*.js"))]
    small = sum(len(gzip.compress(raw, 6)) for raw in files) / 1000
    return [
        below("JupyterLab extension, compressed", [small], LIMIT, "kB"),
        known("JupyterLab extension, as it is", [sum(map(len, files)) / 1000], "kB", f"{len(files)} files"),
    ]
