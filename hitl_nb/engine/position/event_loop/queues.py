"""Replacements for a condition or a queue, for a restored coroutine that was already waiting for it when it was saved.

After a resume, the coroutine is called again from its beginning. With the replacement, it goes directly to its wait.
"""

from __future__ import annotations

from typing import Any


class ReleasedCondition:
    """Replacement for a condition, given to a restored `wait` that had released the lock when it was saved.

    With it, `wait` does not release the lock a second time.

    Args:
        condition: the condition.
    """

    def __init__(self, condition: Any) -> None:
        self.condition = condition

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "condition"), name)

    def locked(self) -> bool:
        """Return True. `wait` of the condition checks at its start that the lock is held."""
        return True

    def release(self) -> None:
        """Do nothing: the lock was released before the save."""


class QueueForWaiter:
    """Replacement for a queue, given to a restored `get` or `put` that was waiting when it was saved.

    With it, the call waits until it is woken, even if the queue has an item or room now.

    Args:
        queue: the queue.
    """

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
