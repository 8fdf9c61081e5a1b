"""Recorded calls of earlier tries that the continued run may still ask for: their records must be read.

The running numbers alone do not decide this. One task may not have reached again the calls that it made before a
crash, while another task saves the run's state with higher numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class CallRecord(NamedTuple):
    """A record: the result of a call, or a decision.

    Attributes:
        name: of the call.
        pause: of a decision, the pause at which it was asked for; None: it is not, or there was no pause.
        is_open: whether the call has not ended, so that its record is needed whatever runs meanwhile.
    """

    name: str
    pause: int | None = None
    is_open: bool = False


class ExpectedCalls:
    """The records that a run was continued with."""

    def __init__(self, records: Iterable[CallRecord] = ()) -> None:
        self._records = [(record, place) for record in records if (place := _parse_name(record.name)) is not None]
        # Calls inside a gated call are named after it. Their records are needed as long as its own record is.
        self._outer_places = {digest_call(record.name): place for record, place in self._records}

    def find_floors(self, ended_counts: Mapping[str, int]) -> tuple[int | None, int | None]:
        """Find the lowest running number and the first pause of the records that may still be asked for; None: none.

        Args:
            ended_counts: how many executions of each chain of places have ended; their calls are not made again.
        """
        self._records = [one for one in self._records if one[0].is_open or self._is_needed(one[1], ended_counts)]
        number = min((place.number for _, place in self._records), default=None)
        return number, min((one.pause for one, _ in self._records if one.pause is not None), default=None)

    def _is_needed(self, place: _CallPlace, ended_counts: Mapping[str, int]) -> bool:
        while place.chain in self._outer_places:
            place = self._outer_places[place.chain]
        return place.execution >= ended_counts.get(place.chain, 0)


class _CallPlace(NamedTuple):
    number: int
    chain: str
    execution: int


def _parse_name(name: str) -> _CallPlace | None:
    parts = name.split("/", 4)
    if len(parts) < 5 or not parts[0].isdigit() or not parts[3].isdigit():
        return None
    return _CallPlace(int(parts[0]), parts[2], int(parts[3]))


def digest_call(name: str) -> str:
    """Return the chain of the calls that are made inside the recorded call of this name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


__all__ = ["CallRecord", "ExpectedCalls", "digest_call"]
