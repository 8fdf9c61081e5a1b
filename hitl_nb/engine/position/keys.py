"""Names the calls that are recorded, such that a call made again after a crash or a pause has its name again.

A call that continues exactly is named by the places of all frames and how often they asked before. A call inside
something that is made again is named by the places down to that, which execution of it this is, and its number among
the calls of the same kind in it: made again, it begins with the same numbers. Names begin with a running number, so
they sort as they were first made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class KeyCounts:
    """What of the names is part of a run's state.

    Attributes:
        number: how many executions there were.
        asked: how often each chain of places asked.
        begun: chains whose execution had begun and not ended -> the number that it began with.
    """

    number: int = 0
    asked: dict[str, int] = field(default_factory=dict[str, int])
    begun: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(eq=False)
class Execution:
    """One exact call, or one execution of something that is made again: the calls in it are told apart by number.

    Attributes:
        chain: digest of the names of its places.
        prefix: what the names of its calls begin with.
        ordinals: how many calls of each kind it made.
    """

    chain: str
    number: int
    prefix: str
    is_exact: bool
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def name_call(self, kind: str) -> str:
        """The name of a call in it; several calls of one kind are told apart by their order."""
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return f"{self.prefix}/{kind}/{ordinal}"


class Keys:
    """Names the recorded calls of one run. Each of its tasks has an execution at hand of its own.

    Args:
        counts: where the run is; from its saved state.
    """

    def __init__(self, counts: KeyCounts | None = None) -> None:
        self._counts = counts or KeyCounts()
        self._executions: dict[str, Execution] = {}

    def counts(self, *, is_completed: bool, task: str = "") -> KeyCounts:
        """The counts to be saved: before the executions at hand, since these are made again.

        Args:
            is_completed: the run continues behind the call that `task` makes.
        """
        found = KeyCounts(self._counts.number, dict(self._counts.asked), dict(self._counts.begun))
        for name, execution in self._executions.items():
            if name == task and is_completed:
                _count(found, execution.chain)
            elif execution.chain:
                found.begun[execution.chain] = execution.number
        return found

    @property
    def number(self) -> int:
        """What the names begin with from here on, at the lowest."""
        return min(self._counts.number, *self._counts.begun.values(), self._counts.number)

    def execution(self, task: str = "") -> Execution | None:
        """The execution at hand of a task."""
        return self._executions.get(task)

    @property
    def has_executions(self) -> bool:
        return bool(self._executions)

    @property
    def is_inside(self) -> bool:
        """Whether an execution is at hand that ends with the next poll: one must be due."""
        return any(not execution.is_exact for execution in self._executions.values())

    def begin_call(self, places: Sequence[str], *, exact: bool, task: str = "") -> None:
        """A call is being made that is recorded.

        Args:
            places: the names of the places of the frames, outermost first.
            exact: whether it continues behind the call; else the innermost of `places` is made again.
        """
        chain = _digest(places)
        at_hand = self._executions.get(task)
        if at_hand is not None and not exact and not at_hand.is_exact and at_hand.chain == chain:
            return
        self._end(task)
        number, count = self._counts.begun.pop(chain, self._counts.number), self._counts.asked.get(chain, 0)
        self._executions[task] = Execution(chain, number, f"{number:09d}/{places[-1]}/{chain}/{count}", exact)

    def name_call(self, kind: str = "", task: str = "") -> str:
        """The name of the call that is being made; several calls of one kind are told apart by their order."""
        at_hand = self._executions.get(task)
        if at_hand is None:
            number = self._counts.number
            at_hand = self._executions[task] = Execution("", number, f"{number:09d}/{task}", is_exact=True)
        return at_hand.name_call(kind)

    def notice_poll(self, places: Sequence[str], *, exact: bool, task: str = "") -> None:
        """Code has reported from here: the execution at hand is over, unless this is inside it."""
        at_hand = self._executions.get(task)
        if at_hand is not None and (exact or at_hand.is_exact or at_hand.chain != _digest(places)):
            self._end(task)

    def _end(self, task: str) -> None:
        ended = self._executions.pop(task, None)
        if ended is not None:
            _count(self._counts, ended.chain)


def _count(counts: KeyCounts, chain: str) -> None:
    if chain:  # else what was named belongs to a call that was counted already
        counts.asked[chain] = counts.asked.get(chain, 0) + 1
        counts.number += 1


def _digest(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
