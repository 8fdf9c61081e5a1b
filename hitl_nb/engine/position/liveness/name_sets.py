"""Names as bits of a whole number: sets of them are joined and cut by single operations."""

from __future__ import annotations

from collections.abc import Iterable

EVERY = "*"
"""Stands for every name: code that reads names which its source does not say."""

_GLOBAL = "\0"  # before a name that is of the namespace, where a variable of the frame may have the same


Effect = tuple[int, int]
"""What evaluating something does with names: it reads these before it binds them, and surely binds those.

A plain tuple: thousands are made for a cell.
"""

NOTHING: Effect = (0, 0)


class NameSets:
    """Gives each name its bit."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._names: list[str] = []
        self.every = self.bit(EVERY)

    def bit(self, name: str) -> int:
        found = self._bits.get(name)
        if found is None:
            found = self._bits[name] = 1 << len(self._names)
            self._names.append(name)
        return found

    def global_bit(self, name: str) -> int:
        """The bit of a name of the namespace, as distinct from a variable of the frame."""
        return self.bit(_GLOBAL + name)

    def union(self, names: Iterable[str]) -> int:
        found = 0
        for name in names:
            found |= self.bit(name)
        return found

    def as_globals(self, mask: int) -> int:
        """The same names, of the namespace."""
        found = 0
        for name in self._of(mask):
            found |= self.bit(name if name.startswith((_GLOBAL, EVERY)) else _GLOBAL + name)
        return found

    def split(self, mask: int) -> tuple[set[str], set[str]]:
        """The names that may be a frame's, and those that are of the namespace in any case. `EVERY` is in neither."""
        plain: set[str] = set()
        spaced: set[str] = set()
        for name in self._of(mask & ~self.every):
            if name.startswith(_GLOBAL):
                spaced.add(name[1:])
            else:
                plain.add(name)
        return plain, spaced

    def _of(self, mask: int) -> list[str]:
        found: list[str] = []
        while mask:
            low = mask & -mask
            found.append(self._names[low.bit_length() - 1])
            mask ^= low
        return found
