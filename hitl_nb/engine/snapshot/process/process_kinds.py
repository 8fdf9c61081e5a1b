"""Kinds of process state: how each is read, compared and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl_nb.engine.position.event_loop.context_values import find_new_values

MISSING: Any = object()
"""The baseline of a library that was imported later."""


class ProcessStateKind:
    """One kind of process state.

    Args:
        name: under which it is saved.
        description: what it is called in a sentence.
        module: the library that has it.
        capture: the state now: cheap, comparable with `==`, and not changed later.
        restore: puts a saved state back.
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
        """Find the value to save: None if the run changed nothing.

        `carried` is the value in the run's snapshot, or None.
        """
        return now if carried is not None or before is MISSING or now != before else None


class OptionValues(ProcessStateKind):
    """Named options: those that were changed are saved."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Find the options that the run changed; None if it changed none."""
        if before is MISSING:
            return now
        if carried is None and now == before:
            return None
        return {k: v for k, v in now.items() if k in (carried or ()) or k not in before or before[k] != v} or None


class ContextValues(ProcessStateKind):
    """Values that were set are told by their identity: two that are equal may be changed apart."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Find the values that the run set; None if it set none."""
        found = find_new_values(now, {} if before is MISSING else before)
        if carried:
            found |= {name: value for name, value in find_new_values(now, {}).items() if name in carried}
        return found or None


class Settings(ProcessStateKind):
    """Settings by name: those that the run changed are saved, and those that it removed."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Find the settings that the run changed, and the names of those that it removed; None if there are none."""
        if before is MISSING:
            before = {}
        if carried is None and now == before:
            return None
        kept, removed = (dict[str, Any](), list[str]()) if carried is None else carried
        new = {k: v for k, v in now.items() if k in kept or k not in before or before[k] != v}
        gone = sorted(k for k in {*before, *removed} if k not in now)
        return (new, gone) if new or gone else None
