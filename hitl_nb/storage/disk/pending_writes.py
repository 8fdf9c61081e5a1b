"""Writes that are not in the database yet, in the order of their keys."""

from __future__ import annotations

from bisect import bisect_left, insort

_MANY = 16
"""New keys from which they are sorted together."""


class PendingWrites:
    """Values by key; None deletes. The keys are sorted once a range is asked for, which most transactions never do, and
    kept so: a range is found without looking at all of them.

    Attributes:
        values: what was written last, by key.
        deletions: how many of the values are None.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self.deletions = 0
        self._keys: list[str] = []  # sorted
        self._added: list[str] = []  # since, as they came

    def write(self, key: str, value: bytes | None) -> None:
        """Set a value, or delete the key."""
        values = self.values
        if key not in values:
            self._added.append(key)
        elif values[key] is None:
            self.deletions -= 1
        if value is None:
            self.deletions += 1
        values[key] = value

    def merge_newer(self, other: PendingWrites) -> None:
        """Take over the writes of another one, which are newer. The other one is not used any more."""
        if not self.values:
            self.values, self.deletions = other.values, other.deletions
            self._keys, self._added = other._keys, other._added
            return
        for key, value in other.values.items():
            self.write(key, value)

    def select_range(self, start: str, stop: str, limit: int | None, reverse: bool) -> dict[str, bytes | None]:
        """The first `limit` writes from start (included) to stop (not included); the last ones if `reverse`."""
        self._sort_added()
        first, end = bisect_left(self._keys, start), bisect_left(self._keys, stop)
        if limit is not None and end - first > limit:
            first, end = (end - limit, end) if reverse else (first, first + limit)
        return {key: self.values[key] for key in self._keys[first:end]}

    def _sort_added(self) -> None:
        if len(self._added) < _MANY:
            for key in self._added:
                insort(self._keys, key)
        else:
            self._keys += self._added
            self._keys.sort()
        self._added.clear()
