"""Search for the stored records of earlier calls that a continued run may still need.

The result of a recorded call (a step or a question) is stored under the call's name. If the run executes code again,
the code makes the same calls again and gets the stored results. The running number in a name does not tell whether its
record is still needed. After a crash, one task may have to make old calls again, while another task has already made
calls with higher numbers.

A *chain* is a digest of the positions in the code (one for each frame) that lead to a call. An *execution* is one exact
call, or one execution of code that a continued run may execute again. A call is *exact* if a continued run continues
directly behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class CallRecord(NamedTuple):
    """Data of one stored call: a step, or a question with its decision.

    Attributes:
        name: Name of the call.
        pause: Number of the pause at which the decision was requested. None: the record is no decision, or no pause was
            needed.
        is_open: True if the call has not ended. Its record is then needed in any case.
    """

    name: str
    pause: int | None = None
    is_open: bool = False


class ExpectedCalls:
    """The stored records of calls that a continued run may still need, because its code may make the same calls again.

    Args:
        records: All records that exist when the run is continued.
    """

    def __init__(self, records: Iterable[CallRecord] = ()) -> None:
        self._records = [(record, place) for record in records if (place := _parse_name(record.name)) is not None]
        # Calls inside a gated call are named after that call. Their records are needed as long as its own record.
        self._outer_places = {digest_call(record.name): place for record, place in self._records}

    def find_floors(self, ended_counts: Mapping[str, int]) -> tuple[int | None, int | None]:
        """Forget the records that the run does not need any more, and return the lowest numbers of the other records.

        Records below these numbers need not be read from the store when the run is continued again.

        Args:
            ended_counts: Digest of the positions that lead to a call -> number of executions with this digest that have
                ended. The run does not make the calls of these executions again.

        Returns:
            (lowest running number in the name of a call, number of the first pause). Each is None if no record has such
            a number.
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
    """Return a digest of a recorded call's name: 12 hexadecimal digits.

    Calls that are made inside the recorded call have this digest in their names.
    """
    return hashlib.sha256(name.encode()).hexdigest()[:12]


__all__ = ["CallRecord", "ExpectedCalls", "digest_call"]
