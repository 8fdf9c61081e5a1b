"""Writes of an open transaction that are not in the database yet, in the order of their keys."""

from __future__ import annotations

from bisect import bisect_left, insort


class PendingWrites:
    """Written values by key. The value None means that the key is deleted.

    The keys are kept sorted, so a range is found without looking at all keys.

    Attributes:
        values: The newest value by key.
        deletions: Number of values that are None.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self.deletions = 0
        self._keys: list[str] = []

    def write(self, key: str, value: bytes | None) -> None:
        """Set the value of a key; None deletes the key."""
        if key not in self.values:
            insort(self._keys, key)
        elif self.values[key] is None:
            self.deletions -= 1
        self.deletions += value is None
        self.values[key] = value

    def merge_newer(self, other: PendingWrites) -> None:
        """Add the writes of `other`, which are newer and replace writes with the same key."""
        for key, value in other.values.items():
            self.write(key, value)

    def select_range(self, start: str, stop: str, limit: int | None, reverse: bool) -> dict[str, bytes | None]:
        """Return the writes with `start <= key < stop`, in key order: key -> value; None for a deleted key.

        Args:
            start: First key of the range.
            stop: End of the range; this key is not included.
            limit: Maximum number of writes; None: all.
            reverse: False: the first `limit` writes of the range are returned. True: the last ones, also in key
                order.
        """
        first, end = bisect_left(self._keys, start), bisect_left(self._keys, stop)
        if limit is not None and end - first > limit:
            first, end = (end - limit, end) if reverse else (first, first + limit)
        return {key: self.values[key] for key in self._keys[first:end]}
