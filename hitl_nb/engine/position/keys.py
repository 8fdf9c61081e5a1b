"""Names the calls that are recorded, such that a call made again after a crash or a pause has its name again.

A call that continues exactly is named by the places of all frames and how often they asked before. A call inside
something that is made again is named by the places down to that, which execution of it this is, and how many calls it
made before: made again, it begins with the same numbers. Names begin with a running number, so they sort as they were
first made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class KeyCounts:
    """What of the names is part of a run's state.

    Attributes:
        number: how many names there were; those inside one execution of what is made again count as one.
        asked: how often each chain of places asked.
    """

    number: int = 0
    asked: dict[str, int] = field(default_factory=dict[str, int])


@dataclass
class _Execution:
    """One execution of a call that is made again."""

    chain: str
    calls: int = 0


class Keys:
    """Names the recorded calls of one run.

    Args:
        counts: where the run is; from its saved state.
    """

    def __init__(self, counts: KeyCounts | None = None) -> None:
        self._counts = counts or KeyCounts()
        self._execution: _Execution | None = None

    @property
    def counts(self) -> KeyCounts:
        """The counts to be saved: as they were before the execution at hand, since that is made again."""
        return KeyCounts(self._counts.number, dict(self._counts.asked))

    @property
    def is_inside(self) -> bool:
        """Whether an execution is at hand that ends with the next poll: one must be due."""
        return self._execution is not None

    def take(self, places: Sequence[str], *, exact: bool) -> str:
        """The name of the call that is being made.

        Args:
            places: the names of the places of the frames, outermost first.
            exact: whether it continues behind the call; else the innermost of `places` is made again.
        """
        chain = _digest(places)
        if exact or (self._execution is not None and self._execution.chain != chain):
            self._end()
        count = self._counts.asked.get(chain, 0)
        if exact:
            name = f"{self._counts.number:09d}/{places[-1]}/{chain}/{count}"
            self._count(chain)
            return name
        if self._execution is None:
            self._execution = _Execution(chain)
        name = f"{self._counts.number:09d}/{places[-1]}/{chain}/{count}/{self._execution.calls}"
        self._execution.calls += 1
        return name

    def notice_poll(self, places: Sequence[str], *, exact: bool) -> None:
        """Code has reported from here: the execution at hand is over, unless this is inside it."""
        if self._execution is not None and (exact or self._execution.chain != _digest(places)):
            self._end()

    def _end(self) -> None:
        if self._execution is not None:
            chain, self._execution = self._execution.chain, None
            self._count(chain)

    def _count(self, chain: str) -> None:
        self._counts.asked[chain] = self._counts.asked.get(chain, 0) + 1
        self._counts.number += 1


def _digest(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
