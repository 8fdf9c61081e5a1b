"""Sets of names as integers, one bit per name, so that a union or intersection of sets is one operation."""

from __future__ import annotations

from collections.abc import Iterable

EVERY_NAME = "*"
"""Means every name, in a set of names. For code such as `eval`, which reads names that its source does not contain."""

_GLOBAL_PREFIX = "\0"  # marks a name of the namespace, since a variable of the frame may have the same name


NameEffect = tuple[int, int]
"""The effect of evaluating code on names, as two masks (sets of names, one bit per name).

The first has the names that the code reads before it binds them. The second has the names that it always binds. It is a
plain tuple, because thousands are made for a cell.
"""

NO_EFFECT: NameEffect = (0, 0)
"""The effect of code that neither reads nor binds a name."""


class NameSets:
    """Gives each name a bit, and converts between names and masks.

    A mask is an integer with one bit per name; it represents a set of names.
    """

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._names: list[str] = []
        self.every_bit = self.bit_of(EVERY_NAME)

    def bit_of(self, name: str) -> int:
        """Return the bit of a name, as an integer with one bit set."""
        found = self._bits.get(name)
        if found is None:
            found = self._bits[name] = 1 << len(self._names)
            self._names.append(name)
        return found

    def global_bit_of(self, name: str) -> int:
        """Return the bit of a name of the namespace (a global). A local with the same name has another bit."""
        return self.bit_of(_GLOBAL_PREFIX + name)

    def mask_of(self, names: Iterable[str]) -> int:
        """Return the mask of several names: an integer in which the bit of each name is set."""
        found = 0
        for name in names:
            found |= self.bit_of(name)
        return found

    def to_globals(self, mask: int) -> int:
        """Convert a mask (one bit per name) to the mask of the globals with the same names."""
        found = 0
        for name in self._names_in(mask):
            found |= self.bit_of(name if name.startswith((_GLOBAL_PREFIX, EVERY_NAME)) else _GLOBAL_PREFIX + name)
        return found

    def split_by_scope(self, mask: int) -> tuple[set[str], set[str]]:
        """Return the names of a mask (one bit per name), in two sets.

        Returns:
            (names that may be local variables of a frame, names that are always globals). `EVERY_NAME` is in neither.
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
