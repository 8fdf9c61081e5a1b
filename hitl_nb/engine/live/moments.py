"""Identification of the statement execution in which a run is.

In a loop, the same statement is executed several times; each execution is another *moment*.
"""

from __future__ import annotations

from hitl_nb.engine.position.stack.stack_reader import StackPlaces


class ExecutionMoments:
    """Distinguishes executions of statements. Code reports between statements, and that starts a new moment.

    Attributes:
        is_watched: True if a moment was requested, so that the end of the statement must be noticed.
    """

    def __init__(self) -> None:
        self._statement: tuple[str, ...] = ()
        self._number = 0
        self.is_watched = False

    def find_moment(self, names: tuple[str, ...]) -> object:
        """Return the current moment. It is equal for all calls in one execution of a statement.

        Args:
            names: Names of the places of the stack, outermost first.
        """
        self.is_watched = True
        self._statement = _find_statement(names)
        return self._number, self._statement

    def record_report(self, places: StackPlaces) -> None:
        """Start a new moment if the code has left the statement of the last moment.

        Args:
            places: The places at which the code reports.
        """
        if places.is_exact or _find_statement(places.names) != self._statement:
            self._number += 1
            self.is_watched = False


def _find_statement(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the places, with the innermost reduced to its statement. The name of the task is left out."""
    names = names[1:] if names[0].startswith("task ") else names
    return (*names[:-1], names[-1].rpartition(".")[0])
