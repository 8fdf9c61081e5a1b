"""Scopes: parts of a framework's work that the framework itself names, such as the tasks of a graph.

A framework that has saved its own progress does not execute finished parts again. So the order of calls in the whole
work does not identify them: after a resume, a later part makes the first call. In a scope, calls are numbered from its
beginning, each time it is executed.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field

from hitl_nb.engine.call_keys.call_keys import started_in
from hitl_nb.engine.call_keys.keys import Execution

FindPart = Callable[[], tuple[str, object] | None]
"""Function that returns the part of the work to which the current code belongs, as (name, object). The name is the same
after a resume. The object is another one each time the part is executed. None: the code belongs to no part."""


@dataclass
class Scope:
    """One execution of a part.

    Attributes:
        prefix: Beginning of the names of its calls.
        part: The object that identifies this execution of the part.
        ordinals: Kind of call -> number of calls of this kind made so far.
    """

    prefix: str
    part: object
    ordinals: dict[str, int] = field(default_factory=dict[str, int])

    def name_call(self, execution: Execution, kind: str) -> str:
        """Return the name under which the next recorded call in this scope is stored.

        Args:
            execution: The execution of the code that called the framework.
            kind: Kind of the call, for example the name of the called function.
        """
        ordinal = self.ordinals.get(kind, 0)
        self.ordinals[kind] = ordinal + 1
        return execution.name_call_as(f"{self.prefix}{kind}", ordinal)


class Scopes:
    """The scopes of one call into a framework.

    Args:
        find_part: Finds the part to which the current code belongs.
    """

    def __init__(self, find_part: FindPart) -> None:
        self._find_part = find_part
        self._open: dict[str, Scope] = {}

    def find_scope(self) -> Scope | None:
        """Return the scope of the current code; None if it belongs to no part."""
        found = self._find_part()
        if found is None:
            return None
        name, part = found
        scope = self._open.get(name)
        if scope is None or scope.part is not part:
            scope = self._open[name] = Scope(f"{hashlib.sha256(name.encode()).hexdigest()[:16]}:", part)
        return scope


current_scopes: ContextVar[Scopes | None] = ContextVar("hitl_nb_call_scopes", default=None)
"""The scopes of the framework that the current code was called by."""


def find_scope() -> Scope | None:
    """Return the scope to which the current code belongs; None if there is none."""
    scopes = current_scopes.get()
    return scopes.find_scope() if scopes is not None else None


@contextlib.contextmanager
def open_scopes(find_part: FindPart, execution: Execution | None) -> Generator[None]:
    """Tell calls in the parts of a framework's work apart by part, inside the `with` block.

    Args:
        find_part: Finds the part to which the current code belongs.
        execution: The execution of the code that calls the framework. None: there is no run, and nothing is done.
    """
    if execution is None:
        yield
        return
    scopes, start = current_scopes.set(Scopes(find_part)), started_in.set(execution)
    try:
        yield
    finally:
        started_in.reset(start)
        current_scopes.reset(scopes)
