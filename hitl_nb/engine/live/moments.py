"""Which execution of which statement a run is in."""

from __future__ import annotations

from hitl_nb.engine.position.stack.stack_reader import Places


class Moments:
    """Tells executions of statements apart, by the reports between them."""

    def __init__(self) -> None:
        self._statement: tuple[str, ...] = ()
        self._number = 0
        self.is_watched = False

    def at(self, names: tuple[str, ...]) -> object:
        self.is_watched = True
        self._statement = _statement_of(names)
        return self._number, self._statement

    def notice(self, places: Places) -> None:
        if places.is_exact or _statement_of(places.names) != self._statement:
            self._number += 1
            self.is_watched = False


def _statement_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of places, the innermost as that of its statement, whatever task or thread is at work."""
    names = names[1:] if names[0].startswith("task ") else names
    return (*names[:-1], names[-1].rpartition(".")[0])
