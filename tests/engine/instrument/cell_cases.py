"""Cells that must run in an instrumenting shell as in any other: one notebook for each name, from `cells.txt`."""

from __future__ import annotations

from pathlib import Path


def _read() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for notebook in (Path(__file__).parent / "cells.txt").read_text().removeprefix("=== ").split("\n=== "):
        name, _, cells = notebook.partition("\n")
        found[name] = cells.strip("\n").split("\n---\n")
    return found


CASES = _read() | {
    "form feed and separators": [
        "s = 'a\x0cb\x1cc'\ndef f():\n    return len('a\x0cb\x1cc'), s\n\nf()",
        "def g():\n    return abs(1) / 0\ng()",
    ],
    "empty": ["", "# only a comment", "\n\n", "pass"],
}
