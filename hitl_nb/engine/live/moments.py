"""Which execution of which statement a run is in."""

from __future__ import annotations

from hitl_nb.engine.position.stack.stack_reader import StackPlaces


class ExecutionMoments:
    """Tells executions of statements apart, by the reports between them."""

    def __init__(self) -> None:
        self._statement: tuple[str, ...] = ()
        self._number = 0
        self.is_watched = False

    def find_moment(self, names: tuple[str, ...]) -> object:
        """Find the current moment: it is equal for all calls of one execution of a statement.

        Args:
            names: Names of the places on the stack.
        """
        self.is_watched = True
        self._statement = _find_statement(names)
        return self._number, self._statement

    def record_report(self, places: StackPlaces) -> None:
        """Begin a new moment if the code has left the statement of the last one.

        Args:
            places: The places where the code reports.
        """
        if places.is_exact or _find_statement(places.names) != self._statement:
            self._number += 1
            self.is_watched = False


def _find_statement(names: tuple[str, ...]) -> tuple[str, ...]:
    """Find the names of places, the innermost as that of its statement, whatever task or thread is at work."""
    names = names[1:] if names[0].startswith("task ") else names
    return (*names[:-1], names[-1].rpartition(".")[0])
