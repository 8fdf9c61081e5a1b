"""Records of earlier calls that a continued run may still ask for, so that they must be read from the store.

The result of a recorded call (a step or a question) is stored under the call's name. Code that is executed again asks
for it. The running numbers in the names alone do not decide which records are needed. One task may not have reached
again the calls that it made before a crash, while another task saves the run's state with higher numbers.

A *chain* is a digest of the places (the pending instruction of each frame) that lead to a call. An *execution* is one
exact call, or one execution of code that is executed again; see `keys`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class CallRecord(NamedTuple):
    """The stored record of the result of a call (a step, for example), or of a decision.

    Attributes:
        name: Name of the call.
        pause: Number of the pause at which the decision was requested. None: no decision, or there was no pause.
        is_open: True if the call has not ended. Its record is then needed in any case.
    """

    name: str
    pause: int | None = None
    is_open: bool = False


class ExpectedCalls:
    """The stored records that a continued run may still need, because its code may make the same calls again.

    Args:
        records: The records that exist when the run is continued.
    """

    def __init__(self, records: Iterable[CallRecord] = ()) -> None:
        self._records = [(record, place) for record in records if (place := _parse_name(record.name)) is not None]
        # Calls inside a gated call are named after that call. Their records are needed as long as its own record.
        self._outer_places = {digest_call(record.name): place for record, place in self._records}

    def find_floors(self, ended_counts: Mapping[str, int]) -> tuple[int | None, int | None]:
        """Drop the records that the run cannot need any more, and return from which point on records must be read.

        Args:
            ended_counts: Digest of a position in the code -> number of its executions that have ended. Calls in those
                executions are not made again.

        Returns:
            (lowest running number in the name of a call, number of the first pause) of the other records. Each is None
            if there is no such record.
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
    """Return the digest that is used for a recorded call in the names of the calls that it makes."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


__all__ = ["CallRecord", "ExpectedCalls", "digest_call"]
