"""Identification of the statement execution in which a run is.

In a loop, the same statement is executed several times; each execution is another *moment*.
"""

from __future__ import annotations

from hitl_nb.engine.position.stack.stack_reader import StackPlaces


class ExecutionMoments:
    """Tells apart the executions of statements of a run. Each execution of a statement in a loop is another *moment*.

    Attributes:
        is_watched: True from the first use of `find_moment` in a statement until the statement has ended. The end must
            be noticed, so that the next execution is another moment.
    """

    def __init__(self) -> None:
        self._statement: tuple[str, ...] = ()
        self._number = 0
        self.is_watched = False

    def find_moment(self, names: tuple[str, ...]) -> object:
        """Return an object that identifies the current execution of a statement.

        Two such objects are equal if they were returned in the same execution of the same statement.

        Args:
            names: Names of the positions of all frames in the code, outermost first.
        """
        self.is_watched = True
        self._statement = _find_statement(names)
        return self._number, self._statement

    def record_report(self, places: StackPlaces) -> None:
        """Record that the running code has reached the end of a statement or a new turn of a loop.

        If the code has left the statement for which `find_moment` was called, a new moment starts.

        Args:
            places: The positions of all frames in the code.
        """
        if places.is_exact or _find_statement(places.names) != self._statement:
            self._number += 1
            self.is_watched = False


def _find_statement(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the position of the current statement, from the positions of all frames.

    The name of the task, and the number inside the innermost statement, are left out.

    Args:
        names: Names of the positions, outermost frame first.
    """
    names = names[1:] if names[0].startswith("task ") else names
    return (*names[:-1], names[-1].rpartition(".")[0])
