"""Writes that are not in the database yet, in the order of their keys."""

from __future__ import annotations

from bisect import bisect_left, insort


class PendingWrites:
    """Values by key; None deletes. The keys are kept sorted, so that a range is found without looking at all of them.

    Attributes:
        values: what was written last, by key.
        deletions: how many of the values are None.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self.deletions = 0
        self._keys: list[str] = []

    def write(self, key: str, value: bytes | None) -> None:
        """Set a value, or delete the key."""
        if key not in self.values:
            insort(self._keys, key)
        elif self.values[key] is None:
            self.deletions -= 1
        self.deletions += value is None
        self.values[key] = value

    def merge_newer(self, other: PendingWrites) -> None:
        """Take over the writes of another one, which are newer."""
        for key, value in other.values.items():
            self.write(key, value)

    def select_range(self, start: str, stop: str, limit: int | None, reverse: bool) -> dict[str, bytes | None]:
        """The first `limit` writes from start (included) to stop (not included); the last ones if `reverse`."""
        first, end = bisect_left(self._keys, start), bisect_left(self._keys, stop)
        if limit is not None and end - first > limit:
            first, end = (end - limit, end) if reverse else (first, first + limit)
        return {key: self.values[key] for key in self._keys[first:end]}
