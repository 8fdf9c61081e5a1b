"""Names of recorded calls. A call that is executed again after a crash or a pause gets the same name again.

Terms of this module:

- The *place* of a frame is the position in the code of the call that the frame waits for. A *chain* is a digest of the
  places of all frames, from the outermost to the innermost.
- A call is *exact* if a continued run continues directly behind it. Otherwise code around the call is executed again.
- An *execution* is one exact call, or one run of code that may be executed again, with all recorded calls in it.

An exact call is named by its chain and by the number of earlier calls with that chain. For a call inside code that is
executed again, the name has three parts:

- the chain of places down to that code;
- the number of the execution of that code;
- the call's number among the calls of its kind in the execution.

When the code is executed again, these numbers start at the same values. Names begin with a running number, so they sort
by the time of the first call.
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
    """Counters from which the names of recorded calls (steps and questions) are made.

    They are saved with the run's state.

    A *chain* is a digest of the positions in the code that lead to a call. An *execution* is one execution of a
    recorded call, or of code that a continued run may execute again, with all recorded calls in it.

    Attributes:
        execution_count: Number of executions that have ended.
        asked_counts: Chain -> number of executions with this chain that have ended.
        open_executions: Name of a task -> its current execution, as (chain, number, name of the innermost position,
            True if the run continues directly behind the call).
        floor: Lowest running number in the names of the recorded calls whose results the run may still need. None: it
            is computed from the other fields.
        first_pause: Number of the first pause whose decisions the run may still need. None: it needs those of the last
            pause only.
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
    """One execution of a recorded call, or of code that a continued run may execute again.

    The recorded calls in an execution are numbered.

    A recorded call is a call of a step or a question. It is *exact* if a continued run continues directly behind it.
    Otherwise code around it is executed again.

    Attributes:
        chain: Digest of the positions in the code, one for each frame, that lead to the call or code.
        number: Number of executions that had ended when this one began.
        place: Name of the innermost of these positions.
        ask_count: Number of earlier executions with the same chain.
        is_exact: True if its call is exact.
        is_restored: True if it began in another process, and this process has neither made its call nor answered it.
        is_awaited: True if its call still runs. A continued run then makes the call again under the same name.
        has_failed: True if the call that it awaits raised an error. If no code handles the error, the call is made
            again.
        ordinals: Kind of call -> number of calls of this kind made so far.
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
        """Return the name under which the next recorded call in this execution is stored.

        If the program makes the same call again after a resume, the name is the same. Two different calls never share a
        name.

        Args:
            kind: Kind of the call, for example the name of the called function. Calls of one kind are told apart by
                their order.
        """
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return self.name_call_as(kind, ordinal)

    def name_call_as(self, kind: str, ordinal: int) -> str:
        """Return the name of a recorded call in this execution.

        Args:
            kind: Kind of the call.
            ordinal: Number of the call among those of its kind.
        """
        return f"{self.number:09d}/{self.place}/{self.chain}/{self.ask_count}/{kind}/{ordinal}"


class Keys:
    """Makes the names under which the recorded calls (steps and questions) of one run are stored.

    If the code makes the same call again after a pause or crash, the call gets the same name, so its recorded result is
    found. Each asyncio task has its own current *execution*: one recorded call, or one execution of code that a
    continued run may execute again.

    Args:
        counts: Counters from the run's saved state; None for a new run.

    Attributes:
        first_pause: Number of the first pause whose decisions the run may still need. None: it needs those of the last
            pause only.
        expected_calls: The stored records that the run may still need.
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
        """Return the counters to save with the run's state.

        With them, a continued run gives the same names to the same calls.

        Executions that are over are ended first. The execution of an exact call (the run continues directly behind it)
        is over if its task waits at another position by now. If it were kept open, the next call at its position would
        get its name. An execution is not over while its call is awaited, or while this process still has to continue
        it.

        Args:
            unfinished_tasks: Names of the tasks that have not ended; the executions of other tasks are ended. None: no
                code has run, so no execution is ended.
            asking_task: Name of the task that makes, or awaits, the call at which the run is saved; "" for the main
                task.
            place: Name of the innermost position in the code of that call. None: the position of the task's last call.
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
        """The lowest running number that the names of later recorded calls (steps and questions) can have.

        The name of such a call begins with a running number, in the order of the first executions.
        """
        return min([self._counts.execution_count, *(one.number for one in self._executions.values())])

    @property
    def floor(self) -> int:
        """The lowest running number in the names of the recorded calls whose results the run may still need.

        Recorded calls are calls of steps and questions. Their names begin with a running number.
        """
        return self.lowest_number if self._floor is None else min(self.lowest_number, self._floor)

    def take_up_execution(self, task: str = "") -> None:
        """Record that the result of the call for which a task waited at a pause is being computed.

        The next call at the same position in the code is then a new call with another name.

        Args:
            task: Name of the task; "" for the main task.
        """
        at_hand = self._executions.get(task)
        if at_hand is not None:
            at_hand.is_restored = False

    def end_restored_execution(self, name: str) -> None:
        """Record that a call need not be made again after a resume, because the object that it returned was restored.

        Only an exact call is affected (the run continues directly behind it). The next call at the same position in the
        code is then a new call with another name.

        Args:
            name: Name of the call.
        """
        for one in self._executions.values():
            if (
                one.is_exact
                and not one.is_awaited
                and identify_call(name).startswith(f"{one.place}/{one.chain}/{one.ask_count}/")
            ):
                one.is_restored = False

    def find_execution(self, task: str = "") -> Execution | None:
        """Return the current execution of a task; None if it has none.

        An execution is one recorded call, or one execution of code that a continued run may execute again.

        Args:
            task: Name of the task; "" for the main task.
        """
        return self._executions.get(task)

    @property
    def has_executions(self) -> bool:
        """Whether any task of the run has a current execution: a recorded call, or code that may be executed again."""
        return bool(self._executions)

    @property
    def has_inexact_execution(self) -> bool:
        """Whether a task runs code that would be executed again after a pause.

        Such code ends when the task next calls the engine between statements. So the caller must request such a call.
        """
        return any(not execution.is_exact for execution in self._executions.values())

    def begin_call(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """Record that a task is about to make a recorded call (of a step or a question).

        The call starts a new execution of the task. Exception: code is executed again, and reaches the same position as
        before; then the call belongs to the current execution.

        Args:
            places: Names of the positions of all frames in the code, outermost first.
            is_exact: True if a continued run continues directly behind the call. False: the innermost code of `places`
                is executed again.
            task: Name of the task; "" for the main task.
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
        """Return the name under which the recorded call that is about to be made is stored.

        If the program makes the same call again after a resume, the name is the same. Two different calls never share a
        name.

        Args:
            kind: Kind of the call, for example the name of the called function. Calls of one kind are told apart by
                their order.
            task: Name of the task; "" for the main task.
        """
        at_hand = self._executions.get(task)
        if at_hand is None:
            at_hand = self._executions[task] = Execution("", self._counts.execution_count, task, 0, is_exact=True)
        return at_hand.name_call(kind)

    def notice_poll(self, places: Sequence[str], *, is_exact: bool, task: str = "") -> None:
        """Record that the code of a task has reached the end of a statement or a new turn of a loop.

        A continued run does not execute the code before this position again, so the current execution of the task is
        over. Exception: the statement is inside code that would be executed again as a whole; then the execution
        continues.

        Args:
            places: Names of the positions of all frames in the code, outermost first.
            is_exact: True if a continued run would continue exactly at these positions.
            task: Name of the task; "" for the main task.
        """
        at_hand = self._executions.get(task)
        if at_hand is not None and (is_exact or at_hand.is_exact or at_hand.chain != _digest_places(places)):
            self._end_execution(task)

    def _end_execution(self, task: str) -> None:
        ended = self._executions.pop(task, None)
        if ended is not None:
            _count_execution(self._counts, ended.chain)


def identify_call(name: str) -> str:
    """Return the name of a recorded call without its running number. This part is the same after a resume.

    The running number may differ, because tasks may take turns in another order when the code is executed again.
    """
    number, _, rest = name.partition("/")
    return rest if number.isdigit() and "//" not in name else name


def _count_execution(counts: KeyCounts, chain: str) -> None:
    if chain:  # without a chain, the named calls belong to a call that was counted already
        counts.asked_counts[chain] = counts.asked_counts.get(chain, 0) + 1
        counts.execution_count += 1


def _digest_places(places: Sequence[str]) -> str:
    return hashlib.sha256("/".join(places).encode("utf-8", "surrogatepass")).hexdigest()[:12]
