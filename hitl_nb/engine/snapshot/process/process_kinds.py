"""Base classes for kinds of process state (such as the working directory): how to read, compare and restore each kind.

The *baseline* is the state when this process began to work on the run. *Carried* is the value that the run's last
snapshot has for a kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl_nb.engine.position.event_loop.context_values import find_new_values

MISSING: Any = object()
"""The baseline of a library that was not yet imported when this process began to work on the run."""


class ProcessStateKind:
    """One kind of process state that a run may change, such as the working directory.

    Args:
        name: The key under which the state is saved.
        description: Name of the kind in messages, such as "os.umask".
        module: The library that has the state. The state is read only if the library is imported.
        capture: Returns the current state. It must be fast, comparable with `==`, and must not change later.
        restore: Restores a saved state.
    """

    def __init__(
        self, name: str, description: str, module: str, capture: Callable[[], Any], restore: Callable[[Any], None]
    ) -> None:
        self.name = name
        self.description = description
        self.module = module
        self.capture = capture
        self.restore = restore

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return the value to save; None if the run changed nothing.

        Args:
            before: The state when this process began to work on the run, or `MISSING`.
            now: The current state.
            carried: The value in the run's last snapshot, or None.
        """
        return now if carried is not None or before is MISSING or now != before else None


class OptionValues(ProcessStateKind):
    """Options of a library by name (for example of pandas). Only the options that the run changed are saved."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return the options that the run changed: name -> current value; None if it changed none.

        Args:
            before: All options when this process began to work on the run; `MISSING`: the library was not imported
                then.
            now: All current options.
            carried: The changed options in the run's last snapshot, or None.
        """
        if before is MISSING:
            return now
        if carried is None and now == before:
            return None
        return {k: v for k, v in now.items() if k in (carried or ()) or k not in before or before[k] != v} or None


class ContextValues(ProcessStateKind):
    """Values of context variables. They are compared by identity: an equal value may be another, changeable object."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return the context variables that the run set: variable -> current value; None if it set none.

        Args:
            before: The values when this process began to work on the run, or `MISSING`.
            now: The current values.
            carried: The values in the run's last snapshot, or None.
        """
        found = find_new_values(now, {} if before is MISSING else before)
        if carried:
            found |= {name: value for name, value in find_new_values(now, {}).items() if name in carried}
        return found or None


class Settings(ProcessStateKind):
    """Settings of a library by name, for example of csv. The settings that the run changed or removed are saved."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return (name -> value of the changed settings, names of removed settings); None if nothing was changed.

        Args:
            before: All settings when this process began to work on the run; `MISSING`: the library was not imported
                then.
            now: All current settings.
            carried: The result of this method in the run's last snapshot, or None.
        """
        if before is MISSING:
            before = {}
        if carried is None and now == before:
            return None
        kept, removed = (dict[str, Any](), list[str]()) if carried is None else carried
        new = {k: v for k, v in now.items() if k in kept or k not in before or before[k] != v}
        gone = sorted(k for k in {*before, *removed} if k not in now)
        return (new, gone) if new or gone else None
