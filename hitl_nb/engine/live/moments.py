"""Identification of the statement execution in which a run is.

In a loop, the same statement is executed several times; each execution is another *moment*.
"""

from __future__ import annotations

from hitl_nb.engine.position.stack.stack_reader import StackPlaces


class ExecutionMoments:
    """Identifies executions of statements. In a loop, each execution of the same statement is another *moment*.

    Attributes:
        is_watched: True if a moment was requested, so that the end of the statement must be noticed.
    """

    def __init__(self) -> None:
        self._statement: tuple[str, ...] = ()
        self._number = 0
        self.is_watched = False

    def find_moment(self, names: tuple[str, ...]) -> object:
        """Return an object that identifies the current execution of a statement.

        It is equal for all calls in that execution.

        Args:
            names: Names of the positions of all frames in the code, outermost first.
        """
        self.is_watched = True
        self._statement = _find_statement(names)
        return self._number, self._statement

    def record_report(self, places: StackPlaces) -> None:
        """Record that code has reached the end of a statement.

        If it has left the watched statement, a new moment starts.

        Args:
            places: The positions of all frames in the code.
        """
        if places.is_exact or _find_statement(places.names) != self._statement:
            self._number += 1
            self.is_watched = False


def _find_statement(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of positions without the name of the task, and with the innermost one reduced to its statement."""
    names = names[1:] if names[0].startswith("task ") else names
    return (*names[:-1], names[-1].rpartition(".")[0])
