"""Make unified diffs of any texts in bounded time, also of texts that are written to make a diff slow.

difflib finds the smallest difference in time that grows with the square of the number of lines, or worse. For texts of
many thousand lines, only parts are therefore compared. The parts are divided by lines that both texts have exactly
once. Lines that are not compared are shown as removed and added again. The result is always correct, but not always the
smallest.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

_MAX_PAIRS = 50_000_000
"""Maximum number of pairs of lines that difflib compares in total."""
_MAX_DEPTH = 4
"""Maximum number of times that a part is divided again."""


def unified_diff(before: Sequence[str], after: Sequence[str], old: str, new: str) -> Iterator[str]:
    """Yield the lines of `difflib.unified_diff`, in time that grows little faster than the number of lines.

    Args:
        before: The old lines, without line ends.
        after: The new lines.
        old: Name of the old text, for the header.
        new: Name of the new text.
    """
    if len(before) * len(after) <= _MAX_PAIRS:
        yield from difflib.unified_diff(before, after, old, new, lineterm="")
        return
    yield from (f"--- {old}", f"+++ {new}")
    for group in _BoundedMatcher(before, after).get_grouped_opcodes():
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        yield f"@@ -{_format_range(i1, i2)} +{_format_range(j1, j2)} @@"
        for tag, *(i, i_end, j, j_end) in group:
            if tag == "equal":
                yield from (" " + line for line in before[i:i_end])
                continue
            yield from ("-" + line for line in before[i:i_end])
            yield from ("+" + line for line in after[j:j_end])


def match_opcodes(
    before: Sequence[str], after: Sequence[str], most_pairs: int = _MAX_PAIRS
) -> list[tuple[str, int, int, int, int]]:
    """Compare two lists of texts (lines, words, ...) in bounded time. Return what difflib's `get_opcodes` returns.

    Args:
        before: The old texts.
        after: The new texts.
        most_pairs: Maximum number of pairs that are compared. Beyond it, texts that are the same may count as replaced.
    """
    found = _BoundedMatcher(before, after, most_pairs).get_opcodes()
    return [(tag, i, i_end, j, j_end) for tag, i, i_end, j, j_end in found]


class _BoundedMatcher(difflib.SequenceMatcher[str]):
    """A SequenceMatcher of difflib whose matching blocks are found in bounded time."""

    def __init__(self, before: Sequence[str], after: Sequence[str], most_pairs: int = _MAX_PAIRS) -> None:
        super().__init__(None, "", "")
        self.a, self.b = before, after
        self._pairs_left = most_pairs

    def get_matching_blocks(self) -> list[difflib.Match]:
        """Return the matching blocks, as difflib's method does."""
        found: list[tuple[int, int]] = []
        self._match(0, len(self.a), 0, len(self.b), 0, found)
        blocks: list[list[int]] = []
        for i, j in found:
            if blocks and (i, j) == (blocks[-1][0] + blocks[-1][2], blocks[-1][1] + blocks[-1][2]):
                blocks[-1][2] += 1
            else:
                blocks.append([i, j, 1])
        return [difflib.Match(*block) for block in [*blocks, [len(self.a), len(self.b), 0]]]

    def _match(self, i: int, i_end: int, j: int, j_end: int, depth: int, found: list[tuple[int, int]]) -> None:
        """Find equal lines in a part of the first text and a part of the second text.

        Args:
            i: Index of the first line of the part of the first text.
            i_end: Index after its last line.
            j: Index of the first line of the part of the second text.
            j_end: Index after its last line.
            depth: Depth of the recursion.
            found: Pairs (index in the first text, index in the second text); the function adds pairs in order.
        """
        a, b = self.a, self.b
        while i < i_end and j < j_end and a[i] == b[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        behind: list[tuple[int, int]] = []
        while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
            behind.append((i_end, j_end))
        pairs = (i_end - i) * (j_end - j)
        if 0 < pairs <= self._pairs_left:
            self._pairs_left -= pairs
            for at_i, at_j, size in difflib.SequenceMatcher(None, a[i:i_end], b[j:j_end]).get_matching_blocks():
                found += ((i + at_i + n, j + at_j + n) for n in range(size))
        elif pairs and depth < _MAX_DEPTH:
            anchors = _find_anchors(a, i, i_end, b, j, j_end)
            for at_i, at_j in [*anchors, (i_end, j_end)] if anchors else []:
                self._match(i, at_i, j, at_j, depth + 1, found)
                i, j = at_i, at_j
        found += reversed(behind)


def _find_anchors(a: Sequence[str], i: int, i_end: int, b: Sequence[str], j: int, j_end: int) -> list[tuple[int, int]]:
    """Find lines that occur exactly once in both parts, for use as fixed points of the comparison.

    The parts are `a[i:i_end]` and `b[j:j_end]`. The result has pairs (index in `a`, index in `b`), as many as have the
    same order in both parts.
    """
    once_a, once_b = Counter(a[i:i_end]), Counter(b[j:j_end])
    where = {b[n]: n for n in range(j, j_end) if once_b[b[n]] == 1}
    shared = [(n, where[a[n]]) for n in range(i, i_end) if once_a[a[n]] == 1 and a[n] in where]
    ends: list[int] = []  # longest increasing subsequence: its last elements, by length
    last: list[int] = []
    before: list[int] = []
    for at, (_, place) in enumerate(shared):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [at]
    chosen: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        chosen.append(shared[at])
        at = before[at]
    return chosen[::-1]


def _format_range(start: int, end: int) -> str:
    """Format a range of lines as in the header of a unified diff: "1,3" for three lines from the first line on.

    Args:
        start: Index of the first line, from 0.
        end: Index after the last line.
    """
    if end - start == 1:
        return str(start + 1)
    return f"{start + (end > start)},{end - start}"
