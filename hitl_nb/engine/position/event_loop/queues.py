"""Replacements for a condition or a queue in one of its coroutines that already waited when it was saved."""

from __future__ import annotations

from typing import Any


class ReleasedCondition:
    """A condition in a `wait` that has begun: its lock was released."""

    def __init__(self, condition: Any) -> None:
        self.condition = condition

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "condition"), name)

    def locked(self) -> bool:
        """Return True, because `wait` checks that the lock is held when it starts."""
        return True

    def release(self) -> None: ...


class QueueForWaiter:
    """A queue for a coroutine that waited already: it waits until it is woken, even if the queue has an item now."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.is_waiting = True

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "queue"), name)

    def full(self) -> bool:
        """Return True at the first call, so that the coroutine waits; then whether the queue is full."""
        waits, self.is_waiting = self.is_waiting, False
        return waits or self.queue.full()

    def empty(self) -> bool:
        """Return True at the first call, so that the coroutine waits; then whether the queue is empty."""
        waits, self.is_waiting = self.is_waiting, False
        return waits or self.queue.empty()
