"""Names of recorded calls: a call that is made again after a crash or a pause gets the same name again.

A call that continues exactly is named by the places of all frames and by how often they asked before. For a call inside
code that is made again, the name has three parts:

- the places down to that code;
- the number of the execution of that code;
- the call's number among the calls of its kind in the execution.

When the code is made again, these numbers start at the same values. Names begin with a running number, so they sort by
the time of the first call.
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
    """Counters for names of calls that are part of a run's saved state.

    Attributes:
        execution_count: how many executions there were.
        asked_counts: how often each chain of places asked.
        open_executions: the current executions, by task: chain, number, innermost place, and whether it is exact.
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
    """One exact call, or one execution of code that is made again: the calls in it are distinguished by number.

    Attributes:
        chain: digest of the names of its places.
        number: how many executions there were when it began.
        place: the name of its innermost place.
        ask_count: how often its chain asked before.
        is_restored: whether it began in another process, and its call was neither made again nor answered here.
        is_awaited: whether it is a call under way that is made again, by this name, when the run continues.
        has_failed: whether the awaited call in it raised an error: if no code handled it, the call is made again, too.
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
        """Return the name of a call in this execution; calls of one kind are distinguished by their order."""
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return f"{self.number:09d}/{self.place}/{self.chain}/{self.ask_count}/{kind}/{ordinal}"


class Keys:
    """Names for the recorded calls of one run. Each task has its own current execution.

    Args:
        counts: where the run is; from its saved state.

    Attributes:
        first_pause: the first pause whose decisions may be asked for; None: the last one.
        expected_calls: the records that may still be asked for.
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
        """Return the counts to save. The current executions are made again, or answered, when the run continues.

        If a task has an exact execution but waits elsewhere by now, that execution is over. If it were kept open, the
        next call at its place would be taken for the same call. An execution is not over while it is awaited, or
        while it is still to be continued here.

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
        """The lowest running number that names made from now on can begin with."""
        return min([self._counts.execution_count, *(one.number for one in self._executions.values())])

    @property
    def floor(self) -> int:
        """The lowest number of a recorded call that may be asked for from the loaded position on."""
        return self.lowest_number if self._floor is None else min(self.lowest_number, self._floor)

    def take_up_execution(self, task: str = "") -> None:
        """Mark the pending call of a task as being answered: the next call at its place is a new execution."""
        at_hand = self._executions.get(task)
        if at_hand is not None:
            at_hand.is_restored = False

    def end_restored_execution(self, name: str) -> None:
        """Note that the exact call of this name exists already, as an object.

        Another call at its place is then a different execution.
        """
        for one in self._executions.values():
            if (
                one.is_exact
                and not one.is_awaited
                and identify_call(name).startswith(f"{one.place}/{one.chain}/{one.ask_count}/")
            ):
                one.is_restored = False

    def find_execution(self, task: str = "") -> Execution | None:
        """Return the current execution of a task; None: it has none."""
        return self._executions.get(task)

    @property
    def has_executions(self) -> bool:
        """Whether a task of the run has a current execution."""
        return bool(self._executions)

    @property
    def has_inexact_execution(self) -> bool:
        """Whether a current execution ends with the next poll, so that a poll must be due."""
        return any(not execution.is_exact for execution in self._executions.values())

    def begin_call(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """Note that a recorded call is being made.

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
        """Return the name of the call that is being made; calls of one kind are distinguished by their order."""
        at_hand = self._executions.get(task)
        if at_hand is None:
            at_hand = self._executions[task] = Execution("", self._counts.execution_count, task, 0, is_exact=True)
        return at_hand.name_call(kind)

    def notice_poll(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """Note that code polled at these places: the current execution is over, unless the places are inside it."""
        at_hand = self._executions.get(task)
        if at_hand is not None and (is_exact or at_hand.is_exact or at_hand.chain != _digest_places(places)):
            self._end_execution(task)

    def _end_execution(self, task: str) -> None:
        ended = self._executions.pop(task, None)
        if ended is not None:
            _count_execution(self._counts, ended.chain)


def identify_call(name: str) -> str:
    """Return the part of a call's name that identifies the call.

    The running number is left out, because tasks may take turns differently in another try.
    """
    number, _, rest = name.partition("/")
    return rest if number.isdigit() and "//" not in name else name


def _count_execution(counts: KeyCounts, chain: str) -> None:
    if chain:  # else what was named belongs to a call that was counted already
        counts.asked_counts[chain] = counts.asked_counts.get(chain, 0) + 1
        counts.execution_count += 1


def _digest_places(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
