"""Limits for what a browser sends and for what it has not read: messages per second, and bytes that wait."""

from __future__ import annotations

import asyncio
import time


class RateLimit:
    """Limit for the number of messages per second, averaged over some seconds.

    Args:
        per_second: Maximum number of messages per second.
        seconds: Number of seconds over which the rate is averaged.
    """

    def __init__(self, per_second: int, seconds: int) -> None:
        self._per_second = per_second
        self._most = float(per_second * seconds)
        self._allowance = self._most
        self._heard = time.monotonic()

    def allows_message(self) -> bool:
        """Count one more message. Return whether it is within the limit."""
        now = time.monotonic()
        self._allowance = min(self._most, self._allowance + (now - self._heard) * self._per_second) - 1
        self._heard = now
        return self._allowance >= 0


class ByteCounter:
    """Number of bytes that wait, e.g. to be read by a browser. A task can wait until there are few.

    Args:
        few: Number of bytes up to which they are few.
    """

    def __init__(self, few: int) -> None:
        self._few = few
        self._event = asyncio.Event()
        self.count = 0

    @property
    def is_high(self) -> bool:
        """Whether there are more than a few bytes."""
        return self.count > self._few

    def add(self, size: int) -> None:
        """Count `size` more bytes."""
        self.count += size

    def remove(self, size: int) -> None:
        """Count `size` bytes less."""
        self.count -= size
        if not self.is_high:
            self._event.set()

    async def until_few(self) -> None:
        """Wait until there are few bytes."""
        while self.is_high:
            self._event.clear()
            await self._event.wait()
