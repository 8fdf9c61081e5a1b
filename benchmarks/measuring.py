"""Interleaved rounds and what is made of them: A B A B ..., medians, and how far the rounds were apart.

Whatever else the machine does falls on both sides alike, so the ratios can be trusted before the milliseconds can.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WARM = 3
"""Rounds before the first that counts."""


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        ours, peer: medians (where `what` says so, 95th percentiles), in `unit`; `peer` is the limit where there is no
            peer. `ours` is None if nothing could be measured here; `beside` says why.
        beside: what the peer or the limit is.
        ratio: as the target puts it: how many times faster, or how many times the peer.
        met: None for a line that is there for information.
        spread, peer_spread: first and third quartile of the rounds.
    """

    what: str
    ours: float | None
    beside: str
    peer: float | None
    ratio: float | None
    target: str
    met: bool | None
    unit: str = "ms"
    spread: tuple[float, float] | None = None
    peer_spread: tuple[float, float] | None = None

    def json(self) -> dict[str, Any]:
        return asdict(self)


def interleaved(rounds: int, *sides: Callable[[], Any], warm: int = WARM) -> list[list[Any]]:
    """What each side returned in each of its rounds, the first `warm` left out."""
    found: list[list[Any]] = [[] for _ in sides]
    for n in range(-min(warm, rounds), rounds):
        for side, kept in zip(sides, found, strict=True):
            value = side()
            if n >= 0:
                kept.append(value)
    return found


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def faster(what: str, ours: Sequence[float], peers: Sequence[float], beside: str, least: float | None = None) -> Line:
    """The target: at least `least` times faster than the peer."""
    ratio = statistics.median(peers) / statistics.median(ours)
    target = f">= {least:g}x faster" if least else ""
    return _line(what, ours, peers, beside, ratio, target, None if least is None else ratio >= least)


def at_most(what: str, ours: Sequence[float], peers: Sequence[float], beside: str, most: float | None = None) -> Line:
    """The target: at most `most` times what the peer takes."""
    ratio = statistics.median(ours) / statistics.median(peers)
    target = f"<= {most:g}x" if most else ""
    return _line(what, ours, peers, beside, ratio, target, None if most is None else ratio <= most)


def below(what: str, ours: Sequence[float], limit: float, unit: str = "ms") -> Line:
    """The target: a number of its own."""
    median = statistics.median(ours)
    return Line(
        what, median, "limit", limit, median / limit, f"<= {limit:g} {unit}", median <= limit, unit, quartiles(ours)
    )


def percentiles(what: str, ours: Sequence[float], limit: float) -> list[Line]:
    """The median for information, and the target: nearly all rounds (the 95th percentile) below a number."""
    high = p95(ours)
    return [
        known(f"{what}, p50", ours),
        Line(f"{what}, p95", high, "limit", limit, high / limit, f"<= {limit:g} ms", high <= limit),
    ]


def known(what: str, ours: Sequence[float], unit: str = "ms", beside: str = "") -> Line:
    """For information: no target."""
    return Line(what, statistics.median(ours), beside, None, None, "", None, unit, quartiles(ours))


def share(what: str, ours: Sequence[float], peers: Sequence[float], beside: str, least: float, or_least: float) -> Line:
    """The target: at least this share of the peer's rate, or so many per second, whichever is lower."""
    medians = statistics.median(ours), statistics.median(peers)
    ratio = medians[0] / medians[1]
    return Line(
        what,
        medians[0],
        beside,
        medians[1],
        ratio,
        f">= {least:g}x or {or_least:g} /s",
        ratio >= least or medians[0] >= or_least,
        "/s",
        quartiles(ours),
        quartiles(peers),
    )


def more(what: str, ours: Sequence[float], peers: Sequence[float], beside: str, most: float) -> Line:
    """The target: at most so many milliseconds more than the peer takes."""
    medians = statistics.median(ours), statistics.median(peers)
    met = medians[0] - medians[1] <= most
    return _line(what, ours, peers, beside, medians[0] / medians[1], f"<= {most:g} ms more", met)


def skipped(what: str, why: str) -> Line:
    """Nothing was measured, and the line says why."""
    return Line(what, None, f"skipped: {why}", None, None, "", None)


def p95(samples: Sequence[float]) -> float:
    return samples[0] if len(samples) < 2 else statistics.quantiles(samples, n=20, method="inclusive")[-1]


def _line(
    what: str, ours: Sequence[float], peers: Sequence[float], beside: str, ratio: float, target: str, met: bool | None
) -> Line:
    medians = statistics.median(ours), statistics.median(peers)
    return Line(what, medians[0], beside, medians[1], ratio, target, met, "ms", quartiles(ours), quartiles(peers))


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    if len(samples) < 2:
        return samples[0], samples[0]
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return first, third


class RawCommits:
    """One row committed by plain sqlite3, WAL and synchronous=FULL: what durability costs before anybody adds to it."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)")

    def commit(self, rows: int = 1) -> None:
        """So many commits of one row of 360 bytes each."""
        for _ in range(rows):
            self.connection.execute("INSERT INTO t (v) VALUES (?)", (b"x" * 360,))
