"""Names the calls that are recorded, such that a call made again after a crash or a pause has its name again.

A call that continues exactly is named by the places of all frames and how often they asked before. A call inside
something that is made again is named by the places down to that, which execution of it this is, and its number among
the calls of the same kind in it: made again, it begins with the same numbers. Names begin with a running number, so
they sort as they were first made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from hitl_nb.engine.call_keys.expected_calls import Expected
from hitl_nb.own_objects import mark_own


@mark_own
@dataclass
class KeyCounts:
    """What of the names is part of a run's state.

    Attributes:
        number: how many executions there were.
        asked: how often each chain of places asked.
        begun: the executions at hand, by task: chain, number, innermost place, and whether it is exact.
        floor: the lowest number of a recorded call that may be asked for; None: as the numbers here say.
        pause: the first pause whose decisions may be asked for; None: the last one.
    """

    number: int = 0
    asked: dict[str, int] = field(default_factory=dict[str, int])
    begun: dict[str, tuple[str, int, str, bool]] = field(default_factory=dict[str, tuple[str, int, str, bool]])
    floor: int | None = None
    pause: int | None = None


@dataclass(eq=False)
class Execution:
    """One exact call, or one execution of something that is made again: the calls in it are told apart by number.

    Attributes:
        chain: digest of the names of its places.
        number: how many executions there were when it began.
        place: the name of its innermost place.
        count: how often its chain asked before.
        is_restored: whether it began in another process, and its call was neither made again nor answered here.
        is_awaited: whether it is a call under way that is made again, by this name, when the run continues.
        has_failed: whether the call that was awaited in it raised: if nobody handled that, it is made again, too.
        ordinals: how many calls of each kind it made.
    """

    chain: str
    number: int
    place: str
    count: int
    is_exact: bool
    is_restored: bool = False
    is_awaited: bool = False
    has_failed: bool = False
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def name_call(self, kind: str) -> str:
        """The name of a call in it; several calls of one kind are told apart by their order."""
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return f"{self.number:09d}/{self.place}/{self.chain}/{self.count}/{kind}/{ordinal}"


class Keys:
    """Names the recorded calls of one run. Each of its tasks has an execution at hand of its own.

    Args:
        counts: where the run is; from its saved state.

    Attributes:
        pause: the first pause whose decisions may be asked for; None: the last one.
        expected: what of the records may still be asked for.
    """

    def __init__(self, counts: KeyCounts | None = None) -> None:
        found = counts or KeyCounts()
        self._counts = KeyCounts(found.number, dict(found.asked))
        self._floor, self.pause = found.floor, found.pause
        self.expected = Expected()
        self._executions = {
            task: Execution(chain, number, place, found.asked.get(chain, 0), is_exact, is_restored=True)
            for task, (chain, number, place, is_exact) in found.begun.items()
        }

    def counts(self, alive: Container[str] | None = None, at_work: str = "", place: str | None = None) -> KeyCounts:
        """The counts to be saved. The executions at hand are made again, or answered, when the run continues.

        An exact one of a task that waits elsewhere by now is over: continued as if it were not, the next call at its
        place would be taken for the same one. One that is awaited, or still to be continued here, is not.

        Args:
            alive: the tasks that have not ended; None: nothing has run, all is as it was saved.
            at_work: the task that makes, or awaits, the call that the run is saved at.
            place: the name of the innermost place of `at_work`; None: that of its last call.
        """
        if alive is not None:
            for task, one in list(self._executions.items()):
                is_here = task == at_work and place in (None, one.place)
                is_lost = task not in alive and not one.has_failed
                if is_lost or (one.is_exact and not (one.is_awaited or one.is_restored or is_here)):
                    self._end(task)
        begun = {
            task: (one.chain, one.number, one.place, one.is_exact)
            for task, one in self._executions.items()
            if one.chain
        }
        counts = KeyCounts(self._counts.number, dict(self._counts.asked), begun)
        counts.floor, counts.pause = self.expected.floors(counts.asked)
        return counts

    @property
    def number(self) -> int:
        """What the names begin with from here on, at the lowest."""
        return min([self._counts.number, *(one.number for one in self._executions.values())])

    @property
    def floor(self) -> int:
        """The lowest number of a recorded call that may be asked for from the loaded position on."""
        return self.number if self._floor is None else min(self.number, self._floor)

    def take_up(self, task: str = "") -> None:
        """The call that a task waits with is being answered: another one at its place is another execution."""
        at_hand = self._executions.get(task)
        if at_hand is not None:
            at_hand.is_restored = False

    def end_restored(self, name: str) -> None:
        """The exact call of this name is there already, as an object: another one at its place is another execution."""
        for one in self._executions.values():
            if (
                one.is_exact
                and not one.is_awaited
                and identify(name).startswith(f"{one.place}/{one.chain}/{one.count}/")
            ):
                one.is_restored = False

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
        is_same = at_hand is not None and at_hand.chain == chain and at_hand.is_exact == exact
        if at_hand is not None and is_same and (at_hand.is_restored or not exact):
            at_hand.is_restored = at_hand.has_failed = False
            return
        self._end(task)
        self._executions[task] = Execution(
            chain, self._counts.number, places[-1], self._counts.asked.get(chain, 0), exact
        )

    def name_call(self, kind: str = "", task: str = "") -> str:
        """The name of the call that is being made; several calls of one kind are told apart by their order."""
        at_hand = self._executions.get(task)
        if at_hand is None:
            at_hand = self._executions[task] = Execution("", self._counts.number, task, 0, is_exact=True)
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


def identify(name: str) -> str:
    """What of a call's name says which call it is: not the running number, since tasks may take turns differently."""
    number, _, rest = name.partition("/")
    return rest if number.isdigit() and "//" not in name else name


def _count(counts: KeyCounts, chain: str) -> None:
    if chain:  # else what was named belongs to a call that was counted already
        counts.asked[chain] = counts.asked.get(chain, 0) + 1
        counts.number += 1


def _digest(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
