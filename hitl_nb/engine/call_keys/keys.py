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

from hitl_nb.engine.call_keys.expected_calls import ExpectedCalls
from hitl_nb.own_objects import mark_own


@mark_own
@dataclass
class KeyCounts:
    """What of the names is part of a run's state.

    Attributes:
        execution_count: how many executions there were.
        asked_counts: how often each chain of places asked.
        open_executions: the executions at hand, by task: chain, number, innermost place, and whether it is exact.
        floor: the lowest number of a recorded call that may be asked for; None: as the numbers here say.
        first_pause: the first pause whose decisions may be asked for; None: the last one.
    """

    execution_count: int = 0
    asked_counts: dict[str, int] = field(default_factory=dict[str, int])
    open_executions: dict[str, tuple[str, int, str, bool]] = field(
        default_factory=dict[str, tuple[str, int, str, bool]]
    )
    floor: int | None = None
    first_pause: int | None = None


@dataclass(eq=False)
class Execution:
    """One exact call, or one execution of something that is made again: the calls in it are told apart by number.

    Attributes:
        chain: digest of the names of its places.
        number: how many executions there were when it began.
        place: the name of its innermost place.
        ask_count: how often its chain asked before.
        is_restored: whether it began in another process, and its call was neither made again nor answered here.
        is_awaited: whether it is a call under way that is made again, by this name, when the run continues.
        has_failed: whether the call that was awaited in it raised: if nobody handled that, it is made again, too.
        ordinals: how many calls of each kind it made.
    """

    chain: str
    number: int
    place: str
    ask_count: int
    is_exact: bool
    is_restored: bool = False
    is_awaited: bool = False
    has_failed: bool = False
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def name_call(self, kind: str) -> str:
        """The name of a call in it; several calls of one kind are told apart by their order."""
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return f"{self.number:09d}/{self.place}/{self.chain}/{self.ask_count}/{kind}/{ordinal}"


class Keys:
    """Names the recorded calls of one run. Each of its tasks has an execution at hand of its own.

    Args:
        counts: where the run is; from its saved state.

    Attributes:
        first_pause: the first pause whose decisions may be asked for; None: the last one.
        expected_calls: what of the records may still be asked for.
    """

    def __init__(self, counts: KeyCounts | None = None) -> None:
        found = counts or KeyCounts()
        self._counts = KeyCounts(found.execution_count, dict(found.asked_counts))
        self._floor, self.first_pause = found.floor, found.first_pause
        self.expected_calls = ExpectedCalls()
        self._executions = {
            task: Execution(chain, number, place, found.asked_counts.get(chain, 0), is_exact, is_restored=True)
            for task, (chain, number, place, is_exact) in found.open_executions.items()
        }

    def collect_counts(
        self, unfinished_tasks: Container[str] | None = None, asking_task: str = "", place: str | None = None
    ) -> KeyCounts:
        """The counts to be saved. The executions at hand are made again, or answered, when the run continues.

        An exact one of a task that waits elsewhere by now is over: continued as if it were not, the next call at its
        place would be taken for the same one. One that is awaited, or still to be continued here, is not.

        Args:
            unfinished_tasks: the tasks that have not ended; None: nothing has run, all is as it was saved.
            asking_task: the task that makes, or awaits, the call that the run is saved at.
            place: the name of the innermost place of `make_coauthor`; None: that of its last call.
        """
        if unfinished_tasks is not None:
            for task, one in list(self._executions.items()):
                is_here = task == asking_task and place in (None, one.place)
                is_lost = task not in unfinished_tasks and not one.has_failed
                if is_lost or (one.is_exact and not (one.is_awaited or one.is_restored or is_here)):
                    self._end_execution(task)
        begun = {
            task: (one.chain, one.number, one.place, one.is_exact)
            for task, one in self._executions.items()
            if one.chain
        }
        counts = KeyCounts(self._counts.execution_count, dict(self._counts.asked_counts), begun)
        counts.floor, counts.first_pause = self.expected_calls.find_floors(counts.asked_counts)
        return counts

    @property
    def lowest_number(self) -> int:
        """What the names begin with from here on, at the lowest."""
        return min([self._counts.execution_count, *(one.number for one in self._executions.values())])

    @property
    def floor(self) -> int:
        """The lowest number of a recorded call that may be asked for from the loaded position on."""
        return self.lowest_number if self._floor is None else min(self.lowest_number, self._floor)

    def take_up_execution(self, task: str = "") -> None:
        """The call that a task waits with is being answered: another one at its place is another execution."""
        at_hand = self._executions.get(task)
        if at_hand is not None:
            at_hand.is_restored = False

    def end_restored_execution(self, name: str) -> None:
        """The exact call of this name is there already, as an object: another one at its place is another execution."""
        for one in self._executions.values():
            if (
                one.is_exact
                and not one.is_awaited
                and identify_call(name).startswith(f"{one.place}/{one.chain}/{one.ask_count}/")
            ):
                one.is_restored = False

    def find_execution(self, task: str = "") -> Execution | None:
        """The execution at hand of a task."""
        return self._executions.get(task)

    @property
    def has_executions(self) -> bool:
        return bool(self._executions)

    @property
    def has_inexact_execution(self) -> bool:
        """Whether an execution is at hand that ends with the next poll: one must be due."""
        return any(not execution.is_exact for execution in self._executions.values())

    def begin_call(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """A call is being made that is recorded.

        Args:
            places: the names of the places of the frames, outermost first.
            is_exact: whether it continues behind the call; else the innermost of `places` is made again.
        """
        chain = _digest_places(places)
        at_hand = self._executions.get(task)
        is_same = at_hand is not None and at_hand.chain == chain and at_hand.is_exact == is_exact
        if at_hand is not None and is_same and (at_hand.is_restored or not is_exact):
            at_hand.is_restored = at_hand.has_failed = False
            return
        self._end_execution(task)
        self._executions[task] = Execution(
            chain, self._counts.execution_count, places[-1], self._counts.asked_counts.get(chain, 0), is_exact
        )

    def name_call(self, kind: str = "", task: str = "") -> str:
        """The name of the call that is being made; several calls of one kind are told apart by their order."""
        at_hand = self._executions.get(task)
        if at_hand is None:
            at_hand = self._executions[task] = Execution("", self._counts.execution_count, task, 0, is_exact=True)
        return at_hand.name_call(kind)

    def notice_poll(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """Code has reported from here: the execution at hand is over, unless this is inside it."""
        at_hand = self._executions.get(task)
        if at_hand is not None and (is_exact or at_hand.is_exact or at_hand.chain != _digest_places(places)):
            self._end_execution(task)

    def _end_execution(self, task: str) -> None:
        ended = self._executions.pop(task, None)
        if ended is not None:
            _count_execution(self._counts, ended.chain)


def identify_call(name: str) -> str:
    """What of a call's name says which call it is: not the running number, since tasks may take turns differently."""
    number, _, rest = name.partition("/")
    return rest if number.isdigit() and "//" not in name else name


def _count_execution(counts: KeyCounts, chain: str) -> None:
    if chain:  # else what was named belongs to a call that was counted already
        counts.asked_counts[chain] = counts.asked_counts.get(chain, 0) + 1
        counts.execution_count += 1


def _digest_places(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
