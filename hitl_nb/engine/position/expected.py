"""Which recorded calls of earlier tries may still be asked for, so that their records are read when the run continues.

Their running numbers do not tell: one task may be behind calls that it has made before a crash, while another one saves
the run's state with higher numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class _Record(NamedTuple):
    number: int
    chain: str
    asked: int
    is_open: bool


class Expected:
    """The records that a run was continued with.

    Args:
        ended: names of calls that are recorded.
        open_: those whose outcome is not recorded yet.
    """

    def __init__(self, ended: Iterable[str] = (), open_: Iterable[str] = ()) -> None:
        names = [(name, False) for name in ended] + [(name, True) for name in open_]
        found = {name: record for name, is_open in names if (record := _read(name, is_open=is_open)) is not None}
        self._records = list(found.values())
        # What a gated call asks and records is named after it, and needed as long as it is.
        self._outer = {digest_call(name): record for name, record in found.items()}

    def floor(self, asked: Mapping[str, int]) -> int | None:
        """The lowest running number of those that may still be asked for; None: none may.

        Args:
            asked: how often each chain of places asked, and will not again.
        """
        self._records = [record for record in self._records if self._is_needed(record, asked)]
        return min((record.number for record in self._records), default=None)

    def _is_needed(self, record: _Record, asked: Mapping[str, int]) -> bool:
        while record.chain in self._outer and not record.is_open:
            record = self._outer[record.chain]
        return record.is_open or record.asked >= asked.get(record.chain, 0)


def _read(name: str, *, is_open: bool) -> _Record | None:
    parts = name.split("/", 4)
    if len(parts) < 5 or not parts[0].isdigit() or not parts[3].isdigit():
        return None
    return _Record(int(parts[0]), parts[2], int(parts[3]), is_open)


def digest_call(name: str) -> str:
    """The chain of the calls that are made inside the recorded call of this name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


__all__ = ["Expected", "digest_call"]
