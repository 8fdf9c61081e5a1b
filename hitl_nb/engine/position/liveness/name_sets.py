"""Names as bits of an integer: a union or intersection of sets of names is one operation."""

from __future__ import annotations

from collections.abc import Iterable

EVERY_NAME = "*"
"""Means every name: for code that reads names which are not in its source."""

_GLOBAL_PREFIX = "\0"  # before a name that is of the namespace, where a variable of the frame may have the same


NameEffect = tuple[int, int]
"""The effect of an evaluation on names: bits of the names it reads before it binds them, and of those it always binds.

A plain tuple, because thousands are made for a cell.
"""

NO_EFFECT: NameEffect = (0, 0)


class NameSets:
    """Gives each name its bit."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._names: list[str] = []
        self.every_bit = self.bit_of(EVERY_NAME)

    def bit_of(self, name: str) -> int:
        """Return the bit of a name."""
        found = self._bits.get(name)
        if found is None:
            found = self._bits[name] = 1 << len(self._names)
            self._names.append(name)
        return found

    def global_bit_of(self, name: str) -> int:
        """Return the bit of a name of the namespace, as distinct from a variable of the frame."""
        return self.bit_of(_GLOBAL_PREFIX + name)

    def mask_of(self, names: Iterable[str]) -> int:
        """Return the bits of several names."""
        found = 0
        for name in names:
            found |= self.bit_of(name)
        return found

    def to_globals(self, mask: int) -> int:
        """Return the same names, of the namespace."""
        found = 0
        for name in self._names_in(mask):
            found |= self.bit_of(name if name.startswith((_GLOBAL_PREFIX, EVERY_NAME)) else _GLOBAL_PREFIX + name)
        return found

    def split_by_scope(self, mask: int) -> tuple[set[str], set[str]]:
        """Split names into those that may be a frame's and those that are always the namespace's.

        `EVERY_NAME` is in neither.
        """
        plain: set[str] = set()
        spaced: set[str] = set()
        for name in self._names_in(mask & ~self.every_bit):
            if name.startswith(_GLOBAL_PREFIX):
                spaced.add(name[1:])
            else:
                plain.add(name)
        return plain, spaced

    def _names_in(self, mask: int) -> list[str]:
        found: list[str] = []
        while mask:
            low = mask & -mask
            found.append(self._names[low.bit_length() - 1])
            mask ^= low
        return found
