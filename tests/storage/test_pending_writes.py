"""Writes that are kept back are found by ranges in the order of their keys, however they came."""

from __future__ import annotations

import random

from hitl_nb.storage.disk.pending_writes import PendingWrites


def test_ranges_are_those_of_a_sorted_dict() -> None:
    chance = random.Random(7)
    for _ in range(200):
        writes, expected = PendingWrites(), dict[str, bytes | None]()
        for _ in range(chance.randrange(1, 6)):
            newer = PendingWrites()
            for _ in range(chance.choice((0, 1, 3, 40))):
                key, value = f"k{chance.randrange(60):02}", chance.choice((None, b"v", b"w"))
                newer.write(key, value)
                expected[key] = value
                if chance.random() < 0.1:
                    newer.select_range("k", "l", None, False)
            writes.merge_newer(newer)
            start, stop = sorted(f"k{chance.randrange(60):02}" for _ in range(2))
            limit, reverse = chance.choice((None, 0, 1, 5)), chance.random() < 0.5
            within = sorted((k for k in expected if start <= k < stop), reverse=reverse)[:limit]
            assert writes.select_range(start, stop, limit, reverse) == {k: expected[k] for k in within}
            assert writes.deletions == list(expected.values()).count(None)
            assert writes.values == expected
