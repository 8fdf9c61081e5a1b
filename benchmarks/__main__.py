"""Measures everything and prints a table, or with `--json` the same facts as one JSON document.

    python -m benchmarks [--only NAME ...] [--rounds N] [--json] [--slow]

Each benchmark has a process, a store and a signing key of its own. `benchmarks/README.md` says what is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Line

NAMES = (
    *("pausing", "history", "steps", "starting", "cold", "overhead", "inbox", "frames"),
    *("api", "idle", "bundle", "card", "going_on", "inbox_paint", "inbox_keys"),
    *("keystrokes", "opening", "draft_bytes", "streaming", "policy"),
    *("passing", "ticks", "exact", "saver"),
)


def measured(name: str, rounds: int | None, slow: bool) -> list[Line]:
    """Run one benchmark here, over a new store; what it prints on the way goes to standard error."""
    with tempfile.TemporaryDirectory(prefix="hitl-bench-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        os.environ |= {
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "HITL_NB_STORE": f"diskcache://{folder / 'store'}",
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # processes find bytecode, as with any installed package
        with contextlib.redirect_stdout(sys.stderr):
            options: dict[str, Any] = {} if rounds is None else {"rounds": rounds}
            if slow and name == "history":
                options["slow"] = True
            return importlib.import_module(f"benchmarks.{name}").measure(folder, **options)


def in_a_process(name: str, options: Sequence[str]) -> list[Line]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks", "--only", name, "--json", *options]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    return [Line(**line) for line in json.loads(made.stdout)["lines"]]


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def document(lines: Sequence[Line]) -> str:
    return json.dumps({"version": 1, "machine": machine(), "lines": [line.json() for line in lines]}, indent=1)


def table(lines: Sequence[Line]) -> str:
    """The lines as text, each number with its unit."""
    rows = [("", "ours", "beside", "", "ratio", "target", "")]
    for line in lines:
        verdict = "" if line.met is None else "met" if line.met else "MISSED"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}x"
        rows.append(
            (
                line.what,
                number(line.ours, line.unit, line.spread),
                number(line.peer, line.unit, line.peer_spread),
                line.beside,
                ratio,
                line.target,
                verdict,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    facts = machine()
    skipped = sum(line.ours is None for line in lines)
    missed = sum(line.met is False for line in lines)
    return (
        f"{text}\n\n{facts['cores']} cores, {facts['system']}, Python {facts['python']}, SQLite {facts['sqlite']}. "
        f"Medians of interleaved rounds; in brackets the first and third quartile. Targets missed: {missed}."
        + (f" Not measured here: {skipped}." if skipped else "")
    )


def number(value: float | None, unit: str, spread: tuple[float, float] | None) -> str:
    if value is None:
        return ""
    between = f" [{_short(spread[0])} .. {_short(spread[1])}]" if spread else ""
    return f"{_short(value)} {unit}{between}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, help="rounds of each side that count (each benchmark has its default)")
    parser.add_argument("--slow", action="store_true", help="LangGraph's resume after 10,000 tasks too (minutes)")
    parser.add_argument("--json", action="store_true", help="one JSON document in place of the table")
    given = parser.parse_args()
    names = given.only or NAMES
    if len(names) == 1:
        lines = measured(names[0], given.rounds, given.slow)
    else:
        options = [] if given.rounds is None else ["--rounds", str(given.rounds)]
        options += ["--slow"] if given.slow else []
        lines = [line for name in names for line in in_a_process(name, options)]
    print(document(lines) if given.json else table(lines))


if __name__ == "__main__":
    main()
